//! Standard output for a program that goes on when its reader does not: a thread waits for the reader, one line at a time.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::watch;

use crate::cli::output::{self, Printable};
use crate::error::Error;

/// How long a line is waited for before the program goes on without it: longer than a reader takes that reads.
const USUAL: Duration = Duration::from_millis(20);

/// The bytes that a pipe with room takes at once, the end of the line among them (POSIX: `PIPE_BUF` is 512 at least, and 4096
/// on Linux; what says that it has room has as much).
const AT_ONCE: usize = if cfg!(target_os = "linux") { 4_096 } else { 512 };

/// What the thread is asked.
enum Job {
    /// Tell when there is room for a line.
    Room,
    /// Write one.
    Line(Printable),
}

/// What became of it.
enum Done {
    Room,
    Line(Result<bool, Error>),
}

/// Where the reader is.
pub(super) enum Reader {
    /// The next line can go out.
    Ready,
    /// It does not read: there is no room, or a line is on its way.
    Waits,
    /// The line went out; `false` when nobody reads any more.
    Took(Result<bool, Error>),
}

/// The way to standard output.
pub(super) struct Outlet {
    jobs: mpsc::Sender<Job>,
    done: mpsc::Receiver<Done>,
    /// Changes when something was done.
    moved: watch::Receiver<u64>,
    asked: bool,
    /// The last line did not go out at once: the next look waits for nothing.
    slow: bool,
    /// A terminal says that there is room for more than it takes.
    terminal: bool,
    /// Nobody reads any more: seen also while there is nothing to write.
    unread: Arc<AtomicBool>,
}

impl Outlet {
    /// Begins its threads. They end with the program, for nothing calls off a write or a wait.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(super) fn new() -> Result<Self, Error> {
        let (jobs, asked) = mpsc::channel();
        let (reply, done) = mpsc::channel();
        let (signal, moved) = watch::channel(0_u64);
        let signal = Arc::new(signal);
        let unread = Arc::new(AtomicBool::new(false));
        let (seen, told) = (Arc::clone(&unread), Arc::clone(&signal));
        begin("reader", move || {
            if output::wait_until_unread() {
                seen.store(true, Ordering::Release);
                told.send_modify(|count| *count += 1);
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

    /// Changes when it is worth looking again.
    pub(super) fn moved(&self) -> watch::Receiver<u64> {
        self.moved.clone()
    }

    /// Looks where the reader is; waits a moment for one that has read so far.
    pub(super) fn look(&mut self) -> Reader {
        if self.asked {
            let patience = if self.slow { Duration::ZERO } else { USUAL };
            match self.done.recv_timeout(patience) {
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

    /// Writes a line; only when it is [`Reader::Ready`]. What became of it, when that is known at once.
    ///
    /// A pipe with room takes so much without waiting, and a line that is written here is noted as told sooner: a kill
    /// between the two leaves it open whether it went out.
    pub(super) fn write(&mut self, text: Printable) -> Option<Result<bool, Error>> {
        if !self.terminal && text.bytes() < AT_ONCE {
            return Some(output::print(&text));
        }
        self.ask(Job::Line(text));
        None
    }

    fn ask(&mut self, job: Job) {
        self.asked = true;
        // That the thread has ended shows where its answer is waited for.
        self.jobs.send(job).ok();
    }
}

fn begin(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let begun = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    begun.map(drop).map_err(|error| output::unwritten(&error))
}
