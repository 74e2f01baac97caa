//! How many colours the terminal has, and the nearest one it can show.

use ratatui::style::{Color, Style};

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// None, or none wanted (`NO_COLOR`).
    Mono,
    /// The sixteen that the terminal's own theme defines.
    Ansi,
    /// 256.
    Indexed,
    /// Sixteen million.
    #[default]
    TrueColour,
}

impl Depth {
    /// What the environment of a terminal says: `NO_COLOR`, `COLORTERM` and `TERM`, as their values.
    pub fn of(no_color: Option<&str>, colorterm: Option<&str>, term: Option<&str>) -> Self {
        if no_color.is_some_and(|value| !value.is_empty()) {
            return Self::Mono;
        }
        let (colorterm, term) = (colorterm.unwrap_or_default(), term.unwrap_or_default());
        if matches!(colorterm, "truecolor" | "24bit") || term.contains("direct") {
            Self::TrueColour
        } else if term.contains("256") || term.contains("kitty") || term.contains("alacritty") {
            Self::Indexed
        } else if term == "dumb" {
            Self::Mono
        } else {
            Self::Ansi
        }
    }

    /// The style with colours this depth can show.
    pub(super) fn style(self, style: Style) -> Style {
        let colour = |colour: Option<Color>| colour.map(|colour| self.colour(colour));
        Style { fg: colour(style.fg), bg: colour(style.bg), underline_color: colour(style.underline_color), ..style }
    }

    fn colour(self, colour: Color) -> Color {
        match (self, colour) {
            (Self::Mono, _) => Color::Reset,
            (Self::Indexed, Color::Rgb(r, g, b)) => Color::Indexed(nearest_256([r, g, b])),
            (Self::Ansi, Color::Rgb(r, g, b)) => nearest_16([r, g, b]),
            (Self::Ansi, Color::Indexed(index)) if index > 15 => nearest_16(rgb_256(index)),
            (_, other) => other,
        }
    }
}

const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Squared distance, weighted as the eye weighs green over red over blue.
fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    let weights = [3, 4, 2];
    a.iter().zip(b).zip(weights).map(|((a, b), weight)| weight * u32::from(a.abs_diff(b)).pow(2)).sum()
}

/// The colour cube and the grey ramp, as every terminal defines them.
fn rgb_256(index: u8) -> [u8; 3] {
    let step = |at: u8| STEPS.get(usize::from(at)).copied().unwrap_or(255);
    match index {
        16..=231 => {
            let cube = index - 16;
            [step(cube / 36), step(cube / 6 % 6), step(cube % 6)]
        }
        232..=255 => [8 + 10 * (index - 232); 3],
        _ => ANSI.get(usize::from(index)).map_or([0; 3], |(rgb, _)| *rgb),
    }
}

fn nearest_256(rgb: [u8; 3]) -> u8 {
    (16..=255).min_by_key(|index| distance(rgb, rgb_256(*index))).unwrap_or(15)
}

/// The sixteen colours as xterm draws them; a terminal's theme may differ, hence `[ansi]` in theme files.
const ANSI: [([u8; 3], Color); 16] = [
    ([0, 0, 0], Color::Black),
    ([205, 0, 0], Color::Red),
    ([0, 205, 0], Color::Green),
    ([205, 205, 0], Color::Yellow),
    ([0, 0, 238], Color::Blue),
    ([205, 0, 205], Color::Magenta),
    ([0, 205, 205], Color::Cyan),
    ([229, 229, 229], Color::Gray),
    ([127, 127, 127], Color::DarkGray),
    ([255, 0, 0], Color::LightRed),
    ([0, 255, 0], Color::LightGreen),
    ([255, 255, 0], Color::LightYellow),
    ([92, 92, 255], Color::LightBlue),
    ([255, 0, 255], Color::LightMagenta),
    ([0, 255, 255], Color::LightCyan),
    ([255, 255, 255], Color::White),
];

fn nearest_16(rgb: [u8; 3]) -> Color {
    ANSI.iter().min_by_key(|(known, _)| distance(rgb, *known)).map_or(Color::Reset, |(_, colour)| *colour)
}
