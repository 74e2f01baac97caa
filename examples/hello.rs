//! The smallest ratatui program: the yardstick for first frame and memory (`benches/process`).

use crossterm::event::{Event, KeyCode};

fn main() -> std::io::Result<()> {
    ratatui::run(|terminal| {
        loop {
            terminal.draw(|frame| frame.render_widget("hello world", frame.area()))?;
            if let Event::Key(key) = crossterm::event::read()?
                && key.code == KeyCode::Char('q')
            {
                return Ok(());
            }
        }
    })
}
