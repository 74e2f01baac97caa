//! Reads the console of a system that decodes keys itself, on a separate thread.

use std::io;

use crossterm::event::{
    Event, KeyCode as Key, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind, read,
};
use tokio::sync::mpsc;

use super::{InputEvent, Pointer};
use crate::app::keymap::{Chord, KeyCode};

/// Keys and pastes that wait for the loop.
const WAITING: usize = 64;

/// Console input.
#[derive(Default)]
pub struct Keyboard(());

impl Keyboard {
    /// Waits for the next event; `None` when it is of no use here.
    ///
    /// # Errors
    /// When the console is gone.
    fn next(&mut self) -> io::Result<Option<InputEvent>> {
        Ok(heard(read()?))
    }
}

fn heard(event: Event) -> Option<InputEvent> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => chord(key).map(InputEvent::Key),
        Event::Paste(text) => Some(InputEvent::Paste(text)),
        Event::Resize(..) => Some(InputEvent::Resized),
        Event::Mouse(mouse) => {
            let pointer = match mouse.kind {
                MouseEventKind::Down(MouseButton::Left) => Pointer::Press,
                MouseEventKind::ScrollUp => Pointer::WheelUp,
                MouseEventKind::ScrollDown => Pointer::WheelDown,
                _ => return None,
            };
            Some(InputEvent::Mouse { pointer, column: mouse.column, row: mouse.row })
        }
        Event::Key(_) | Event::FocusGained | Event::FocusLost => None,
    }
}

/// The chord of a key press; `None` for keys that cannot be bound.
fn chord(key: KeyEvent) -> Option<Chord> {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    let code = match key.code {
        Key::Char(ch) if ctrl => KeyCode::Char(ch.to_ascii_lowercase()),
        Key::Char(ch) => KeyCode::Char(ch),
        Key::F(number) => KeyCode::F(number),
        Key::Enter => KeyCode::Enter,
        Key::Esc => KeyCode::Esc,
        Key::Tab if key.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
        Key::Tab => KeyCode::Tab,
        Key::BackTab => KeyCode::BackTab,
        Key::Backspace => KeyCode::Backspace,
        Key::Delete => KeyCode::Delete,
        Key::Up => KeyCode::Up,
        Key::Down => KeyCode::Down,
        Key::Left => KeyCode::Left,
        Key::Right => KeyCode::Right,
        Key::Home => KeyCode::Home,
        Key::End => KeyCode::End,
        Key::PageUp => KeyCode::PageUp,
        Key::PageDown => KeyCode::PageDown,
        _ => return None,
    };
    // Ctrl-C quits, whatever other modifiers are held.
    let alt = alt && !(ctrl && code == KeyCode::Char('c'));
    Some(Chord { code, ctrl, alt })
}

/// Input events from now on; the channel closes when the console is gone.
pub fn listen(mut keyboard: Keyboard) -> mpsc::Receiver<InputEvent> {
    let (sender, receiver) = mpsc::channel(WAITING);
    std::thread::spawn(move || {
        while let Ok(heard) = keyboard.next() {
            if let Some(heard) = heard
                && sender.blocking_send(heard).is_err()
            {
                return;
            }
        }
    });
    receiver
}
