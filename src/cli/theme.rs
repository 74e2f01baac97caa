//! Which theme the screen gets: the option, the configuration, `NO_COLOR`, what the terminal can show.

use std::io::Read;
use std::time::Duration;

use terminal_colorsaurus::{QueryOptions, ThemeMode, theme_mode};

use super::ColorChoice;
use crate::error::Error;
use crate::view::ViewState;
use crate::view::theme::{Depth, Theme};

/// How long the terminal may take to tell its background; some never answer.
const PATIENCE: Duration = Duration::from_millis(100);
/// The theme that the terminal's background decides.
const AUTO: &str = "auto";
/// The largest theme file that is read, in bytes.
const LARGEST: u64 = 256 * 1024;

/// The screen in the theme that is wanted.
///
/// # Errors
/// [`Error::Usage`] for a theme that does not exist or has problems.
pub fn choose(name: &str, color: ColorChoice, ascii: bool) -> Result<ViewState, Error> {
    let depth = depth(color);
    // The terminal's own background, transparent or not, stays where it chose the theme. A theme asked for by name
    // brings its background along, or light ink would stand on whatever the terminal has.
    let known = if name == AUTO { Theme::by_name(background(depth), depth).map(Theme::unpainted) } else { None };
    let theme = match known {
        Some(theme) => theme,
        None => named(name, depth).map_err(|problem| problem.of(name))?,
    };
    Ok(ViewState::new(theme, ascii))
}

/// Whether [`choose`] would find a theme of this name. Asks the terminal nothing.
pub(super) fn check(name: &str) -> Result<(), Problem> {
    if name == AUTO { Ok(()) } else { named(name, Depth::Mono).map(drop) }
}

/// Why there is no theme of a name, without the name.
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Problem {
    /// With the name, where a person gave it as an option.
    pub(super) fn of(self, name: &str) -> Error {
        Error::usage(format!("theme {name:?}: {}", self.message), self.hint)
    }
}

/// A theme of the program's own, or a file.
fn named(name: &str, depth: Depth) -> Result<Theme, Problem> {
    if let Some(theme) = Theme::by_name(name, depth) {
        return Ok(theme);
    }
    let known: Vec<&str> = Theme::names().collect();
    let hint = Some(format!("use auto, {}, or the path of a theme file", known.join(", ")));
    let unread = |error: std::io::Error| Problem { message: format!("no theme and no file: {error}"), hint };
    let text = read(name).map_err(unread)?;
    Theme::parse(&text, depth).map_err(|error| Problem { message: error.to_string(), hint: None })
}

fn read(name: &str) -> std::io::Result<String> {
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

/// Light only when the terminal says so; most that say nothing are dark.
fn background(depth: Depth) -> &'static str {
    if depth == Depth::Mono {
        return "none";
    }
    let mut options = QueryOptions::default();
    options.timeout = PATIENCE;
    match theme_mode(options) {
        Ok(ThemeMode::Light) => "light",
        Ok(ThemeMode::Dark) | Err(_) => "dark",
    }
}
