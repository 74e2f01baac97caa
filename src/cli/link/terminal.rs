//! Stdin as lines, on a terminal that does not echo what is pasted.

use std::io::{BufRead, Read};

use tokio::sync::mpsc;

use crate::error::Error;

/// Longest line, in bytes.
const LONGEST_LINE: u64 = 64 * 1024;

/// The lines of stdin. Reads on a separate thread: a read cannot be canceled, and the runtime would wait at the end
/// until the user presses Enter.
pub(super) fn lines_of_stdin() -> Result<mpsc::Receiver<String>, Error> {
    let (sender, receiver) = mpsc::channel(4);
    let work = move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            match (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line) {
                Ok(read) if read > 0 => {}
                _ => return,
            }
            if sender.blocking_send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("stdin".to_owned()).spawn(work);
    thread.map(|_| receiver).map_err(|error| {
        Error::failed(format!("cannot read standard input: {error}"), "end some programs, then run it again")
    })
}

/// Turns the terminal's echo off until dropped; does nothing when stdin is not a terminal.
pub(super) struct QuietTerminal {
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl QuietTerminal {
    /// Turns the echo off.
    #[cfg(unix)]
    pub(super) fn new() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(mut quiet) = before.clone() {
            quiet.local_modes.remove(LocalModes::ECHO);
            // Without it the paste is visible, which is no reason to stop.
            tcsetattr(std::io::stdin(), OptionalActions::Now, &quiet).ok();
        }
        Self { before }
    }

    /// The echo stays on, on this platform.
    #[cfg(not(unix))]
    pub(super) fn new() -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for QuietTerminal {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, before).ok();
        }
    }
}
