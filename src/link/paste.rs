//! A pasted redirect URL as people copy it: wrapped over lines, in quotes, with the marks of a terminal or a mail, under
//! another name of this machine.
//!
//! Owns what is taken for the redirect URL at all. Decides nothing about it: `state` does.

use std::fmt;

use secrecy::zeroize::Zeroizing;
use url::Url;

use crate::config::is_loopback;
use crate::domain::text::sanitize_to;

/// The longest pasted text that is looked at, in bytes; a wrapped copy carries extra white space.
const LONGEST: usize = 8 * 1024;
/// The most lines of it.
const MOST_LINES: usize = 32;
/// A beginning that is shorter may be anything.
const SHORTEST_BEGINNING: usize = 8;
/// What a terminal puts around a paste, and what is left of it where the escape is shown or lost.
const MARKS: [&str; 6] = ["\x1b[200~", "\x1b[201~", "^[[200~", "^[[201~", "\u{9b}200~", "\u{9b}201~"];
/// What people and programs put around an address.
const AROUND: [char; 14] = ['"', '\'', '<', '>', '`', '“', '”', '‘', '’', '«', '»', '(', ')', ','];

/// What the query of a redirect URL says of its `state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// This attempt's.
    Right,
    /// Another.
    Wrong,
    /// Shorter than any: the address is not whole.
    Short,
}

/// What a paste is, together with the ones before it.
#[derive(Debug)]
pub(super) enum Found {
    /// A redirect URL; its query.
    Whole(Zeroizing<String>),
    /// The beginning of one.
    Beginning,
    /// Something else.
    Foreign,
}

/// The lines pasted so far that no whole address came of.
#[derive(Default)]
pub(super) struct Pieces(Zeroizing<Vec<String>>);

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pieces({})", self.0.len())
    }
}

impl Pieces {
    /// Adds a paste. A right `state` among its lines counts before a wrong one, and more lines before fewer.
    pub(super) fn add(&mut self, text: &str, redirect: &Url, state: impl Fn(&str) -> State) -> Found {
        if text.len() > LONGEST {
            self.0.clear();
            return Found::Foreign;
        }
        let text = Zeroizing::new(MARKS.iter().fold(text.to_owned(), |text, mark| text.replace(mark, "")));
        self.0.extend(text.split(['\n', '\r']).map(plain).filter(|line| !line.is_empty()));
        let many = self.0.len().saturating_sub(MOST_LINES);
        self.0.drain(..many);
        if let Some(query) = self.whole(redirect, state) {
            self.0.clear();
            return Found::Whole(query);
        }
        let from = (0..self.0.len()).find(|from| {
            let rest = self.0.get(*from..).unwrap_or_default().concat();
            rest.len() < LONGEST && begins(&rest, redirect)
        });
        let Some(from) = from else {
            self.0.clear();
            return Found::Foreign;
        };
        self.0.drain(..from);
        Found::Beginning
    }

    /// The query of the first address among the lines that is whole.
    fn whole(&self, redirect: &Url, state: impl Fn(&str) -> State) -> Option<Zeroizing<String>> {
        let mut wrong = None;
        for lines in runs(&self.0) {
            let joined = Zeroizing::new(lines.concat());
            let Some(query) = query(&joined, redirect) else { continue };
            match state(&query) {
                State::Right => return Some(query),
                State::Wrong => wrong = wrong.or(Some(query)),
                State::Short => {}
            }
        }
        wrong
    }
}

/// Every run of lines, the ones that begin first and are longest first.
fn runs(lines: &[String]) -> impl Iterator<Item = &[String]> {
    let ends = move |start: usize| (start..lines.len()).rev().map(move |end| start..=end);
    (0..lines.len()).flat_map(ends).filter_map(|run| lines.get(run))
}

/// A line without what no address holds: white space, controls, characters that are not seen.
fn plain(line: &str) -> String {
    let line = Zeroizing::new(sanitize_to(line, usize::MAX));
    let shown = |ch: &char| !ch.is_whitespace() && !('\u{2400}'..='\u{2421}').contains(ch) && *ch != '\u{fffd}';
    let line = Zeroizing::new(line.chars().filter(shown).collect::<String>());
    let line = line.strip_prefix("[200~").unwrap_or(&line);
    line.strip_suffix("[201~").unwrap_or(line).replace("&amp;", "&")
}

/// The query, when the text is the redirect URL with one: by any name of this machine, with `https` or no scheme at all, as
/// browsers show and rewrite it.
fn query(text: &str, redirect: &Url) -> Option<Zeroizing<String>> {
    let bare = text.trim_matches(AROUND);
    let whole = Zeroizing::new(if bare.contains("://") { bare.to_owned() } else { format!("http://{bare}") });
    let url = Url::parse(&whole).ok()?;
    let same = matches!(url.scheme(), "http" | "https")
        && is_loopback(&url)
        && url.port() == redirect.port()
        && url.path() == redirect.path()
        && url.username().is_empty()
        && url.password().is_none();
    url.query().filter(|_| same).map(|query| Zeroizing::new(query.to_owned()))
}

/// True when the text may go on to become the redirect URL.
fn begins(text: &str, redirect: &Url) -> bool {
    let bare = text.trim_start_matches(AROUND);
    if query(bare, redirect).is_some() {
        return true;
    }
    let port = redirect.port().map_or_else(String::new, |port| format!(":{port}"));
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        ["", "http://", "https://"].iter().any(|scheme| {
            let whole = format!("{scheme}{host}{port}{}?", redirect.path());
            let (bare, whole) = (bare.to_ascii_lowercase(), whole.to_ascii_lowercase());
            bare.len() >= SHORTEST_BEGINNING && (whole.starts_with(&bare) || bare.starts_with(&whole))
        })
    })
}
