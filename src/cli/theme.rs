//! Which theme the screen gets: the option, the configuration, `NO_COLOR`, what the terminal can show.

use std::time::Duration;

use terminal_colorsaurus::{QueryOptions, ThemeMode, theme_mode};

use super::ColorChoice;
use crate::error::Error;
use crate::view::ViewState;
use crate::view::theme::{Depth, Theme};

/// How long the terminal may take to tell its background; some never answer.
const PATIENCE: Duration = Duration::from_millis(100);

/// The screen in the theme that is wanted.
///
/// # Errors
/// [`Error::Usage`] for a theme that does not exist or has problems.
pub fn choose(name: &str, color: ColorChoice, ascii: bool) -> Result<ViewState, Error> {
    let depth = depth(color);
    let theme = match name {
        // The terminal's own background, transparent or not, stays where it chose the theme. A theme asked for by name
        // brings its background along, or light ink would stand on whatever the terminal has.
        "auto" => Theme::by_name(background(depth), depth).map(Theme::unpainted),
        name => Theme::by_name(name, depth),
    };
    if let Some(theme) = theme {
        return Ok(ViewState::new(theme, ascii));
    }
    let known: Vec<&str> = Theme::names().collect();
    let hint = format!("use auto, {}, or the path of a theme file", known.join(", "));
    let text = match std::fs::read_to_string(name) {
        Ok(text) => text,
        Err(error) => return Err(Error::usage(format!("there is no theme {name:?}, and no file: {error}"), hint)),
    };
    let theme = Theme::parse(&text, depth).map_err(|error| Error::usage(format!("{name}: {error}"), None))?;
    Ok(ViewState::new(theme, ascii))
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
