//! The terminal's colour depth, and the nearest colour it can show.

use ratatui::style::{Color, Style};

/// The terminal's colour depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// No colours, or none wanted (`NO_COLOR`).
    Mono,
    /// The 16 colours that the terminal's own theme defines.
    Ansi,
    /// 256 colours.
    Indexed,
    /// True colour.
    #[default]
    TrueColour,
}

impl Depth {
    /// The depth according to the values of `NO_COLOR`, `COLORTERM` and `TERM`.
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

    /// The style with its colours reduced to this depth.
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

/// Squared distance, weighted by the eye's sensitivity.
fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    let weights = [3, 4, 2];
    a.iter().zip(b).zip(weights).map(|((a, b), weight)| weight * u32::from(a.abs_diff(b)).pow(2)).sum()
}

/// The colour cube and grey ramp, the same in every terminal.
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

/// The 16 colours as in xterm; a terminal's theme may differ, hence `[ansi]` in theme files.
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
