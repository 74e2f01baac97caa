//! The terminal while an address may be pasted: it shows nothing of it, and does not cut it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::io::signals::{self, Change};

/// How often a job in the background looks whether it is in the foreground now; a shell need not tell it.
pub(super) const LOOK: Duration = Duration::from_millis(250);

/// Turns echo and line mode of the terminal off while that is wanted, and on again for a shell; does nothing when stdin is
/// not a terminal, or is another job's. In line mode a terminal keeps no more than 4,095 bytes of a line.
pub(super) struct QuietTerminal {
    wanted: bool,
    unlined: Arc<AtomicBool>,
    #[cfg(unix)]
    before: Option<rustix::termios::Termios>,
}

impl QuietTerminal {
    /// A terminal as it is; `unlined` is set while it delivers single keys.
    pub(super) fn new(unlined: Arc<AtomicBool>) -> Self {
        Self {
            wanted: false,
            unlined,
            #[cfg(unix)]
            before: None,
        }
    }

    /// From here on nothing that is pasted should be shown.
    pub(super) fn want(&mut self) {
        self.wanted = true;
        self.look();
    }

    /// From here on it may be.
    pub(super) fn release(&mut self) {
        self.wanted = false;
        self.give_back();
    }

    /// The program is to stop, or continues after a stop.
    pub(super) fn on_change(&mut self, change: Change) {
        match change {
            Change::Stop => {
                self.give_back();
                signals::stop_self(false);
            }
            Change::Continued => {}
            Change::Resized => return,
        }
        // A shell may have changed its modes since, or have put this process into the background.
        self.unlined.store(false, Ordering::Relaxed);
        self.look();
    }
}

#[cfg(unix)]
impl QuietTerminal {
    /// Whether the terminal should deliver single keys and does not yet.
    pub(super) fn waits(&self) -> bool {
        self.wanted && !self.unlined.load(Ordering::Relaxed) && is_terminal()
    }

    /// Takes the terminal if that is wanted and this job has it.
    pub(super) fn look(&mut self) {
        use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
        let input = std::io::stdin();
        if !self.waits() || !is_foreground(&input) {
            return;
        }
        let Ok(now) = tcgetattr(&input) else { return };
        let mut quiet = now.clone();
        quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        quiet.special_codes[SpecialCodeIndex::VMIN] = 1;
        quiet.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Modes without line mode are our own, left from before an unexpected stop.
        if self.before.is_none() || now.local_modes.contains(LocalModes::ICANON) {
            self.before = Some(now);
        }
        self.unlined.store(true, Ordering::Relaxed);
        // Without it the paste is visible, which is no reason to stop.
        tcsetattr(&input, OptionalActions::Now, &quiet).ok();
    }

    fn give_back(&mut self) {
        self.unlined.store(false, Ordering::Relaxed);
        let input = std::io::stdin();
        if let Some(before) = self.before.take()
            && is_foreground(&input)
        {
            rustix::termios::tcsetattr(&input, rustix::termios::OptionalActions::Now, &before).ok();
        }
    }
}

/// Echo and line mode stay on, on this platform.
#[cfg(not(unix))]
impl QuietTerminal {
    pub(super) fn waits(&self) -> bool {
        false
    }

    pub(super) fn look(&mut self) {}

    fn give_back(&mut self) {}
}

impl Drop for QuietTerminal {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(unix)]
fn is_terminal() -> bool {
    use std::io::IsTerminal;
    std::io::stdin().is_terminal()
}

/// Whether reading this input and setting its modes cannot stop the job: it is not a terminal, or not the controlling
/// one, or this job is in its foreground.
#[cfg(unix)]
fn is_foreground(input: &impl std::os::fd::AsFd) -> bool {
    rustix::termios::tcgetpgrp(input).map_or(true, |group| group == rustix::process::getpgrp())
}

/// Waits until this input can be read, at most for `timeout`; false when nothing arrived by then. What is typed while
/// another job has the terminal belongs to that job.
#[cfg(unix)]
pub(super) fn wait_for_input(input: &impl std::os::fd::AsFd, timeout: Option<Duration>) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    loop {
        // A read reports the errors of both.
        if poll(&mut [PollFd::new(input, PollFlags::IN)], timeout.as_ref()) == Ok(0) {
            return false;
        }
        if is_foreground(input) {
            return true;
        }
        poll(&mut [], Timespec::try_from(LOOK).ok().as_ref()).ok();
    }
}
