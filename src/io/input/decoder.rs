//! What a terminal sends, as keys: reports are dropped whole, however they are cut into reads.
//!
//! A terminal answers questions and tells news on the same line on which it sends keys, and a network cuts the line anywhere. So
//! what is no key is recognised by its form and dropped to its end, and silence decides where the form does not:
//! a lone Escape is a key, and what a hand types comes one key at a time.
//!
//! Invariant: reads no clock and no terminal; whatever comes, memory is bounded and Ctrl-C is heard.

use std::time::Duration;

use super::Heard;
use super::sequences;
use crate::app::keymap::{Chord, KeyCode};
use crate::domain::Mono;

/// An Escape followed by nothing for so long is the key.
const ESCAPE: Duration = Duration::from_millis(50);
/// Characters closer than this are no hand's; one alone for so long is a key, even where a report may go on.
const HAND: Duration = Duration::from_millis(30);
/// A cursor key that a network cut behind its introducer is still one after this.
const CUT_KEY: Duration = Duration::from_millis(500);
/// A report without an end mark has been given up by its sender after so long; also how long doubt outlasts a key.
const REPORT: Duration = Duration::from_secs(1);
/// A paste without an end mark ends after so long.
const PASTE: Duration = Duration::from_secs(2);
/// The longest paste kept, in bytes; the rest is read and dropped.
const LONGEST_PASTE: usize = 16 * 1024;
/// Past this a paste is no paste, and Ctrl-C is one wherever it stands.
const NO_PASTE: usize = 1024 * 1024;
const PASTE_BEGINS: &[u8] = b"200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";
/// The longest CSI whose parameters are kept, and the longest answer about a colour.
const LONGEST: usize = 128;

const ESC: u8 = 0x1b;
const CTRL_C: u8 = 0x03;
const CTRL_Z: u8 = 0x1a;
const CAN: u8 = 0x18;
const BEL: u8 = 0x07;

/// What an escape introduces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `ESC [`: keys, mouse, most reports.
    Csi,
    /// `ESC O`: keys.
    Ss3,
    /// `ESC ]`: colours, titles, the clipboard.
    Osc,
    /// `ESC P`, `ESC X`, `ESC ^`, `ESC _`: DCS, SOS, PM and APC.
    String,
}

impl Kind {
    fn of(introducer: u8) -> Option<Self> {
        match introducer {
            b'[' => Some(Self::Csi),
            b'O' => Some(Self::Ss3),
            b']' => Some(Self::Osc),
            b'P' | b'X' | b'^' | b'_' => Some(Self::String),
            _ => None,
        }
    }

    /// The same as one byte of the upper half.
    fn of_c1(byte: u8) -> Option<Self> {
        // A C1 control is its escape's second byte and 0x40.
        matches!(byte, 0x80..=0x9f).then(|| Self::of(byte - 0x40)).flatten()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between keys, or within a character.
    Ground,
    /// Behind an Escape.
    Escape,
    /// Behind an introducer, with nothing after it.
    Introduced(Kind),
    /// Within a CSI.
    Csi,
    /// Behind `ESC [ [`, as the Linux console begins its function keys.
    Console,
    /// Within the three bytes of an old mouse report.
    OldMouse,
    /// Within a string that ends with ST, or an OSC that may also end with BEL.
    Text(Kind),
    /// The same, behind an Escape.
    TextEscape(Kind),
    /// Within a bracketed paste.
    Paste,
    /// Behind a first character where a report may go on: the next one tells.
    Lone(char),
}

/// What may still go on although silence ended it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// An Escape that was taken for the key may have been the first byte of something.
    Escape,
    /// The rest of this may still come.
    Rest(Kind),
}

/// The state machine. Feed it bytes with the time at which they came; call [`Self::expire`] at its deadline.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// Bytes of what is not finished: a character, parameters, an answer, a paste.
    held: Vec<u8>,
    /// Whether the character under way came behind an Escape.
    alt: bool,
    /// Whether the string under way began with a C1 control, and may end with one.
    eight_bit: bool,
    doubt: Option<Doubt>,
    /// When the last byte before the doubt came.
    doubt_since: Mono,
    /// When the doubt ends; `None` while nothing tells against it.
    doubt_until: Option<Mono>,
    /// When the last byte came.
    last: Mono,
    /// Bytes of the paste so far, and how much of its end mark the last ones match.
    pasted: usize,
    matched: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            state: State::Ground,
            held: Vec::new(),
            alt: false,
            eight_bit: false,
            doubt: None,
            doubt_since: Mono::ZERO,
            doubt_until: None,
            last: Mono::ZERO,
            pasted: 0,
            matched: 0,
        }
    }
}

impl Decoder {
    /// Takes what was read at this time.
    pub fn feed(&mut self, bytes: &[u8], now: Mono, heard: &mut Vec<Heard>) {
        self.expire(now, heard);
        for byte in bytes {
            self.byte(*byte, now, heard);
            self.last = now;
        }
    }

    /// When silence decides, if it does.
    pub fn deadline(&self) -> Option<Mono> {
        let after = match self.state {
            State::Ground if self.held.is_empty() => return None,
            // One final byte ends a CSI whenever it comes, and what may be the end of a string waits for its second half.
            State::Csi | State::TextEscape(_) => return None,
            State::Ground | State::Escape | State::Introduced(_) => ESCAPE,
            State::Lone(_) => HAND,
            State::Console | State::OldMouse | State::Text(_) => REPORT,
            State::Paste => PASTE,
        };
        Some(self.last + after)
    }

    /// Tells that the time has come; before the deadline nothing happens.
    pub fn expire(&mut self, now: Mono, heard: &mut Vec<Heard>) {
        if self.deadline().is_none_or(|at| now < at) {
            return;
        }
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Escape => {
                heard.push(Heard::Key(Chord::key(KeyCode::Esc)));
                self.suspect(Doubt::Escape);
            }
            // Alt with an introducer is no key: what follows is.
            State::Introduced(kind) | State::Text(kind) => self.suspect(Doubt::Rest(kind)),
            State::Lone(ch) => self.typed(ch, now, heard),
            State::Paste => {
                self.end_paste(heard);
                self.suspect(Doubt::Rest(Kind::String));
            }
            State::Ground | State::Csi | State::Console | State::OldMouse | State::TextEscape(_) => {}
        }
        self.held.clear();
        self.alt = false;
    }

    fn suspect(&mut self, doubt: Doubt) {
        (self.doubt, self.doubt_since, self.doubt_until) = (Some(doubt), self.last, None);
    }

    /// One character came alone: a hand typed it, unless it is all that a cut cursor key still lacked.
    fn typed(&mut self, ch: char, now: Mono, heard: &mut Vec<Heard>) {
        let soon = self.last.since(self.doubt_since) <= CUT_KEY;
        let cut = match self.doubt {
            Some(Doubt::Rest(Kind::Csi | Kind::Ss3)) if soon => u8::try_from(ch).ok().and_then(sequences::cursor),
            _ => None,
        };
        if self.doubt == Some(Doubt::Rest(Kind::Csi)) && soon && matches!(ch, 'I' | 'O') {
            // The terminal has the focus, or has lost it.
            self.doubt = None;
            return;
        }
        if self.doubt == Some(Doubt::Escape) {
            self.doubt = None;
        } else {
            self.doubt_until = Some(now + REPORT);
        }
        heard.push(Heard::Key(cut.unwrap_or_else(|| Chord::char(ch))));
    }

    fn byte(&mut self, byte: u8, now: Mono, heard: &mut Vec<Heard>) {
        match self.state {
            State::Ground => self.ground(byte, now, heard),
            State::Escape => self.escape(byte, now, heard),
            State::Introduced(Kind::Csi) | State::Csi => self.csi(byte, now, heard),
            State::Introduced(Kind::Ss3) | State::Console | State::OldMouse if byte < 0x20 => {
                self.give_up(byte, now, heard);
            }
            State::Introduced(Kind::Ss3) => {
                heard.extend(sequences::ss3(byte).map(Heard::Key));
                self.finish();
            }
            State::Console => {
                heard.extend(sequences::console(byte).map(Heard::Key));
                self.finish();
            }
            State::OldMouse => {
                self.held.push(byte);
                if self.held.len() == 3 {
                    heard.extend(sequences::old_mouse(&self.held));
                    self.finish();
                }
            }
            State::Introduced(kind) | State::Text(kind) => self.text(kind, byte, heard),
            State::TextEscape(kind) => self.text_escape(kind, byte, now, heard),
            State::Paste => self.paste(byte, now, heard),
            State::Lone(first) => self.burst(first, byte, now, heard),
        }
    }

    fn finish(&mut self) {
        self.state = State::Ground;
        self.held.clear();
    }

    fn ground(&mut self, byte: u8, now: Mono, heard: &mut Vec<Heard>) {
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
            // The end of what is doubted.
            BEL if matches!(self.doubt, Some(Doubt::Rest(_))) => self.doubt = None,
            0..=0x1f | 0x7f => {
                self.doubt = None;
                heard.push(Heard::Key(Chord { alt: self.alt && byte != CTRL_C, ..sequences::control(byte) }));
                self.alt = false;
            }
            0x20..=0x7e => self.printable(char::from(byte), heard),
            0x80..=0xff => self.character(byte, now, heard),
        }
    }

    /// A key, unless a report that silence ended may go on with it.
    fn printable(&mut self, ch: char, heard: &mut Vec<Heard>) {
        let may_go_on = match self.doubt {
            None => false,
            Some(Doubt::Escape) => u8::try_from(ch).ok().and_then(Kind::of).is_some(),
            Some(Doubt::Rest(_)) => !self.alt,
        };
        if may_go_on {
            self.state = State::Lone(ch);
        } else {
            self.doubt = None;
            heard.push(Heard::Key(Chord { alt: self.alt, ..Chord::char(ch) }));
        }
        self.alt = false;
    }

    /// A second character came faster than a hand types: the report goes on.
    fn burst(&mut self, first: char, byte: u8, now: Mono, heard: &mut Vec<Heard>) {
        let doubt = self.doubt.take();
        self.doubt_until = None;
        match doubt {
            Some(Doubt::Escape) => match u8::try_from(first).ok().and_then(Kind::of) {
                Some(kind) => self.introduce(kind, false),
                None => self.state = State::Ground,
            },
            Some(Doubt::Rest(kind)) => {
                self.introduce(kind, false);
                for byte in first.encode_utf8(&mut [0; 4]).bytes() {
                    self.byte(byte, now, heard);
                }
            }
            None => self.state = State::Ground,
        }
        self.byte(byte, now, heard);
    }

    /// A byte of a character beyond ASCII. Bytes that are none are dropped, C1 controls among them begin what they do.
    fn character(&mut self, byte: u8, now: Mono, heard: &mut Vec<Heard>) {
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
                    (Some(ch), None) => self.printable(ch, heard),
                    _ => {}
                }
                self.alt = false;
            }
            // The character goes on.
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
        self.state = State::Introduced(kind);
        self.held.clear();
        (self.doubt, self.alt, self.eight_bit) = (None, false, eight_bit);
    }

    fn escape(&mut self, byte: u8, now: Mono, heard: &mut Vec<Heard>) {
        match (byte, Kind::of(byte)) {
            // The first was the key.
            (ESC, _) => heard.push(Heard::Key(Chord::key(KeyCode::Esc))),
            (_, Some(kind)) => self.introduce(kind, false),
            // The end of a string whose beginning is gone.
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

    fn csi(&mut self, byte: u8, now: Mono, heard: &mut Vec<Heard>) {
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
            0x40..=0x7e => {
                let whole = self.held.len() < LONGEST;
                self.held.push(byte);
                if self.held == PASTE_BEGINS {
                    self.finish();
                    self.state = State::Paste;
                    (self.pasted, self.matched) = (0, 0);
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

    /// A control ends an unfinished sequence. Only those act that must always.
    fn give_up(&mut self, byte: u8, now: Mono, heard: &mut Vec<Heard>) {
        self.finish();
        if matches!(byte, ESC | CTRL_C | CTRL_Z) {
            self.ground(byte, now, heard);
        }
    }

    fn text(&mut self, kind: Kind, byte: u8, heard: &mut Vec<Heard>) {
        self.state = State::Text(kind);
        let ends = (byte == BEL && kind == Kind::Osc) || (byte == 0x9c && self.eight_bit);
        match byte {
            ESC => self.state = State::TextEscape(kind),
            CTRL_C => {
                self.finish();
                heard.push(Heard::Key(Chord::ctrl('c')));
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

    fn end_text(&mut self, kind: Kind, heard: &mut Vec<Heard>) {
        if kind == Kind::Osc {
            heard.extend(sequences::background(&self.held).map(Heard::Background));
        }
        self.finish();
    }

    fn text_escape(&mut self, kind: Kind, byte: u8, now: Mono, heard: &mut Vec<Heard>) {
        if byte == b'\\' {
            return self.end_text(kind, heard);
        }
        let late = now.since(self.last) >= ESCAPE;
        self.finish();
        if !late {
            self.state = State::Escape;
        }
        self.byte(byte, now, heard);
    }

    fn paste(&mut self, byte: u8, now: Mono, heard: &mut Vec<Heard>) {
        self.pasted = self.pasted.saturating_add(1);
        if byte == CTRL_C && (now.since(self.last) >= ESCAPE || self.pasted > NO_PASTE) {
            self.finish();
            heard.push(Heard::Key(Chord::ctrl('c')));
            return;
        }
        if self.held.len() < LONGEST_PASTE + PASTE_ENDS.len() {
            self.held.push(byte);
        }
        self.matched = match PASTE_ENDS.get(self.matched) {
            Some(wanted) if *wanted == byte => self.matched + 1,
            // The mark's first byte stands in it nowhere else.
            _ => usize::from(byte == ESC),
        };
        if self.matched == PASTE_ENDS.len() {
            if self.held.ends_with(PASTE_ENDS) {
                self.held.truncate(self.held.len() - PASTE_ENDS.len());
            }
            self.end_paste(heard);
            self.finish();
        }
    }

    fn end_paste(&mut self, heard: &mut Vec<Heard>) {
        self.held.truncate(LONGEST_PASTE);
        let mut text = String::from_utf8_lossy(&self.held).into_owned();
        text.truncate(text.floor_char_boundary(LONGEST_PASTE));
        heard.push(Heard::Paste(text));
    }
}
