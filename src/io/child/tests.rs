#![cfg(target_os = "linux")]

use std::path::Path;

use tokio::time::Instant;

use super::*;
use crate::config::Config;

/// No test waits longer than this for anything.
const DEADLINE: Duration = Duration::from_secs(20);

fn programs() -> Programs {
    let text = "[oauth]\nclient_id = \"x\"\nclient_secret_env = \"CARGO_PKG_NAME\"\n";
    Programs::hiding(&Config::parse(text, Path::new("config.toml")).unwrap().brokers)
}

fn shell(script: &str) -> Command {
    let mut command = programs().command("sh");
    command.args(["-c", script]).stdout(Stdio::piped());
    command
}

async fn line(script: &str) -> (String, bool) {
    let mut line = Vec::new();
    let mut group = Group::start(&mut shell(script)).unwrap();
    let status = tokio::time::timeout(DEADLINE, group.first_line(64, &mut line)).await.unwrap().unwrap();
    (String::from_utf8(line).unwrap(), status.success())
}

/// Waits until the processes that sleep for this long are as many as they should be.
async fn sleepers(seconds: &str, wanted: usize) {
    let count = || {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let words = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        words.filter(|words| words == format!("sleep\0{seconds}\0").as_bytes()).count()
    };
    let end = Instant::now() + DEADLINE;
    while count() != wanted {
        assert!(Instant::now() < end, "{} processes sleep {seconds} s, not {wanted}", count());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_first_line_counts_while_a_grandchild_holds_the_pipe() {
    let began = Instant::now();
    assert_eq!(line("sleep 6001 & echo one; echo two").await, ("one".to_owned(), true));
    assert_eq!(line("sleep 6001 & printf one").await, ("one".to_owned(), true));
    assert_eq!(line("echo one; exec >&-; exit 3").await, ("one".to_owned(), false));
    assert_eq!(line("head -c 100000 /dev/zero | tr '\\0' x").await, ("x".repeat(64), true));
    assert!(began.elapsed() < DEADLINE);
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let ours = std::fs::read(entry.path().join("cmdline")).is_ok_and(|words| words == b"sleep\x006001\0");
        if let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).filter(|_| ours) {
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
    }
}

#[tokio::test]
async fn the_whole_group_ends_at_the_limit_and_when_the_waiter_is_dropped() {
    let mut command = shell("sleep 6002 & sleep 6002 & wait");
    let group = Group::start(&mut command).unwrap();
    sleepers("6002", 2).await;
    drop(group);
    sleepers("6002", 0).await;
    assert!(programs().run_later(shell("sleep 6003 & wait"), Duration::from_millis(300)));
    sleepers("6003", 1).await;
    sleepers("6003", 0).await;
}

#[tokio::test]
async fn the_environment_holds_no_secret_of_ours_and_the_rest() {
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some(), "set for every test");
    assert_eq!(line("echo \"${CARGO_PKG_NAME-none} ${PATH:+some}\"").await, ("none some".to_owned(), true));
}

#[tokio::test]
async fn a_few_run_at_once_and_a_flood_is_refused() {
    let programs = programs();
    let mut started = 0;
    for _ in 0..1000 {
        let mut command = programs.command("sleep");
        command.arg("6004");
        started += usize::from(programs.run_later(command, DEADLINE));
        tokio::task::yield_now().await;
    }
    assert_eq!(started, RUNNING + WAITING);
    sleepers("6004", RUNNING).await;
    assert!(programs.leave().is_none());
}
