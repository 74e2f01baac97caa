//! A bracketed paste under way, and what may have been typed since into one whose end never comes.
//!
//! What a hand sends comes alone: a character or the sequences of keys, with 30 ms before it and nothing else right behind it.
//! Such pieces belong to the paste when more than that follows them, or its end. A pause of half a second behind them tells
//! that they were typed: then the paste is over, whatever became of its end.
//!
//! Invariant: what is typed at any pace waits for half a second, or for 32 keys, or for an Escape before it.

use std::time::Duration;

use super::unfinished::HAND;

/// The longest paste kept, in bytes; the rest is read and dropped.
const LONGEST: usize = 16 * 1024;
/// Past this a paste is no paste, and Ctrl-C is one wherever it stands.
const NO_PASTE: usize = 1024 * 1024;
/// The most pieces of a hand that wait, and the longest of them in bytes.
const MOST: usize = 32;
const LONGEST_PIECE: usize = 64;
const ENDS: &[u8] = b"\x1b[201~";
const ESC: u8 = 0x1b;

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Paste {
    /// As much as is kept, with room for the end mark.
    kept: Vec<u8>,
    /// Bytes so far, and how much of the end mark the last ones match.
    length: usize,
    matched: usize,
    /// The pieces at its end that a hand may have typed.
    typed: Vec<Vec<u8>>,
}

impl Paste {
    /// Whether it is too long for a paste.
    pub(super) fn is_none(&self) -> bool {
        self.length > NO_PASTE
    }

    /// Whether nothing came last but what a hand may have typed.
    pub(super) fn may_be_typed(&self) -> bool {
        !self.typed.is_empty()
    }

    /// Whether this byte, so long after the one before it, proves that the pieces before it were typed.
    pub(super) fn proves_typing(&self, byte: u8, gap: Duration) -> bool {
        let Some(last) = self.typed.last().filter(|_| self.is_new(byte, gap)) else { return false };
        // Behind the Escape of an end mark stands one character only.
        self.typed.len() >= MOST || (*last == [ESC] && byte != b'[')
    }

    /// Takes a byte, so long after the one before it; the whole text when it ends it.
    pub(super) fn hear(&mut self, byte: u8, gap: Duration) -> Option<String> {
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
            // The mark's first byte stands in it nowhere else.
            _ => usize::from(byte == ESC),
        };
        (self.matched == ENDS.len()).then(|| self.text(ENDS.len()))
    }

    /// The text without what was typed, and that.
    pub(super) fn give_up(mut self) -> (String, Vec<Vec<u8>>) {
        let typed = std::mem::take(&mut self.typed);
        let text = self.text(typed.iter().map(Vec::len).sum());
        (text, typed)
    }

    /// All but so many bytes at its end.
    fn text(&mut self, without: usize) -> String {
        self.kept.truncate(LONGEST.min(self.length.saturating_sub(without)));
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        text.truncate(text.floor_char_boundary(LONGEST));
        text
    }

    /// Whether a byte begins a piece. A character that a network cut goes on whenever that is.
    fn is_new(&self, byte: u8, gap: Duration) -> bool {
        let goes_on = matches!(byte, 0x80..=0xbf) && !self.typed.is_empty();
        gap >= HAND && !goes_on
    }
}

/// Whether what came in one piece is a character, or nothing but keys' sequences, the last one perhaps unfinished.
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
                    // The rest of an old report of the mouse, or of a key of the Linux console.
                    Some([b'M' | b'[', rest @ ..]) if parameters == 0 => return rest.len() < 3,
                    Some([0x40..=0x7e, rest @ ..]) => rest,
                    Some(_) => return false,
                }
            }
            _ => return false,
        };
    }
}
