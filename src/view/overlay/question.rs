//! A confirmation question, with what a yes does.

use std::collections::BTreeSet;

use ratatui::layout::Rect;

use super::doc::Doc;
use super::{boxed, line_at, order};
use crate::accounts::OrderKey;
use crate::app::Model;
use crate::app::overlays::Question;
use crate::domain::text::counted;
use crate::view::draw_context::{DrawContext, cells, clean};
use crate::view::scope::{self, Kind};
use crate::view::{footer, orders};

/// Orders listed before the rest is only counted, where there is room.
const LISTED: usize = 8;
/// Rows of the box besides its text: borders, margins, keys.
const BESIDE: u16 = 6;

/// Draws it.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, question: &Question, model: &Model) {
    let wide = area.width.min(78);
    let mut doc = Doc::new(ctx.theme, ctx.glyphs, wide.saturating_sub(6));
    let (title, kind) = match question {
        Question::Unlink(link) => {
            let account = scope::account(model, link);
            let label = account.map_or_else(String::new, |account| clean(&account.link.label).into_owned());
            doc.text(&format!("Forget the token of {label}?"), ctx.theme.strong);
            doc.blank();
            doc.text(
                "Its orders keep working at the broker. To revoke the grant itself, use the broker's own dashboard.",
                ctx.theme.text,
            );
            ("Unlink", account.map_or(Kind::Neutral, orders::kind_of))
        }
        Question::Cancel(keys) | Question::CancelAll(keys) => {
            // Orders may have been placed since the question was asked.
            let newer = if matches!(question, Question::CancelAll(_)) { newer(keys, model) } else { 0 };
            let all = matches!(question, Question::CancelAll(_)) && newer == 0;
            let count = match keys.len() {
                1 if all => "the only working order".to_owned(),
                1 => "this order".to_owned(),
                count if all => format!("all {count} working orders"),
                count => format!("these {count} orders"),
            };
            doc.text(&format!("Ask the broker to cancel {count}?"), ctx.theme.strong);
            if newer > 0 {
                doc.text(
                    &format!("{} placed since, not among them", counted(newer, "working order")),
                    ctx.theme.waiting,
                );
            }
            doc.blank();
            let mut kind = Kind::Neutral;
            for key in keys {
                if let Some(account) = scope::account(model, &key.link) {
                    kind = match (kind, orders::kind_of(account)) {
                        (Kind::Neutral, one) => one,
                        (same, one) if same == one => same,
                        _ => Kind::Mixed,
                    };
                }
            }
            // Below the question and an empty row, and above the count of orders without room.
            let above = BESIDE + 2 + u16::from(newer > 0);
            let room = LISTED.min(usize::from(area.height.saturating_sub(above)));
            let listed = if keys.len() <= room { room } else { room.saturating_sub(usize::from(room < LISTED)) };
            for key in keys.iter().take(listed) {
                let Some(account) = scope::account(model, &key.link) else { continue };
                let Some(found) = account.blotter.order(&key.order) else { continue };
                let mut line = order::summary(found, ctx);
                line.push((format!("   {}", clean(&account.link.label)), ctx.theme.dim));
                doc.pieces(line);
            }
            if keys.len() > listed {
                doc.text(&format!("and {} more", keys.len() - listed), ctx.theme.dim);
            }
            ("Cancel orders", kind)
        }
    };
    let (_, inner) = boxed(ctx, area, (wide, cells(doc.lines.len()) + BESIDE), kind, title, &[]);
    let keys = inner.bottom().saturating_sub(2);
    // The keys always get a row of their own.
    let rows = (inner.y + 1..keys).zip(&doc.lines);
    for (y, line) in rows {
        line_at(ctx, Rect { y, height: 1, ..inner }, line);
    }
    footer::keys(ctx, Rect { y: keys, height: 1, ..inner }, model);
}

/// How many orders of these accounts work that are not among these.
fn newer(keys: &[OrderKey], model: &Model) -> usize {
    let links: BTreeSet<_> = keys.iter().map(|key| &key.link).collect();
    let accounts = links.into_iter().filter_map(|link| scope::account(model, link));
    let working =
        accounts.flat_map(|account| account.blotter.working().map(move |order| (&account.link.id, &order.id)));
    working.filter(|(link, order)| !keys.iter().any(|key| key.link == **link && key.order == **order)).count()
}
