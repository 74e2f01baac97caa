//! Decodes terminal input into keys; terminal reports are dropped whole, however they are split into reads.
//!
//! A terminal sends answers and reports on the same line as keys, and a network may split the line anywhere. Whatever
//! is not a key is recognised by its form and dropped up to its end; timing decides where the form does not:
//!
//! - An Escape followed by nothing for 50 ms is the Escape key.
//! - An incomplete sequence waits for its end, and takes bytes that arrive in one piece, whenever that is.
//! - A paste without an end mark ends on its own (see `paste`): 2 s after its last piece, or as soon as the user types.
//! - Single characters, 30 ms or more apart from others, at the end of an incomplete sequence may have been typed. They
//!   belong to the sequence if its end arrives before a pause of half a second; otherwise they count as keys, as does
//!   at once what arrives singly after such a pause. A byte that completes the sequence always does so.
//!
//! So a report never acts as keys if its pauses are shorter, nor if it arrives in two pieces with any pause. An
//! incomplete sequence delays typed keys by half a second after the last, and holds at most 128 of them.
//!
//! Invariant: reads no clock and no terminal; memory is bounded, and Ctrl-C is recognised whatever arrives.

use std::time::Duration;

use super::InputEvent;
use super::paste::Paste;
use super::sequences;
use super::unfinished::{Alone, CUT, HAND, Kind, wait};
use crate::app::keymap::{Chord, KeyCode};
use crate::domain::Mono;

/// An Escape followed by nothing for this long is the Escape key.
const ESCAPE: Duration = Duration::from_millis(50);
/// How long after a typed key a burst may still be the rest of a report.
const REPORT: Duration = Duration::from_secs(1);
/// A paste without an end mark ends after this time.
const PASTE: Duration = Duration::from_secs(2);
const PASTE_BEGINS: &[u8] = b"200~";
/// Longest CSI whose parameters are kept, longest colour answer, and most keys that wait.
const LONGEST: usize = 128;

const ESC: u8 = 0x1b;
const CTRL_C: u8 = 0x03;
const CTRL_Z: u8 = 0x1a;
const CAN: u8 = 0x18;
const BEL: u8 = 0x07;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between keys, or within a character.
    Ground,
    /// After an Escape.
    Escape,
    /// After an introducer with nothing behind it.
    Introduced(Kind),
    /// Within a CSI.
    Csi,
    /// After `ESC [ [`, the start of function keys on the Linux console.
    Console,
    /// Within the three bytes of an old mouse report.
    OldMouse,
    /// Within a string that ends with ST, or an OSC, which may also end with BEL.
    Text(Kind),
    /// The same, after an Escape.
    TextEscape(Kind),
    /// Within a bracketed paste.
    Paste,
}

/// What was given up but may still continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// An Escape that was taken for the key may have been the first byte of a sequence.
    Escape,
    /// The rest of this may still arrive.
    Rest(Kind),
}

/// The state machine. Feed it bytes with their arrival time; call [`Self::expire`] at its deadline.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// Bytes of the incomplete character, parameters or answer.
    held: Vec<u8>,
    /// Whether the current character followed an Escape.
    alt: bool,
    /// Whether the current string started with a C1 control, and may end with one.
    eight_bit: bool,
    doubt: Option<Doubt>,
    alone: Alone,
    /// When the doubt ends; `None` while nothing contradicts it.
    doubt_until: Option<Mono>,
    /// When the last byte arrived.
    last: Mono,
    paste: Paste,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            state: State::Ground,
            held: Vec::new(),
            alt: false,
            eight_bit: false,
            doubt: None,
            alone: Alone::default(),
            doubt_until: None,
            last: Mono::ZERO,
            paste: Paste::default(),
        }
    }
}

impl Decoder {
    /// Takes bytes read at this time.
    pub fn feed(&mut self, bytes: &[u8], now: Mono, heard: &mut Vec<InputEvent>) {
        self.expire(now, heard);
        for byte in bytes {
            self.byte(*byte, now, heard);
            self.last = now;
        }
    }

    /// The time at which silence decides something, if any.
    pub fn deadline(&self) -> Option<Mono> {
        let after = match self.state {
            State::Ground if self.held.is_empty() => return None,
            State::Ground => CUT,
            State::Escape => ESCAPE,
            State::Paste if self.paste.may_be_typed() => CUT,
            State::Paste => PASTE,
            State::Introduced(_)
            | State::Csi
            | State::Console
            | State::OldMouse
            | State::Text(_)
            | State::TextEscape(_) => Some(self.alone.wait).filter(|_| !self.alone.bytes.is_empty())?,
        };
        Some(self.last + after)
    }

    /// Handles the deadline; does nothing before it.
    pub fn expire(&mut self, now: Mono, heard: &mut Vec<InputEvent>) {
        if self.deadline().is_none_or(|at| now < at) {
            return;
        }
        match self.state {
            State::Ground => self.finish(),
            State::Escape => {
                heard.push(InputEvent::Key(Chord::key(KeyCode::Esc)));
                self.finish();
                (self.doubt, self.doubt_until) = (Some(Doubt::Escape), None);
            }
            State::Paste => self.give_up_paste(now, heard),
            State::Introduced(_)
            | State::Csi
            | State::Console
            | State::OldMouse
            | State::Text(_)
            | State::TextEscape(_) => self.release(now, heard),
        }
        self.alt = false;
    }

    /// Counts single characters as typed, and gives up what they followed.
    fn release(&mut self, now: Mono, heard: &mut Vec<InputEvent>) {
        let kind = match self.state {
            State::Introduced(kind) | State::Text(kind) | State::TextEscape(kind) => kind,
            State::Ground | State::Escape | State::Csi | State::Console | State::OldMouse | State::Paste => Kind::Csi,
        };
        let Alone { bytes, introduced, .. } = std::mem::take(&mut self.alone);
        heard.push(InputEvent::Unclear);
        self.finish();
        self.doubt = None;
        for byte in bytes {
            match byte {
                ESC => heard.push(InputEvent::Key(Chord::key(KeyCode::Esc))),
                _ => self.step(byte, now, heard),
            }
        }
        if !introduced {
            (self.doubt, self.doubt_until) = (Some(Doubt::Rest(kind)), Some(now + REPORT));
        }
    }

    fn byte(&mut self, byte: u8, now: Mono, heard: &mut Vec<InputEvent>) {
        match self.state {
            // The byte after the Escape decides.
            State::Ground | State::Escape | State::Paste | State::TextEscape(_) => {}
            State::Introduced(_) | State::Csi | State::Console | State::OldMouse | State::Text(_) => {
                self.alone.push(byte, now.since(self.last));
            }
        }
        if self.alone.bytes.len() > LONGEST {
            self.release(now, heard);
        } else {
            self.step(byte, now, heard);
        }
    }

    fn step(&mut self, byte: u8, now: Mono, heard: &mut Vec<InputEvent>) {
        match self.state {
            State::Ground => self.ground(byte, now, heard),
            State::Escape => self.escape(byte, now, heard),
            State::Introduced(Kind::Csi) | State::Csi => self.csi(byte, now, heard),
            State::Introduced(Kind::Ss3) | State::Console | State::OldMouse if byte < 0x20 => {
                self.give_up(byte, now, heard);
            }
            State::Introduced(Kind::Ss3) => self.ss3(byte, now, heard),
            State::Console => {
                heard.extend(sequences::console(byte).map(InputEvent::Key));
                self.finish();
            }
            State::OldMouse => {
                self.held.push(byte);
                if self.held.len() == 3 {
                    heard.extend(sequences::old_mouse(&self.held));
                    self.finish();
                }
            }
            State::Introduced(kind) | State::Text(kind) => self.text(kind, byte, now, heard),
            State::TextEscape(kind) => self.text_escape(kind, byte, now, heard),
            State::Paste => self.paste(byte, now, heard),
        }
    }

    fn finish(&mut self) {
        self.state = State::Ground;
        self.held.clear();
        self.alone.clear();
    }

    fn ground(&mut self, byte: u8, now: Mono, heard: &mut Vec<InputEvent>) {
        if self.doubt_until.is_some_and(|until| now >= until) {
            (self.doubt, self.doubt_until) = (None, None);
        }
        if !self.held.is_empty() {
            return self.character(byte, now, heard);
        }
        match byte {
            ESC => {
                self.state = State::Escape;
                self.alt = false;
            }
            // The end of the doubtful sequence.
            BEL if matches!(self.doubt, Some(Doubt::Rest(_))) => self.doubt = None,
            0..=0x1f | 0x7f => {
                self.doubt = None;
                heard.push(InputEvent::Key(Chord { alt: self.alt && byte != CTRL_C, ..sequences::control(byte) }));
                self.alt = false;
            }
            0x20..=0x7e => self.printable(char::from(byte), now, heard),
            0x80..=0xff => self.character(byte, now, heard),
        }
    }

    /// Emits a key, unless it may continue something that was given up.
    fn printable(&mut self, ch: char, now: Mono, heard: &mut Vec<InputEvent>) {
        let ascii = u8::try_from(ch).ok().filter(u8::is_ascii);
        let introduced = self.doubt == Some(Doubt::Escape);
        let kind = match self.doubt {
            Some(Doubt::Escape) => ascii.and_then(Kind::of),
            Some(Doubt::Rest(Kind::Csi | Kind::Ss3)) if ascii.is_none() => None,
            Some(Doubt::Rest(kind)) if !self.alt => Some(kind),
            _ => None,
        };
        let Some(kind) = kind else {
            self.doubt = None;
            heard.push(InputEvent::Key(Chord { alt: self.alt, ..Chord::char(ch) }));
            self.alt = false;
            return;
        };
        self.introduce(kind, false);
        self.alone = Alone {
            bytes: ch.encode_utf8(&mut [0; 4]).as_bytes().to_vec(),
            wait: if introduced { wait(now.since(self.last)) } else { HAND },
            introduced,
        };
        if introduced {
            return;
        }
        // The start of the string has been dropped.
        if matches!(kind, Kind::Osc | Kind::Dcs | Kind::String) {
            self.state = State::Text(kind);
        }
        for byte in ch.encode_utf8(&mut [0; 4]).bytes() {
            self.step(byte, now, heard);
        }
    }

    /// Handles a byte of a non-ASCII character. Invalid bytes are dropped; C1 controls start what they introduce.
    fn character(&mut self, byte: u8, now: Mono, heard: &mut Vec<InputEvent>) {
        if self.held.is_empty()
            && let Some(kind) = Kind::of_c1(byte)
        {
            return self.introduce(kind, true);
        }
        self.held.push(byte);
        match std::str::from_utf8(&self.held) {
            Ok(text) => {
                let ch = text.chars().next();
                self.held.clear();
                let c1 = ch.and_then(|ch| u8::try_from(ch).ok()).filter(|byte| *byte < 0xa0);
                match (ch, c1.map(Kind::of_c1)) {
                    (_, Some(Some(kind))) => self.introduce(kind, true),
                    (Some(ch), None) => self.printable(ch, now, heard),
                    _ => {}
                }
                self.alt = false;
            }
            // The character continues.
            Err(error) if error.error_len().is_none() => {}
            Err(_) => {
                let broken_off = self.held.len() > 1;
                self.held.clear();
                self.alt = false;
                if broken_off {
                    self.ground(byte, now, heard);
                }
            }
        }
    }

    fn introduce(&mut self, kind: Kind, eight_bit: bool) {
        self.finish();
        self.state = State::Introduced(kind);
        (self.doubt, self.alt, self.eight_bit) = (None, false, eight_bit);
    }

    fn escape(&mut self, byte: u8, now: Mono, heard: &mut Vec<InputEvent>) {
        match (byte, Kind::of(byte)) {
            // The first Escape was the key.
            (ESC, _) => heard.push(InputEvent::Key(Chord::key(KeyCode::Esc))),
            (_, Some(kind)) => self.introduce(kind, false),
            // The end of a string whose start is gone.
            (b'\\', None) => {
                self.state = State::Ground;
                self.doubt = None;
            }
            (_, None) => {
                self.state = State::Ground;
                self.alt = true;
                self.ground(byte, now, heard);
            }
        }
    }

    fn csi(&mut self, byte: u8, now: Mono, heard: &mut Vec<InputEvent>) {
        let bare = matches!(self.state, State::Introduced(_));
        self.state = State::Csi;
        match byte {
            0x20..=0x3f => {
                if self.held.len() < LONGEST {
                    self.held.push(byte);
                }
            }
            b'[' if bare => self.state = State::Console,
            b'M' if bare => self.state = State::OldMouse,
            0x40..=0x7e if bare && self.typed(byte) => self.release(now, heard),
            0x40..=0x7e => {
                let whole = self.held.len() < LONGEST;
                self.held.push(byte);
                if self.held == PASTE_BEGINS {
                    self.finish();
                    self.state = State::Paste;
                    self.paste = Paste::default();
                    return;
                }
                if whole {
                    heard.extend(sequences::csi(&self.held));
                }
                self.finish();
            }
            _ => self.give_up(byte, now, heard),
        }
    }

    /// Whether a single last byte after a bare introducer is a key of its own; only cursor keys and focus reports end
    /// there.
    fn typed(&self, byte: u8) -> bool {
        let ends = sequences::cursor(byte).is_some() || matches!(byte, b'Z' | b'I' | b'O');
        !self.alone.bytes.is_empty() && (!ends || self.alone.wait != CUT)
    }

    fn ss3(&mut self, byte: u8, now: Mono, heard: &mut Vec<InputEvent>) {
        let alone = !self.alone.bytes.is_empty();
        match byte {
            // Some terminals put modifiers here; the rest is like a CSI's.
            b'0'..=b'9' => {
                self.state = State::Csi;
                self.held.extend([b'1', b';', byte]);
            }
            _ if alone && (sequences::cursor(byte).is_none() || self.typed(byte)) => self.release(now, heard),
            _ => {
                heard.extend(sequences::ss3(byte).map(InputEvent::Key));
                self.finish();
            }
        }
    }

    /// A control character ends an incomplete sequence. In a burst only those act that must always act.
    fn give_up(&mut self, byte: u8, now: Mono, heard: &mut Vec<InputEvent>) {
        if self.alone.bytes.pop().is_some() {
            self.release(now, heard);
            return self.step(byte, now, heard);
        }
        self.finish();
        if matches!(byte, ESC | CTRL_C | CTRL_Z) {
            self.ground(byte, now, heard);
        }
    }

    fn text(&mut self, kind: Kind, byte: u8, now: Mono, heard: &mut Vec<InputEvent>) {
        let bare = matches!(self.state, State::Introduced(_));
        let alone = !self.alone.bytes.is_empty();
        self.state = State::Text(kind);
        let ends = (byte == BEL && kind == Kind::Osc) || (byte == 0x9c && self.eight_bit);
        match byte {
            ESC if bare => self.give_up(byte, now, heard),
            ESC => self.state = State::TextEscape(kind),
            _ if bare && alone && !kind.begins_with(byte) => self.release(now, heard),
            _ if alone && !ends && byte.is_ascii_control() => self.release(now, heard),
            CTRL_C => {
                self.finish();
                heard.push(InputEvent::Key(Chord::ctrl('c')));
            }
            CAN | CTRL_Z => self.finish(),
            _ if ends => self.end_text(kind, heard),
            _ => {
                if self.held.len() < LONGEST {
                    self.held.push(byte);
                }
            }
        }
    }

    fn end_text(&mut self, kind: Kind, heard: &mut Vec<InputEvent>) {
        if kind == Kind::Osc {
            heard.extend(sequences::background(&self.held).map(InputEvent::Background));
        }
        self.finish();
    }

    fn text_escape(&mut self, kind: Kind, byte: u8, now: Mono, heard: &mut Vec<InputEvent>) {
        if byte == b'\\' {
            return self.end_text(kind, heard);
        }
        let late = now.since(self.last) >= ESCAPE;
        if !late {
            self.alone.bytes.pop();
        }
        if self.alone.bytes.is_empty() {
            self.finish();
        } else {
            self.release(now, heard);
        }
        if !late {
            self.state = State::Escape;
        }
        self.byte(byte, now, heard);
    }

    fn paste(&mut self, byte: u8, now: Mono, heard: &mut Vec<InputEvent>) {
        let gap = now.since(self.last);
        if byte == CTRL_C && (gap >= ESCAPE || self.paste.is_none()) {
            self.finish();
            heard.push(InputEvent::Key(Chord::ctrl('c')));
        } else if self.paste.proves_typing(byte, gap) {
            self.give_up_paste(now, heard);
            self.doubt = None;
            self.byte(byte, now, heard);
        } else if let Some(text) = self.paste.push(byte, gap) {
            heard.push(InputEvent::Paste(text));
            self.finish();
        }
    }

    /// A paste ends without its mark, the rest of which may still arrive; what was typed into it counts as keys.
    fn give_up_paste(&mut self, now: Mono, heard: &mut Vec<InputEvent>) {
        let (text, typed) = std::mem::take(&mut self.paste).give_up();
        heard.push(InputEvent::Paste(text));
        self.finish();
        self.doubt = None;
        heard.extend((!typed.is_empty()).then_some(InputEvent::Unclear));
        for piece in &typed {
            for byte in piece {
                self.step(*byte, now, heard);
            }
            if self.state == State::Escape {
                heard.push(InputEvent::Key(Chord::key(KeyCode::Esc)));
                self.finish();
            }
        }
        if typed.is_empty() {
            (self.doubt, self.doubt_until) = (Some(Doubt::Rest(Kind::String)), None);
        } else if self.state == State::Ground {
            (self.doubt, self.doubt_until) = (Some(Doubt::Rest(Kind::String)), Some(now + REPORT));
        }
    }
}
