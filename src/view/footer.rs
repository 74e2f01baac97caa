//! The two bottom lines: status (account, messages, errors) and the keys that apply now.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::format::{age, connection};
use super::pen::{Pen, clean, width};
use super::scope;
use crate::app::Model;
use crate::app::hints::hints as hints_of;
use crate::app::model::AccountScope;
use crate::app::msg::HitTarget;
use crate::session::Part;

/// The status line: account at the left, always; unread errors at the right; messages between them.
pub(super) fn status(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let theme = pen.theme;
    let mut x = pen.tag(area.x + 1, area.y, 13, scope::kind(model));
    if x > area.x + 1 {
        x += 1;
    }
    let room = area.right().saturating_sub(x + 1);
    match (&model.scope, scope::single(model)) {
        (_, Some(account)) => {
            x = pen.text(x, area.y, room.min(28), &clean(&account.link.label), theme.strong);
        }
        (AccountScope::All, None) => x = pen.text(x, area.y, room, "all accounts", theme.strong),
        (AccountScope::None | AccountScope::One(_), None) => {
            x = pen.text(x, area.y, room, "no account linked", theme.dim);
        }
    }
    let errors = errors(pen, area, x + 2, model);
    let room = errors.saturating_sub(x + 3);
    match (model.toasts.back(), scope::single(model)) {
        (Some(toast), _) => {
            pen.text(x + 2, area.y, room, &clean(&toast.text), theme.toast);
        }
        (None, Some(account)) => {
            let state = account.session.state();
            let (mark, style) = connection(state, pen.glyphs, theme);
            let mut rest = String::new();
            let now = model.now.mono;
            if let Some(good) = account.good_at(&Part::ALL, now).filter(|_| !account.is_current(&Part::ALL, now)) {
                rest = format!("  data {} old", age(now.since(good.mono)));
            }
            if let Some(reason) = state.reason() {
                rest.push_str("  ");
                rest.push_str(&clean(reason));
            }
            let mut room_for_mark = [0; 4];
            let mark: &str = mark.encode_utf8(&mut room_for_mark);
            pen.pieces(x + 2, area.y, room, &[(mark, style), (" ", style), (state.word(), style), (&rest, theme.dim)]);
        }
        (None, None) => {}
    }
}

/// The newest unread error and the number of errors, right-aligned; returns where they start.
fn errors(pen: &mut Pen<'_>, area: Rect, from: u16, model: &Model) -> u16 {
    let unread: Vec<_> = model.errors.iter().rev().filter(|error| !error.read).collect();
    if unread.is_empty() {
        return area.right();
    }
    let count = format!("{} {}", unread.len(), model.keymap.say("{common.errors}"));
    let mark = pen.glyphs.cross;
    let badge = width(&count) + 4;
    let end = area.right() - 1;
    let badge_at = end.saturating_sub(badge);
    pen.put(badge_at + 1, area.y, mark, pen.theme.error);
    pen.text(badge_at + 3, area.y, badge - 3, &count, pen.theme.error);
    pen.hit(
        Rect { x: badge_at, y: area.y, width: badge, height: 1 },
        HitTarget::Hint(crate::app::keymap::Action::Errors),
    );
    // A toast needs the room; without one the error is shown in full.
    let room = badge_at.saturating_sub(from);
    let share = if model.toasts.is_empty() { room * 3 / 4 } else { room / 3 };
    if share < 12 {
        return badge_at;
    }
    // The status line shows what is true now; errors that are over are only in the list.
    let Some(newest) = unread.iter().find(|error| error.over.is_none()) else { return badge_at };
    let text = clean(&newest.text);
    let wide = width(&text).min(share);
    pen.text(badge_at - wide, area.y, wide, &text, pen.theme.error);
    badge_at - wide
}

/// The keys that apply now, dimmed where they cannot act. A filter being typed takes the line's place.
pub(super) fn hints(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    if model.filtering.is_some() {
        let theme = pen.theme;
        let x = pen.text(area.x + 1, area.y, 2, "/", theme.key);
        let help = model.keymap.say("{text.accept} keep  {text.back} undo");
        let wide = width(&help);
        let room = area.right().saturating_sub(x + wide + 3);
        let field = Rect { x, y: area.y, width: room, height: 1 };
        let input = &model.filter_input;
        pen.field(field, input.value(), super::pen::cells(input.visual_cursor()), false);
        pen.right(area.x, area.y, area.width - 1, &help, theme.key_label);
        return;
    }
    let mut room = area.width.saturating_sub(2);
    if let Some(count) = model.count {
        let text = if count == 0 { "count".to_owned() } else { format!("count {count}") };
        pen.right(area.x, area.y, area.width - 1, &text, pen.theme.key);
        room = room.saturating_sub(width(&text) + 2);
    }
    keys(pen, Rect { x: area.x + 1, width: room, ..area }, model);
}

/// Writes as many whole hints as fit.
pub(super) fn keys(pen: &mut Pen<'_>, area: Rect, model: &Model) {
    let theme = pen.theme;
    let mut x = area.x;
    for hint in hints_of(model) {
        let key = hint.chord.to_string();
        let wide = width(&key) + 1 + width(hint.label);
        if x + wide > area.right() {
            break;
        }
        let (key_style, label_style): (Style, Style) =
            if hint.available { (theme.key, theme.key_label) } else { (theme.key_off, theme.key_off) };
        let start = x;
        x = pen.text(x, area.y, width(&key), &key, key_style) + 1;
        x = pen.text(x, area.y, width(hint.label), hint.label, label_style);
        pen.hit(Rect { x: start, y: area.y, width: wide, height: 1 }, HitTarget::Hint(hint.action));
        x += 2;
    }
}
