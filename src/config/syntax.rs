//! Error messages for a file that is not valid TOML: the parser's, without what it quotes from the file.

use super::Problem;
use crate::domain::text::line_of;

/// Longest key name that is repeated, in characters.
const LONGEST_KEY: usize = 40;

/// Turns a TOML error into a problem with its line. Values are not repeated: a value may be a secret that lacks its
/// quotes.
pub(super) fn problem(text: &str, error: &toml::de::Error) -> Problem {
    let line = error.span().map(|span| line_of(text, span.start));
    let (message, hint) = explained(error.message());
    Problem { line, key: String::new(), message, hint: hint.to_owned() }
}

fn explained(message: &str) -> (String, &'static str) {
    const EXAMPLE: &str = "correct the file (see config.example.toml)";
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let hint = "remove it or correct its spelling (see config.example.toml)";
        // Only the name of a key looks like this; secrets have digits, capitals or punctuation.
        let name = rest.split('`').next().filter(|name| {
            name.len() <= LONGEST_KEY && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        });
        return (name.map_or_else(|| "unknown key".to_owned(), |name| format!("unknown key {name}")), hint);
    }
    if message.starts_with("data did not match any variant") {
        return ("expected a text in quotes, or a list of them".to_owned(), EXAMPLE);
    }
    // The expected kind is the parser's word; the found one may quote the file.
    match message.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((found, expected)) => {
            let kind = found.split(['`', '"']).next().unwrap_or_default().trim_end();
            (format!("expected {expected}, found {kind}"), EXAMPLE)
        }
        None => (without_quotes(message), EXAMPLE),
    }
}

/// The message without any quoted text longer than one character.
fn without_quotes(message: &str) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some(start) = rest.find(['`', '"']) {
        let (before, quoted) = rest.split_at(start);
        let mark = quoted.chars().next().unwrap_or('`');
        let inside = quoted.get(1..).unwrap_or_default();
        let end = inside.find(mark).unwrap_or(inside.len());
        let (content, after) = inside.split_at(end);
        out.push_str(before);
        out.push(mark);
        out.push_str(if content.chars().count() > 2 { "…" } else { content });
        out.push(mark);
        rest = after.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
    crate::domain::text::sanitize(&out)
}
