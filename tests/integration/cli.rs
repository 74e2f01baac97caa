//! The real binary on a command line: streams, exit codes, files.

#[cfg(unix)]
mod doctor;
#[cfg(unix)]
mod streams;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn brokerdeck(dir: &Path, arguments: &[&str]) -> Output {
    command(dir).args(arguments).output().unwrap()
}

/// The program in an isolated environment.
fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_brokerdeck"));
    command.env_clear().env("HOME", dir).env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    command
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
fn a_command_without_the_dashboard_records_nothing_and_says_so() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("run.jsonl");
    for command in ["orders", "watch", "keys", "doctor", "man", "sim"] {
        let output = brokerdeck(home.path(), &[command, "--record", file.to_str().unwrap()]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{command}: {said}");
        assert!(said.contains("--record records the dashboard") && said.contains("hint: "), "{command}: {said}");
        assert!(output.stdout.is_empty() && !file.exists(), "{command}");
    }
}

#[cfg(unix)]
#[test]
fn too_few_descriptors_lead_to_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    for limit in 4..19 {
        for command in ["account", "doctor", "sim --idle"] {
            let script = format!("ulimit -n {limit}; exec '{}' {command}", env!("CARGO_BIN_EXE_brokerdeck"));
            let output = Command::new("sh")
                .args(["-c", &script])
                .env_clear()
                .env("HOME", home.path())
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let said = text(&output.stdout) + &text(&output.stderr);
            assert!(!said.contains("panicked") && output.status.code() != Some(101), "{limit} {command}: {said}");
            assert!(!said.trim().is_empty(), "{limit} {command}: {output:?}");
        }
    }
}

/// The output of `doctor` for a data folder, and the folder's content before and after.
#[cfg(target_os = "linux")]
fn doctor_of(data: &Path) -> (Option<i32>, String) {
    let names = |dir: &Path| {
        let mut names: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names.retain(|name| name.to_str() != Some("brokerdeck.log"));
        names
    };
    let before = data.is_dir().then(|| names(data));
    let output = brokerdeck(data.parent().unwrap(), &["doctor", "--data-dir", data.to_str().unwrap()]);
    if let Some(before) = before {
        assert_eq!(names(data), before, "it leaves nothing");
    }
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

#[cfg(target_os = "linux")]
#[test]
fn doctor_checks_the_folder_and_the_journal_and_changes_neither() {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    let (_, said) = doctor_of(&data);
    assert!(said.contains("ok    data") && said.contains("ok    journal"), "a folder that is not there yet: {said}");
    drop(std::fs::remove_dir_all(&data));
    std::fs::DirBuilder::new().mode(0o700).create(&data).unwrap();
    let journal = data.join("journal.sqlite");

    std::fs::create_dir(&journal).unwrap();
    let (code, said) = doctor_of(&data);
    assert!(code == Some(1) && said.contains("FAIL  the journal") && said.contains("not a regular file"), "{said}");
    std::fs::remove_dir(&journal).unwrap();

    std::fs::write(&journal, "no database at all, but of some length, which is what counts".repeat(40)).unwrap();
    let (code, said) = doctor_of(&data);
    assert!(code == Some(1) && said.contains("FAIL  the journal") && said.contains("starts a new one"), "{said}");
    std::fs::remove_file(&journal).unwrap();

    // While an instance has it open.
    let opened = brokerdeck::io::journal::Journal::open(&journal).unwrap();
    let (_, said) = doctor_of(&data);
    assert!(said.contains("ok    journal"), "{said}");
    drop(opened);
    let bytes = std::fs::read(&journal).unwrap();
    let (_, said) = doctor_of(&data);
    assert!(said.contains("ok    journal"), "{said}");
    assert_eq!(std::fs::read(&journal).unwrap(), bytes);

    // Root may write anywhere.
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(data.join("probe"), "").is_err() {
        let (code, said) = doctor_of(&data);
        assert!(code == Some(1) && said.contains("FAIL  data") && said.contains("--data-dir"), "{said}");
    }
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
    let (code, said) = doctor_of(Path::new("/proc/brokerdeck"));
    assert!(code == Some(1) && said.contains("FAIL  data /proc/brokerdeck: cannot be written"), "{said}");
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
    assert!(text(&again.stderr).contains("already exists"));
    let check = brokerdeck(home.path(), &["config", "check", "--config", flag]);
    assert!(check.status.success() && text(&check.stdout).contains("is valid"), "{check:?}");
}

#[test]
fn an_unknown_time_zone_is_reported_and_never_stops_a_start() {
    let home = tempfile::tempdir().unwrap();
    let check = |variable: &str, value: &str| {
        let mut command = command(home.path());
        let output = command.args(["config", "check"]).env_remove("TZ").env(variable, value).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        text(&output.stdout) + &text(&output.stderr)
    };
    for folder in [home.path().to_str().unwrap(), "/no/such/folder", "/dev/zero"] {
        let said = check("TZDIR", folder);
        assert!(!said.contains("zone"), "what TZDIR lacks is built in: {said}");
    }
    for mistyped in ["Europe/Berln", "right/Europe/Berlin"] {
        let said = check("TZ", mistyped);
        let words = format!("TZ is {mistyped}, which is not a known time zone; using UTC");
        assert!(said.contains(&words), "{said}");
    }
}

#[test]
fn an_unusable_secret_command_makes_the_configuration_invalid() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.toml");
    let plain = home.path().join("plain");
    std::fs::write(&plain, "").unwrap();
    for program in [home.path(), &plain, Path::new("/nowhere/pass"), Path::new("no-such-program-4815")] {
        let config = format!("[oauth]\nclient_id = \"me\"\nclient_secret_command = [\"{}\"]\n", program.display());
        std::fs::write(&path, config).unwrap();
        let check = brokerdeck(home.path(), &["config", "check", "--config", path.to_str().unwrap()]);
        let (out, err) = (text(&check.stdout), text(&check.stderr));
        assert_eq!(check.status.code(), Some(2), "{out}{err}");
        assert!(!out.contains("is valid") && out.contains("not every broker in it can be linked"), "{out}");
        assert!(err.contains("client_secret_command does not name a program") && err.contains("hint: "), "{err}");
        assert!(err.contains("correct the command"), "{err}");
    }
}

#[test]
fn an_unlink_that_fails_names_the_file_and_the_hint() {
    let home = linked_home();
    let data = home.path().join("data");
    std::fs::create_dir(data.join("links.json.lock")).unwrap();
    let config = home.path().join("config.toml");
    std::fs::write(&config, "[tokens]\nstore = \"file\"\n").unwrap();
    let [config, place] = [&config, &data].map(|path| path.to_str().unwrap());
    let refused = brokerdeck(home.path(), &["unlink", "PA3SIM0001", "--config", config, "--data-dir", place]);
    let err = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{err}");
    assert!(err.contains("is still linked") && err.contains("links.json.lock"), "{err}");
    assert!(err.contains("hint: move it away"), "{err}");
}

#[test]
fn a_broken_config_names_line_key_and_hint_on_stderr() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.toml");
    std::fs::write(&path, "[ui]\nbel = true\n").unwrap();
    let check = brokerdeck(home.path(), &["config", "check", "--config", path.to_str().unwrap()]);
    assert_eq!(check.status.code(), Some(2));
    assert!(check.stdout.is_empty());
    let complaint = text(&check.stderr);
    assert!(complaint.contains("config.toml:2") && complaint.contains("bel"), "{complaint}");
}

/// Every command that reads the configuration, as far as it runs without a network.
const CONFIGURED: [&[&str]; 8] = [
    &["config", "check"],
    &["keys"],
    &["brokers"],
    &["orders"],
    &["account"],
    &["watch"],
    &["export", "executions"],
    &["doctor"],
];

#[test]
fn a_theme_file_is_found_beside_the_configuration_that_names_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.toml");
    std::fs::write(home.path().join("mine.toml"), "name = \"mine\"\ninherits = \"dark\"\n").unwrap();
    for (theme, code) in [("mine.toml", 0), ("./mine.toml", 0), ("dark", 0), ("other.toml", 2), ("mine", 2)] {
        std::fs::write(&path, format!("[ui]\ntheme = \"{theme}\"\n")).unwrap();
        let output = brokerdeck(home.path(), &["config", "check", "--config", path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(code), "{theme}: {}", text_of(&output));
    }
}

#[test]
fn nothing_starts_half_configured() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.toml");
    let ca = "[[brokers]]\nid = \"acme\"\nenvironment = \"paper\"\nauthorize_url = \"https://a.example/o\"\n\
        token_url = \"https://a.example/t\"\napi_url = \"https://a.example\"\nstream_url = \"wss://a.example/s\"\n\
        ca_file = \"https://u:zqCANARY@ca.example/ca.pem\"\n";
    for (text, word) in [
        ("[ui]\ntheme = \"zqCANARY\"\n", "config.toml:2: ui.theme"),
        ("[keys]\n\"orders.cancel\" = \"zqCANARY\"\n", "line 2: keys.\"orders.cancel\": not a key"),
        ("[keys]\n\"zqCANARY\" = \"x\"\n", "no action has this name"),
        (ca, "config.toml: broker acme: ca_file cannot be read: No such file"),
    ] {
        std::fs::write(&path, text).unwrap();
        for command in CONFIGURED {
            for colour in ["auto", "never"] {
                let mut words = command.to_vec();
                words.extend(["--color", colour, "--config", path.to_str().unwrap()]);
                let output = brokerdeck(home.path(), &words);
                let said = text_of(&output);
                assert_eq!(output.status.code(), Some(2), "{words:?}: {said}");
                assert!(said.contains(word) && !said.contains("CANARY"), "{words:?}: {said}");
            }
        }
    }
    let wrong = brokerdeck(home.path(), &["keys", "--theme", "gloomy"]);
    assert_eq!((wrong.status.code(), text(&wrong.stderr).contains("gloomy")), (Some(2), true), "{wrong:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_special_file_is_refused_and_a_pipe_blocks_no_signal() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let pipe = at("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::create_dir(at("folder")).unwrap();
    let ca = |path: &str| {
        let text = "[[brokers]]\nid = \"acme\"\nenvironment = \"paper\"\nauthorize_url = \"https://a.example/o\"\n\
            token_url = \"https://a.example/t\"\napi_url = \"https://a.example\"\nstream_url = \"wss://a.example/s\"\n";
        std::fs::write(at("ca.toml"), format!("{text}ca_file = {path:?}\n")).unwrap();
    };
    for path in [&pipe, &at("folder"), "/dev/zero"] {
        ca(path);
        for command in [
            &["sim", "--scenario", path][..],
            &["keys", "--theme", path],
            &["config", "check", "--config", &at("ca.toml")],
        ] {
            let said = brokerdeck(home.path(), command);
            assert_eq!(
                (said.status.code(), text_of(&said).contains("not a regular file")),
                (Some(2), true),
                "{command:?} {said:?}"
            );
        }
    }
    for path in ["/dev/zero", "/dev/null", &at("folder")] {
        let said = brokerdeck(home.path(), &["replay", path, "--cast", "-"]);
        assert_eq!(
            (said.status.code(), text_of(&said).contains("neither a regular file nor a pipe")),
            (Some(2), true),
            "{path} {said:?}"
        );
    }
    // A pipe without a writer: commands that accept pipes wait, and end on a signal.
    for command in [&["replay", &pipe][..], &["replay", &pipe, "--cast", "-"], &["keys", "--config", &pipe]] {
        for signal in ["TERM", "INT"] {
            let mut waits = tokio::process::Command::new(env!("CARGO_BIN_EXE_brokerdeck"))
                .args(command)
                .env_clear()
                .env("HOME", home.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let long = tokio::time::timeout(Duration::from_millis(500), waits.wait()).await;
            assert!(long.is_err(), "{command:?} does not wait: {long:?}");
            let id = waits.id().unwrap().to_string();
            assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
            let ends = tokio::time::timeout(Duration::from_secs(5), waits.wait()).await;
            assert!(ends.is_ok(), "{command:?} outlives {signal}");
        }
    }
}

#[test]
fn a_port_out_of_range_is_refused_everywhere() {
    let home = tempfile::tempdir().unwrap();
    let said = brokerdeck(home.path(), &["sim", "--listen", "127.0.0.1:65534"]);
    assert_eq!((said.status.code(), text(&said.stderr).contains("65532")), (Some(2), true), "{said:?}");
    let path = home.path().join("config.toml");
    for port in ["0", "65536", "99999"] {
        for text in [
            format!("[oauth]\nredirect_uris = [\"http://localhost:{port}/callback\"]\n"),
            format!(
                "[[brokers]]\nid = \"a\"\nenvironment = \"paper\"\nauthorize_url = \"https://a.example:{port}/o\"\n"
            ),
        ] {
            std::fs::write(&path, &text).unwrap();
            let said = brokerdeck(home.path(), &["config", "check", "--config", path.to_str().unwrap()]);
            assert_eq!((said.status.code(), text_of(&said).contains("port")), (Some(2), true), "{text}: {said:?}");
        }
    }
}

fn text_of(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

#[cfg(unix)]
#[test]
fn a_readable_secret_is_a_warning_and_a_writable_configuration_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("config.toml");
    std::fs::write(&path, "[oauth]\nclient_secret = \"hunter2\"\n").unwrap();
    for command in [&["config", "check"][..], &["keys"]] {
        let run = |mode: u32| {
            chmod(&path, mode);
            let mut words = command.to_vec();
            words.extend(["--config", path.to_str().unwrap()]);
            let output = brokerdeck(home.path(), &words);
            (output.status.code(), text(&output.stderr))
        };
        let (code, said) = run(0o644);
        assert!(code == Some(0) && said.contains("chmod 600") && !said.contains("hunter2"), "{said}");
        let (code, said) = run(0o646);
        assert!(code == Some(2) && said.contains("other users can write to it"), "{said}");
        assert_eq!(run(0o600), (Some(0), String::new()));
    }
}

#[cfg(unix)]
fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[cfg(unix)]
#[test]
fn a_data_folder_open_to_others_is_refused_with_a_hint_and_left_unchanged() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("shared");
    std::fs::create_dir(&data).unwrap();
    for open in [0o755, 0o1777, 0o770] {
        chmod(&data, open);
        for command in [&["keys"][..], &["brokers"], &["orders"], &["unlink", "x"], &["export", "orders"], &[]] {
            let mut words = command.to_vec();
            words.extend(["--data-dir", data.to_str().unwrap()]);
            let output = brokerdeck(home.path(), &words);
            let said = text(&output.stderr);
            let hint = if open == 0o1777 { "hint: name a folder of your own with --data-dir" } else { "chmod 700" };
            assert!(output.status.code() == Some(2) && said.contains(hint), "{words:?}: {said}");
            assert_eq!(mode(&data), open);
        }
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0, "nothing was left there");
    }
    chmod(&data, 0o700);
    assert!(brokerdeck(home.path(), &["keys", "--data-dir", data.to_str().unwrap()]).status.success());
}

#[cfg(unix)]
#[test]
fn the_programs_own_folder_and_an_open_log_are_closed_to_others() {
    let home = tempfile::tempdir().unwrap();
    assert!(brokerdeck(home.path(), &["keys"]).status.success());
    let state = home.path().join(".local/state/brokerdeck");
    let log = state.join("brokerdeck.log");
    chmod(&state, 0o755);
    chmod(&log, 0o666);
    assert!(brokerdeck(home.path(), &["keys"]).status.success());
    assert_eq!((mode(&state), mode(&log)), (0o700, 0o600));
}

#[cfg(unix)]
#[test]
fn a_log_that_cannot_be_opened_is_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir_all(data.join("brokerdeck.log")).unwrap();
    chmod(&data, 0o700);
    let output = brokerdeck(home.path(), &["keys", "--data-dir", data.to_str().unwrap()]);
    assert!(output.status.success() && text(&output.stderr).contains("nothing is logged"), "{output:?}");
    let unknown = brokerdeck(home.path(), &["keys", "--log-level", "loud"]);
    assert_eq!(unknown.status.code(), Some(2));
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

/// A home with two linked accounts, one with a blank in its label.
fn linked_home() -> tempfile::TempDir {
    use super::fixture::{live, paper};
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let links = serde_json::json!({"version": 1, "links": [paper(), live()]});
    std::fs::write(data.join("links.json"), links.to_string()).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
        std::fs::set_permissions(data.join("links.json"), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    home
}

#[test]
fn every_shell_completes_linked_accounts_brokers_and_themes() {
    let home = linked_home();
    let data = home.path().join("data");
    let ask = |shell: &str, line: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_brokerdeck"))
            .arg("--")
            .args(line)
            .env_clear()
            .env("HOME", home.path())
            .env("BROKERDECK_COMPLETE", shell)
            .env("_CLAP_COMPLETE_INDEX", (line.len() - 1).to_string())
            .env("_CLAP_IFS", "\n")
            .output()
            .unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
        text(&output.stdout)
    };
    let data = data.to_str().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let accounts = ask(shell, &["brokerdeck", "--data-dir", data, "orders", "--account", ""]);
        for name in ["Paper", "PA3SIM0001", "840217321", "all"] {
            assert!(accounts.contains(name), "{shell} does not complete {name}: {accounts:?}");
        }
        let unlink = ask(shell, &["brokerdeck", "--data-dir", data, "unlink", "PA"]);
        assert!(unlink.contains("PA3SIM0001") && !unlink.contains("840217321"), "{shell}: {unlink:?}");
        let brokers = ask(shell, &["brokerdeck", "link", "alp"]);
        assert!(brokers.contains("alpaca-paper") && brokers.contains("alpaca-live"), "{shell}: {brokers:?}");
        assert!(ask(shell, &["brokerdeck", "--theme", "high"]).contains("high-contrast"), "{shell}");
        assert!(ask(shell, &["brokerdeck", "pos"]).contains("positions"), "{shell}");
    }
    let nobody = ask("bash", &["brokerdeck", "--data-dir", "/nowhere/at/all", "orders", "--account", ""]);
    assert_eq!(nobody.trim(), "all", "without links there is no complaint");
}

#[cfg(unix)]
#[test]
fn bash_completes_a_label_as_one_word() {
    let home = linked_home();
    let script = "source <(brokerdeck completions bash); \
        COMP_WORDS=(brokerdeck --data-dir \"$DATA\" orders --account Alpaca); COMP_CWORD=5; COMP_TYPE=9; \
        _clap_complete_brokerdeck brokerdeck Alpaca --account; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let program = Path::new(env!("CARGO_BIN_EXE_brokerdeck")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap_or_default());
    let run = Command::new("bash")
        .args(["--norc", "--noprofile", "-c", script])
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", path)
        .env("DATA", home.path().join("data"))
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let words: Vec<String> = text(&run.stdout).lines().map(|word| word.trim().to_owned()).collect();
    assert_eq!(words, ["Alpaca\\ Paper", "Alpaca\\ Live"]);
}

#[cfg(unix)]
#[test]
fn completion_scripts_are_valid_in_the_installed_shells() {
    let home = tempfile::tempdir().unwrap();
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = brokerdeck(home.path(), &["completions", shell]);
        assert!(script.status.success() && text(&script.stdout).contains("BROKERDECK_COMPLETE"), "{script:?}");
        let file = home.path().join(shell);
        std::fs::write(&file, &script.stdout).unwrap();
        match Command::new(shell).arg(check).arg(&file).output() {
            Ok(checked) => assert!(checked.status.success(), "{shell}: {checked:?}"),
            Err(_) => eprintln!("skipped: {shell} is not installed, its script was not checked"),
        }
    }
    let power = brokerdeck(home.path(), &["completions", "powershell"]);
    assert!(text(&power.stdout).contains("Register-ArgumentCompleter"), "{power:?}");
}

fn execution(number: i64, symbol: &str) -> brokerdeck::domain::Execution {
    use brokerdeck::domain::execution::{Execution, ExecutionKind, Source};
    use brokerdeck::domain::{Price, Qty};
    Execution {
        id: format!("x{number}").into(),
        order_id: "o1".into(),
        symbol: symbol.into(),
        side: brokerdeck::domain::order::Side::Buy,
        qty: Qty::whole(number),
        px: Some(Price::whole(10)),
        cum_qty: Some(Qty::whole(number)),
        position_qty: None,
        at: Some(jiff::Timestamp::from_second(1_760_000_000 + number).unwrap()),
        kind: ExecutionKind::Trade,
        source: Source::Stream,
    }
}

#[tokio::test]
async fn export_writes_the_journal_by_account_and_time() {
    use brokerdeck::io::journal::{Batch, Journal, Record};
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let flags = ["--data-dir", data.to_str().unwrap()];
    let run = |more: &[&str]| brokerdeck(home.path(), &[&["export"], more, &flags].concat());
    let missing = run(&["executions"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("there is no journal"), "{missing:?}");

    let journal = Journal::open(&data.join("journal.sqlite")).unwrap().journal;
    for (link, number, symbol) in [("paper/one", 1, "AAPL"), ("paper/one", 2, "=HYPER(\"x\")"), ("paper/two", 3, "F")] {
        let mut batch = Batch::new(link.into(), jiff::Timestamp::UNIX_EPOCH);
        batch.records.push(Record::Execution(Box::new(execution(number, symbol))));
        journal.append(batch).unwrap();
    }
    journal.barrier().await.unwrap();
    // While an instance runs, as a script would.
    let all = text(&run(&["executions"]).stdout);
    assert_eq!(
        all,
        "account,environment,at,side,symbol,qty,price,kind,cum_qty,position_qty,execution_id,order_id,of,source\n\
         paper/one,,2025-10-09T08:53:21Z,buy,AAPL,1,10,trade,1,,x1,o1,,stream\n\
         paper/one,,2025-10-09T08:53:22Z,buy,\"'=HYPER(\"\"x\"\")\",2,10,trade,2,,x2,o1,,stream\n\
         paper/two,,2025-10-09T08:53:23Z,buy,F,3,10,trade,3,,x3,o1,,stream\n"
    );
    let some = run(&["executions", "--format", "jsonl", "--account", "paper/one", "--since", "2025-10-09T08:53:22Z"]);
    let line: serde_json::Value = serde_json::from_str(&text(&some.stdout)).unwrap();
    assert_eq!(line["symbol"], "=HYPER(\"x\")", "JSON has the broker's text unchanged");
    let backwards = run(&["executions", "--since", "2026-01-02", "--until", "2026-01-01"]);
    assert_eq!(
        (backwards.status.code(), text(&backwards.stderr).contains("--until")),
        (Some(2), true),
        "{backwards:?}"
    );
    assert_eq!(
        (&line["execution_id"], &line["qty"], &line["of"]),
        (&"x2".into(), &"2".into(), &serde_json::Value::Null)
    );
    assert_eq!(text(&run(&["orders"]).stdout).lines().count(), 1, "a header alone");
    assert_eq!(run(&["executions", "--account", "nobody"]).status.code(), Some(4));
    // Unreadable rows are left out, and the output says so.
    let file = rusqlite::Connection::open(data.join("journal.sqlite")).unwrap();
    file.execute("UPDATE executions SET body = '{}' WHERE id = 'x1'", []).unwrap();
    let part = run(&["executions"]);
    assert_eq!((part.status.code(), text(&part.stdout).lines().count()), (Some(1), 3), "{part:?}");
    assert!(text(&part.stderr).contains("1 row of the journal cannot be read"), "{part:?}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_simulator_commands_print_tables_and_name_errors() {
    let user = super::cli_setup::LinkedUser::linked().await;
    let run = |arguments: &[&str]| user.run("timeout", &[&["60", "brokerdeck"], arguments].concat());
    let doctor = run(&["doctor"]);
    let said = text(&doctor.stdout);
    assert!(doctor.status.success() && !said.contains("FAIL"), "{said}");
    assert!(said.contains("it runs on its own clock"), "{said}");
    let ports = said.split("free callback port ").nth(1).unwrap().lines().next().unwrap();
    let mut each: Vec<&str> = ports.split(", ").collect();
    let count = each.len();
    each.dedup();
    each.sort_unstable();
    each.dedup();
    assert_eq!(each.len(), count, "a port is named twice: {ports}");

    let nobody = run(&["account", "--account", "nobody"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(text(&nobody.stderr).contains("Simulated Paper (PA3SIM0001)"), "{nobody:?}");

    let account = text(&run(&["account", "--account", "all"]).stdout);
    let equity = account.lines().find(|line| line.trim_start().starts_with("Equity")).unwrap();
    assert_eq!(equity.rsplit_once('.').unwrap().1.len(), 2, "people read cents: {equity}");

    let watch = user.run("sh", &["-c", "timeout 60 brokerdeck watch | head -n 6"]);
    let lines: Vec<String> = text(&watch.stdout).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 6, "{lines:?}");
    for line in &lines {
        assert_eq!(line.find("Simulated Paper"), Some(26), "{lines:#?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_brokerage_with_an_unread_ready_line_serves_and_ends_by_a_signal() {
    use std::io::Write as _;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (reader, mut writer) = std::io::pipe().unwrap();
    // The capacity of a pipe.
    writer.write_all(&vec![b' '; 65_536]).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_brokerdeck"))
        .args(["sim", "--idle", "--listen", &format!("127.0.0.1:{port}")])
        .stdin(std::process::Stdio::null())
        .stdout(writer)
        .spawn()
        .unwrap();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "it ended");
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    drop(reader);
}
