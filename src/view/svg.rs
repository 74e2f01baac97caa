//! Renders a frame as an SVG picture for the README, cell by cell as a terminal would.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Size of a cell in the picture, in pixels.
const CELL: (u32, u32) = (10, 21);
/// Margin around the cells, in pixels.
const MARGIN: u32 = 14;

/// The terminal's default colours in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    /// The background.
    pub background: &'static str,
    /// Text without a colour of its own.
    pub ink: &'static str,
}

/// A dark terminal.
pub const DARK: Paper = Paper { background: "#11141a", ink: "#c8ccd4" };
/// A light terminal.
pub const LIGHT: Paper = Paper { background: "#fafafa", ink: "#24292f" };

/// Draws a frame as SVG; `title` is its label for screen readers.
pub fn draw(buffer: &Buffer, paper: Paper, title: &str) -> String {
    let area = buffer.area;
    let (wide, high) = (u32::from(area.width) * CELL.0 + 2 * MARGIN, u32::from(area.height) * CELL.1 + 2 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" role=\"img\" aria-label=\"{}\">\n\
         <rect width=\"{wide}\" height=\"{high}\" rx=\"10\" fill=\"{}\"/>\n\
         <g font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"16\" \
         xml:space=\"preserve\">\n",
        escape(title),
        paper.background
    );
    for (row, cells) in buffer.content.chunks(usize::from(area.width.max(1))).enumerate() {
        line(&mut out, u32::try_from(row).unwrap_or(u32::MAX), cells, paper);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Draws one row: adjacent cells of the same style share one background and one text element.
fn line(out: &mut String, row: u32, cells: &[Cell], paper: Paper) {
    let y = MARGIN + row * CELL.1;
    let mut start = 0;
    while let Some(first) = cells.get(start) {
        let look = Look::of(first, paper);
        let rest = cells.get(start..).unwrap_or_default();
        let length = rest.iter().take_while(|cell| Look::of(cell, paper) == look).count();
        let text: String = rest.iter().take(length).map(Cell::symbol).collect();
        let position = |cell: usize| MARGIN + u32::try_from(cell).unwrap_or(u32::MAX).saturating_mul(CELL.0);
        let (x, wide) = (position(start), position(start + length) - position(start));
        // Writing into a String cannot fail.
        let mut write = |text: std::fmt::Arguments<'_>| out.write_fmt(text).unwrap_or_default();
        if look.back != paper.background {
            write(format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{}\" fill=\"{}\"/>\n",
                CELL.1, look.back
            ));
        }
        let trimmed = text.trim_end();
        let lead = trimmed.len() - trimmed.trim_start().len();
        let shown = trimmed.trim_start();
        if !shown.is_empty() {
            let weight = if look.bold { " font-weight=\"bold\"" } else { "" };
            let line = if look.underlined { " text-decoration=\"underline\"" } else { "" };
            let opacity = if look.dim { " opacity=\"0.65\"" } else { "" };
            let at = position(start + lead);
            let length = shown.chars().count();
            let long = u32::try_from(length).unwrap_or(u32::MAX).saturating_mul(CELL.0);
            // Set the length, so that every font keeps the columns.
            write(format_args!(
                "<text x=\"{at}\" y=\"{}\" textLength=\"{long}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{weight}{line}{opacity}>{}</text>\n",
                y + 16,
                look.front,
                escape(shown)
            ));
        }
        start += length.max(1);
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Look {
    front: String,
    back: String,
    bold: bool,
    dim: bool,
    underlined: bool,
}

impl Look {
    fn of(cell: &Cell, paper: Paper) -> Self {
        let (mut front, mut back) = (hex(cell.fg, paper.ink), hex(cell.bg, paper.background));
        if cell.modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut front, &mut back);
        }
        Self {
            front,
            back,
            bold: cell.modifier.contains(Modifier::BOLD),
            dim: cell.modifier.contains(Modifier::DIM),
            underlined: cell.modifier.contains(Modifier::UNDERLINED),
        }
    }
}

/// The colour of a cell; only true colours differ from the terminal's own.
fn hex(colour: Color, own: &str) -> String {
    match colour {
        Color::Rgb(r, g, b) => format!("#{r:02x}{g:02x}{b:02x}"),
        _ => own.to_owned(),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn a_frame_becomes_text_at_its_cells_with_its_colours() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 10, 2));
        buffer.set_string(2, 1, "a<b", Style::new().fg(Color::Rgb(1, 2, 3)).bg(Color::Rgb(9, 9, 9)));
        let svg = draw(&buffer, DARK, "P&L");
        assert!(svg.contains("aria-label=\"P&amp;L\""), "{svg}");
        assert!(svg.contains("<rect x=\"34\" y=\"35\" width=\"30\" height=\"21\" fill=\"#090909\"/>"), "{svg}");
        assert!(svg.contains("fill=\"#010203\">a&lt;b</text>"), "{svg}");
    }
}
