//! Terminals that send reports, stop reading or claim a false size, and terminals that other programs write on.

use std::time::Duration;

use rustix::process::Signal;

use super::DEMO;
use super::terminal::{Terminal, until};
use crate::journal::{HALF_A_SECOND, Home, hang, lock, release};

/// The longest time the end may take.
const SOON: Duration = Duration::from_secs(1);

/// A text that only the help shows.
const HELP: &str = "/ search";

fn demo() -> Terminal {
    let terminal = Terminal::start(120, 36, DEMO, &[]);
    terminal.wait("a live account", |screen| screen.contains("1 live") && screen.contains("fill"));
    terminal
}

#[test]
fn reports_of_a_terminal_have_no_effect_and_keys_still_work() {
    let mut terminal = demo();
    let reports = [
        // The late answer to the background query.
        "\x1b]11;rgb:1010/1010/1010\x1b\\",
        "\x1bP>|X(1)y\x1b\\",
        "\x1b_Gi=1;?X\x1b\\",
        "\x1b^?X\x1b\\",
        "\x1bX?X\x1b\\",
        "\x1b[?997;1n",
        "\x1b[?2026;2$y",
        "\x1b[1;1R",
        "\x1b[0;0R",
        "\x1b[<0;0;0M",
        "\x1b[?1;2c",
    ];
    for report in reports {
        terminal.keys(report);
    }
    // Split as by a network.
    terminal.keys("\x1b]11;rgb:1010/10");
    terminal.keys("10/1010\x1b\\");
    terminal.keys("?");
    let screen = terminal.wait_for(HELP);
    assert!(!screen.contains("Cancel"), "{screen}");
    terminal.keys("q");
    let screen = terminal.wait("the panes", |screen| !screen.contains(HELP));
    assert!(!screen.contains("yes"), "{screen}");
    terminal.keys("\x1b[?997;1n\x03");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.assert_restored();
}

#[test]
fn a_late_background_answer_changes_only_the_theme() {
    let mut terminal = Terminal::start(120, 36, DEMO, &[("COLORTERM", "truecolor")]);
    terminal.wait_for("1 live");
    assert!(terminal.received("\x1b]11;?\x07\x1b[c"), "the query is sent");
    // The light theme's text colour.
    let light = "38;2;31;36;48";
    assert!(!terminal.received(light));
    terminal.keys("\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?62c");
    terminal.wait_for_bytes(light);
    terminal.keys("q");
    assert_eq!(terminal.end().exit_code(), 0);
}

#[test]
fn a_terminal_that_does_not_read_cannot_prevent_the_end() {
    for (cause, code) in [(Some(Signal::TERM), 143), (Some(Signal::INT), 130), (Some(Signal::HUP), 129), (None, 0)] {
        ends_soon(&format!("{cause:?}"), || {
            let mut terminal = demo();
            terminal.stall(true);
            fill(&mut terminal);
            match cause {
                Some(signal) => terminal.signal(signal),
                None => terminal.keys("q"),
            }
            let (status, took) = terminal.end_stalled();
            assert_eq!(status.exit_code(), code, "{cause:?}");
            // When it reads again, it is restored.
            terminal.stall(false);
            terminal.end();
            terminal.assert_restored();
            took
        });
    }
}

/// At least one of four attempts must meet the limit: a busy machine delays some of them, a wait in the program delays all.
fn ends_soon(what: &str, mut ending: impl FnMut() -> Duration) {
    let mut took = Vec::new();
    while took.len() < 4 {
        took.push(ending());
        if took.last().is_some_and(|took| *took < SOON) {
            return;
        }
    }
    panic!("{what} took {took:?}");
}

/// A dashboard on a home, live.
fn dashboard(home: &Home) -> Terminal {
    let (config, data) = (home.dir.path().join("config.toml"), home.data());
    let arguments = ["--config", config.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
    let terminal = Terminal::start(120, 36, &arguments, &[]);
    terminal.wait_for("1 live");
    terminal
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_terminal_does_not_read_fills_are_journaled_and_the_notify_command_is_run() {
    let home = Home::open(25).await;
    let (config, reported) = (home.dir.path().join("config.toml"), home.dir.path().join("told"));
    let command =
        format!("[ui]\nnotify_command = [\"sh\", \"-c\", \"echo \\\"$1\\\" >> '{}'\", \"sh\"]\n", reported.display());
    std::fs::write(&config, std::fs::read_to_string(&config).unwrap() + &command).unwrap();
    let mut terminal = dashboard(&home);
    terminal.stall(true);
    fill(&mut terminal);
    home.trade().await;
    let truth = home.truth().await;
    assert_eq!(truth.len(), 1);
    assert!(until(|| home.journaled() == truth), "{:?} is in the journal", home.journaled());
    let said = || std::fs::read_to_string(&reported).unwrap_or_default();
    assert!(until(|| said().contains("AAPL")), "{:?} was told", said());
    assert!(!terminal.contents().contains("AAPL"), "the terminal read nothing: {}", terminal.contents());
    terminal.stall(false);
    terminal.wait_for("AAPL");
    terminal.keys("q");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.assert_restored();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_disk_hangs_a_frame_waits_half_a_second_and_says_that_it_is_not_saved() {
    let home = Home::open(27).await;
    let mut terminal = dashboard(&home);
    terminal.forget();
    let began = tokio::time::Instant::now();
    let hung = hang(&home);
    home.trade().await;
    terminal.wait("the fills, while the disk hangs", |screen| screen.contains("AAPL"));
    let took = began.elapsed();
    assert!(took >= HALF_A_SECOND, "shown after {took:?}, before the disk had its time");
    let (unsaved, fill) = (terminal.first(" NOT SAVED "), terminal.first("AAPL"));
    assert!(unsaved.is_some() && unsaved < fill, "the word comes first: {unsaved:?}, {fill:?}");
    terminal.wait_for("the disk does not answer");
    release(&home, hung).await;
    terminal.wait("that everything is saved", |screen| !screen.contains("NOT SAVED"));
    terminal.keys("q");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.assert_restored();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_a_terminal_that_does_not_read_nor_a_locked_journal_delays_the_end() {
    let home = Home::open(26).await;
    let handle = tokio::runtime::Handle::current();
    ends_soon("with both", || {
        let mut terminal = dashboard(&home);
        let locked = lock(&home.journal());
        terminal.stall(true);
        fill(&mut terminal);
        tokio::task::block_in_place(|| handle.block_on(home.trade()));
        terminal.signal(Signal::TERM);
        let (status, took) = terminal.end_stalled();
        assert_eq!(status.exit_code(), 143);
        drop(locked);
        terminal.stall(false);
        terminal.end();
        terminal.assert_restored();
        took
    });
}

/// Lets the program draw until the terminal's own buffer is full.
fn fill(terminal: &mut Terminal) {
    for _ in 0..200 {
        // Each key changes most of the screen.
        terminal.keys("\x0c");
    }
    terminal.keys("5");
}

#[test]
fn while_a_terminal_does_not_read_the_program_works_and_accepts_keys() {
    let home = tempfile::tempdir().unwrap();
    let recording = home.path().join("run");
    let mut arguments = DEMO.to_vec();
    arguments.extend(["--record", recording.to_str().unwrap()]);
    let mut terminal = Terminal::start(120, 36, &arguments, &[]);
    terminal.wait("a live account", |screen| screen.contains("1 live") && screen.contains("fill"));
    terminal.stall(true);
    fill(&mut terminal);
    let filled = || std::fs::read_to_string(&recording).unwrap().matches("\"fill\"").count();
    let before = filled();
    let reported = until(|| filled() > before + 1);
    assert!(reported, "fills are handled meanwhile");
    terminal.keys("?");
    terminal.stall(false);
    terminal.wait_for(HELP);
    terminal.keys("qq");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.assert_restored();
}

#[test]
fn the_screen_is_cleared_on_entry_and_after_fg_and_ctrl_l_redraws_it() {
    let script = format!(
        "set -m; '{}' demo --seed 7; echo \"stopped $?\"; read line; fg >/dev/null; echo \"ended $?\"",
        env!("CARGO_BIN_EXE_brokerdeck")
    );
    let mut terminal = Terminal::start_program("sh", 100, 30, &["-c", &script], &[]);
    terminal.wait_for("SIMULATED");
    let entry = "\x1b[?1049h\x1b[0m\x1b[2J";
    assert!(terminal.received(entry), "cleared on entry");
    terminal.scribble("\x1b[10;20Hscribbled by another program");
    terminal.keys("\x0c");
    terminal.wait("the screen drawn anew", |screen| screen.contains("SIMULATED") && !screen.contains("scribbled"));
    terminal.keys("\x1a");
    terminal.wait_for("stopped 147");
    terminal.forget();
    terminal.keys("\r");
    terminal.wait_for("SIMULATED");
    assert!(terminal.received(entry), "cleared after fg");
    terminal.keys("q");
    terminal.wait_for("ended 0");
    terminal.end();
    terminal.assert_restored();
}

#[test]
fn an_absurd_terminal_size_is_clamped() {
    let mut terminal = demo();
    terminal.claim(65_535, 65_535);
    terminal.keys("?");
    terminal.claim(0, 0);
    terminal.keys("q");
    terminal.resize(100, 30);
    terminal.wait("the panes", |screen| screen.contains("SIMULATED") && screen.contains("Positions"));
    terminal.keys("q");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.assert_restored();
    let mut terminal = Terminal::start(1, 1, DEMO, &[]);
    terminal.claim(u16::MAX, u16::MAX);
    terminal.keys("q");
    assert_eq!(terminal.end().exit_code(), 0);
}

#[test]
fn the_window_title_is_restored_and_mouse_movement_is_not_reported() {
    let mut terminal = demo();
    terminal.keys("q");
    terminal.end();
    assert!(terminal.received("\x1b[22;2t\x1b]0;brokerdeck\x07"), "the title is saved before it is changed");
    assert!(terminal.received("\x1b]0;\x07\x1b[23;2t"), "and restored");
    for mode in ["\x1b[?1000h", "\x1b[?1006h"] {
        assert!(terminal.received(mode), "{mode:?}");
    }
    for mode in ["\x1b[?1002h", "\x1b[?1003h"] {
        assert!(!terminal.received(mode), "every movement would wake the program");
    }
}

#[test]
fn a_locale_without_unicode_gets_ascii() {
    for (environment, plain) in [("C", true), ("POSIX", true), ("de_DE.ISO-8859-1", true), ("C.UTF-8", false)] {
        let mut terminal = Terminal::start(120, 36, DEMO, &[("LC_ALL", environment), ("LANG", "en_US.UTF-8")]);
        let screen = terminal.wait("a live account", |screen| screen.contains("1 live"));
        assert_eq!(screen.is_ascii(), plain, "{environment}: {screen}");
        terminal.keys("q");
        terminal.end();
    }
}

#[test]
#[cfg(unix)]
fn a_failed_recording_is_reported_on_the_screen() {
    let script = format!(
        "ulimit -f 32; exec '{}' demo --seed 7 --pace 20 --record \"$HOME/run\"",
        env!("CARGO_BIN_EXE_brokerdeck")
    );
    let mut terminal = Terminal::start_program("sh", 140, 40, &["-c", &script], &[]);
    terminal.wait_for("SIMULATED");
    terminal.keys("E");
    terminal.wait_for("the recording has stopped: File too large");
    terminal.keys("qq");
    assert_eq!(terminal.end().exit_code(), 0);
}

/// Reading an endless file would use up the memory before the first frame.
#[cfg(unix)]
#[test]
fn an_endless_time_zone_file_is_reported_and_not_read() {
    let mut terminal = Terminal::start(120, 36, DEMO, &[("TZ", ":/dev/zero")]);
    terminal.wait("the sentence", |screen| screen.contains("SIMULATED") && screen.contains("not a regular file"));
    terminal.keys("\x03");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.assert_restored();
}
