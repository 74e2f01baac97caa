//! Redacts secrets in outside text before it is cut, in every form in which a peer may echo them.
//!
//! Defines what counts as the secret: the secret itself, its Base64 in either alphabet at any alignment,
//! percent-encoded and JSON-escaped forms, and every long enough part of these.

use std::collections::BTreeSet;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::text::{Untrusted, sanitize_to};

/// A part of a secret this long counts as the secret, because the text may have been cut before it arrived.
const PART: usize = 8;
/// A shorter secret would occur in ordinary words, and protects nothing.
const SHORTEST: usize = 4;
/// Shorter Base64 cannot be told from ordinary words.
const SHORTEST_ENCODED: usize = 6;

/// The secrets that must not appear in a text. Created where needed and dropped at once, so that no
/// copy stays in memory.
pub struct Redactor {
    parts: Zeroizing<Vec<Vec<u8>>>,
    sizes: BTreeSet<usize>,
}

impl Redactor {
    /// Collects these secrets; one of less than four characters is ignored.
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

    /// A peer's text made safe to show: sanitised, redacted, and only then cut.
    pub fn words(&self, said: &Untrusted, limit: usize) -> String {
        // Sanitising removes characters, which may join the pieces of a secret, so it comes first.
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

    /// Where the text contains a part of a secret.
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

/// Base64 of the secret at this alignment, without the end characters that also encode neighbouring bits.
fn encoded(secret: &[u8], alignment: usize) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(vec![0; alignment]);
    bytes.extend_from_slice(secret);
    let text = Zeroizing::new(STANDARD_NO_PAD.encode(&*bytes));
    let start = [0, 2, 3].get(alignment).copied().unwrap_or(0);
    let end = text.len() - usize::from(!bytes.len().is_multiple_of(3));
    Zeroizing::new(text.get(start..end).unwrap_or_default().to_owned())
}

/// Unifies the Base64 alphabets, and a form-encoded plus sign with the space that it encodes.
const fn folded(byte: u8) -> u8 {
    match byte {
        b'-' | b' ' => b'+',
        b'_' => b'/',
        other => other,
    }
}

/// A decoded byte, and its position in the original text.
struct Byte {
    value: u8,
    span: Range<usize>,
}

/// The text without decoding.
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

/// The text with `%2F`, `\u002f` and `\/` decoded.
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
