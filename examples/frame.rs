//! Prints one frame of a fixed desk as escape text, to be looked at:
//! `cargo run --example frame -- SCREEN COLSxROWS [THEME [DEPTH]]`.

#![allow(
    clippy::disallowed_methods,
    clippy::duration_suboptimal_units,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it fails like a test, and is none of the program"
)]

#[path = "../tests/integration/fixture.rs"]
mod fixture;
#[path = "../tests/integration/stage.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod stage;

use brokerdeck::view::{Depth, Theme, ViewState, render};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

#[expect(clippy::print_stdout, reason = "this is what the example is for")]
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |index: usize, default: &str| args.get(index).cloned().unwrap_or_else(|| default.to_owned());
    let (cols, rows) = arg(1, "140x40")
        .split_once('x')
        .map_or((140, 40), |(cols, rows)| (cols.parse().unwrap_or(140), rows.parse().unwrap_or(40)));
    let depth = match arg(3, "true").as_str() {
        "mono" => Depth::Mono,
        "16" => Depth::Ansi,
        "256" => Depth::Indexed,
        _ => Depth::TrueColour,
    };
    let (theme, ascii) = match arg(2, "dark").as_str() {
        "ascii" => (Theme::by_name("none", depth), true),
        name => (Theme::by_name(name, depth), false),
    };
    let area = Rect::new(0, 0, cols, rows);
    let mut buffer = Buffer::empty(area);
    let fixture = stage::fixture(&arg(0, "paper"), (cols, rows));
    let mut view = ViewState::new(theme.unwrap_or_default(), ascii);
    render(&fixture.model, &mut view, area, &mut buffer);
    print!("{}", escape(&buffer));
}

fn escape(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let Some(cell) = buffer.cell((x, y)) else { continue };
            out.push_str("\x1b[0");
            for (modifier, code) in [
                (Modifier::BOLD, 1),
                (Modifier::DIM, 2),
                (Modifier::ITALIC, 3),
                (Modifier::UNDERLINED, 4),
                (Modifier::REVERSED, 7),
            ] {
                if cell.modifier.contains(modifier) {
                    out.push_str(&format!(";{code}"));
                }
            }
            out.push_str(&colour(cell.fg, 30));
            out.push_str(&colour(cell.bg, 40));
            out.push('m');
            out.push_str(cell.symbol());
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

fn colour(colour: Color, base: u8) -> String {
    let named = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match colour {
        Color::Rgb(r, g, b) => format!(";{};2;{r};{g};{b}", base + 8),
        Color::Indexed(index) => format!(";{};5;{index}", base + 8),
        Color::Reset => String::new(),
        other => match named.iter().position(|known| *known == other).and_then(|at| u8::try_from(at).ok()) {
            Some(at) if at < 8 => format!(";{}", base + at),
            Some(at) => format!(";{}", base + 52 + at),
            None => String::new(),
        },
    }
}
