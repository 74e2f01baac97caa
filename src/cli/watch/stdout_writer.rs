//! Standard output for a program that must not block on its reader: a thread writes one line at a time.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::watch;

use crate::cli::output::{self, Printable};
use crate::error::Error;

/// How long to wait for a line to be written before going on; longer than an active reader takes.
const USUAL: Duration = Duration::from_millis(20);

/// Bytes, including the line end, that a pipe with room takes at once (`PIPE_BUF`: at least 512 by POSIX, 4096 on
/// Linux; what reports room has that much).
const AT_ONCE: usize = if cfg!(target_os = "linux") { 4_096 } else { 512 };

/// A request to the thread.
enum Job {
    /// Report when there is room for a line.
    Room,
    /// Write a line.
    Line(Printable),
}

/// The thread's answer.
enum Done {
    Room,
    Line(Result<bool, Error>),
}

/// The state of the reader.
pub(super) enum Reader {
    /// The next line can be written.
    Ready,
    /// Not reading: there is no room, or a line is being written.
    Waits,
    /// The line was written; `false` when the reader is gone.
    Took(Result<bool, Error>),
}

/// Access to standard output.
pub(super) struct StdoutWriter {
    jobs: mpsc::Sender<Job>,
    done: mpsc::Receiver<Done>,
    /// Signals that the thread has done something.
    moved: watch::Receiver<u64>,
    asked: bool,
    /// The last line was not written at once, so the next check does not wait.
    slow: bool,
    /// Whether stdout is a terminal, which reports more room than it has.
    terminal: bool,
    /// Whether the reader is gone; also detected while there is nothing to write.
    unread: Arc<AtomicBool>,
}

impl StdoutWriter {
    /// Starts the threads. They run until the program ends, because a write or wait cannot be canceled.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn new() -> Result<Self, Error> {
        let (jobs, asked) = mpsc::channel();
        let (reply, done) = mpsc::channel();
        let (signal, moved) = watch::channel(0_u64);
        let signal = Arc::new(signal);
        let unread = Arc::new(AtomicBool::new(false));
        let (seen, notify) = (Arc::clone(&unread), Arc::clone(&signal));
        begin("reader", move || {
            if output::wait_until_unread() {
                seen.store(true, Ordering::Release);
                notify.send_modify(|count| *count += 1);
            }
        })?;
        begin("stdout", move || {
            while let Ok(job) = asked.recv() {
                let answer = match job {
                    Job::Room => {
                        output::wait_for_room();
                        Done::Room
                    }
                    Job::Line(text) => Done::Line(output::print(&text)),
                };
                if reply.send(answer).is_err() {
                    return;
                }
                signal.send_modify(|count| *count += 1);
            }
        })?;
        let terminal = std::io::stdout().is_terminal();
        Ok(Self { jobs, done, moved, asked: false, slow: false, terminal, unread })
    }

    /// Signals that [`Self::look`] may have something new.
    pub(super) fn moved(&self) -> watch::Receiver<u64> {
        self.moved.clone()
    }

    /// Checks the reader; waits a moment for one that has been reading.
    pub(super) fn look(&mut self) -> Reader {
        if self.asked {
            let wait = if self.slow { Duration::ZERO } else { USUAL };
            match self.done.recv_timeout(wait) {
                Err(RecvTimeoutError::Timeout) => {
                    self.slow = true;
                    return Reader::Waits;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let ended = "the thread that writes to standard output has ended";
                    return Reader::Took(Err(Error::ours(ended)));
                }
                Ok(done) => {
                    (self.asked, self.slow) = (false, false);
                    if let Done::Line(result) = done {
                        return Reader::Took(result);
                    }
                }
            }
        }
        if self.unread.load(Ordering::Acquire) {
            return Reader::Took(Ok(false));
        }
        if output::has_room() {
            return Reader::Ready;
        }
        self.ask(Job::Room);
        self.slow = true;
        Reader::Waits
    }

    /// Writes a line; only when [`Reader::Ready`]. Returns the outcome, if it is known at once.
    ///
    /// A pipe with room takes a short line without blocking. Writing it here lets it be noted as reported sooner, which
    /// shortens the time in which a kill leaves its state unknown.
    pub(super) fn write(&mut self, text: Printable) -> Option<Result<bool, Error>> {
        if !self.terminal && text.bytes() < AT_ONCE {
            return Some(output::print(&text));
        }
        self.ask(Job::Line(text));
        None
    }

    fn ask(&mut self, job: Job) {
        self.asked = true;
        // If the thread has ended, waiting for its answer reports that.
        self.jobs.send(job).ok();
    }
}

fn begin(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let begun = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    begun.map(drop).map_err(|error| output::unwritten(&error))
}
