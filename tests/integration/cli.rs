//! The real binary on a command line: streams, exit codes, files.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn brokerdeck(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_brokerdeck"))
        .args(arguments)
        .env_clear()
        .env("HOME", dir)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_and_version_are_results_and_a_wrong_flag_is_a_usage_error() {
    let home = tempfile::tempdir().unwrap();
    let help = brokerdeck(home.path(), &["--help"]);
    assert!(help.status.success() && text(&help.stdout).contains("brokerdeck demo"), "{help:?}");
    let version = brokerdeck(home.path(), &["--version"]);
    assert_eq!(text(&version.stdout).trim(), format!("brokerdeck {}", env!("CARGO_PKG_VERSION")));
    let wrong = brokerdeck(home.path(), &["--frobnicate"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stdout.is_empty() && !wrong.stderr.is_empty());
}

#[test]
fn config_init_writes_once_for_its_owner_and_check_accepts_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("deck/config.toml");
    let flag = path.to_str().unwrap();
    let written = brokerdeck(home.path(), &["config", "init", "--config", flag]);
    assert!(written.status.success(), "{written:?}");
    assert_eq!(text(&written.stdout).trim(), flag);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let again = brokerdeck(home.path(), &["config", "init", "--config", flag]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("exists already"));
    let check = brokerdeck(home.path(), &["config", "check", "--config", flag]);
    assert!(check.status.success() && text(&check.stdout).contains("is valid"), "{check:?}");
}

#[test]
fn a_broken_config_names_line_key_and_cure_on_stderr() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.toml");
    std::fs::write(&path, "[ui]\nbel = true\n").unwrap();
    let check = brokerdeck(home.path(), &["config", "check", "--config", path.to_str().unwrap()]);
    assert_eq!(check.status.code(), Some(2));
    assert!(check.stdout.is_empty());
    let complaint = text(&check.stderr);
    assert!(complaint.contains("config.toml:2") && complaint.contains("bel"), "{complaint}");
}

#[test]
fn config_path_obeys_the_environment() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_brokerdeck"))
        .args(["config", "path"])
        .env_clear()
        .env("HOME", home.path())
        .env("BROKERDECK_CONFIG", "/somewhere/else.toml")
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout).trim(), "/somewhere/else.toml");
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_success() {
    let home = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = Command::new(env!("CARGO_BIN_EXE_brokerdeck"))
        .args(["config", "path", "--config", "/x.toml"])
        .env("HOME", home.path())
        .stdout(writer)
        .status()
        .unwrap();
    assert!(status.success(), "{status:?}");
}
