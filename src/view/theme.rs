//! All styles, read from theme files: built-in ones are embedded, a user's is a TOML file of the same form.
//!
//! Nothing else in the view names a colour. Themes are written for true colour, with overrides for 16 colours; 256
//! colours are computed, and without colour only modifiers apply.

use std::collections::BTreeMap;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use crate::domain::text::line_of;

mod depth;

pub use depth::Depth;

/// Declares the roles once: fields, names in theme files, and lookup by name.
macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident),+ $(,)?) => {
        /// A style for each role on the screen.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Theme {
            /// The theme's name.
            pub name: String,
            $($(#[$doc])* pub $role: Style,)+
        }

        impl Theme {
            /// The roles that a theme file may set, in the order of the documentation.
            pub const ROLES: &'static [&'static str] = &[$(stringify!($role)),+];

            fn blank(name: &str) -> Self {
                Self { name: name.to_owned(), $($role: Style::new(),)+ }
            }

            fn role_mut(&mut self, role: &str) -> Option<&mut Style> {
                match role {
                    $(stringify!($role) => Some(&mut self.$role),)+
                    _ => None,
                }
            }

            /// Every role and its style.
            pub fn styles(&self) -> Vec<(&'static str, Style)> {
                vec![$((stringify!($role), self.$role)),+]
            }
        }
    };
}

roles! {
    /// The background of everything; `default` keeps the terminal's own.
    base,
    /// Plain text and figures.
    text,
    /// Labels, units and other secondary text.
    dim,
    /// Faint: rules, hints in empty places.
    faint,
    /// Emphasis: names, headings in overlays.
    strong,
    /// Frame of a pane without an account, and of a paper account.
    border,
    /// The same, focused.
    border_focused,
    /// Frame of a live account.
    border_live,
    /// The same, focused.
    border_live_focused,
    /// Title of a pane.
    title,
    /// Title of the focused pane.
    title_focused,
    /// The word PAPER.
    tag_paper,
    /// The word LIVE.
    tag_live,
    /// The word SIMULATED.
    tag_simulated,
    /// READ-ONLY and other notices about the whole program.
    tag_notice,
    /// The selected row of the focused pane.
    selected,
    /// The selected row of another pane.
    selected_unfocused,
    /// Column titles.
    column,
    /// The title of the sort column.
    column_sorted,
    buy,
    sell,
    gain,
    loss,
    /// Good: connected, filled.
    ok,
    /// In progress: connecting, pending, partly filled.
    waiting,
    /// Bad: refused, rejected, failed.
    error,
    /// A working order.
    working,
    /// An order that is done without a fill.
    gone,
    /// Stale data.
    stale,
    /// A key in the footer and in help.
    key,
    /// The label of a key.
    key_label,
    /// A key that cannot act now.
    key_off,
    /// The flash of a new execution.
    flash,
    /// The part of a text that matches a search.
    matched,
    /// A text field.
    input,
    link,
    toast,
    /// A chart's curve.
    chart,
    /// A chart's axes and crosshair.
    chart_axis,
    /// The scroll bar on a pane's edge.
    scroll,
}

/// Why a theme file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct ThemeError {
    /// The line, from 1.
    pub line: Option<usize>,
    /// What is wrong, and how to fix it.
    pub message: String,
}

/// The names of the embedded themes and their files.
const BUILT_IN: &[(&str, &str)] = &[
    ("dark", include_str!("../../assets/themes/dark.toml")),
    ("light", include_str!("../../assets/themes/light.toml")),
    ("high-contrast", include_str!("../../assets/themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../assets/themes/colour-blind.toml")),
    ("none", include_str!("../../assets/themes/none.toml")),
];

/// A theme file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    /// The built-in theme to start from.
    inherits: Option<Spanned<String>>,
    #[serde(default)]
    palette: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    styles: BTreeMap<Spanned<String>, Spanned<String>>,
    /// Overrides for 16 colours.
    #[serde(default)]
    ansi: BTreeMap<Spanned<String>, Spanned<String>>,
}

impl Default for Theme {
    fn default() -> Self {
        Self::by_name("dark", Depth::TrueColour).unwrap_or_else(|| Self::blank("blank"))
    }
}

impl Theme {
    /// The names of the embedded themes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A built-in theme for a terminal of this depth; without colours, always `none`.
    pub fn by_name(name: &str, depth: Depth) -> Option<Self> {
        // Accept both spellings.
        let name = if name == "color-blind" { "colour-blind" } else { name };
        let found = |name: &str| BUILT_IN.iter().find(|(known, _)| *known == name);
        let (name, _) = found(name)?;
        let (_, text) = found(if depth == Depth::Mono { "none" } else { name })?;
        Self::parse(text, depth).ok()
    }

    /// Parses a theme file for a terminal of this depth.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn parse(text: &str, depth: Depth) -> Result<Self, ThemeError> {
        let file: File = toml::from_str(text).map_err(|error| ThemeError {
            line: error.span().map(|span| line_of(text, span.start)),
            message: error.message().to_owned(),
        })?;
        let mut theme = match &file.inherits {
            None => Self::blank("theme"),
            Some(parent) => Self::inherit(text, parent, depth)?,
        };
        if let Some(name) = &file.name {
            theme.name.clone_from(name);
        }
        for (role, words) in &file.styles {
            theme.set(text, &file.palette, role, words)?;
        }
        match depth {
            Depth::TrueColour => {}
            Depth::Mono => theme.each(|style| Style { fg: None, bg: None, underline_color: None, ..style }),
            Depth::Indexed | Depth::Ansi => theme.each(|style| depth.style(style)),
        }
        // Check every depth, so that the theme's author sees the mistakes of all.
        let mut ansi = theme.clone();
        for (role, words) in &file.ansi {
            // With 16 colours, names mean the terminal's own colours and not those of the palette.
            ansi.set(text, &BTreeMap::new(), role, words)?;
        }
        ansi.each(|style| Depth::Ansi.style(style));
        Ok(if depth == Depth::Ansi { ansi } else { theme })
    }

    /// The theme on the terminal's own background.
    #[must_use]
    pub fn unpainted(mut self) -> Self {
        self.base = Style::new();
        self
    }

    fn inherit(text: &str, parent: &Spanned<String>, depth: Depth) -> Result<Self, ThemeError> {
        let name = parent.get_ref();
        BUILT_IN
            .iter()
            .find(|(known, _)| known == name)
            .ok_or_else(|| ThemeError {
                line: Some(line_of(text, parent.span().start)),
                message: format!(
                    "unknown theme {name:?} to inherit; choose one of {}",
                    Self::names().collect::<Vec<_>>().join(", ")
                ),
            })
            .and_then(|(_, built_in)| Self::parse(built_in, depth))
    }

    fn set(
        &mut self,
        text: &str,
        palette: &BTreeMap<String, Spanned<String>>,
        role: &Spanned<String>,
        words: &Spanned<String>,
    ) -> Result<(), ThemeError> {
        let style = parse_style(words.get_ref(), palette)
            .map_err(|message| ThemeError { line: Some(line_of(text, words.span().start)), message })?;
        let slot = self.role_mut(role.get_ref()).ok_or_else(|| ThemeError {
            line: Some(line_of(text, role.span().start)),
            message: format!("unknown style {:?}; the styles are {}", role.get_ref(), Self::ROLES.join(", ")),
        })?;
        *slot = style;
        Ok(())
    }

    fn each(&mut self, change: impl Fn(Style) -> Style) {
        for role in Self::ROLES {
            if let Some(style) = self.role_mut(role) {
                *style = change(*style);
            }
        }
    }
}

/// Parses `blue on #202020 bold`: foreground, background, modifiers, each optional.
fn parse_style(words: &str, palette: &BTreeMap<String, Spanned<String>>) -> Result<Style, String> {
    let mut style = Style::new();
    let mut background = false;
    for word in words.split_whitespace() {
        let modifier = match word {
            "on" => {
                background = true;
                continue;
            }
            "bold" => Modifier::BOLD,
            "dim" => Modifier::DIM,
            "italic" => Modifier::ITALIC,
            "underlined" => Modifier::UNDERLINED,
            "reversed" => Modifier::REVERSED,
            "crossed" => Modifier::CROSSED_OUT,
            name => {
                let named = palette.get(name).map_or(name, |colour| colour.get_ref().as_str());
                let colour = parse_colour(named).ok_or_else(|| {
                    format!(
                        "{name:?} is not a colour: write #rrggbb, a number up to 255, a name such as red, or a \
                        name from [palette]"
                    )
                })?;
                style = if background { style.bg(colour) } else { style.fg(colour) };
                background = false;
                continue;
            }
        };
        style = style.add_modifier(modifier);
    }
    if background { Err("a colour must follow `on`".to_owned()) } else { Ok(style) }
}

fn parse_colour(word: &str) -> Option<Color> {
    if word == "default" { Some(Color::Reset) } else { Color::from_str(word).ok() }
}

#[cfg(test)]
mod tests;
