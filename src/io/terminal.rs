//! The terminal: raw mode, alternate screen, and the one function that gives it back.
//!
//! Invariant: whatever ends the program, [`restore`] runs, and running it twice does no harm.

use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use crossterm::style::ResetColor;
use crossterm::terminal::{DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, SetTitle};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// Whether there is anything to give back.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The screen to draw on.
pub type Screen = Terminal<CrosstermBackend<io::BufWriter<Stdout>>>;

/// Holds the terminal; dropping it gives it back.
#[derive(Debug)]
pub struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes the terminal over.
///
/// # Errors
/// When standard input or output is no terminal, or it refuses.
pub fn enter(mouse: bool) -> io::Result<(Guard, Screen)> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return Err(io::Error::other("standard input and output must be a terminal"));
    }
    install_panic_hook();
    // The guard exists before the first mode is changed, so that no early return leaves one behind.
    let guard = Guard(());
    take_over(mouse)?;
    #[cfg(unix)]
    super::hangup::watch();
    Ok((guard, screen()?))
}

/// A screen that takes the terminal for empty, as an alternate screen just entered is.
///
/// After a suspend this stands in for `Terminal::clear`, which asks the terminal where its cursor is and fails where
/// nobody answers.
///
/// # Errors
/// When the terminal does not tell its size.
pub fn screen() -> io::Result<Screen> {
    Terminal::new(CrosstermBackend::new(io::BufWriter::with_capacity(64 * 1024, io::stdout())))
}

/// Takes the terminal over again after a suspend.
///
/// # Errors
/// When the terminal refuses.
pub fn take_over(mouse: bool) -> io::Result<()> {
    ENTERED.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    let mut out = io::stdout();
    execute!(out, EnterAlternateScreen, Hide, EnableBracketedPaste, DisableLineWrap, SetTitle("brokerdeck"))?;
    capture_mouse(mouse)
}

/// Turns mouse reports on or off.
///
/// # Errors
/// When the terminal refuses.
pub fn capture_mouse(on: bool) -> io::Result<()> {
    if on { execute!(io::stdout(), EnableMouseCapture) } else { execute!(io::stdout(), DisableMouseCapture) }
}

/// Gives the terminal back: every mode off that was ever switched on, main screen, cursor, raw mode.
///
/// Errors are ignored on purpose: the terminal may be gone, and there is nobody left to tell.
pub fn restore() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    let queued = queue!(
        out,
        DisableMouseCapture,
        DisableBracketedPaste,
        DisableFocusChange,
        EnableLineWrap,
        ResetColor,
        LeaveAlternateScreen,
        Show
    );
    drop(queued.and_then(|()| out.flush()));
    drop(disable_raw_mode());
}

fn install_panic_hook() {
    use std::sync::Once;
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            previous(info);
        }));
    });
}

/// Puts text on the clipboard of the terminal's own machine (OSC 52), also over SSH.
///
/// # Errors
/// When the terminal is gone.
pub fn copy(text: &str) -> io::Result<()> {
    use base64::Engine as _;
    let encoded = base64::engine::general_purpose::STANDARD.encode(text);
    let mut out = io::stdout();
    write!(out, "\x1b]52;c;{encoded}\x07")?;
    out.flush()
}

/// Rings the bell.
///
/// # Errors
/// When the terminal is gone.
pub fn bell() -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(b"\x07")?;
    out.flush()
}

/// A desktop notification (OSC 9). The text must be sanitised.
///
/// # Errors
/// When the terminal is gone.
pub fn notify(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    write!(out, "\x1b]9;{text}\x07")?;
    out.flush()
}

/// Sets the window's title. The text must be sanitised.
///
/// # Errors
/// When the terminal is gone.
pub fn title(text: &str) -> io::Result<()> {
    execute!(io::stdout(), SetTitle(text))
}
