//! Stdin as lines.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
#[cfg(unix)]
use std::time::Duration;

use tokio::sync::mpsc;

use crate::error::Error;

/// Longest line, in bytes; a longer one comes in pieces.
const LONGEST_LINE: usize = 64 * 1024;

/// How long to wait for the line end of an address before it is taken without one.
#[cfg(unix)]
const UNTERMINATED: Duration = Duration::from_millis(500);

/// The lines of stdin. Reads on a separate thread: a read cannot be canceled, and the runtime would wait at the end
/// until the user presses Enter. While `unlined` the terminal delivers single keys.
pub(super) fn lines_of_stdin(unlined: Arc<AtomicBool>) -> Result<mpsc::Receiver<String>, Error> {
    let (sender, receiver) = mpsc::channel(4);
    let thread = std::thread::Builder::new().name("stdin".to_owned()).spawn(move || read(&sender, &unlined));
    thread.map(|_| receiver).map_err(|error| {
        Error::failed(format!("cannot read standard input: {error}"), "end some programs, then run it again")
    })
}

#[cfg(unix)]
fn read(sender: &mpsc::Sender<String>, unlined: &AtomicBool) {
    use std::sync::atomic::Ordering;

    use rustix::io::Errno;
    use std::io::IsTerminal;
    let input = std::io::stdin();
    let typed = input.is_terminal();
    let (mut gathered, mut bytes) = (Gathered::default(), [0; 4096]);
    loop {
        // A program that hands over the address may end neither its line nor the input; a person presses Enter.
        let timeout = (!typed && gathered.holds_state()).then_some(UNTERMINATED);
        if !super::terminal::wait_for_input(&input, timeout) {
            if sender.blocking_send(gathered.line()).is_err() {
                return;
            }
            continue;
        }
        let whole = match rustix::io::read(&input, &mut bytes) {
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Ok(0) | Err(_) => {
                drop(gathered.rest().map(|line| sender.blocking_send(line)));
                return;
            }
            Ok(count) => gathered.take(bytes.get(..count).unwrap_or_default(), unlined.load(Ordering::Relaxed)),
        };
        for line in whole {
            let Some(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    }
}

#[cfg(not(unix))]
fn read(sender: &mpsc::Sender<String>, _unlined: &AtomicBool) {
    use std::io::{BufRead, Read};
    let mut input = std::io::stdin().lock();
    let longest = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
    loop {
        let mut line = Vec::new();
        match (&mut input).take(longest).read_until(b'\n', &mut line) {
            Ok(read) if read > 0 => {}
            _ => return,
        }
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        if sender.blocking_send(String::from_utf8_lossy(line).into_owned()).is_err() {
            return;
        }
    }
}

/// The line that is being read.
#[cfg(unix)]
#[derive(Default)]
struct Gathered {
    line: Vec<u8>,
    /// The last byte was a carriage return that ended a line; a line feed behind it ends no other.
    returned: bool,
}

#[cfg(unix)]
impl Gathered {
    /// Takes bytes; returns the lines that they complete, and `None` for the end of the input. Of single keys those that
    /// edit a line do what a terminal makes of them: Backspace, Ctrl-U and Ctrl-W, Ctrl-D.
    fn take(&mut self, bytes: &[u8], single_keys: bool) -> Vec<Option<String>> {
        let mut lines = Vec::new();
        for byte in bytes {
            let returned = std::mem::replace(&mut self.returned, *byte == b'\r');
            match byte {
                b'\n' if returned => {}
                b'\n' | b'\r' => lines.push(Some(self.line())),
                0x08 | 0x7f if single_keys => while self.line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
                0x15 | 0x17 if single_keys => self.line.clear(),
                0x04 if single_keys => lines.push(self.rest()),
                byte => self.line.push(*byte),
            }
            if self.line.len() >= LONGEST_LINE {
                lines.push(Some(self.line()));
            }
        }
        lines
    }

    fn line(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned()
    }

    fn rest(&mut self) -> Option<String> {
        (!self.line.is_empty()).then(|| self.line())
    }

    /// Whether it may hold a whole address: nothing else that is asked for contains a `state`.
    fn holds_state(&self) -> bool {
        self.line.windows(6).any(|part| part == b"state=")
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn taken(pieces: &[&[u8]], single_keys: bool) -> Vec<Option<String>> {
        let mut gathered = Gathered::default();
        let mut lines: Vec<_> = pieces.iter().flat_map(|piece| gathered.take(piece, single_keys)).collect();
        lines.push(gathered.rest());
        lines
    }

    fn lines(lines: &[&str]) -> Vec<Option<String>> {
        lines.iter().map(|line| Some((*line).to_owned())).chain([None]).collect()
    }

    #[test]
    fn a_line_of_any_pieces_is_one_and_a_long_one_is_not_cut_short() {
        assert_eq!(taken(&[b"ab", b"c\nd", b"\n\n"], false), lines(&["abc", "d", ""]));
        assert_eq!(taken(&[b"ab\x7f\x04"], false)[0].as_deref(), Some("ab\u{7f}\u{4}"), "a pipe has no keys");
        // As an old editor or another system ends it.
        assert_eq!(taken(&[b"ab\r", b"c\r\nd\r", b"\n\n"], false), lines(&["ab", "c", "d", ""]));
        let long = vec![b'c'; 3 * 4096];
        assert_eq!(taken(&[&long, b"\n"], true), lines(&[&"c".repeat(3 * 4096)]));
        assert_eq!(taken(&[&vec![b'c'; LONGEST_LINE + 1]], true).len(), 2);
    }

    #[test]
    fn keys_edit_a_line_as_a_terminal_does() {
        assert_eq!(
            taken(&["aä\u{7f}b\x08c\r".as_bytes(), b"junk\x15x\n", b"junk\x17y\n"], true),
            lines(&["ac", "x", "y"])
        );
        assert_eq!(taken(&[b"ab\x04\x04"], true)[..2], lines(&["ab"]), "a part is handed over, then the input ends");
    }
}
