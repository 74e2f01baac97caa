//! Converts MessagePack to JSON text, so that one decoder reads both encodings of the stream (docs/ALPACA.md 6.1).
//!
//! Timestamp extensions become RFC 3339 strings, bytes become text, other extensions `null`. Depth and size are
//! bounded, and an announced length never causes an allocation.

use jiff::Timestamp;
use serde_json::{Number, Value};

/// The deepest nesting read.
const DEEPEST: u8 = 32;
/// The longest JSON text produced, in bytes.
const LONGEST: usize = 8 * 1024 * 1024;

/// The one value in `bytes` as JSON text; `None` when it is not MessagePack, cut short, or too deep.
pub(super) fn to_json(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader { rest: bytes, out: String::with_capacity(bytes.len() + bytes.len() / 4) };
    reader.value(0)?;
    reader.rest.is_empty().then_some(reader.out)
}

/// Whether the first byte opens a MessagePack map or array; no JSON text starts with it.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    matches!(bytes.first(), Some(0x80..=0x9F | 0xDC..=0xDF))
}

struct Reader<'a> {
    rest: &'a [u8],
    out: String,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(head)
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// A big-endian length of one, two or four bytes.
    fn length(&mut self, width: usize) -> Option<usize> {
        let bytes = self.take(width)?;
        Some(bytes.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)))
    }

    fn text(&mut self, count: usize) -> Option<()> {
        let bytes = self.take(count)?;
        let text = String::from_utf8_lossy(bytes);
        self.push(&serde_json::to_string(&*text).ok()?)
    }

    fn push(&mut self, text: &str) -> Option<()> {
        if self.out.len() + text.len() > LONGEST {
            return None;
        }
        self.out.push_str(text);
        Some(())
    }

    fn value(&mut self, depth: u8) -> Option<()> {
        let [tag] = self.number()?;
        match tag {
            0x00..=0x7F => self.push(&tag.to_string()),
            0x80..=0x8F => self.map(usize::from(tag & 0x0F), depth),
            0x90..=0x9F => self.array(usize::from(tag & 0x0F), depth),
            0xA0..=0xBF => self.text(usize::from(tag & 0x1F)),
            0xC0 => self.push("null"),
            0xC2 => self.push("false"),
            0xC3 => self.push("true"),
            0xC4 | 0xD9 => self.length(1).and_then(|count| self.text(count)),
            0xC5 | 0xDA => self.length(2).and_then(|count| self.text(count)),
            0xC6 | 0xDB => self.length(4).and_then(|count| self.text(count)),
            0xC7 => self.length(1).and_then(|count| self.extension(count)),
            0xC8 => self.length(2).and_then(|count| self.extension(count)),
            0xC9 => self.length(4).and_then(|count| self.extension(count)),
            0xCA | 0xCB => self.float(tag),
            0xCC => self.number().and_then(|bytes| self.push(&u8::from_be_bytes(bytes).to_string())),
            0xCD => self.number().and_then(|bytes| self.push(&u16::from_be_bytes(bytes).to_string())),
            0xCE => self.number().and_then(|bytes| self.push(&u32::from_be_bytes(bytes).to_string())),
            0xCF => self.number().and_then(|bytes| self.push(&u64::from_be_bytes(bytes).to_string())),
            0xD0 => self.number().and_then(|bytes| self.push(&i8::from_be_bytes(bytes).to_string())),
            0xD1 => self.number().and_then(|bytes| self.push(&i16::from_be_bytes(bytes).to_string())),
            0xD2 => self.number().and_then(|bytes| self.push(&i32::from_be_bytes(bytes).to_string())),
            0xD3 => self.number().and_then(|bytes| self.push(&i64::from_be_bytes(bytes).to_string())),
            0xD4..=0xD8 => self.extension(1 << (tag - 0xD4)),
            0xDC => self.length(2).and_then(|count| self.array(count, depth)),
            0xDD => self.length(4).and_then(|count| self.array(count, depth)),
            0xDE => self.length(2).and_then(|count| self.map(count, depth)),
            0xDF => self.length(4).and_then(|count| self.map(count, depth)),
            0xE0..=0xFF => self.push(&(i16::from(tag) - 256).to_string()),
            0xC1 => None,
        }
    }

    #[expect(
        clippy::disallowed_types,
        reason = "the format has floats; they become their shortest decimal text at once"
    )]
    fn float(&mut self, tag: u8) -> Option<()> {
        // The shortest text of a 32-bit float is what its sender wrote; widening it first would add digits.
        let number = if tag == 0xCA {
            let value = f32::from_be_bytes(self.number()?);
            serde_json::from_str::<Number>(&value.is_finite().then(|| value.to_string())?).ok()
        } else {
            Number::from_f64(f64::from_be_bytes(self.number()?))
        };
        self.push(&number?.to_string())
    }

    fn array(&mut self, count: usize, depth: u8) -> Option<()> {
        let depth = deeper(depth)?;
        self.push("[")?;
        for index in 0..count {
            if index > 0 {
                self.push(",")?;
            }
            self.value(depth)?;
        }
        self.push("]")
    }

    fn map(&mut self, count: usize, depth: u8) -> Option<()> {
        let depth = deeper(depth)?;
        self.push("{")?;
        for index in 0..count {
            if index > 0 {
                self.push(",")?;
            }
            let start = self.out.len();
            self.value(depth)?;
            self.quote_key(start)?;
            self.push(":")?;
            self.value(depth)?;
        }
        self.push("}")
    }

    /// JSON keys are strings: a number's digits are quoted, a nested value is refused.
    fn quote_key(&mut self, start: usize) -> Option<()> {
        let key = self.out.get(start..)?;
        if key.starts_with('"') {
            return Some(());
        }
        if key.starts_with(['[', '{']) {
            return None;
        }
        let quoted = Value::String(key.to_owned()).to_string();
        self.out.truncate(start);
        self.push(&quoted)
    }

    fn extension(&mut self, count: usize) -> Option<()> {
        let [kind] = self.number()?;
        let body = self.take(count)?;
        let at = if i8::from_be_bytes([kind]) == -1 { timestamp(body) } else { None };
        match at {
            Some(at) => self.push(&Value::String(at.to_string()).to_string()),
            None => self.push("null"),
        }
    }
}

fn deeper(depth: u8) -> Option<u8> {
    (depth < DEEPEST).then_some(depth + 1)
}

/// The three layouts of the timestamp extension.
fn timestamp(body: &[u8]) -> Option<Timestamp> {
    match body.len() {
        4 => Timestamp::from_second(u32::from_be_bytes(body.try_into().ok()?).into()).ok(),
        8 => {
            let both = u64::from_be_bytes(body.try_into().ok()?);
            let seconds = i64::try_from(both & 0x3_FFFF_FFFF).ok()?;
            Timestamp::new(seconds, i32::try_from(both >> 34).ok()?).ok()
        }
        12 => {
            let (nanos, seconds) = body.split_at_checked(4)?;
            let nanos = i32::try_from(u32::from_be_bytes(nanos.try_into().ok()?)).ok()?;
            Timestamp::new(i64::from_be_bytes(seconds.try_into().ok()?), nanos).ok()
        }
        _ => None,
    }
}
