//! The top line: program, connections, market, time; and the tabs of small terminals.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::draw_context::{DrawContext, clean, width};
use super::format::{MISSING, age, clock, connection, countdown};
use crate::app::Model;
use crate::app::model::{AttemptPhase, Pane};
use crate::app::msg::HitTarget;

/// By this time after opening or closing, a new answer about the market is due.
const OVERDUE: jiff::SignedDuration = jiff::SignedDuration::from_secs(20);

/// Draws the top line. Without enough room it drops market labels first, then counts, then the market.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, model: &Model) {
    let theme = ctx.theme;
    let time = format!(
        "{} {}",
        clock(model.accounts.exchange_now(model.now), &model.program.timezone),
        model.program.timezone_label
    );
    let end = area.right() - 1;
    ctx.right(area.x, area.y, area.width - 1, &time, theme.text);
    let time_at = end - width(&time).min(end);

    let mut x = ctx.text(area.x + 1, area.y, 10, "brokerdeck", theme.strong) + 2;
    if model.program.simulated {
        x = ctx.text(x, area.y, 11, " SIMULATED ", theme.tag_simulated) + 2;
    }
    if model.program.read_only {
        x = ctx.text(x, area.y, 11, " READ-ONLY ", theme.tag_notice) + 2;
    }
    if model.accounts.is_unsaved() {
        x = ctx.text(x, area.y, 11, " NOT SAVED ", theme.tag_notice) + 2;
    }
    for (mark, style, text) in &counts(ctx, model) {
        let needed = width(text) + 4;
        if x + needed + 1 >= time_at {
            break;
        }
        ctx.put(x, area.y, *mark, *style);
        x = ctx.text(x + 2, area.y, needed, text, theme.text) + 2;
    }
    let Some((open, long, short)) = market(model, ctx.glyphs.dot) else { return };
    let room = time_at.saturating_sub(x + 2);
    let text = if width(&long) <= room {
        long
    } else if width(&short) <= room {
        short
    } else {
        return;
    };
    // Next to the time, so that it does not move when the counts change.
    let wide = width(&text);
    let style = if open { theme.text } else { theme.dim };
    let at = time_at - 3 - wide.min(time_at - 3);
    ctx.text(at.max(x), area.y, wide, &text, style);
}

/// The number of connections in each state, good ones first.
fn counts(ctx: &DrawContext<'_>, model: &Model) -> Vec<(char, Style, String)> {
    let mut found: Vec<(char, Style, &str, usize)> = Vec::new();
    let mut count = |mark, style, word| match found.iter_mut().find(|(_, _, known, _)| *known == word) {
        Some((.., number)) => *number += 1,
        None => found.push((mark, style, word, 1)),
    };
    for account in &model.accounts {
        let state = account.session.state();
        let (mark, style) = connection(state, ctx.glyphs, ctx.theme);
        count(mark, style, state.word());
    }
    if let Some(attempt) = model.attempt()
        && !matches!(attempt.phase, AttemptPhase::Failed(_))
    {
        count(ctx.glyphs.waiting, ctx.theme.waiting, "authorizing");
    }
    if found.is_empty() {
        found.push((ctx.glyphs.off, ctx.theme.dim, "linked", 0));
    }
    found.sort_by_key(|(_, _, word, _)| *word != "live");
    found.into_iter().map(|(mark, style, word, number)| (mark, style, format!("{number} {word}"))).collect()
}

/// The state of the exchange, long and short, and whether it is open; shown as unknown when an opening or closing has
/// made the last answer obsolete.
fn market(model: &Model, dot: char) -> Option<(bool, String, String)> {
    let Some(dated) = model.accounts.clock() else {
        let fault = model.accounts.clock_fault()?;
        let unknown = format!("NYSE {MISSING}");
        return Some((false, format!("{unknown} {dot} {}", clean(fault)), unknown));
    };
    let clock = &dated.value;
    let now = model.accounts.exchange_now(model.now);
    let (next, verb) = if clock.is_open { (clock.next_close, "closes") } else { (clock.next_open, "opens") };
    let old = age(model.now.mono.since(dated.at));
    if now.duration_since(next) > OVERDUE {
        return Some((false, format!("NYSE {MISSING} {dot} clock {old} old"), format!("NYSE {MISSING}")));
    }
    let left = std::time::Duration::try_from(next.duration_since(now)).unwrap_or_default();
    let word = if clock.is_open { "open" } else { "closed" };
    let left = countdown(left);
    let stale = model.accounts.clock_fault().map_or_else(String::new, |_| format!(" {dot} clock {old} old"));
    Some((clock.is_open, format!("NYSE {word} {dot} {verb} in {left}{stale}"), format!("NYSE {word} {left}{stale}")))
}

/// The tabs of the panes, for terminals that show one pane at a time.
pub(super) fn tabs(ctx: &mut DrawContext<'_>, area: Rect, model: &Model) {
    let theme = ctx.theme;
    let mut x = area.x + 1;
    for pane in Pane::ALL {
        let focused = pane == model.focus;
        let style = if focused { theme.title_focused } else { theme.title };
        let lead = if focused { ctx.glyphs.focus } else { ' ' };
        let start = x;
        ctx.put(x, area.y, lead, style);
        ctx.put(x + 1, area.y, char::from(b'0' + pane.digit()), style);
        ctx.put(x + 2, area.y, ' ', style);
        x = ctx.text(x + 3, area.y, area.right().saturating_sub(x + 3), pane.title(), style);
        ctx.put(x, area.y, ' ', style);
        x += 1;
        ctx.hit(Rect { x: start, y: area.y, width: x - start, height: 1 }, HitTarget::Pane(pane));
    }
    if model.zoomed {
        ctx.right(x, area.y, area.right().saturating_sub(x + 1), "zoomed", theme.dim);
    }
}
