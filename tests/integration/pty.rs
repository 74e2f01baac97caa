//! The dashboard in a pseudo-terminal, driven by keys.

mod hostile;
mod questions;
pub(crate) mod terminal;

use std::io::Write;

use rustix::process::Signal;
use terminal::Terminal;

const DEMO: &[&str] = &["demo", "--seed", "7", "--pace", "20"];

#[test]
fn the_demo_updates_links_the_live_account_by_keys_and_restores_the_terminal() {
    let mut terminal = Terminal::start(140, 40, DEMO, &[]);
    terminal.wait_for("SIMULATED");
    terminal.wait("a live paper account", |screen| screen.contains("● live") || screen.contains("1 live"));
    terminal.wait("a fill on the tape", |screen| screen.contains("fill"));
    terminal.keys("1");
    terminal.keys("a");
    terminal.wait_for("Alpaca Live (OAuth)");
    terminal.keys("alpaca live");
    terminal.keys("\r");
    terminal.wait_for("/oauth/authorize?");
    terminal.keys("a");
    terminal.wait("the question", |screen| screen.contains("LIVE") && screen.contains("ave"));
    // A key faster than typing, right after another, confirms nothing.
    terminal.keys_until("L", "both accounts live", |screen| screen.contains("2 live"));
    terminal.keys("q");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.assert_restored();
}

#[test]
fn the_activity_list_reaches_back_to_the_first_row_of_the_simulated_account() {
    let mut terminal = Terminal::start(140, 40, DEMO, &[]);
    terminal.wait("a fill on the tape", |screen| screen.contains("live") && screen.contains("fill"));
    terminal.keys("5h");
    terminal.wait("the list", |screen| screen.contains("Activities") && screen.contains("fill"));
    // Each jump to the end fetches the next page.
    terminal.keys_until("G", "the first row", |screen| screen.contains(" total"));
    terminal.keys("qq");
    terminal.end();
    terminal.assert_restored();
}

#[test]
fn a_live_link_is_not_saved_by_enter() {
    let mut terminal = Terminal::start(120, 36, DEMO, &[]);
    terminal.wait_for("SIMULATED");
    terminal.keys("1a");
    terminal.wait_for("Alpaca Live (OAuth)");
    terminal.keys("alpaca live\r");
    terminal.wait_for("/oauth/authorize?");
    terminal.keys("a");
    terminal.wait_for("real money");
    terminal.keys("\r");
    terminal.keys("\x1b");
    terminal.wait("the panes", |screen| screen.contains("1 live") && !screen.contains("real money"));
    terminal.keys("\x03");
    terminal.end();
    terminal.assert_restored();
}

/// How often the program is ended by each cause.
fn exits(at_least: usize) -> usize {
    let asked = std::env::var("BROKERDECK_EXITS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(at_least).max(at_least)
}

/// `BROKERDECK_EXITS=100 cargo test every_way_to_end` ends it 100 times by each cause.
#[test]
fn every_way_to_end_restores_the_terminal_and_has_its_exit_code() {
    let times = exits(1);
    let mut causes = vec![
        (Signal::TERM, 143),
        (Signal::INT, 130),
        (Signal::HUP, 129),
        (Signal::QUIT, 128 + Signal::QUIT.as_raw()),
        (Signal::XCPU, 128 + Signal::XCPU.as_raw()),
    ];
    #[cfg(target_os = "linux")]
    causes.push((Signal::POWER, 158));
    for (signal, code) in std::iter::repeat_n(causes, times).flatten() {
        let mut terminal = Terminal::start(80, 24, DEMO, &[]);
        terminal.wait_for("SIMULATED");
        terminal.signal(signal);
        assert_eq!(i64::from(terminal.end().exit_code()), i64::from(code), "{signal:?}");
        terminal.assert_restored();
    }
}

#[test]
fn an_irrelevant_signal_affects_neither_the_program_nor_its_terminal() {
    let mut terminal = Terminal::start(120, 36, DEMO, &[]);
    terminal.wait_for("SIMULATED");
    let signals = [
        Signal::XFSZ,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::VTALARM,
        Signal::PROF,
        Signal::IO,
        Signal::PIPE,
    ];
    for signal in signals {
        terminal.signal(signal);
    }
    #[cfg(target_os = "linux")]
    for number in [Signal::STKFLT.as_raw(), 35, 50, 64] {
        terminal.signal_number(number);
    }
    terminal.keys("?");
    terminal.wait_for("/ search");
    terminal.keys("qq");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.assert_restored();
}

#[test]
fn ctrl_c_quits_from_anywhere() {
    let mut terminal = Terminal::start(80, 24, DEMO, &[]);
    terminal.wait_for("SIMULATED");
    terminal.keys("?");
    terminal.keys("\x03");
    terminal.end();
    terminal.assert_restored();
}

#[test]
fn a_terminal_that_says_it_cannot_place_text_gets_a_sentence_instead_of_a_screen() {
    for arguments in [&["--data-dir", "data"][..], &["demo"][..]] {
        let mut terminal = Terminal::start(80, 24, arguments, &[("TERM", "dumb")]);
        let text = terminal.wait_for("brokerdeck watch");
        assert!(text.contains("TERM=dumb says that this terminal cannot place text"), "{text}");
        assert!(!terminal.received("\x1b["), "{text}");
        assert_eq!(terminal.end().exit_code(), 2);
    }
}

#[test]
fn hostile_arguments_are_harmless_on_a_terminal() {
    for words in
        [&["a\x1b]52;c;eA==\x07\u{202e}"][..], &["account", "--account", "\x1b]52;\u{9b}"], &["--\x1b]52;\u{202e}"]]
    {
        let mut terminal = Terminal::start(100, 24, words, &[]);
        assert_ne!(terminal.end().exit_code(), 0);
        assert!(terminal.received("rror") || terminal.received("brokerdeck:"), "{words:?}: {}", terminal.contents());
        for acting in ["\x1b]52", "\x07", "\u{9b}", "\u{202e}"] {
            assert!(!terminal.received(acting), "{words:?}: {acting:?}");
        }
    }
}

#[test]
fn a_panic_restores_the_terminal_before_its_message() {
    let mut terminal = Terminal::start(80, 24, DEMO, &[("BROKERDECK_PANIC", "frame")]);
    let status = terminal.end();
    assert!(!status.success());
    terminal.assert_restored();
    assert!(terminal.contents().contains("panicked"), "{}", terminal.contents());
}

/// Set for the process that acts as a terminal emulator and dies.
const HOLDER: &str = "BROKERDECK_TEST_TERMINAL_HOLDER";
/// Its values: a program whose controlling terminal it is, and one whose it is not.
const HELD: [&str; 2] = ["controlled", "uncontrolled"];
/// Starts the program under a shell that outlives the terminal, forwards SIGHUP and writes the exit code to a file.
const HOLD: &str = r#"
exec 3<&0
trap 'kill -HUP $pid' HUP
$HOW "$0" "$@" <&3 3<&- &
pid=$!
echo $pid > "$HOME/pid"
until wait $pid; code=$?; ! kill -0 $pid 2> "$HOME/errors"; do :; done
echo $code > "$HOME/code"
"#;

/// Not a test of its own: the next one runs it as a process that holds a terminal and dies with it.
#[test]
fn a_terminal_held_by_a_process_that_dies() {
    let Ok(how) = std::env::var(HOLDER) else { return };
    let mut arguments = vec!["-c", HOLD, env!("CARGO_BIN_EXE_brokerdeck")];
    arguments.extend(DEMO);
    let setsid = if how == HELD[0] { "" } else { "setsid" };
    let terminal = Terminal::start_program("sh", 80, 24, &arguments, &[("HOW", setsid)]);
    terminal.wait_for("SIMULATED");
    let home = terminal.home.path().display().to_string();
    std::mem::forget(terminal);
    writeln!(std::io::stdout(), "holding {home}").unwrap();
    // Every copy of the terminal's other end is closed with the process, as when a window is closed.
    std::process::exit(0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_vanished_terminal_ends_the_program() {
    vanish(HELD[0]);
}

/// A program in a session of its own gets no SIGHUP; it can only notice the closed terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_vanishes_without_a_signal_ends_the_program() {
    vanish(HELD[1]);
}

/// A race decides which thread notices the hang-up first, so it is repeated. Standard error is gone too: writing to it
/// would panic.
#[cfg(target_os = "linux")]
fn vanish(how: &str) {
    let times = exits(10);
    let one = || {
        let holder = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "pty::a_terminal_held_by_a_process_that_dies", "--nocapture"])
            .env(HOLDER, how)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&holder.stdout).into_owned();
        let (_, rest) = said.split_once("holding ").expect("the holder prints its program's home");
        let home = std::path::Path::new(rest.split_whitespace().next().unwrap());
        let pid = std::fs::read_to_string(home.join("pid")).unwrap().trim().parse().unwrap();
        terminal::wait_until_gone(pid);
        assert_eq!(terminal::wait_for_file(&home.join("code")).trim(), "129");
        std::fs::remove_dir_all(home).unwrap();
    };
    std::thread::scope(|scope| {
        for half in [times / 2, times - times / 2] {
            scope.spawn(move || (0..half).for_each(|_| one()));
        }
    });
}

#[test]
fn raw_mode_is_on_while_the_dashboard_is_open() {
    let mut terminal = Terminal::start(80, 24, DEMO, &[]);
    terminal.wait_for("SIMULATED");
    assert_ne!(
        terminal.modes(),
        terminal.modes_before(),
        "otherwise the checks of a restored terminal would prove nothing"
    );
    terminal.keys("q");
    terminal.end();
    terminal.assert_restored();
}

#[test]
fn a_resize_redraws_and_a_tiny_terminal_gets_a_polite_notice() {
    let mut terminal = Terminal::start(80, 24, DEMO, &[]);
    terminal.wait_for("SIMULATED");
    terminal.resize(40, 10);
    terminal.wait("a notice", |screen| screen.contains("60") && screen.contains("15"));
    terminal.resize(140, 40);
    terminal.wait_for("Positions");
    terminal.keys("q");
    terminal.end();
    terminal.assert_restored();
}

#[test]
fn ctrl_z_restores_the_terminal_and_fg_brings_the_dashboard_back() {
    let script = format!(
        "set -m; '{}' demo --seed 7; echo \"stopped $?\"; read line; fg >/dev/null; echo \"ended $?\"",
        env!("CARGO_BIN_EXE_brokerdeck")
    );
    let mut terminal = Terminal::start_program("sh", 80, 24, &["-c", &script], &[]);
    terminal.wait_for("SIMULATED");
    terminal.keys("\x1a");
    terminal.wait_for("stopped 147");
    terminal.assert_restored();
    terminal.keys("\r");
    terminal.wait_for("SIMULATED");
    terminal.keys("q");
    terminal.wait_for("ended 0");
    terminal.end();
    terminal.assert_restored();
}

#[test]
#[cfg(target_os = "linux")]
fn a_stop_signal_works_like_ctrl_z_and_the_terminal_is_set_up_again_after_any() {
    // The shell changes the terminal's modes while the program is stopped.
    let script = format!(
        "set -m; '{}' demo --seed 7 & echo $! > \"$HOME/pid\"; fg > /dev/null; echo \"stopped $?\"; stty icanon echo isig iexten icrnl ixon opost; echo ready; read line;\
         fg > /dev/null; echo \"ended $?\"",
        env!("CARGO_BIN_EXE_brokerdeck")
    );
    for signal in [Signal::TSTP, Signal::STOP] {
        let mut terminal = Terminal::start_program("sh", 80, 24, &["-c", &script], &[]);
        terminal.wait_for("SIMULATED");
        let pid = terminal::wait_for_file(&terminal.home().join("pid")).trim().parse().unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal).unwrap();
        terminal.wait_for("stopped 147");
        if signal == Signal::TSTP {
            terminal.assert_restored();
        }
        terminal.wait_for("ready");
        terminal.keys("\r");
        terminal.wait("the dashboard alone", |screen| screen.contains("SIMULATED") && !screen.contains("stopped"));
        // Without raw mode no key arrives before the end of its line.
        terminal.keys_until("?", "the help", |screen| screen.contains("Keys"));
        terminal.keys("\x03");
        terminal.wait_for("ended ");
        terminal.end();
        terminal.assert_restored();
    }
}

#[test]
fn the_demo_leaves_nothing_behind() {
    let mut terminal = Terminal::start(80, 24, DEMO, &[]);
    terminal.wait_for("SIMULATED");
    terminal.keys("q");
    terminal.end();
    let left: Vec<_> = std::fs::read_dir(terminal.home()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}
