//! Ends the program when its terminal is gone, whatever it is doing.
//!
//! Reading keys from a closed terminal may never return, because the library retries at end of file. So a separate
//! thread waits for the hang-up, gives the loop a moment to end, and then ends the program.

use std::io::stdin;
use std::sync::Once;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// Time for the program to end on its own.
const GRACE: Duration = Duration::from_millis(700);
/// The exit code, as after SIGHUP.
const GONE: i32 = 129;

/// Starts watching standard input; only once.
pub fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let thread = std::thread::Builder::new().name("hangup".to_owned()).spawn(|| {
            if gone() {
                super::signals::wait_for_the_end(GRACE);
                super::signals::end(GONE);
            }
        });
        if let Err(error) = thread {
            tracing::warn!(%error, "a terminal that vanishes will be noticed by its signal alone");
        }
    });
}

/// Waits until the terminal hangs up; false where the system cannot report that.
fn gone() -> bool {
    let input = stdin();
    loop {
        // Without requested events, poll only wakes for a hang-up.
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
