//! Terminal events as chords and messages. Decides nothing: what a key means is the key table's business.

use crossterm::event::{
    Event, KeyCode as Key, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use crate::app::keymap::{Chord, KeyCode};
use crate::app::msg::{HitTarget, Mouse, Msg};
use crate::link::progress::Sensitive;

/// Rows a notch of the wheel moves.
const WHEEL_ROWS: i16 = 3;
/// The longest paste taken, in bytes; more is no redirect URL and no filter.
const LONGEST_PASTE: usize = 16 * 1024;

/// The message of a terminal event, if it has one. `hit` tells what lies under a cell of the last frame.
pub fn message(event: Event, hit: impl Fn(u16, u16) -> HitTarget) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => chord(key).map(Msg::Key),
        Event::Paste(mut text) => {
            text.truncate(text.floor_char_boundary(LONGEST_PASTE));
            Some(Msg::Paste(Sensitive::new(text)))
        }
        Event::Resize(cols, rows) => Some(Msg::Resize { cols, rows }),
        Event::Mouse(mouse) => self::mouse(mouse, hit).map(Msg::Mouse),
        Event::Key(_) | Event::FocusGained | Event::FocusLost => None,
    }
}

fn mouse(event: MouseEvent, hit: impl Fn(u16, u16) -> HitTarget) -> Option<Mouse> {
    let target = || hit(event.column, event.row);
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => Some(Mouse::Click(target())),
        MouseEventKind::ScrollDown => Some(Mouse::Wheel { target: target(), rows: WHEEL_ROWS }),
        MouseEventKind::ScrollUp => Some(Mouse::Wheel { target: target(), rows: -WHEEL_ROWS }),
        _ => None,
    }
}

/// The chord of a key press; `None` for keys that nothing can be bound to.
pub fn chord(key: KeyEvent) -> Option<Chord> {
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
    // Esc and Ctrl-C that arrive together look like Alt-Ctrl-C, and Ctrl-C quits always.
    let alt = alt && !(ctrl && code == KeyCode::Char('c'));
    Some(Chord { code, ctrl, alt })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: Key, modifiers: KeyModifiers) -> Option<Msg> {
        message(Event::Key(KeyEvent::new(code, modifiers)), |_, _| HitTarget::Nowhere)
    }

    #[test]
    fn capitals_and_controls_arrive_as_the_key_table_writes_them() {
        assert_eq!(press(Key::Char('G'), KeyModifiers::SHIFT), Some(Msg::Key(Chord::char('G'))));
        assert_eq!(press(Key::Char('D'), KeyModifiers::CONTROL), Some(Msg::Key(Chord::ctrl('d'))));
        assert_eq!(press(Key::BackTab, KeyModifiers::SHIFT), Some(Msg::Key(Chord::key(KeyCode::BackTab))));
        assert_eq!(press(Key::CapsLock, KeyModifiers::NONE), None);
        let both = KeyModifiers::CONTROL | KeyModifiers::ALT;
        assert_eq!(press(Key::Char('c'), both), Some(Msg::Key(Chord::ctrl('c'))));
    }

    #[test]
    fn a_release_is_not_a_second_press() {
        let mut key = KeyEvent::new(Key::Char('q'), KeyModifiers::NONE);
        key.kind = KeyEventKind::Release;
        assert_eq!(message(Event::Key(key), |_, _| HitTarget::Nowhere), None);
    }

    #[test]
    fn a_huge_paste_is_cut_at_a_character() {
        let Some(Msg::Paste(text)) = message(Event::Paste("é".repeat(20_000)), |_, _| HitTarget::Nowhere) else {
            panic!("a paste is a message");
        };
        assert!(text.expose().len() <= LONGEST_PASTE && text.expose().chars().all(|ch| ch == 'é'));
    }
}
