//! Chooses the theme: from the option, the configuration, `NO_COLOR`, and what the terminal can show.

use std::io::Read;

use std::path::Path;
use std::sync::Arc;

use super::ColorChoice;
use crate::config::plain;
use crate::error::Error;
use crate::view::ViewState;
use crate::view::theme::{Depth, Theme};

/// Selects by the terminal's background.
const AUTO: &str = "auto";
/// Largest theme file, in bytes.
const LARGEST: u64 = 256 * 1024;

/// The view with the chosen theme, in ASCII if configured or if the locale has no Unicode.
///
/// # Errors
/// [`Error::Usage`] for a theme that does not exist or has problems.
pub(super) fn choose(name: &str, color: ColorChoice, ascii: bool) -> Result<ViewState, Error> {
    let depth = depth(color);
    let ascii = ascii || !locale_has_unicode(|name| std::env::var(name).ok());
    // Keep the terminal's own background, transparent or not, when it selected the theme. A theme given by name sets
    // its background, or light text could be on a light background.
    let either = (Theme::by_name("dark", depth), Theme::by_name("light", depth));
    let view = match (name, either) {
        (AUTO, (Some(dark), Some(_))) if depth == Depth::Mono => ViewState::new(dark.unpainted(), ascii),
        (AUTO, (Some(dark), Some(light))) => ViewState::following(dark.unpainted(), light.unpainted(), ascii),
        _ => ViewState::new(named(name, depth).map_err(|problem| problem.of(name))?, ascii),
    };
    Ok(view.with_depth(depth))
}

/// The themes to choose from on the screen; without colours they are all the same.
pub(super) fn offered(color: ColorChoice) -> Vec<Arc<str>> {
    let names = Theme::names().filter(|_| depth(color) != Depth::Mono);
    names.map(Arc::from).collect()
}

/// Checks that [`choose`] would find this theme, without querying the terminal.
pub(super) fn check(name: &str) -> Result<(), Problem> {
    if name == AUTO { Ok(()) } else { named(name, Depth::Mono).map(drop) }
}

/// Why a theme cannot be used, without its name.
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Problem {
    /// The error for a name given as an option.
    pub(super) fn of(self, name: &str) -> Error {
        Error::usage(format!("theme {name:?}: {}", self.message), self.hint)
    }
}

/// A built-in theme, or a file.
fn named(name: &str, depth: Depth) -> Result<Theme, Problem> {
    if let Some(theme) = Theme::by_name(name, depth) {
        return Ok(theme);
    }
    let known: Vec<&str> = Theme::names().collect();
    let hint = Some(format!("use auto, {}, or the path of a theme file", known.join(", ")));
    let unread =
        |error: std::io::Error| Problem { message: format!("neither a theme nor a readable file: {error}"), hint };
    let text = read(name).map_err(unread)?;
    Theme::parse(&text, depth).map_err(|error| Problem { message: error.to_string(), hint: None })
}

fn read(name: &str) -> std::io::Result<String> {
    plain(Path::new(name))?;
    let mut text = String::new();
    std::fs::File::open(name)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(std::io::Error::other("larger than 256 KiB"));
    }
    Ok(text)
}

fn depth(color: ColorChoice) -> Depth {
    let read = |name: &str| std::env::var(name).ok();
    let no_color = match color {
        ColorChoice::Never => return Depth::Mono,
        ColorChoice::Always => None,
        ColorChoice::Auto => read("NO_COLOR"),
    };
    Depth::of(no_color.as_deref(), read("COLORTERM").as_deref(), read("TERM").as_deref())
}

/// Whether the terminal shows Unicode according to the locale; true when no locale is set.
fn locale_has_unicode(read: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &&str| read(name).filter(|value| !value.is_empty());
    let Some(locale) = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set) else { return true };
    let charset = match locale.split('@').next().unwrap_or_default().split_once('.') {
        Some((_, charset)) => charset,
        None if matches!(locale.as_str(), "C" | "POSIX") => return false,
        None => return true,
    };
    matches!(charset.to_ascii_lowercase().replace('-', "").as_str(), "utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_set_decides_on_unicode() {
        let says = |set: &[(&str, &str)]| {
            locale_has_unicode(|name| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        for unicode in ["en_US.UTF-8", "C.utf8", "UTF-8", "de_DE", "ca_ES.UTF-8@valencia"] {
            assert!(says(&[("LC_ALL", unicode), ("LANG", "C")]), "{unicode}");
        }
        for none in ["C", "POSIX", "de_DE.ISO-8859-1", "de_DE.ISO-8859-15@euro", "ja_JP.eucJP"] {
            assert!(!says(&[("LC_ALL", none), ("LANG", "en_US.UTF-8")]), "{none}");
        }
        assert!(says(&[]));
        assert!(says(&[("LC_ALL", ""), ("LC_CTYPE", "UTF-8"), ("LANG", "C")]));
        assert!(!says(&[("LANG", "C")]));
    }
}
