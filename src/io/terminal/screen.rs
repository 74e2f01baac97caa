//! Frames: drawn in memory, sent to the terminal in one piece.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::Arc;

use crossterm::queue;
use crossterm::style::ResetColor;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::output::Output;

/// The drawing surface.
pub type Surface = Terminal<CrosstermBackend<Page>>;

/// The bytes of a frame.
#[derive(Debug, Clone, Default)]
pub struct Page(Rc<RefCell<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The screen.
pub struct Screen {
    output: Arc<Output>,
    page: Page,
    surface: Surface,
    size: (u16, u16),
    /// Whether the next frame clears the terminal first.
    unknown: bool,
}

impl Screen {
    /// A screen of this size, on a terminal with unknown content.
    pub(super) fn new(output: Arc<Output>, size: (u16, u16)) -> io::Result<Self> {
        let page = Page::default();
        let surface = surface(&page, size)?;
        Ok(Self { output, page, surface, size, unknown: true })
    }

    /// Assumes unknown content: the next frame, of this size, clears the terminal and draws every cell.
    ///
    /// # Errors
    /// Never in practice: nothing is sent to the terminal.
    pub fn invalidate(&mut self, size: (u16, u16)) -> io::Result<()> {
        self.surface = surface(&self.page, size)?;
        (self.size, self.unknown) = (size, true);
        Ok(())
    }

    /// The size of its frames, in cells.
    pub const fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Whether the terminal has taken everything, so that a frame may be drawn.
    pub fn is_free(&self) -> bool {
        self.output.is_free()
    }

    /// Waits until [`Self::is_free`] may have changed.
    pub async fn freed(&self) {
        self.output.freed().await;
    }

    /// Sends a query to the terminal, after what was sent so far.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn ask(&self, bytes: &str) -> io::Result<()> {
        self.output.send(bytes.as_bytes())
    }

    /// Draws a frame and sends it. Call it only while [`Self::is_free`], or frames would queue up.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn frame(&mut self, draw: impl FnOnce(&mut Surface) -> io::Result<()>) -> io::Result<()> {
        queue!(self.page, BeginSynchronizedUpdate)?;
        if std::mem::take(&mut self.unknown) {
            queue!(self.page, ResetColor, Clear(ClearType::All))?;
        }
        draw(&mut self.surface)?;
        queue!(self.page, EndSynchronizedUpdate)?;
        let mut page = self.page.0.borrow_mut();
        let sent = self.output.send(&page);
        page.clear();
        sent
    }
}

/// A surface of blank cells, as on a cleared terminal. It never asks the terminal for its size.
fn surface(page: &Page, (columns, rows): (u16, u16)) -> io::Result<Surface> {
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, columns, rows)) };
    Terminal::with_options(CrosstermBackend::new(page.clone()), options)
}
