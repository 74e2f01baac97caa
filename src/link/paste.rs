//! Finds the redirect URL in pasted text: wrapped over lines, in quotes, with marks of a terminal, a mail or a shell,
//! inside a sentence or a link, under another name of this machine, or as its query alone.
//!
//! It only finds candidates for the redirect URL; [`super::flow`] accepts one by its `state`.

use std::fmt;

use secrecy::zeroize::Zeroizing;
use url::Url;

use crate::domain::text::sanitize_to;

/// Longest pasted text, in bytes; a wrapped copy contains extra white space.
const LONGEST: usize = 16 * 1024;
/// The most lines kept: the longest address, wrapped by the narrowest terminal. An address may start and end on any
/// line, so more lines would take seconds.
const MOST_LINES: usize = 160;
/// The shortest start of an address recognised, in bytes; a shorter one is ambiguous.
const SHORTEST_BEGINNING: usize = 8;
/// Bracketed paste marks, also with the escape character shown as `^[` or as its 8-bit form.
const MARKS: [&str; 6] = ["\x1b[200~", "\x1b[201~", "^[[200~", "^[[201~", "\u{9b}200~", "\u{9b}201~"];
/// Characters put around an address by people and programs.
const AROUND: [char; 14] = ['"', '\'', '<', '>', '`', '“', '”', '‘', '’', '«', '»', '(', ')', ','];
/// Characters that end an address.
const OVER: [char; 9] = ['"', '<', '>', '`', '“', '”', '«', '»', '\\'];
/// Characters that end a sentence.
const STOPS: [char; 6] = ['.', ',', ';', ':', '!', '?'];
/// Marks of emphasis, in pairs around a text; an address may end with them too.
const EMPHASIS: [char; 3] = ['*', '_', '~'];
/// `&` as written in HTML and mail.
const AMPERSANDS: [&str; 5] = ["&amp;", "&#38;", "&#038;", "&#x26;", "&#X26;"];
/// What the query of a redirect URL can start with.
const NAMES: [&str; 6] = ["code=", "state=", "iss=", "scope=", "error=", "error_description="];

/// The `state` in a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The redirect of this attempt.
    Right,
    /// A different one.
    Wrong,
    /// Too short: the address is incomplete.
    Short,
}

/// What a paste is, together with the ones before it.
#[derive(Debug)]
pub(super) enum Found {
    /// A redirect URL; its query.
    Whole(Zeroizing<String>),
    /// The start of one.
    Beginning,
    /// Something else.
    Foreign,
}

/// The lines pasted so far that do not make a complete address.
#[derive(Default)]
pub(super) struct Pieces(Zeroizing<Vec<String>>);

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pieces({})", self.0.len())
    }
}

impl Pieces {
    /// Adds a paste. A right `state` takes precedence over a wrong one, and more lines over fewer.
    pub(super) fn add(&mut self, text: &str, redirect: &Url, state: impl Fn(&str) -> State) -> Found {
        if text.len() > LONGEST {
            self.0.clear();
            return Found::Foreign;
        }
        let text = Zeroizing::new(MARKS.iter().fold(text.replace("\r\n", "\n"), |text, mark| text.replace(mark, "")));
        self.0.extend(text.split(['\n', '\r']).map(str::to_owned));
        while self.0.len() > MOST_LINES || self.0.iter().map(String::len).sum::<usize>() > LONGEST {
            Zeroizing::new(self.0.remove(0));
        }
        let found = self.found(redirect, state);
        if !matches!(found, Found::Beginning) {
            self.0.clear();
        }
        found
    }

    fn found(&self, redirect: &Url, state: impl Fn(&str) -> State) -> Found {
        let unquoted = Zeroizing::new(self.0.iter().map(|line| unquoted(line)).collect::<Vec<_>>().join("\n"));
        let hosts = hosts(redirect);
        let mut read: Vec<Zeroizing<Vec<Vec<String>>>> = Vec::new();
        let mut wrong = None;
        for reading in READINGS {
            let text = Zeroizing::new(reading(&unquoted));
            if !read.is_empty() && *text == *unquoted {
                continue;
            }
            let lines = Zeroizing::new(words(&text));
            for query in candidates(&lines).filter_map(|text| query(&text, redirect, &hosts)) {
                match state(&query) {
                    State::Right => return Found::Whole(query),
                    State::Wrong => wrong = wrong.or(Some(query)),
                    State::Short => {}
                }
            }
            read.push(lines);
        }
        let begun = || read.iter().any(|lines| candidates(lines).any(|text| begins(&text, redirect, &hosts)));
        match wrong {
            Some(query) => Found::Whole(query),
            None if begun() => Found::Beginning,
            None => Found::Foreign,
        }
    }
}

/// The words of each non-empty line.
fn words(text: &str) -> Vec<Vec<String>> {
    let words = |line: &str| {
        line.split_whitespace().map(plain).filter(|word| !word.is_empty() && !is_frame(word)).collect::<Vec<_>>()
    };
    text.lines().map(words).filter(|line| !line.is_empty()).collect()
}

/// One way to undo a copy's encoding; the right way is the one that gives the right `state`.
type Reading = fn(&str) -> String;
const READINGS: [Reading; 6] = [str::to_owned, mailed, escaped, encoded, shelled, rejoined];

/// Quoted-printable mail: a line that ends in `=` continues on the next.
fn mailed(text: &str) -> String {
    decoded(&text.replace("=\n", ""), b'=')
}

/// Escaped for a shell or in JSON.
fn escaped(text: &str) -> String {
    let text = Zeroizing::new(text.replace("\\\n", "").replace("\\u0026", "&").replace("\\u003d", "="));
    text.replace('\\', "")
}

/// Escaped for a Windows shell.
fn shelled(text: &str) -> String {
    text.replace("^&", "&").replace("`&", "&")
}

/// With characters inserted that break lines, or prevent breaks.
fn rejoined(text: &str) -> String {
    text.replace(['\t', '\u{b}', '\u{c}', '\u{85}', '\u{a0}', '\u{2007}', '\u{2028}', '\u{2029}', '\u{202f}'], "")
}

/// As a parameter of another address, such as a mail program's link checker.
fn encoded(text: &str) -> String {
    decoded(text, b'%')
}

/// Decodes two hexadecimal digits after the mark into a printable character.
fn decoded(text: &str, mark: u8) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(char::from(mark)) {
        out.push_str(before);
        let code = after.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii_graphic);
        out.push(char::from(code.unwrap_or(mark)));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    out.push_str(rest);
    out
}

/// A line without quoting marks of a mail reply, or the frame of a text box.
fn unquoted(line: &str) -> &str {
    line.trim_start_matches(|ch: char| ch.is_whitespace() || matches!(ch, '>' | '|'))
}

/// Whether a word is part of a text box's frame.
fn is_frame(word: &str) -> bool {
    word.chars().all(|ch| matches!(ch, '|' | '+' | '-' | '=')) && word.contains(['|', '+'])
}

/// A word without characters that no address contains: controls and invisible ones.
fn plain(word: &str) -> String {
    let word = Zeroizing::new(sanitize_to(word, usize::MAX));
    // Browsers escape non-ASCII characters in an address, so box-drawing characters are not part of it.
    let shown = |ch: &char| !matches!(ch, '\u{2400}'..='\u{2421}' | '\u{2500}'..='\u{257f}' | '\u{fffd}');
    let word = Zeroizing::new(word.chars().filter(shown).collect::<String>());
    let word = word.strip_prefix("[200~").unwrap_or(&word);
    let mut word = Zeroizing::new(word.strip_suffix("[201~").unwrap_or(word).to_owned());
    // Repeated for text that was escaped more than once.
    for ampersand in AMPERSANDS.iter().cycle().take(3 * AMPERSANDS.len()) {
        word = Zeroizing::new(word.replace(ampersand, "&"));
    }
    word.to_string()
}

/// Every text that may be an address: a word and, where it ends its line, the following lines that may continue it.
/// Ordered by start, then longest first among those that end with a line.
fn candidates(lines: &[Vec<String>]) -> impl Iterator<Item = Zeroizing<String>> {
    let starts = lines.iter().enumerate().flat_map(|(row, line)| (0..line.len()).map(move |column| (row, column)));
    starts.flat_map(move |(row, column)| {
        let line = lines.get(row).map(Vec::as_slice).unwrap_or_default();
        let mut words: Vec<&str> = line.get(column).map(String::as_str).into_iter().collect();
        // A line of several words may start with the rest of an address, but more likely with something else.
        let mut doubtful = false;
        if column + 1 == line.len() {
            for next in lines.iter().skip(row + 1) {
                let before = words.len();
                words.extend(next.first().map(String::as_str).filter(|word| !is_prompt(word)));
                if next.len() > 1 {
                    doubtful = words.len() > before;
                    break;
                }
            }
        }
        let likely = words.len() - usize::from(doubtful);
        let lengths = (1..=likely).rev().chain(likely + 1..=words.len());
        lengths.map(|length| Zeroizing::new(words.iter().take(length).copied().collect::<String>())).collect::<Vec<_>>()
    })
}

fn is_prompt(word: &str) -> bool {
    word.chars().all(|ch| matches!(ch, '$' | '%' | '#' | '>' | '❯'))
}

/// The query, when the text is the redirect URL with a query, or a query alone.
fn query(text: &str, redirect: &Url, hosts: &[String]) -> Option<Zeroizing<String>> {
    let (before, query) = address(text, redirect, hosts).or_else(|| Some(("", alone(text, redirect)?)))?;
    let opened = before.chars().next_back();
    if escaped_by_a_shell(query) {
        return None;
    }
    // The address may precede its own words.
    let query = match opened {
        Some('<') => query.split_once("|http").map_or(query, |(query, _)| query),
        Some(']') => query.find("[/").and_then(|at| query.get(..at)).unwrap_or(query),
        _ => query,
    };
    let closed = match opened {
        Some('=') if before.ends_with('=') && before.contains('[') => Some(']'),
        Some('(') => Some(')'),
        Some('[') => Some(']'),
        Some('{') => Some('}'),
        Some('\'') => Some('\''),
        _ => None,
    };
    let over = |ch: char| OVER.contains(&ch) || Some(ch) == closed || ch == '#' || !ch.is_ascii();
    let query = query.split(over).next().unwrap_or_default();
    let query = plainly(before, query);
    Some(Zeroizing::new(query.trim_end_matches(|ch| AROUND.contains(&ch) || STOPS.contains(&ch)).to_owned()))
}

/// Whether every `&` is preceded by a shell's escape, which then is not part of the value.
fn escaped_by_a_shell(query: &str) -> bool {
    let mut ampersands = query.match_indices('&').peekable();
    ampersands.peek().is_some()
        && ampersands.all(|(at, _)| query.get(..at).is_some_and(|before| before.ends_with(['^', '`'])))
}

/// The query without trailing marks of emphasis, as many as precede the address.
fn plainly<'a>(before: &str, query: &'a str) -> &'a str {
    let Some(mark) = before.chars().next_back().filter(|ch| EMPHASIS.contains(ch)) else { return query };
    let count = before.chars().rev().take_while(|ch| *ch == mark).count();
    let marks: String = std::iter::repeat_n(mark, count).collect();
    let stopped = query.trim_end_matches(|ch| STOPS.contains(&ch));
    stopped.strip_suffix(&marks).unwrap_or(query)
}

/// The names of this machine that a browser shows.
fn hosts(redirect: &Url) -> Vec<String> {
    let port = redirect.port().map_or_else(String::new, |port| format!(":{port}"));
    let own = redirect.host_str().unwrap_or_default().to_owned();
    ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned(), own].map(|host| host + &port).into()
}

/// Splits a text into what precedes the redirect URL and what follows its `?`; accepts any name of this machine, and
/// `https` or no scheme, as browsers show and rewrite it.
fn address<'a>(text: &'a str, redirect: &Url, hosts: &[String]) -> Option<(&'a str, &'a str)> {
    let small = Zeroizing::new(text.to_ascii_lowercase());
    hosts.iter().find_map(|host| {
        small.match_indices(host.as_str()).find_map(|(at, _)| {
            let query = text.get(at + host.len()..)?.strip_prefix(redirect.path())?.strip_prefix('?')?;
            let named = small.get(..at)?;
            let scheme = ["http://", "https://"].into_iter().find_map(|scheme| named.strip_suffix(scheme));
            let before = text.get(..scheme.unwrap_or(named).len())?;
            // Part of another name, or after another scheme or a user name.
            let other = before.chars().next_back().is_some_and(|ch| ch.is_alphanumeric() || "@.-_/:%".contains(ch));
            (scheme.is_some() || !other).then_some((before, query))
        })
    })
}

/// The query without the address before it.
fn alone<'a>(text: &'a str, redirect: &Url) -> Option<&'a str> {
    let text = text.trim_start_matches(AROUND);
    let path = redirect.path();
    let query = [path, path.trim_start_matches('/'), ""]
        .into_iter()
        .find_map(|path| text.strip_prefix(path)?.strip_prefix('?'));
    let query = query.unwrap_or(text);
    let names = NAMES.iter().any(|name| query.starts_with(name)) && query.contains("state=");
    // Followed by another address, it is not one itself.
    (names && !query.contains("://") && (query.contains("code=") || query.contains("error="))).then_some(query)
}

/// Whether the text may be the start of the redirect URL.
fn begins(text: &str, redirect: &Url, hosts: &[String]) -> bool {
    let bare = text.trim_start_matches(AROUND);
    if bare.len() < SHORTEST_BEGINNING || bare.len() >= LONGEST {
        return false;
    }
    let query_begins = ["code=", "state="].iter().any(|name| bare.trim_start_matches('?').starts_with(name));
    let bare = Zeroizing::new(bare.to_ascii_lowercase());
    query_begins
        || query(text, redirect, hosts).is_some()
        || hosts.iter().any(|host| {
            ["", "http://", "https://"].iter().any(|scheme| {
                let whole = format!("{scheme}{host}{}?", redirect.path()).to_ascii_lowercase();
                whole.starts_with(&**bare) || bare.starts_with(&whole)
            })
        })
}
