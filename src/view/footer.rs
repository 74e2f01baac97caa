//! The two bottom lines: status (account, messages, errors) and the keys that apply now.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::draw_context::{DrawContext, clean, width};
use super::format::{age, connection};
use super::scope;
use crate::app::Model;
use crate::app::hints::hints as hints_of;
use crate::app::model::AccountScope;
use crate::app::msg::HitTarget;
use crate::session::Part;

/// The status line: account at the left, always; unread errors at the right; messages between them.
pub(super) fn status(ctx: &mut DrawContext<'_>, area: Rect, model: &Model) {
    let theme = ctx.theme;
    let mut x = ctx.tag(area.x + 1, area.y, 13, scope::kind(model));
    if x > area.x + 1 {
        x += 1;
    }
    let room = area.right().saturating_sub(x + 1);
    match (&model.scope, scope::single(model)) {
        (_, Some(account)) => {
            x = ctx.text(x, area.y, room.min(28), &clean(&account.link.label), theme.strong);
        }
        (AccountScope::All, None) => x = ctx.text(x, area.y, room, "all accounts", theme.strong),
        (AccountScope::None | AccountScope::One(_), None) => {
            x = ctx.text(x, area.y, room, "no account linked", theme.dim);
        }
    }
    let errors = errors(ctx, area, x + 2, model);
    let room = errors.saturating_sub(x + 3);
    match (model.toasts.back(), scope::single(model)) {
        (Some(toast), _) => {
            ctx.text(x + 2, area.y, room, &clean(&toast.text), theme.toast);
        }
        (None, Some(account)) => {
            let state = account.session.state();
            let (mark, style) = connection(state, ctx.glyphs, theme);
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
            ctx.pieces(x + 2, area.y, room, &[(mark, style), (" ", style), (state.word(), style), (&rest, theme.dim)]);
        }
        (None, None) => {}
    }
}

/// The newest unread error and the number of errors, right-aligned; returns where they start.
fn errors(ctx: &mut DrawContext<'_>, area: Rect, from: u16, model: &Model) -> u16 {
    let unread: Vec<_> = model.errors.iter().rev().filter(|error| !error.read).collect();
    if unread.is_empty() {
        return area.right();
    }
    let count = format!("{} {}", unread.len(), model.keymap.say("{common.errors}"));
    let mark = ctx.glyphs.cross;
    let badge = width(&count) + 4;
    let end = area.right() - 1;
    let badge_at = end.saturating_sub(badge);
    ctx.put(badge_at + 1, area.y, mark, ctx.theme.error);
    ctx.text(badge_at + 3, area.y, badge - 3, &count, ctx.theme.error);
    ctx.hit(
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
    ctx.text(badge_at - wide, area.y, wide, &text, ctx.theme.error);
    badge_at - wide
}

/// The keys that apply now, dimmed where they cannot act. A filter being typed takes the line's place.
pub(super) fn hints(ctx: &mut DrawContext<'_>, area: Rect, model: &Model) {
    if model.filtering.is_some() {
        let theme = ctx.theme;
        let x = ctx.text(area.x + 1, area.y, 2, "/", theme.key);
        let help = model.keymap.say("{text.accept} keep  {text.back} undo");
        let wide = width(&help);
        let room = area.right().saturating_sub(x + wide + 3);
        let field = Rect { x, y: area.y, width: room, height: 1 };
        let input = &model.filter_input;
        ctx.field(field, input.value(), super::draw_context::cells(input.visual_cursor()), false);
        ctx.right(area.x, area.y, area.width - 1, &help, theme.key_label);
        return;
    }
    let mut room = area.width.saturating_sub(2);
    if let Some(count) = model.count {
        let text = if count == 0 { "count".to_owned() } else { format!("count {count}") };
        ctx.right(area.x, area.y, area.width - 1, &text, ctx.theme.key);
        room = room.saturating_sub(width(&text) + 2);
    }
    keys(ctx, Rect { x: area.x + 1, width: room, ..area }, model);
}

/// Writes as many whole hints as fit.
pub(super) fn keys(ctx: &mut DrawContext<'_>, area: Rect, model: &Model) {
    let theme = ctx.theme;
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
        x = ctx.text(x, area.y, width(&key), &key, key_style) + 1;
        x = ctx.text(x, area.y, width(hint.label), hint.label, label_style);
        ctx.hit(Rect { x: start, y: area.y, width: wide, height: 1 }, HitTarget::Hint(hint.action));
        x += 2;
    }
}
