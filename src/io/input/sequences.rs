//! The meaning of a complete sequence; nothing, if it is not a key, a mouse event or an answer to our queries.

use super::{Background, InputEvent, Pointer};
use crate::app::keymap::{Chord, KeyCode};

/// The bits of a modifier parameter less one.
const SHIFT: u32 = 1;
const ALT: u32 = 2 | 32;
const CTRL: u32 = 4;
/// Super and Hyper, whose keys belong to the window manager.
const FOREIGN: u32 = 8 | 16;

/// The key of a control character, without Alt.
pub(super) fn control(byte: u8) -> Chord {
    match byte {
        b'\r' => Chord::key(KeyCode::Enter),
        b'\t' => Chord::key(KeyCode::Tab),
        0x7f => Chord::key(KeyCode::Backspace),
        0x1b => Chord::key(KeyCode::Esc),
        0 => Chord::ctrl(' '),
        1..=0x1a => Chord::ctrl(char::from(byte - 1 + b'a')),
        // As in xterm: Ctrl-4 to Ctrl-7.
        _ => Chord::ctrl(char::from((byte & 0x1f).saturating_sub(0x1c) + b'4')),
    }
}

/// Cursor keys and the first function keys, by their last byte.
pub(super) fn cursor(last: u8) -> Option<Chord> {
    Some(Chord::key(match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P' => KeyCode::F(1),
        b'Q' => KeyCode::F(2),
        b'S' => KeyCode::F(4),
        _ => return None,
    }))
}

/// The key of the byte after `ESC O`, also from a keypad.
pub(super) fn ss3(last: u8) -> Option<Chord> {
    match last {
        b'R' => Some(Chord::key(KeyCode::F(3))),
        b'M' => Some(Chord::key(KeyCode::Enter)),
        b'j'..=b'y' => Some(Chord::char(char::from(last - b'j' + b'*'))),
        _ => cursor(last),
    }
}

/// The key of the byte after `ESC [ [`.
pub(super) fn console(last: u8) -> Option<Chord> {
    matches!(last, b'A'..=b'E').then(|| Chord::key(KeyCode::F(last - b'A' + 1)))
}

/// A CSI sequence without its introducer.
pub(super) fn csi(bytes: &[u8]) -> Option<InputEvent> {
    let (last, parameters) = bytes.split_last()?;
    let parameters = std::str::from_utf8(parameters).ok()?;
    match (parameters.chars().next(), last) {
        (Some('<'), b'M') => return sgr_mouse(parameters.get(1..)?),
        (Some('?'), b'c') => return Some(InputEvent::Attributes),
        _ => {}
    }
    // Other private or intermediate bytes mean an answer to some query.
    if !parameters.bytes().all(|byte| matches!(byte, b'0'..=b';')) {
        return None;
    }
    let mut fields = parameters.split(';');
    let first = fields.next().unwrap_or_default();
    let second = fields.next().unwrap_or_default();
    let third = fields.next();
    if *last == b'R' && third.is_none() {
        return Some(InputEvent::Cursor { row: first.parse().ok()?, column: second.parse().ok()? });
    }
    if *last == b'~' && first == "27" {
        // xterm's other keys: `CSI 27 ; modifiers ; code ~`.
        return pressed(code(third?.parse().ok()?, None, shifted(second)?)?, second);
    }
    let key = match last {
        b'u' => {
            let mut codes = first.split(':');
            let plain = codes.next()?.parse().ok()?;
            code(plain, codes.next().and_then(|code| code.parse().ok()), shifted(second)?)?
        }
        _ if third.is_some() => return None,
        b'~' => special(first.parse().ok()?)?,
        b'Z' => KeyCode::BackTab,
        _ if matches!(first, "" | "1") => cursor(*last)?.code,
        _ => return None,
    };
    pressed(key, second)
}

/// A key with a parameter of modifiers and kind, unless it says that the key went up.
#[expect(clippy::wildcard_enum_match_arm, reason = "other keys are passed on unchanged")]
fn pressed(code: KeyCode, modifiers: &str) -> Option<InputEvent> {
    let bits = bits(modifiers)?;
    if modifiers.split(':').nth(1) == Some("3") || bits & FOREIGN != 0 {
        return None;
    }
    let (ctrl, alt) = (bits & CTRL != 0, bits & ALT != 0);
    let code = match code {
        KeyCode::Char(ch) if ctrl => KeyCode::Char(ch.to_ascii_lowercase()),
        KeyCode::Tab if bits & SHIFT != 0 => KeyCode::BackTab,
        other => other,
    };
    // Ctrl-C quits, whatever other modifiers are held.
    Some(InputEvent::Key(Chord { code, ctrl, alt: alt && !(ctrl && code == KeyCode::Char('c')) }))
}

fn bits(modifiers: &str) -> Option<u32> {
    match modifiers.split(':').next() {
        None | Some("") => Some(0),
        Some(number) => number.parse::<u32>().ok().map(|mask| mask.saturating_sub(1)),
    }
}

fn shifted(modifiers: &str) -> Option<bool> {
    bits(modifiers).map(|bits| bits & SHIFT != 0)
}

/// A key by its code point; Shift as reported by the terminal, or else as in ASCII.
fn code(plain: u32, alternate: Option<u32>, shift: bool) -> Option<KeyCode> {
    let ch = match alternate.filter(|_| shift) {
        Some(alternate) => char::from_u32(alternate)?,
        None => char::from_u32(plain)?,
    };
    Some(match ch {
        '\r' | '\u{e046}' => KeyCode::Enter,
        '\t' => KeyCode::Tab,
        '\u{1b}' => KeyCode::Esc,
        '\u{7f}' | '\u{8}' => KeyCode::Backspace,
        // The keypad.
        '\u{e037}'..='\u{e040}' => KeyCode::Char(char::from_digit(u32::from(ch) - 0xe037, 10)?),
        '\u{e049}' => KeyCode::Left,
        '\u{e04a}' => KeyCode::Right,
        '\u{e04b}' => KeyCode::Up,
        '\u{e04c}' => KeyCode::Down,
        '\u{e04d}' => KeyCode::PageUp,
        '\u{e04e}' => KeyCode::PageDown,
        '\u{e04f}' => KeyCode::Home,
        '\u{e050}' => KeyCode::End,
        '\u{e052}' => KeyCode::Delete,
        // Other private-use keys and controls cannot be bound.
        '\u{e000}'..='\u{f8ff}' => return None,
        ch if ch.is_control() => return None,
        ch if shift && alternate.is_none() => KeyCode::Char(ch.to_ascii_uppercase()),
        ch => KeyCode::Char(ch),
    })
}

/// A key by its number before `~`.
fn special(number: u8) -> Option<KeyCode> {
    Some(match number {
        1 | 7 => KeyCode::Home,
        3 => KeyCode::Delete,
        4 | 8 => KeyCode::End,
        5 => KeyCode::PageUp,
        6 => KeyCode::PageDown,
        11..=15 => KeyCode::F(number - 10),
        17..=21 => KeyCode::F(number - 11),
        23..=26 => KeyCode::F(number - 12),
        28..=29 => KeyCode::F(number - 15),
        31..=34 => KeyCode::F(number - 17),
        _ => return None,
    })
}

/// A mouse report in mode 1006: `button ; column ; row`, counted from one.
fn sgr_mouse(parameters: &str) -> Option<InputEvent> {
    let mut fields = parameters.split(';');
    let mut next = || fields.next()?.parse::<u16>().ok();
    let (button, column, row) = (next()?, next()?, next()?);
    mouse(button, column.checked_sub(1)?, row.checked_sub(1)?)
}

/// A mouse report without mode 1006: three bytes, each with an offset of 32.
pub(super) fn old_mouse(bytes: &[u8]) -> Option<InputEvent> {
    let mut bytes = bytes.iter();
    let mut next = |less: u8| bytes.next()?.checked_sub(less).map(u16::from);
    mouse(next(32)?, next(33)?, next(33)?)
}

fn mouse(button: u16, column: u16, row: u16) -> Option<InputEvent> {
    /// The mouse moved while the button was pressed.
    const MOTION: u16 = 32;
    /// Shift, Alt and Control.
    const MODIFIERS: u16 = 4 | 8 | 16;
    if button & MOTION != 0 {
        return None;
    }
    let pointer = match button & !MODIFIERS {
        0 => Pointer::Press,
        64 => Pointer::WheelUp,
        65 => Pointer::WheelDown,
        _ => return None,
    };
    Some(InputEvent::Mouse { pointer, column, row })
}

/// The answer about the background colour: `11;rgb:RRRR/GGGG/BBBB`, or `#RRGGBB`.
pub(super) fn background(text: &[u8]) -> Option<Background> {
    let text = std::str::from_utf8(text).ok()?.strip_prefix("11;")?;
    let [red, green, blue] = if let Some(hex) = text.strip_prefix('#') {
        let digits = hex.len() / 3;
        [part(hex.get(..digits)?)?, part(hex.get(digits..2 * digits)?)?, part(hex.get(2 * digits..)?)?]
    } else {
        let mut parts = text.strip_prefix("rgba:").or_else(|| text.strip_prefix("rgb:"))?.split('/');
        [part(parts.next()?)?, part(parts.next()?)?, part(parts.next()?)?]
    };
    // The eye's sensitivity to the three colours, in thousandths.
    let bright = 299 * red + 587 * green + 114 * blue;
    Some(if bright > 1000 * 0xffff / 2 { Background::Light } else { Background::Dark })
}

/// A colour component of one to four hexadecimal digits, scaled to 16 bits.
fn part(digits: &str) -> Option<u32> {
    let most = match digits.len() {
        1 => 0xf,
        2 => 0xff,
        3 => 0xfff,
        4 => 0xffff,
        _ => return None,
    };
    u32::from_str_radix(digits, 16).ok().map(|value| value * 0xffff / most)
}
