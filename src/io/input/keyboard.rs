//! Reads the terminal byte by byte, on a separate thread.

use std::collections::VecDeque;
use std::io::{self, stdin};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc;

use super::InputEvent;
use super::decoder::Decoder;
use crate::io::clock::Clock;

/// Keys and pastes that wait for the loop; the terminal keeps the rest.
const WAITING: usize = 64;

/// Standard input as input events. Only one may exist: two would split the bytes of a key.
#[derive(Default)]
pub struct Keyboard {
    decoder: Decoder,
    heard: VecDeque<InputEvent>,
    clock: Clock,
}

impl Keyboard {
    /// Waits for the next event.
    ///
    /// # Errors
    /// When the terminal is gone.
    fn next(&mut self) -> io::Result<InputEvent> {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return Ok(heard);
            }
            let now = self.clock.now().mono;
            let mut heard = Vec::new();
            if readable(self.decoder.deadline().map(|at| at.since(now)))? {
                self.read(&mut heard)?;
            } else {
                self.decoder.expire(self.clock.now().mono, &mut heard);
            }
            self.heard.extend(heard);
        }
    }

    fn read(&mut self, heard: &mut Vec<InputEvent>) -> io::Result<()> {
        let mut bytes = [0; 4096];
        let read = match rustix::io::read(stdin(), &mut bytes) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(Errno::INTR | Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let now = self.clock.now().mono;
        self.decoder.feed(bytes.get(..read).unwrap_or_default(), now, heard);
        Ok(())
    }
}

/// Waits until there is something to read, or for this long.
fn readable(within: Option<Duration>) -> io::Result<bool> {
    // Round up, or the wait would end before the deadline and start again.
    let within = within.map(|within| within + Duration::from_micros(1));
    let within = within.map(|within| Timespec {
        tv_sec: i64::try_from(within.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: within.subsec_nanos().into(),
    });
    let input = stdin();
    let mut watched = [PollFd::new(&input, PollFlags::IN)];
    match poll(&mut watched, within.as_ref()) {
        // A hang-up is read as end of file.
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Input events from now on; the channel closes when the terminal is gone.
pub fn listen(mut keyboard: Keyboard) -> mpsc::Receiver<InputEvent> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let thread = std::thread::Builder::new().name("keyboard".to_owned()).spawn(move || {
        loop {
            match keyboard.next() {
                Ok(heard) => {
                    if sender.blocking_send(heard).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::info!(%error, "the terminal says no more");
                    return;
                }
            }
        }
    });
    if let Err(error) = thread {
        tracing::error!(%error, "the keyboard cannot be read");
    }
    receiver
}
