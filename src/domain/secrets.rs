//! Takes secrets out of text from outside before it is cut, in every form a peer may send them back in.
//!
//! Owns what counts as the secret: itself, Base64 of either alphabet at any alignment, percent-encoded and JSON-escaped
//! forms, and every part of these that is long enough to be worth something.

use std::collections::BTreeSet;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::text::{Untrusted, sanitize_to};

/// A part of a secret of this many characters counts as the secret: text may have been cut before it came here.
const PART: usize = 8;
/// A secret of fewer characters stands in every other word, and protects nothing.
const SHORTEST: usize = 4;
/// Base64 of fewer characters says too little to tell it from a word.
const SHORTEST_ENCODED: usize = 6;

/// The secrets that must not be in a text. Made where one is needed and dropped with it, so that no copy stays.
pub struct Redactor {
    parts: Zeroizing<Vec<Vec<u8>>>,
    sizes: BTreeSet<usize>,
}

impl Redactor {
    /// Knows these secrets; one of less than four characters is none.
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut redactor = Self { parts: Zeroizing::new(Vec::new()), sizes: BTreeSet::new() };
        for secret in secrets {
            let secret = secret.expose_secret().as_bytes();
            redactor.learn(secret, SHORTEST);
            for alignment in 0..3 {
                redactor.learn(encoded(secret, alignment).as_bytes(), SHORTEST_ENCODED);
            }
        }
        redactor.parts.sort_unstable();
        redactor
    }

    /// What a peer said, as it may be shown: sanitised, without the secrets, and only then cut.
    pub fn words(&self, said: &Untrusted, limit: usize) -> String {
        // Sanitising removes characters, and may so put a secret together that was sent in pieces: it goes first.
        let whole = sanitize_to(said.raw().trim(), usize::MAX);
        sanitize_to(&self.without(&whole), limit)
    }

    fn learn(&mut self, form: &[u8], shortest: usize) {
        if form.len() < shortest {
            return;
        }
        let size = form.len().min(PART);
        self.sizes.insert(size);
        let form: Zeroizing<Vec<u8>> = Zeroizing::new(form.iter().copied().map(folded).collect());
        self.parts.extend(form.windows(size).map(<[u8]>::to_vec));
    }

    fn without(&self, text: &str) -> String {
        let mut found = self.found(&literal(text));
        found.extend(self.found(&decoded(text)));
        found.sort_unstable_by_key(|span| (span.start, span.end));
        let mut out = String::with_capacity(text.len());
        let mut kept = 0;
        for span in found {
            if span.start >= kept && (span.start > kept || !out.ends_with('…')) {
                out.push_str(text.get(kept..span.start).unwrap_or_default());
                out.push('…');
            }
            kept = kept.max(span.end);
        }
        out.push_str(text.get(kept..).unwrap_or_default());
        out
    }

    /// Where the text holds a part of a secret.
    fn found(&self, bytes: &[Byte]) -> Vec<Range<usize>> {
        let plain: Vec<u8> = bytes.iter().map(|byte| folded(byte.value)).collect();
        let mut found = Vec::new();
        for size in &self.sizes {
            for (window, spans) in plain.windows(*size).zip(bytes.windows(*size)) {
                if let ([first, ..], [.., last]) = (spans, spans)
                    && self.parts.binary_search_by(|part| part.as_slice().cmp(window)).is_ok()
                {
                    found.push(first.span.start..last.span.end);
                }
            }
        }
        found
    }
}

/// Base64 of the secret with so many bytes before it, without the characters at its ends that hold other bits as well.
fn encoded(secret: &[u8], alignment: usize) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(vec![0; alignment]);
    bytes.extend_from_slice(secret);
    let text = Zeroizing::new(STANDARD_NO_PAD.encode(&*bytes));
    let start = [0, 2, 3].get(alignment).copied().unwrap_or(0);
    let end = text.len() - usize::from(!bytes.len().is_multiple_of(3));
    Zeroizing::new(text.get(start..end).unwrap_or_default().to_owned())
}

/// The alphabets of Base64 as one, and a form's plus sign as the space it stands for.
const fn folded(byte: u8) -> u8 {
    match byte {
        b'-' | b' ' => b'+',
        b'_' => b'/',
        other => other,
    }
}

/// A byte of the text that was meant, and where it stands in the text that came.
struct Byte {
    value: u8,
    span: Range<usize>,
}

/// The text as it stands.
fn literal(text: &str) -> Vec<Byte> {
    let of = |(start, ch): (usize, char)| {
        let span = start..start + ch.len_utf8();
        text.as_bytes()
            .get(span.clone())
            .unwrap_or_default()
            .iter()
            .map(move |value| Byte { value: *value, span: span.clone() })
    };
    text.char_indices().flat_map(of).collect()
}

/// The text with `%2F`, `\u002f` and `\/` read as what they stand for.
fn decoded(text: &str) -> Vec<Byte> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for byte in literal(text) {
        if byte.span.start < done {
            continue;
        }
        let start = byte.span.start;
        let after = bytes.get(start + 1..).unwrap_or_default();
        let (value, length) = match (byte.value, after) {
            (b'%', [high, low, ..]) => (hex([*high, *low]), 3),
            (b'\\', [b'u', b'0', b'0', high, low, ..]) => (hex([*high, *low]), 6),
            (b'\\', [escaped @ (b'"' | b'\\' | b'/'), ..]) => (Some(*escaped), 2),
            _ => (None, 0),
        };
        match value {
            Some(value) => {
                done = start + length;
                out.push(Byte { value, span: start..done });
            }
            None => out.push(byte),
        }
    }
    out
}

fn hex(digits: [u8; 2]) -> Option<u8> {
    let text = std::str::from_utf8(&digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u8::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests;
