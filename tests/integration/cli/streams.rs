//! Standard output that accepts no more, and readers that are gone.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::text;
use crate::journal::Home;
use crate::pty::terminal::until;

/// Runs a shell command in which `brokerdeck` is the program.
fn shell(home: &Path, line: &str, stdout: Stdio) -> Output {
    let line = line.replace("brokerdeck", &format!("'{}'", env!("CARGO_BIN_EXE_brokerdeck")));
    Command::new("sh")
        .args(["-c", &line])
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap()
}

/// Commands that print something without any set-up.
const PRINTING: [&str; 9] = [
    "--help",
    "--version",
    "orders --help",
    "keys",
    "man",
    "completions bash",
    "config path",
    "config check",
    "doctor",
];

#[test]
fn a_file_size_limit_is_reported_by_every_command() {
    let home = tempfile::tempdir().unwrap();
    for command in PRINTING.into_iter().chain(["sim --idle"]) {
        let out = File::create(home.path().join("out")).unwrap();
        let output = shell(home.path(), &format!("ulimit -f 0; exec brokerdeck {command}"), out.into());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command}: {:?} {said}", output.status);
        assert!(said.contains("cannot write to standard output: File too large"), "{command}: {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported_by_every_command() {
    let home = tempfile::tempdir().unwrap();
    for command in PRINTING {
        let out = File::options().write(true).open("/dev/full").unwrap();
        let output = shell(home.path(), &format!("exec brokerdeck {command}"), out.into());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{command}: {:?} {said}", output.status);
        assert!(said.contains("cannot write to standard output: No space left"), "{command}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_watch_notices_that_its_reader_is_gone() {
    let home = Home::open(28).await;
    let mut watch = Command::new(env!("CARGO_BIN_EXE_brokerdeck"))
        .args(["watch", "--json", "--config"])
        .arg(home.dir.path().join("config.toml"))
        .arg("--data-dir")
        .arg(home.data())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(watch.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("\"live\"") {
        line.clear();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "it continues");
    }
    // SIGXFSZ, sent at a file size limit, must not end the program either.
    let pid = rustix::process::Pid::from_child(&watch);
    rustix::process::kill_process(pid, rustix::process::Signal::XFSZ).unwrap();
    drop(reader);
    let ended = until(|| watch.try_wait().unwrap().is_some());
    watch.kill().unwrap();
    assert!(ended, "it continues without a reader");
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}
