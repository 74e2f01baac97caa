//! `link` as a shell job: stopped and continued, in the background, and with pastes longer than a terminal line.

use super::command::Script;
use crate::pty::terminal::{Terminal, until};

/// A shell on a terminal that runs this script, in which `LINK` is the command with its files.
fn shell(script: &Script, text: &str) -> Terminal {
    let (config, data) = (script.dir.path().join("config.toml"), script.dir.path().join("data"));
    let link = format!(
        "'{}' --config '{}' --data-dir '{}' link acme-paper --no-browser",
        env!("CARGO_BIN_EXE_brokerdeck"),
        config.display(),
        data.display()
    );
    Terminal::start_program("sh", 250, 50, &["-c", &format!("set -m; {}", text.replace("LINK", &link))], &[])
}

fn is_quiet(terminal: &Terminal) -> bool {
    terminal.modes() != terminal.modes_before()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_restores_the_echo_and_afterwards_a_long_paste_is_neither_shown_nor_truncated() {
    let script = Script::new().await;
    let mut terminal = shell(&script, "LINK; echo \"stopped $?\"; read line; fg >/dev/null; echo \"ended $?\"");
    let said = terminal.wait_for("press Enter.");
    assert!(is_quiet(&terminal));
    let url = said.split_whitespace().find(|word| word.contains("/oauth/authorize?")).unwrap().to_owned();
    terminal.keys("\x1a");
    terminal.wait_for("stopped 147");
    terminal.assert_restored();
    terminal.keys("visible\r");
    terminal.wait_for("visible");
    assert!(until(|| is_quiet(&terminal)), "taken again");
    // The line mode of a terminal keeps 4,095 bytes of a line.
    let code = "canary".repeat(1_000);
    let address = script.redirect(&url::Url::parse(&url).unwrap(), &format!("code={code}"));
    terminal.keys(&format!("junk\x15{address}\r"));
    terminal.wait_for("Type y and Enter");
    assert!(!terminal.received("canary"), "{}", terminal.contents());
    terminal.keys("yes\r");
    terminal.wait_for("linked Acme Paper");
    terminal.wait_for("ended 0");
    assert!(terminal.received("yes"), "the echo is back for the answer");
    assert_eq!(script.codes(), [code]);
    terminal.end();
    terminal.assert_restored();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_background_the_url_is_printed_at_once_and_the_terminal_is_left_alone() {
    let script = Script::new().await;
    let mut terminal = shell(&script, "LINK --yes > \"$HOME/url\" & echo begun; read line; wait; echo \"ended $?\"");
    let address = terminal.home().join("url");
    let read = || std::fs::read_to_string(&address).unwrap_or_default();
    assert!(until(|| read().ends_with('\n')), "no address: {}", terminal.contents());
    assert!(!is_quiet(&terminal));
    terminal.keys("visible\r");
    terminal.wait_for("visible");
    assert_eq!(script.come_back(&url::Url::parse(read().trim_end()).unwrap(), "code=c").await, 200);
    terminal.wait_for("ended 0");
    assert!(read().contains("linked Acme Paper"));
    terminal.end();
    terminal.assert_restored();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_brought_to_the_foreground_accepts_a_paste() {
    let script = Script::new().await;
    let mut terminal = shell(&script, "LINK & read line; fg >/dev/null; echo \"ended $?\"");
    let said = terminal.wait_for("press Enter.");
    assert!(!is_quiet(&terminal), "it is the shell's");
    terminal.keys("go\r");
    assert!(until(|| is_quiet(&terminal)));
    let url = said.split_whitespace().find(|word| word.contains("/oauth/authorize?")).unwrap();
    terminal.keys(&format!("{}\r", script.redirect(&url::Url::parse(url).unwrap(), "code=canary")));
    terminal.wait_for("Type y and Enter");
    terminal.keys("\x03");
    terminal.wait_for("ended 130");
    assert!(!terminal.received("canary"), "{}", terminal.contents());
    terminal.end();
    terminal.assert_restored();
}
