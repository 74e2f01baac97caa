//! A bracketed paste in progress, and what may have been typed into one whose end is missing.
//!
//! Typed input arrives in single pieces: a character or the sequences of keys, 30 ms or more after the last byte and
//! with nothing right behind. Such pieces belong to the paste when more than that follows, or its end. A pause of half
//! a second behind them means that they were typed; then the paste is over, whether or not its end arrived.
//!
//! Invariant: typed input waits for at most half a second, 32 keys, or an Escape before it.

use std::time::Duration;

use super::unfinished::HAND;

/// Longest paste kept, in bytes; the rest is read and dropped.
const LONGEST: usize = 16 * 1024;
/// Beyond this it is no longer a paste, and a Ctrl-C anywhere in it counts.
const NO_PASTE: usize = 1024 * 1024;
/// Most typed pieces that wait, and the longest of them in bytes.
const MOST: usize = 32;
const LONGEST_PIECE: usize = 64;
const ENDS: &[u8] = b"\x1b[201~";
const ESC: u8 = 0x1b;

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Paste {
    /// The text kept, with room for the end mark.
    kept: Vec<u8>,
    /// Bytes so far, and how many of the last ones match the end mark.
    length: usize,
    matched: usize,
    /// The pieces at the end that may have been typed.
    typed: Vec<Vec<u8>>,
}

impl Paste {
    /// Whether it is too long for a paste.
    pub(super) fn is_none(&self) -> bool {
        self.length > NO_PASTE
    }

    /// Whether the last input may have been typed.
    pub(super) fn may_be_typed(&self) -> bool {
        !self.typed.is_empty()
    }

    /// Whether this byte, this long after the last, proves that the pieces before it were typed.
    pub(super) fn proves_typing(&self, byte: u8, gap: Duration) -> bool {
        let Some(last) = self.typed.last().filter(|_| self.is_new(byte, gap)) else { return false };
        // After the Escape of an end mark only one character can follow.
        self.typed.len() >= MOST || (*last == [ESC] && byte != b'[')
    }

    /// Takes a byte, this long after the last; returns the whole text when the byte ends the paste.
    pub(super) fn push(&mut self, byte: u8, gap: Duration) -> Option<String> {
        self.length = self.length.saturating_add(1);
        if self.kept.len() < LONGEST + ENDS.len() {
            self.kept.push(byte);
        }
        if self.is_new(byte, gap) {
            self.typed.push(vec![byte]);
        } else if let Some(piece) = self.typed.last_mut() {
            piece.push(byte);
        }
        if self.typed.last().is_some_and(|piece| !is_of_a_hand(piece)) {
            self.typed.clear();
        }
        self.matched = match ENDS.get(self.matched) {
            Some(wanted) if *wanted == byte => self.matched + 1,
            // The first byte occurs only once in the mark.
            _ => usize::from(byte == ESC),
        };
        (self.matched == ENDS.len()).then(|| self.text(ENDS.len()))
    }

    /// Splits the text into the paste and what was typed.
    pub(super) fn give_up(mut self) -> (String, Vec<Vec<u8>>) {
        let typed = std::mem::take(&mut self.typed);
        let text = self.text(typed.iter().map(Vec::len).sum());
        (text, typed)
    }

    /// The text without this many bytes at its end.
    fn text(&mut self, without: usize) -> String {
        self.kept.truncate(LONGEST.min(self.length.saturating_sub(without)));
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        text.truncate(text.floor_char_boundary(LONGEST));
        text
    }

    /// Whether a byte starts a piece. A character that the network split continues at any time.
    fn is_new(&self, byte: u8, gap: Duration) -> bool {
        let goes_on = matches!(byte, 0x80..=0xbf) && !self.typed.is_empty();
        gap >= HAND && !goes_on
    }
}

/// Whether a piece is one character or only key sequences, the last of which may be incomplete.
fn is_of_a_hand(piece: &[u8]) -> bool {
    if piece.len() > LONGEST_PIECE {
        return false;
    }
    if piece.first() != Some(&ESC) {
        return match std::str::from_utf8(piece) {
            Ok(text) => text.chars().count() == 1,
            Err(error) => error.valid_up_to() == 0 && error.error_len().is_none(),
        };
    }
    let mut rest = piece;
    loop {
        rest = match rest {
            [] | [ESC] | [ESC, _] => return true,
            [ESC, b'O', b'0'..=b'9', _, rest @ ..]
            | [ESC, b'O', _, rest @ ..]
            | [ESC, b'[', b'[', _, rest @ ..]
            | [ESC, b'[', b'M', _, _, _, rest @ ..] => rest,
            [ESC, b'[', rest @ ..] => {
                let parameters = rest.iter().take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
                match rest.get(parameters..) {
                    None | Some([]) => return true,
                    // The rest of an old mouse report, or of a Linux console key.
                    Some([b'M' | b'[', rest @ ..]) if parameters == 0 => return rest.len() < 3,
                    Some([0x40..=0x7e, rest @ ..]) => rest,
                    Some(_) => return false,
                }
            }
            _ => return false,
        };
    }
}
