//! Chords as text: `ctrl-d`, `shift-tab`, `f5`, `space`, as in configuration, help and footer.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Chord, KeyCode};

/// A text is not a chord. The error does not repeat it, because it may be a secret in the wrong line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a key")]
pub struct ChordError;

impl ChordError {
    /// How chords are written; the hint of a parse error.
    pub const HINT: &'static str =
        "write keys as x, G, ctrl-d, alt-x, shift-tab, space, enter, esc, up, pageup, home or f5";
}

const NAMED: &[(&str, KeyCode)] = &[
    ("space", KeyCode::Char(' ')),
    ("enter", KeyCode::Enter),
    ("return", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("escape", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("backtab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("del", KeyCode::Delete),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pgup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("pgdn", KeyCode::PageDown),
];

impl FromStr for Chord {
    type Err = ChordError;

    fn from_str(word: &str) -> Result<Self, ChordError> {
        let (mut ctrl, mut alt, mut rest) = (false, false, word);
        loop {
            if let Some(inner) = modifier(rest, &["ctrl-", "c-", "^"]) {
                (ctrl, rest) = (true, inner);
            } else if let Some(inner) = modifier(rest, &["alt-", "meta-", "m-"]) {
                (alt, rest) = (true, inner);
            } else {
                break;
            }
        }
        let code = key_code(rest).ok_or(ChordError)?;
        // Terminals send Control with the small letter, whatever was pressed.
        let code = if let KeyCode::Char(ch) = code
            && ctrl
        {
            KeyCode::Char(ch.to_ascii_lowercase())
        } else {
            code
        };
        Ok(Self { code, ctrl, alt })
    }
}

fn modifier<'a>(word: &'a str, prefixes: &[&str]) -> Option<&'a str> {
    prefixes.iter().find_map(|prefix| {
        let head = word.get(..prefix.len())?;
        let rest = word.get(prefix.len()..)?;
        (head.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
    })
}

fn key_code(word: &str) -> Option<KeyCode> {
    let mut chars = word.chars();
    if let (Some(ch), None) = (chars.next(), chars.next()) {
        return (!ch.is_control() && ch != ' ').then_some(KeyCode::Char(ch));
    }
    let small = word.to_ascii_lowercase();
    if let Some((_, code)) = NAMED.iter().find(|(name, _)| *name == small) {
        return Some(*code);
    }
    let number: u8 = small.strip_prefix('f')?.parse().ok()?;
    (1..=24).contains(&number).then_some(KeyCode::F(number))
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        if self.ctrl {
            text.push_str("Ctrl-");
        }
        if self.alt {
            text.push_str("Alt-");
        }
        match self.code {
            KeyCode::Char(' ') => text.push_str("Space"),
            KeyCode::Char(ch) => text.push(ch),
            KeyCode::F(number) => text.push_str(&format!("F{number}")),
            KeyCode::Enter => text.push_str("Enter"),
            KeyCode::Esc => text.push_str("Esc"),
            KeyCode::Tab => text.push_str("Tab"),
            KeyCode::BackTab => text.push_str("Shift-Tab"),
            KeyCode::Backspace => text.push_str("Backspace"),
            KeyCode::Delete => text.push_str("Delete"),
            KeyCode::Up => text.push_str("Up"),
            KeyCode::Down => text.push_str("Down"),
            KeyCode::Left => text.push_str("Left"),
            KeyCode::Right => text.push_str("Right"),
            KeyCode::Home => text.push_str("Home"),
            KeyCode::End => text.push_str("End"),
            KeyCode::PageUp => text.push_str("PageUp"),
            KeyCode::PageDown => text.push_str("PageDown"),
        }
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_read_as_they_are_shown() {
        for word in [
            "x",
            "G",
            "ctrl-d",
            "alt-x",
            "shift-tab",
            "space",
            "enter",
            "esc",
            "pageup",
            "f12",
            "-",
            "ctrl--",
            "^",
            "ctrl-alt-x",
        ] {
            let chord: Chord = word.parse().unwrap();
            assert_eq!(chord.to_string().parse::<Chord>().unwrap(), chord, "{word}");
        }
        assert_eq!("CTRL-D".parse::<Chord>().unwrap(), Chord::ctrl('d'));
        assert_eq!("^c".parse::<Chord>().unwrap(), Chord::ctrl('c'));
        assert_eq!("space".parse::<Chord>().unwrap(), Chord::char(' '));
        assert_eq!(Chord::ctrl('d').to_string(), "Ctrl-d");
    }

    #[test]
    fn other_words_are_not_chords() {
        for word in ["", "ctrl-", "f0", "f25", "spaces", "shift-x", " ", "\u{7}"] {
            assert!(word.parse::<Chord>().is_err(), "{word:?}");
        }
    }
}
