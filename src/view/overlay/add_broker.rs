//! *Add broker*: a search over the brokers that can be linked.

use ratatui::layout::Rect;

use super::{Memory, boxed, choices, matched, search};
use crate::app::Model;
use crate::app::brokers::BrokerSummary;
use crate::app::overlays::AddBroker;
use crate::domain::Environment;
use crate::view::draw_context::{DrawContext, cells, clean, width};
use crate::view::scope::Kind;

/// The kind of accounts that a broker offers.
pub(super) fn kind(broker: &BrokerSummary) -> Kind {
    match broker.environments.as_slice() {
        [Environment::Paper] => Kind::Paper,
        [Environment::Live] => Kind::Live,
        [] => Kind::Neutral,
        _ => Kind::Mixed,
    }
}

/// Draws it.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, form: &AddBroker, model: &Model, memory: &mut Memory) {
    let &AddBroker { ref query, ref matches, selected } = form;
    let height = cells(model.brokers.len()) + 6;
    let (frame, inner) = boxed(ctx, area, (76, height.max(9)), Kind::Neutral, "Add broker", &[]);
    search(ctx, Rect { height: 1, ..inner }, "Broker: ", query, true);
    let list = Rect { y: inner.y + 2, height: inner.height.saturating_sub(4), ..inner };
    if matches.is_empty() {
        crate::view::empty(ctx, list, "no broker matches; add any service with this API under [[brokers]]");
    }
    let theme = ctx.theme;
    choices(ctx, frame, list, matches.len(), selected, memory, |ctx, line, index| {
        let Some(broker) = matches.get(index).and_then(|id| model.brokers.iter().find(|broker| broker.id == *id))
        else {
            return;
        };
        let ready = broker.missing.is_none();
        let style = if ready { theme.text } else { theme.dim };
        let tag = match kind(broker) {
            Kind::Neutral => 0,
            Kind::Paper => 5,
            Kind::Live => 6,
            Kind::Mixed => 12,
        };
        let x = matched(
            ctx,
            Rect { width: line.width.saturating_sub(tag + 1), ..line },
            &clean(&broker.name),
            query.value(),
            style,
        );
        if !ready {
            let room = line.right().saturating_sub(x + tag + 3);
            ctx.text(x + 2, line.y, room, "not set up", theme.waiting);
        }
        ctx.tag(line.right() - tag, line.y, tag, kind(broker));
    });
    // Show the chosen broker's reason in full, because it says what to do.
    let chosen = matches.get(selected).and_then(|id| model.brokers.iter().find(|broker| broker.id == *id));
    let foot = Rect { y: inner.bottom().saturating_sub(2), height: 2, ..inner };
    match chosen.and_then(|broker| broker.missing.as_deref()) {
        Some(missing) => {
            let text = clean(missing);
            for (row, part) in super::doc::wrap(&text, usize::from(foot.width)).iter().take(2).enumerate() {
                ctx.text(foot.x, foot.y + cells(row), foot.width, part, theme.waiting);
            }
        }
        None if chosen.is_some() => {
            let hint = "{add_broker.link} opens the broker's page in a browser; no password is typed here";
            let hint = model.keymap.say(hint);
            let wide = width(&hint).min(foot.width);
            ctx.text(foot.x, foot.y + 1, wide, &hint, theme.dim);
        }
        None => {}
    }
}
