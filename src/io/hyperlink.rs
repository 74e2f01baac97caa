//! URLs on the screen as terminal hyperlinks (OSC 8), written over the frame that shows them.
//!
//! The view reports where a URL is; its cells are written again between escapes. Terminals that do not know hyperlinks
//! show the same frame.

use std::io::{self, Write};

use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::{Buffer, Cell};

use crate::link::progress::Sensitive;
use crate::view::Hyperlink;

/// One row of a hyperlink: its cells in the last frame, and its target.
pub struct Piece {
    cells: Vec<(u16, u16, Cell)>,
    url: Sensitive,
}

/// The cells of all hyperlinks of a frame.
pub fn pieces(buffer: &Buffer, links: &[Hyperlink]) -> Vec<Piece> {
    let cells = |link: &Hyperlink| {
        let seen = link.area.positions().filter_map(|at| buffer.cell(at).map(|cell| (at.x, at.y, cell.clone())));
        seen.collect()
    };
    links.iter().map(|link| Piece { cells: cells(link), url: link.url.clone() }).collect()
}

/// Writes the hyperlinks over the frame. Rows of one URL share an id, so that terminals underline them together.
///
/// # Errors
/// When the terminal is gone.
pub fn write<W: Write>(backend: &mut CrosstermBackend<W>, pieces: &[Piece]) -> io::Result<()> {
    for piece in pieces {
        // A control character would end the escape early; such a URL is shown without a link.
        if piece.url.expose().chars().any(char::is_control) {
            continue;
        }
        write!(backend, "\x1b]8;id=brokerdeck;{}\x1b\\", piece.url.expose())?;
        backend.draw(piece.cells.iter().map(|(x, y, cell)| (*x, *y, cell)))?;
        write!(backend, "\x1b]8;;\x1b\\")?;
    }
    Write::flush(backend)
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    fn written(url: &str) -> String {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 2));
        buffer.set_string(3, 1, "http://a/b", Style::new());
        let link = Hyperlink { area: Rect::new(3, 1, 10, 1), url: Sensitive::new(url) };
        let mut out = Vec::new();
        write(&mut CrosstermBackend::new(&mut out), &pieces(&buffer, &[link])).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_url_is_opened_before_its_cells_and_closed_after_them() {
        let text = written("http://a/b");
        let opened = text.find("\x1b]8;id=brokerdeck;http://a/b\x1b\\").unwrap();
        let shown = text.rfind("http://a/b").unwrap();
        let closed = text.rfind("\x1b]8;;\x1b\\").unwrap();
        assert!(opened < shown && shown < closed, "{text:?}");
    }

    #[test]
    fn a_url_that_could_end_the_escape_is_shown_without_a_link() {
        assert!(!written("http://a/\x1b\\b").contains("]8;id"));
    }
}
