//! The terminal: raw mode, alternate screen, and the one function that restores it.
//!
//! Invariant: [`restore`] runs however the program ends. Running it twice is harmless, and it never waits for the
//! terminal longer than a moment.

pub mod background;
#[cfg(unix)]
mod output;
#[cfg(not(unix))]
#[path = "terminal/plain.rs"]
mod output;
pub mod receipt;
mod screen;

use std::io::{self, IsTerminal};
use std::panic::Location;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste};
use crossterm::queue;
use crossterm::style::{Print, ResetColor};
use crossterm::terminal::{
    Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, SetTitle,
    disable_raw_mode, enable_raw_mode,
};

use self::output::Output;
pub use self::screen::{Screen, Surface};
use crate::app::effect::Copied;
use crate::domain::text::clean;

/// The output while the terminal is in use.
static TAKEN: Mutex<Option<Arc<Output>>> = Mutex::new(None);

/// How many tasks have panicked since the start, for the user to hear of.
static TASK_PANICS: AtomicU32 = AtomicU32::new(0);

/// Largest screen drawn, in cells; a terminal may claim billions.
const LARGEST: (u16, u16) = (1024, 512);
/// The size assumed for a terminal that does not report it.
const USUAL: (u16, u16) = (80, 24);

/// The terminal saves its window title, and restores it.
const PUSH_TITLE: &str = "\x1b[22;2t";
const POP_TITLE: &str = "\x1b[23;2t";
/// Reports of presses and the wheel, as decimal numbers; movements are not reported.
#[cfg(unix)]
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
/// Also turns off what other programs may have left on.
#[cfg(unix)]
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1015l\x1b[?1003l\x1b[?1002l\x1b[?1000l";

/// Holds the terminal; dropping it restores the terminal.
#[derive(Debug)]
pub struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes the terminal: raw mode, alternate screen.
///
/// # Errors
/// When standard input or output is not a terminal, the terminal cannot place text, or it fails.
pub fn enter(mouse: bool) -> io::Result<(Guard, Screen)> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(io::Error::other("standard input and output must be a terminal"));
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(io::Error::other(
            "TERM=dumb says that this terminal cannot place text; if it can, set TERM to its kind, e.g. xterm-256color",
        ));
    }
    install_panic_hook();
    // Create the guard before changing the first mode, so that an early return restores it.
    let guard = Guard(());
    let output = take_over(mouse)?;
    #[cfg(unix)]
    super::hangup::watch();
    Ok((guard, Screen::new(output, size())?))
}

/// Restores the terminal and stops the process, with `all` its job as Ctrl-Z would; takes the terminal again when
/// continued. False when it could not be stopped.
///
/// # Errors
/// When the terminal fails.
pub fn suspend(all: bool, mouse: bool, screen: &mut Screen) -> io::Result<bool> {
    restore();
    let stopped = super::signals::stop_self(all);
    let output = take_over(mouse)?;
    *screen = Screen::new(output, size())?;
    Ok(stopped)
}

/// Takes the terminal again after an unexpected stop: the shell has changed its modes and written to it.
///
/// # Errors
/// When the terminal fails.
pub fn continued(mouse: bool, screen: &mut Screen) -> io::Result<()> {
    // The library may wrongly believe that raw mode is on.
    disable_raw_mode()?;
    enable_raw_mode()?;
    let mut bytes = Vec::new();
    queue!(bytes, EnterAlternateScreen, ResetColor, Clear(ClearType::All), MoveTo(0, 0))?;
    modes(&mut bytes, mouse)?;
    send(&bytes)?;
    screen.invalidate(size())
}

fn take_over(mouse: bool) -> io::Result<Arc<Output>> {
    #[cfg(unix)]
    super::signals::before_the_end(restore);
    let output = Output::of_stdout()?;
    *taken() = Some(Arc::clone(&output));
    enable_raw_mode()?;
    let mut bytes = Vec::new();
    queue!(bytes, Print(PUSH_TITLE), SetTitle("brokerdeck"), EnterAlternateScreen)?;
    // Without an alternate screen, or with one that keeps its content, old text would remain.
    queue!(bytes, ResetColor, Clear(ClearType::All), MoveTo(0, 0))?;
    modes(&mut bytes, mouse)?;
    output.send(&bytes)?;
    Ok(output)
}

/// The modes that the screen needs besides its cells.
fn modes(bytes: &mut Vec<u8>, mouse: bool) -> io::Result<()> {
    queue!(bytes, Hide, EnableBracketedPaste, DisableLineWrap)?;
    capture(bytes, mouse)
}

#[cfg(unix)]
fn capture(bytes: &mut Vec<u8>, on: bool) -> io::Result<()> {
    queue!(bytes, Print(if on { MOUSE_ON } else { MOUSE_OFF }))
}

#[cfg(not(unix))]
fn capture(bytes: &mut Vec<u8>, on: bool) -> io::Result<()> {
    use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
    if on { queue!(bytes, EnableMouseCapture) } else { queue!(bytes, DisableMouseCapture) }
}

fn taken() -> std::sync::MutexGuard<'static, Option<Arc<Output>>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(bytes: &[u8]) -> io::Result<()> {
    let output = taken().clone();
    output.map_or(Ok(()), |output| output.send(bytes))
}

/// The terminal's size in cells, as far as it is drawn.
pub fn size() -> (u16, u16) {
    let (columns, rows) = reported_size().filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or(USUAL);
    (columns.min(LARGEST.0), rows.min(LARGEST.1))
}

#[cfg(unix)]
fn reported_size() -> Option<(u16, u16)> {
    rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| (size.ws_col, size.ws_row))
}

#[cfg(not(unix))]
fn reported_size() -> Option<(u16, u16)> {
    crossterm::terminal::size().ok()
}

/// Whether this is GNU screen, which holds Escape back until another key comes while mouse reports are on.
pub fn holds_escape_for_the_mouse(read: impl Fn(&str) -> Option<String>) -> bool {
    let is_inner = read("TERM").is_some_and(|term| term.starts_with("screen"));
    read("STY").is_some() && read("TMUX").is_none() && is_inner
}

/// Turns mouse reports on or off.
///
/// # Errors
/// When the terminal is gone.
pub fn capture_mouse(on: bool) -> io::Result<()> {
    let mut bytes = Vec::new();
    capture(&mut bytes, on)?;
    send(&bytes)
}

/// Sets every mode and draws every cell of the next frame, after another program wrote to the terminal or reset it.
///
/// # Errors
/// When the terminal is gone.
pub fn repaint(mouse: bool, screen: &mut Screen) -> io::Result<()> {
    let mut bytes = Vec::new();
    modes(&mut bytes, mouse)?;
    send(&bytes)?;
    screen.invalidate(size())
}

/// Restores the terminal: every mode that was ever switched on, main screen, cursor, title, raw mode.
///
/// Errors are ignored: the terminal may be gone, and there is no one to report them to.
pub fn restore() {
    let Some(output) = taken().take() else { return };
    let mut bytes = Vec::new();
    let queued = capture(&mut bytes, false).and_then(|()| {
        queue!(bytes, DisableBracketedPaste, DisableFocusChange, EnableLineWrap, ResetColor)?;
        // On a terminal without an alternate screen, continue on a clear screen, not below half a dashboard.
        queue!(bytes, Clear(ClearType::All), MoveTo(0, 0), LeaveAlternateScreen, Show)?;
        // A terminal that cannot restore its title gets an empty one instead of ours.
        queue!(bytes, SetTitle(""), Print(POP_TITLE))
    });
    drop(queued);
    output.end(&bytes);
    drop(disable_raw_mode());
}

fn install_panic_hook() {
    use std::sync::Once;
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if is_in_a_task() {
                return note_task_panic(info.location());
            }
            restore();
            previous(info);
        }));
    });
}

/// True in a task, after whose panic the program continues; false in the loop, whose panic ends the program.
fn is_in_a_task() -> bool {
    tokio::task::try_id().is_some()
}

/// Without the panic's message, which may quote a broker.
pub(super) fn note_task_panic(at: Option<&Location<'_>>) {
    tracing::error!(at = at.map(tracing::field::display), "a task panicked");
    TASK_PANICS.fetch_add(1, Ordering::Relaxed);
}

/// How many tasks have panicked since the start.
pub fn task_panics() -> u32 {
    TASK_PANICS.load(Ordering::Relaxed)
}

/// Copies text to the clipboard of the terminal's machine (OSC 52); works over SSH.
///
/// # Errors
/// When the terminal is gone.
pub fn copy(text: &Copied) -> io::Result<()> {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(text.expose());
    send(format!("\x1b]52;c;{encoded}\x07").as_bytes())
}

/// Rings the bell.
///
/// # Errors
/// When the terminal is gone.
pub fn bell() -> io::Result<()> {
    send(b"\x07")
}

/// Shows a desktop notification (OSC 9).
///
/// # Errors
/// When the terminal is gone.
pub fn notify(text: &str) -> io::Result<()> {
    send(notification(text).as_bytes())
}

fn notification(text: &str) -> String {
    // Some terminals take a leading number for a command.
    let blank = if text.starts_with(|ch: char| ch.is_ascii_digit()) { " " } else { "" };
    format!("\x1b]9;{blank}{}\x07", clean(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gnu_screen_is_recognised_and_another_terminal_inside_it_is_not() {
        let with = |variables: &'static [(&str, &str)]| {
            holds_escape_for_the_mouse(move |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(with(&[("TERM", "screen.xterm-256color"), ("STY", "1.pts-0.host")]));
        assert!(!with(&[("TERM", "screen-256color"), ("TMUX", "/tmp/tmux-0/default,1,0")]));
        assert!(!with(&[("TERM", "screen-256color"), ("STY", "1.pts-0.host"), ("TMUX", "/tmp/tmux-0/default,1,0")]));
        assert!(!with(&[("TERM", "xterm-kitty"), ("STY", "1.pts-0.host")]));
    }

    #[tokio::test]
    async fn only_a_panic_outside_a_task_ends_the_screen() {
        assert!(!is_in_a_task());
        assert!(tokio::spawn(async { is_in_a_task() }).await.unwrap());
        assert!(tokio::task::spawn_blocking(is_in_a_task).await.unwrap());
    }

    #[test]
    fn a_notification_is_one_sequence_and_no_command() {
        assert_eq!(notification("Paper: BUY 1 F"), "\x1b]9;Paper: BUY 1 F\x07");
        assert_eq!(notification("6;\x07\x1b]52;c;eA==\u{9c}\u{202e}"), "\x1b]9; 6;␇␛]52;c;eA==\u{fffd}\x07");
    }
}
