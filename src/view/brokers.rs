//! The Brokers pane: linked accounts with their state, brokers that can be linked, and the *Add broker* row.

use ratatui::layout::Rect;

use super::draw_context::{DrawContext, cells, clean, width};
use super::format::{MISSING, age, connection, countdown, latency};
use super::frame::Frame;
use super::scope::{self, Kind};
use super::{Panes, scope::shown_number};
use crate::accounts::AccountState;
use crate::app::Model;
use crate::app::brokers::BrokerRow;
use crate::app::model::{AttemptPhase, Pane};
use crate::app::msg::HitTarget;
use crate::domain::text::counted;
use crate::domain::{BrokerId, Mono};
use crate::session::{ConnectionState, Part};

/// Draws the pane.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let focused = model.focus == Pane::Brokers && model.overlays.is_empty();
    let linked = format!("{} linked", model.accounts.len());
    let facts = [(linked.as_str(), ctx.theme.dim)];
    let frame = Frame {
        kind: Kind::Neutral,
        focused,
        digit: Some(Pane::Brokers.digit()),
        title: Pane::Brokers.title(),
        facts: if model.accounts.is_empty() { &[] } else { &facts },
        lack: None,
        tagged: false,
    };
    let inner = ctx.frame(area, &frame);
    ctx.hit(area, HitTarget::Pane(Pane::Brokers));
    let list = &model.rows.brokers;
    let lines: usize = list.rows.iter().map(height).sum();
    // One line per row when two do not fit, so that nothing is cut off at the bottom.
    let compact = lines > usize::from(inner.height);
    let tall = |row: &BrokerRow| if compact { 1 } else { height(row) };
    let visible = if compact { usize::from(inner.height) } else { list.rows.len() };
    let (selected, _) = panes.brokers.follow(list, 0, visible);
    let mut y = inner.y;
    let first = panes.brokers.first;
    for (index, row) in list.rows.iter().enumerate().skip(first) {
        let high = cells(tall(row));
        if y + high > inner.bottom() {
            break;
        }
        let line = Rect { y, height: high, ..inner };
        draw_row(ctx, line, row, model, compact);
        if selected == Some(index) {
            for y in line.top()..line.bottom() {
                ctx.select(Rect { y, height: 1, ..line }, focused);
            }
        }
        ctx.hit(line, HitTarget::Row(Pane::Brokers, index));
        y += high;
    }
    if compact {
        ctx.scroll_mark(area, first, visible, list.rows.len());
    }
}

fn height(row: &BrokerRow) -> usize {
    match row {
        BrokerRow::Linked(_) => 2,
        BrokerRow::Unlinked(_) | BrokerRow::Add => 1,
    }
}

fn draw_row(ctx: &mut DrawContext<'_>, area: Rect, row: &BrokerRow, model: &Model, compact: bool) {
    let theme = ctx.theme;
    // One cell for the selection mark, one of margin at the right.
    let (x, y, wide) = (area.x + 1, area.y, area.width.saturating_sub(2));
    match row {
        BrokerRow::Linked(link) => {
            if let Some(account) = scope::account(model, link) {
                linked(ctx, Rect { x, width: wide, ..area }, account, model, compact);
            }
        }
        BrokerRow::Unlinked(id) => {
            let name = model.brokers.iter().find(|broker| broker.id == *id).map_or(id.as_str(), |broker| &broker.name);
            let missing = model.brokers.iter().any(|broker| broker.id == *id && broker.missing.is_some());
            let state = match attempt_state(model, id) {
                Some(state) => state,
                None if missing => "not set up".to_owned(),
                None => "not linked".to_owned(),
            };
            let authorizing = attempt_state(model, id).is_some();
            let (mark, style) =
                if authorizing { (ctx.glyphs.waiting, theme.waiting) } else { (ctx.glyphs.off, theme.dim) };
            ctx.put(x, y, mark, style);
            let room = wide.saturating_sub(width(&state) + 3);
            ctx.text(x + 2, y, room, &clean(name), theme.dim);
            ctx.right(x, y, wide, &state, if authorizing { theme.waiting } else { theme.faint });
        }
        BrokerRow::Add => {
            ctx.put(x, y, '+', theme.key);
            ctx.text(x + 2, y, wide.saturating_sub(2), "Add broker", theme.text);
        }
    }
}

/// The progress of a linking attempt through this broker.
fn attempt_state(model: &Model, broker: &BrokerId) -> Option<String> {
    let attempt = model.attempt().filter(|attempt| attempt.broker == *broker)?;
    match &attempt.phase {
        AttemptPhase::Waiting { deadline, .. } => {
            Some(format!("authorizing {}", countdown(deadline.since(model.now.mono))))
        }
        AttemptPhase::Failed(_) => None,
        AttemptPhase::Starting | AttemptPhase::Exchanging | AttemptPhase::Confirm { .. } | AttemptPhase::Saving => {
            Some("authorizing".to_owned())
        }
    }
}

fn linked(ctx: &mut DrawContext<'_>, area: Rect, account: &AccountState, model: &Model, compact: bool) {
    let theme = ctx.theme;
    let kind = Kind::of(account.link.environment);
    let (mark, style) = connection(account.session.state(), ctx.glyphs, theme);
    ctx.put(area.x, area.y, mark, style);
    let number = shown_number(account, ctx.glyphs.mask);
    let label = clean(&account.link.label);
    // The tag comes first: a long label must not push LIVE out.
    let mut x = ctx.tag(area.x + 2, area.y, 6, kind) + 1;
    if compact {
        let state = account.session.state().word();
        let room = area.right().saturating_sub(x + width(state) + 1);
        ctx.text(x, area.y, room, &label, theme.text);
        ctx.right(area.x, area.y, area.width, state, style);
        return;
    }
    let room = area.right().saturating_sub(x);
    let with_number = room > width(&label) + width(&number);
    x = ctx.text(x, area.y, room, &label, theme.strong);
    if with_number && number != label {
        ctx.right(x, area.y, area.right().saturating_sub(x), &number, theme.dim);
    }
    let line = area.y + 1;
    let word = ctx.text(area.x + 2, line, area.width.saturating_sub(2), account.session.state().word(), style);
    let facts = facts(account, model);
    let mut next = word;
    for fact in facts {
        let needed = width(&fact) + 3;
        if next + needed.min(9) > area.right() {
            break;
        }
        ctx.put(next + 1, line, ctx.glyphs.dot, theme.faint);
        next = ctx.text(next + 3, line, area.right().saturating_sub(next + 3), &fact, theme.dim);
    }
}

/// The facts about a connection, most useful first.
fn facts(account: &AccountState, model: &Model) -> Vec<String> {
    let now = model.now.mono;
    let mut facts = Vec::new();
    let working = match account.known_working(now) {
        Some(count) => format!("{count} working"),
        None => format!("{MISSING} working"),
    };
    match account.session.state() {
        ConnectionState::Live { .. } => {
            if let Some(at) = account.heard_at(now) {
                facts.push(age(now.since(at)));
            }
            facts.push(working);
            if let Some(span) = account.session.latency() {
                facts.push(latency(span));
            }
        }
        ConnectionState::Connecting { since } => facts.push(age(now.since(*since))),
        ConnectionState::Syncing { since, pages, until, reason } => {
            facts.push(
                pages.map_or_else(|| age(now.since(*since)), |p| format!("{} of {}", p.done, counted(p.of, "page"))),
            );
            facts.extend(until.map(|until| format!("in {}", countdown(until.since(now)))));
            facts.extend(reason.as_ref().map(|reason| clean(reason).into_owned()));
        }
        ConnectionState::Reconnecting { attempt, until, reason } => {
            facts.push(format!("in {} ({attempt})", countdown(until.since(now))));
            facts.push(clean(reason).into_owned());
        }
        ConnectionState::Polling { until, reason, .. } => {
            facts.push(polled(account, now));
            facts.extend(until.map(|until| format!("in {}", countdown(until.since(now)))));
            facts.push(clean(reason).into_owned());
        }
        ConnectionState::NeedsRelink { reason } | ConnectionState::Blocked { reason } => {
            facts.push(clean(reason).into_owned());
        }
        ConnectionState::Paused => {
            if let Some(good) = account.good_at(&Part::ALL, now) {
                facts.push(format!("data {} old", age(now.since(good.mono))));
            }
        }
    }
    facts
}

/// What to say about polling: whether REST answers in place of the stream.
fn polled(account: &AccountState, now: Mono) -> String {
    if account.is_current(&Part::ALL, now) {
        return "REST only".to_owned();
    }
    let answered = Part::ALL.iter().any(|part| account.session.freshness(*part, now).good.is_some());
    match account.good_at(&Part::ALL, now) {
        Some(good) => format!("data {} old", age(now.since(good.mono))),
        None if answered || account.session.rest_answers() => "REST incomplete".to_owned(),
        None => "REST has not answered".to_owned(),
    }
}
