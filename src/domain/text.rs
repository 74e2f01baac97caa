//! The only sanitiser for text from outside: broker messages, paths, pasted text (docs/DESIGN.md 10), and the
//! type of such text.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_width::UnicodeWidthChar;

/// The maximum length of sanitised text, in characters.
pub const LIMIT: usize = 512;
/// The maximum number of combining marks kept on one character.
const MARKS: usize = 4;

/// Text from outside, as received. It is compared, hashed and stored unchanged, and displayed
/// only through the sanitiser.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Untrusted(Arc<str>);

impl Untrusted {
    /// The text as received: for parsing, comparing and sending back, never for display.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// The text made safe for display.
    pub fn clean(&self) -> Cow<'_, str> {
        clean(&self.0)
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&clean(&self.0))
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", clean(&self.0))
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(Arc::from(text))
    }
}

impl Serialize for Untrusted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Untrusted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// The line of a byte offset, from 1.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Text from outside, made safe; borrowed if it is already plain, as nearly all of it is.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.len() <= LIMIT && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(sanitize(text))
    }
}

/// A number of things: `1 event`, `2 events`. The plural takes an s.
pub fn counted<N: Copy + fmt::Display + PartialEq + From<u8>>(count: N, thing: &str) -> String {
    format!("{count} {thing}{}", if count == N::from(1) { "" } else { "s" })
}

/// Makes hostile text safe for screen, stderr and log.
///
/// Control characters become visible symbols (`␛`), bidirectional controls, zero-width and tag characters are removed,
/// at most four combining marks stay on a character, and the length is capped at [`LIMIT`].
pub fn sanitize(text: &str) -> String {
    sanitize_to(text, LIMIT)
}

/// [`sanitize`] with another limit; truncated text ends in `…`.
pub fn sanitize_to(text: &str, limit: usize) -> String {
    safe(text, limit, |_| false)
}

/// Makes several lines safe at full length: line ends and tabs are kept.
pub fn sanitize_lines(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..=0x7e).contains(&byte) || byte == b'\n' || byte == b'\t') {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(safe(text, usize::MAX, |ch| ch == '\n' || ch == '\t'))
    }
}

/// Escapes every JSON character that could act on a terminal or mislead a reader; the parsed value stays the same.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    let acts = |ch: char| !ch.is_ascii_control() && visible(ch) != Some(ch) || ch == '\x7f';
    if !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 64);
    for ch in json.chars() {
        if acts(ch) {
            for unit in ch.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(ch);
        }
    }
    Cow::Owned(out)
}

fn safe(text: &str, limit: usize, stays: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len().min(limit.saturating_mul(4)));
    let (mut kept, mut marks) = (0, 0);
    for ch in text.chars() {
        let shown = if stays(ch) { Some(ch) } else { visible(ch) };
        let Some(ch) = shown else { continue };
        if ch.width() == Some(0) {
            marks += 1;
            if marks > MARKS || kept == 0 {
                continue;
            }
        } else {
            marks = 0;
            if kept == limit {
                // The last character goes together with its marks, or the text would be wider than the limit.
                while out.pop().is_some_and(|last| last.width() == Some(0)) {}
                out.push('…');
                break;
            }
            kept += 1;
        }
        out.push(ch);
    }
    out
}

/// The character to show for `ch`; `None` if it must be removed.
fn visible(ch: char) -> Option<char> {
    let code = u32::from(ch);
    match code {
        0x00..=0x1F => char::from_u32(0x2400 + code),
        0x7F => Some('\u{2421}'),
        0x80..=0x9F => Some('\u{FFFD}'),
        // Bidirectional and zero-width controls, soft hyphen, variation selectors, tags, fillers.
        0x00AD
        | 0x034F
        | 0x061C
        | 0x115F
        | 0x1160
        | 0x17B4
        | 0x17B5
        | 0x180B..=0x180F
        | 0x200B..=0x200F
        | 0x2028..=0x202E
        | 0x2060..=0x206F
        | 0x3164
        | 0xFE00..=0xFE0F
        | 0xFEFF
        | 0xFFA0
        | 0xFFF0..=0xFFFB
        | 0x1_D173..=0x1_D17A
        | 0xE_0000..=0xE_0FFF => None,
        _ => Some(ch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_is_kept_as_received_and_displayed_sanitised() {
        let text = Untrusted::from("a\x1b]52;c;x\x07\u{202e}b");
        assert_eq!(text.raw(), "a\x1b]52;c;x\x07\u{202e}b");
        assert_eq!(
            (format!("{text:>13}"), format!("{text:?}")),
            ("  a␛]52;c;x␇b".to_owned(), "\"a␛]52;c;x␇b\"".to_owned())
        );
        let json = serde_json::to_string(&text).unwrap();
        assert_eq!(serde_json::from_str::<Untrusted>(&json).unwrap(), text);
    }

    #[test]
    fn line_ends_are_kept_and_other_control_characters_are_not() {
        assert_eq!(sanitize_lines("a\tb\nc"), "a\tb\nc");
        assert_eq!(sanitize_lines("a\x1b]52;c;x\x07\r\nb\u{202e}\u{9b}"), "a␛]52;c;x␇␍\nb\u{fffd}");
        assert_eq!(sanitize_lines(&"é".repeat(5_000)).chars().count(), 5_000);
    }

    #[test]
    fn escaped_json_has_the_same_value_in_harmless_characters() {
        let text = "\u{9b}31m\u{7f}\u{202e}\u{200b}\u{e0041}\u{feff}é漢\n\u{1b}";
        let json = serde_json::to_string_pretty(&[text]).unwrap();
        let escaped = escape_json(&json);
        assert!(escaped.chars().all(|ch| ch == '\n' || (!ch.is_control() && visible(ch) == Some(ch))), "{escaped}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&escaped).unwrap(), [text]);
        assert!(
            escaped.contains("\\u009b") && escaped.contains("\\udb40\\udc41") && escaped.contains("é漢"),
            "{escaped}"
        );
        assert!(matches!(escape_json("[1, \"plain\"]"), Cow::Borrowed(_)));
    }

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "event")), ["0 events", "1 event", "2 events"]);
    }

    #[test]
    fn escape_sequences_become_visible() {
        assert_eq!(sanitize("a\x1b[31mb\r\n"), "a␛[31mb␍␊");
        assert_eq!(sanitize("\u{9b}31m"), "\u{fffd}31m");
    }

    #[test]
    fn bidi_and_invisible_characters_are_removed() {
        assert_eq!(sanitize("AAPL\u{202e}LPAA\u{200b}\u{e0041}"), "AAPLLPAA");
    }

    #[test]
    fn combining_marks_and_length_are_capped() {
        let zalgo = format!("e{}", "\u{0301}".repeat(50));
        assert_eq!(sanitize(&zalgo).chars().count(), 1 + MARKS);
        assert_eq!(sanitize_to("abcdef", 4), "abc…");
        assert_eq!(sanitize_to("abe\u{301}\u{301}f", 3), "ab…");
    }
}
