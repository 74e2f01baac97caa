//! Output to the terminal. A terminal that stops reading delays its own output and nothing else.
//!
//! Bytes are written at once, without blocking, over a separate descriptor: making standard output itself non-blocking
//! would change it for the shell too. A thread writes what the terminal does not take, and until it is done no frame is
//! drawn. So the next frame is always drawn from the current state, against the frame that the terminal has received.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::termios::{QueueSelector, tcflush};
use tokio::sync::Notify;

/// Most bytes of bells, copies and notifications that wait for a terminal that does not read.
const MOST_WAITING: usize = 256 * 1024;
/// How often the thread checks whether to stop, while the terminal does not read.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
/// Time limits at the end: for a frame being written, for the thread to stop, for the last bytes.
const OUTPUT_TIMEOUT: Duration = Duration::from_millis(200);
/// Attempts to write the last bytes, of a tenth of a second each.
const LAST_ATTEMPTS: usize = 5;
/// Ends any escape sequence that the terminal may be in.
const BROKEN_OFF: &[u8] = b"\x18\x1b\\";

/// The output to a terminal.
#[derive(Debug)]
pub(super) struct Output {
    file: File,
    /// Whether writing is non-blocking.
    immediate: bool,
    state: Mutex<State>,
    changed: Condvar,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// What the thread has to write.
    bytes: Vec<u8>,
    /// What was added since.
    waiting: Vec<u8>,
    /// Whether the thread is writing.
    busy: bool,
    /// Whether the thread is running.
    started: bool,
    /// Whether the program is ending: unwritten bytes are dropped.
    ending: bool,
    /// Whether the terminal is gone.
    gone: bool,
}

impl Output {
    /// The terminal on standard output.
    ///
    /// # Errors
    /// When there are no free descriptors.
    pub(super) fn of_stdout() -> io::Result<Arc<Self>> {
        if let Some(file) = own_descriptor() {
            return Ok(Self::new(file, true));
        }
        // The terminal may belong to another user, after `su`. Then the thread blocks instead of the loop.
        let shared = io::stdout().as_fd().try_clone_to_owned()?;
        Ok(Self::new(shared.into(), false))
    }

    fn new(file: File, immediate: bool) -> Arc<Self> {
        let (state, changed, freed) = (Mutex::default(), Condvar::new(), Notify::new());
        Arc::new(Self { file, immediate, state, changed, freed })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether everything is written, so that a frame may follow.
    pub(super) fn is_free(&self) -> bool {
        !self.lock().busy
    }

    /// Waits until [`Self::is_free`] may have changed.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Writes, and leaves to the thread what the terminal does not take.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn send(self: &Arc<Self>, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        if state.gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if state.busy {
            if state.waiting.len() + bytes.len() <= MOST_WAITING {
                state.waiting.extend_from_slice(bytes);
            } else {
                tracing::debug!("the terminal does not read its input; a bell, copy or notification was lost");
            }
            return Ok(());
        }
        let written = if self.immediate { write(&self.file, bytes)? } else { 0 };
        let rest = bytes.get(written..).unwrap_or_default();
        if !rest.is_empty() {
            state.bytes.extend_from_slice(rest);
            state.busy = true;
            if !state.started {
                state.started = true;
                let output = Arc::clone(self);
                std::thread::Builder::new().name("terminal".to_owned()).spawn(move || output.write_on())?;
            }
            self.changed.notify_all();
        }
        Ok(())
    }

    /// The thread: writes the rest as the terminal takes it.
    fn write_on(&self) {
        let mut state = self.lock();
        loop {
            while state.bytes.is_empty() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let bytes = std::mem::take(&mut state.bytes);
            drop(state);
            let through = self.write_all(&bytes);
            state = self.lock();
            state.gone |= through.is_err();
            state.bytes = std::mem::take(&mut state.waiting);
            if state.gone || state.ending {
                state.bytes.clear();
            }
            if state.bytes.is_empty() {
                state.busy = false;
                self.changed.notify_all();
                self.freed.notify_one();
            }
        }
    }

    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() && !self.lock().ending {
            let written = write(&self.file, rest)?;
            rest = rest.get(written..).unwrap_or_default();
            if !rest.is_empty() {
                writable(&self.file, &LOOK);
            }
        }
        Ok(())
    }

    /// Writes the last bytes: after the rest if the terminal takes that soon, and otherwise without it.
    ///
    /// Errors are ignored: the terminal may be gone, and there is no one to report them to.
    pub(super) fn end(&self, bytes: &[u8]) {
        let state = self.wait_idle(self.lock());
        if !state.busy {
            drop(state);
            (0..LAST_ATTEMPTS).fold(bytes, |rest, _| self.write_soon(rest));
            return;
        }
        let mut state = state;
        state.ending = true;
        // The thread looks at this within `LOOK`; on a busy machine it may not run at once.
        let state = (0..if self.immediate { 3 } else { 1 }).fold(state, |state, _| self.wait_idle(state));
        if state.busy || !self.immediate {
            // The thread hangs in a write, and so would this one.
            return;
        }
        drop(state);
        let last = [BROKEN_OFF, bytes].concat();
        // Dropping what was not read makes room a moment later, and not always for all of it.
        for _ in 0..LAST_ATTEMPTS {
            if let Err(error) = tcflush(&self.file, QueueSelector::OFlush) {
                tracing::debug!(%error, "output that the terminal has not read cannot be dropped");
            }
            if self.write_soon(&last).is_empty() {
                return;
            }
        }
    }

    fn wait_idle<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.changed.wait_timeout_while(state, OUTPUT_TIMEOUT, |state| state.busy);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Writes for a tenth of a second; returns what the terminal did not take, which is nothing once it is gone.
    fn write_soon<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        for _ in 0..5 {
            let Ok(written) = write(&self.file, rest) else { return &[] };
            rest = rest.get(written..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            writable(&self.file, &LOOK);
        }
        rest
    }
}

/// Writes as much as is taken now; on a blocking descriptor, everything.
fn write(file: &File, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match rustix::io::write(file, rest) {
            Ok(0) | Err(Errno::AGAIN) => break,
            Ok(count) => written += count,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(written)
}

fn writable(file: &File, within: &Timespec) {
    if let Err(error) = poll(&mut [PollFd::new(file, PollFlags::OUT)], Some(within)) {
        // The next write reports the error.
        tracing::debug!(%error, "the terminal cannot be waited for");
    }
}

/// A second, non-blocking descriptor of the same terminal.
fn own_descriptor() -> Option<File> {
    let open = |path: &std::path::Path| {
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        OpenOptions::new().write(true).custom_flags(flags).open(path).ok()
    };
    // Also works when the terminal's name is from another container.
    #[cfg(target_os = "linux")]
    if let Some(file) = open(std::path::Path::new("/proc/self/fd/1")) {
        return Some(file);
    }
    let name = rustix::termios::ttyname(io::stdout(), Vec::new()).ok()?;
    open(std::path::Path::new(std::ffi::OsStr::from_bytes(name.as_bytes())))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::OwnedFd;

    use super::*;

    /// An output into a pipe, and the pipe's other end.
    fn piped() -> (Arc<Output>, File) {
        let (reader, writer) = io::pipe().unwrap();
        rustix::fs::fcntl_setfl(&writer, OFlags::NONBLOCK).unwrap();
        let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
        (Output::new(writer.into(), true), reader.into())
    }

    #[test]
    fn a_terminal_that_does_not_read_holds_up_neither_a_frame_nor_the_end() {
        let (output, mut reader) = piped();
        output.send(b"first").unwrap();
        assert!(output.is_free());
        // More than a pipe's capacity.
        output.send(&vec![b'x'; 1024 * 1024]).unwrap();
        assert!(!output.is_free());
        output.send(b"bell").unwrap();
        output.end(b"end");
        assert!(output.is_free(), "the thread is done");
        let mut read = vec![0; 5];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(read, b"first");
    }

    #[tokio::test]
    async fn waiting_output_follows_in_order_and_then_the_output_is_free() {
        let (output, mut reader) = piped();
        output.send(&vec![b'x'; 1024 * 1024]).unwrap();
        output.send(b"bell").unwrap();
        let reading = std::thread::spawn(move || {
            let mut read = vec![0; 1024 * 1024 + 4];
            reader.read_exact(&mut read).unwrap();
            (read.split_off(1024 * 1024), reader)
        });
        while !output.is_free() {
            output.freed().await;
        }
        let (last, mut reader) = reading.join().unwrap();
        assert_eq!(last, b"bell");
        output.end(b"end");
        let mut read = [0; 3];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"end");
    }

    #[test]
    fn waiting_output_is_bounded() {
        let (output, _reader) = piped();
        output.send(&vec![b'x'; 1024 * 1024]).unwrap();
        for _ in 0..100 {
            output.send(&vec![b'b'; 64 * 1024]).unwrap();
        }
        assert!(output.lock().waiting.len() <= MOST_WAITING);
    }
}
