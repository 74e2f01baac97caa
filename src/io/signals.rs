//! Signals as messages, and the end of a program that hangs. A second signal of the same kind ends it at once.

#[cfg(unix)]
mod table;

#[cfg(unix)]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

#[cfg(unix)]
use self::table::Answer;

/// Time for an orderly end: the journal's last records, the terminal.
const GRACE: Duration = Duration::from_millis(1_500);

/// A change of the terminal or of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The terminal was resized; several changes may be reported as one.
    Resized,
    /// The program is to stop.
    Stop,
    /// It continues after a stop; the terminal may be in any state.
    Continued,
}

/// More time for the end, in milliseconds.
static MORE: AtomicU64 = AtomicU64::new(0);

/// Allows the program more time to end, for work that others depend on, such as revoking a token.
pub fn allow(more: Duration) {
    MORE.store(u64::try_from(more.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Waits for the program's own end: this long, and then as long as [`allow`] says. For a thread that then ends it.
#[cfg(unix)]
pub(super) fn wait_for_the_end(grace: Duration) {
    use rustix::event::{Timespec, poll};
    let wait = |time: Duration| {
        let time = Timespec::try_from(time).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        // The thread ends with the program.
        if let Err(error) = poll(&mut [], Some(&time)) {
            tracing::debug!(%error, "the wait for the program's own end was cut short");
        }
    };
    wait(grace);
    wait(Duration::from_millis(MORE.load(Ordering::Relaxed)));
}

/// What is done before a thread ends the program.
#[cfg(unix)]
static LAST: std::sync::OnceLock<fn()> = std::sync::OnceLock::new();

/// Sets what is done before a thread ends the program: the screen, if there is one, restores its terminal.
#[cfg(unix)]
pub(super) fn before_the_end(last: fn()) {
    LAST.get_or_init(|| last);
}

/// Ends the program, whatever it is doing.
#[cfg(unix)]
pub(super) fn end(code: i32) -> ! {
    if let Some(last) = LAST.get() {
        last();
    }
    std::process::exit(code)
}

/// Ends the program if it is still running this long after a signal asked it to end: a terminal that does not read, or
/// a disk that hangs, may block it anywhere. Does not depend on the loop, which may be what hangs.
#[cfg(unix)]
pub fn insist(grace: Duration) {
    use signal_hook::iterator::Signals;
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let began = Signals::new(table::that(Answer::End)).and_then(|mut signals| {
            std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
                let Some(signal) = signals.forever().next() else { return };
                wait_for_the_end(grace);
                end(128 + signal);
            })
        });
        if let Err(error) = began {
            tracing::error!(%error, "a program that hangs will not end by a signal");
        }
    });
}

/// The console ends a program that does not answer.
#[cfg(not(unix))]
pub fn insist(_grace: Duration) {}

/// Ignores the signals that must not end the program. Every command calls it first.
#[cfg(unix)]
pub fn ignore() {
    for signal in table::that(Answer::GoOn) {
        // A no-op handler and not SIG_IGN, because child processes would inherit that.
        if let Err(error) = signal_hook::flag::register(signal, Arc::default()) {
            tracing::error!(%error, signal, "cannot listen for a signal");
        }
    }
}

/// There are no such signals on this platform.
#[cfg(not(unix))]
pub fn ignore() {}

/// The signals that ask the program to end, by number. When the receiver is gone the program is past its loop, and the
/// next signal ends it at once.
#[cfg(unix)]
pub fn ends() -> mpsc::Receiver<u8> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::channel(4);
    for number in table::that(Answer::End) {
        match signal(SignalKind::from_raw(number)) {
            Ok(mut stream) => {
                let sender = sender.clone();
                tokio::spawn(async move {
                    while stream.recv().await.is_some() {
                        if sender.send(u8::try_from(number).unwrap_or(u8::MAX)).await.is_err() {
                            end(128 + number);
                        }
                    }
                });
            }
            Err(error) => tracing::error!(%error, number, "cannot listen for a signal"),
        }
    }
    receiver
}

/// The same for Ctrl-C, the only signal on other platforms.
#[cfg(not(unix))]
pub fn ends() -> mpsc::Receiver<u8> {
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if sender.send(2).await.is_err() {
                break;
            }
        }
    });
    receiver
}

/// The signals that ask the program to end, for a loop; a loop that hangs is ended soon after.
pub fn listen() -> Ends {
    insist(GRACE);
    Ends(ends())
}

/// The stream of signals that [`listen`] returns.
#[derive(Debug)]
pub struct Ends(mpsc::Receiver<u8>);

impl Ends {
    /// The next of them.
    pub async fn recv(&mut self) -> Option<i32> {
        self.0.recv().await.map(i32::from)
    }

    /// Waits for one more signal than the one that ends the program. A hang-up does not count: a terminal that vanishes
    /// sends it twice, by the kernel and by the shell.
    pub async fn insisted(&mut self) {
        #[cfg(unix)]
        let hangup = rustix::process::Signal::HUP.as_raw();
        #[cfg(not(unix))]
        let hangup = 1;
        loop {
            match self.recv().await {
                Some(signal) if signal == hangup => {}
                Some(_) => return,
                None => std::future::pending().await,
            }
        }
    }
}

/// Reports changes of the terminal and of the job.
#[cfg(unix)]
pub fn changes() -> mpsc::Receiver<Change> {
    use rustix::process::Signal;
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = mpsc::channel(1);
    let kinds = [(Signal::WINCH, Change::Resized), (Signal::TSTP, Change::Stop), (Signal::CONT, Change::Continued)];
    for (kind, change) in kinds {
        match signal(SignalKind::from_raw(kind.as_raw())) {
            Ok(mut stream) => {
                let sender = sender.clone();
                tokio::spawn(async move {
                    while stream.recv().await.is_some() {
                        if sender.send(change).await.is_err() {
                            return;
                        }
                    }
                });
            }
            Err(error) => tracing::error!(%error, ?kind, "cannot listen for a signal"),
        }
    }
    receiver
}

/// The console reports its size itself, and stops nothing.
#[cfg(not(unix))]
pub fn changes() -> mpsc::Receiver<Change> {
    mpsc::channel(1).1
}

/// Stops the process, with `all` its whole job as Ctrl-Z would; returns when continued. A process that no shell could
/// continue is not stopped.
#[cfg(unix)]
pub fn stop_self(all: bool) -> bool {
    use rustix::process::{Signal, getpid, kill_current_process_group, kill_process};
    // Not SIGTSTP, which is handled and would be delivered again after the stop.
    let stopped = match is_orphaned() {
        Ok(true) => return false,
        Ok(false) if all => kill_current_process_group(Signal::STOP),
        Ok(false) => kill_process(getpid(), Signal::STOP),
        Err(error) => Err(error),
    };
    if let Err(error) = stopped {
        tracing::warn!(%error, "cannot suspend");
        return false;
    }
    true
}

/// Nothing can be stopped on this platform.
#[cfg(not(unix))]
pub fn stop_self(_all: bool) -> bool {
    false
}

/// Whether no shell of this session controls the job: the program was the terminal's first, or its shell is gone.
#[cfg(unix)]
fn is_orphaned() -> rustix::io::Result<bool> {
    use rustix::process::{getpgid, getpgrp, getppid, getsid};
    let (job, session) = (getpgrp(), getsid(None)?);
    if job == session {
        return Ok(true);
    }
    let Some(parent) = getppid() else { return Ok(true) };
    // A script in between belongs to the job.
    Ok(getpgid(Some(parent))? != job && getsid(Some(parent))? != session)
}
