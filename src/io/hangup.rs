//! The end of a terminal that has gone, whatever the program is doing with it.
//!
//! Reading keys from a closed terminal may never return: the library reads on at its end. So a thread of its own waits for the
//! hang-up, leaves the loop a moment to end by itself, and then ends the program. It costs nothing while the terminal is there.

use std::io::stdin;
use std::sync::Once;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How long the program may take to end by itself, in nanoseconds.
const GRACE: Timespec = Timespec { tv_sec: 0, tv_nsec: 700_000_000 };
/// The exit code: as after SIGHUP.
const GONE: i32 = 129;

/// Starts to watch standard input, once.
pub fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let thread = std::thread::Builder::new().name("hangup".to_owned()).spawn(|| {
            if gone() {
                // A program that ends by itself takes the thread with it.
                if let Err(error) = poll(&mut [], Some(&GRACE)) {
                    tracing::debug!(%error, "the wait for the program's own end was cut short");
                }
                super::terminal::restore();
                std::process::exit(GONE);
            }
        });
        if let Err(error) = thread {
            tracing::warn!(%error, "a terminal that vanishes will be noticed by its signal alone");
        }
    });
}

/// Waits until the terminal hangs up; false where the system cannot tell.
fn gone() -> bool {
    let input = stdin();
    loop {
        // Asked for nothing, it wakes for a hang-up only.
        let mut watched = [PollFd::new(&input, PollFlags::empty())];
        match poll(&mut watched, None) {
            Ok(_) => return watched.iter().any(|fd| fd.revents().contains(PollFlags::HUP)),
            Err(Errno::INTR) => {}
            Err(error) => {
                tracing::warn!(%error, "a terminal that vanishes will be noticed by its signal alone");
                return false;
            }
        }
    }
}
