//! One link in detail: account, connection, and connection history.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::doc::Doc;
use super::{Memory, boxed, scrolled};
use crate::app::Model;
use crate::app::overlays::BrokerDetail;
use crate::session::{ConnectionState, Part};
use crate::view::draw_context::{DrawContext, clean};
use crate::view::format::{MISSING, age, connection, countdown, full_time, latency};
use crate::view::{orders, scope};

/// Draws it.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, detail: &BrokerDetail, model: &Model, memory: &mut Memory) {
    let &BrokerDetail { ref link, scroll } = detail;
    let Some(account) = scope::account(model, link) else { return };
    let theme = ctx.theme;
    let label = clean(&account.link.label).into_owned();
    let facts = [(label.as_str(), theme.strong)];
    let (frame, inner) = boxed(ctx, area, (110, area.height), orders::kind_of(account), "Broker", &facts);
    let mut doc = Doc::new(theme, ctx.glyphs, inner.width);
    let state = account.session.state();
    let (mark, style) = connection(state, ctx.glyphs, theme);
    let mut head = vec![(format!("{mark} {}", state.word()), style)];
    let now = model.now.mono;
    let since = match state {
        ConnectionState::Connecting { since }
        | ConnectionState::Syncing { since, .. }
        | ConnectionState::Live { since }
        | ConnectionState::Polling { since, .. } => Some(format!("  for {}", age(now.since(*since)))),
        ConnectionState::Reconnecting { attempt, until, .. } => {
            Some(format!("  attempt {attempt}, next in {}", countdown(until.since(now))))
        }
        ConnectionState::NeedsRelink { .. } | ConnectionState::Blocked { .. } | ConnectionState::Paused => None,
    };
    head.extend(since.map(|text| (text, theme.dim)));
    doc.pieces(head);
    if let Some(reason) = state.reason() {
        doc.text(reason, theme.waiting);
    }
    doc.blank();
    let broker = model.brokers.iter().find(|broker| broker.id == account.link.broker);
    let name = broker.map_or(account.link.broker.as_str(), |broker| &broker.name);
    let zone = &model.program.timezone;
    let text = |label, value: Option<String>| -> (&'static str, String, Style) {
        let style = if value.is_some() { theme.text } else { theme.faint };
        (label, value.unwrap_or_else(|| MISSING.to_owned()), style)
    };
    let status = account.account.as_ref().map(|account| account.value.status.to_string());
    let scopes = account.link.scopes.iter().map(|scope| clean(scope).into_owned()).collect::<Vec<_>>().join(", ");
    doc.fields(&[
        text("Broker", Some(clean(name).into_owned())),
        text("Account", Some(clean(&account.link.account_number).into_owned())),
        text("Environment", Some(account.link.environment.word().to_owned())),
        text("Status", status),
        text("Scopes", Some(scopes)),
        text("Linked", Some(full_time(account.link.linked_at, zone, &model.program.timezone_label))),
        text("Round trip", account.session.latency().map(latency)),
        text("Working orders", account.known_working(now).map(|count| count.to_string())),
        text("Orders known", account.known_working(now).map(|_| account.blotter.order_count().to_string())),
    ]);
    doc.heading("Last successful fetch");
    for part in Part::ALL {
        let fresh = account.session.freshness(part, now);
        let when = fresh.good.map_or_else(|| MISSING.to_owned(), |good| format!("{} ago", age(now.since(good.mono))));
        let style = if account.is_uncontested(part, now) { theme.text } else { theme.waiting };
        let mut line = vec![(format!("{:<16}", part.word()), theme.dim), (when, style)];
        let reason = fresh.reason.map(str::to_owned).or_else(|| account.session.contradiction(part, now));
        line.extend(reason.map(|reason| (format!("  {}", clean(&reason)), theme.waiting)));
        doc.pieces(line);
    }
    doc.heading("Connection history");
    if account.log.is_empty() {
        doc.text("nothing yet", theme.dim);
    }
    for entry in account.log.iter().rev() {
        let at = full_time(entry.at.wall, zone, "");
        doc.pieces(vec![(format!("{}  ", at.trim_end()), theme.dim), (clean(&entry.text).into_owned(), theme.text)]);
    }
    scrolled(ctx, frame, inner, &doc.lines, scroll, memory);
}
