//! The chart of an account's equity, with a crosshair.

use jiff::Timestamp;
use ratatui::layout::Rect;
use rust_decimal::Decimal;

use super::boxed;
use crate::accounts::{CURVE_FOR, OnDemand, Period};
use crate::app::Model;
use crate::app::overlays::EquityChart;
use crate::domain::market::EquityPoint;
use crate::domain::{Money, Mono};
use crate::view::draw_context::{DrawContext, cells, clean, width};
use crate::view::format::{self, full_time};
use crate::view::{change_style, chart, orders, scope};

/// Draws it.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, equity: &EquityChart, model: &Model) {
    let &EquityChart { ref link, period, cursor } = equity;
    let Some(account) = scope::account(model, link) else { return };
    let theme = ctx.theme;
    let label = clean(&account.link.label).into_owned();
    let history = account.curves.get(&period);
    let old = history.and_then(|history| staleness(history.at, account.curve_faults.get(&period), model));
    let mut facts = vec![(label.as_str(), theme.strong)];
    facts.extend(old.as_ref().map(|old| (old.as_str(), theme.waiting)));
    let (_, inner) = boxed(ctx, area, (area.width, area.height), orders::kind_of(account), "Equity", &facts);
    let mut x = inner.x;
    for known in Period::ALL {
        let style = if known == period { theme.title_focused } else { theme.title };
        x = ctx.text(x, inner.y, inner.right().saturating_sub(x), &format!(" {} ", known.word()), style) + 1;
    }
    let body = Rect { y: inner.y + 2, height: inner.height.saturating_sub(3), ..inner };
    let Some(history) = history else {
        let again = account.retry_at(OnDemand::Curve(period)).map(|at| at.since(model.now.mono));
        let again =
            again.filter(|left| !left.is_zero()).map(|left| format!("; retrying in {}", format::countdown(left)));
        let fault = account.curve_faults.get(&period).map(|fault| clean(fault).into_owned());
        let fault = fault.map(|fault| fault + &again.unwrap_or_default());
        crate::view::empty(ctx, body, fault.as_deref().unwrap_or("waiting for the broker"));
        return;
    };
    let points = &history.value.points;
    let values: Vec<Option<Decimal>> = points.iter().map(|point| point.equity.map(Money::decimal)).collect();
    let Some((low, high)) = chart::bounds(&values) else {
        crate::view::empty(ctx, body, "the broker has no equity data for this period");
        return;
    };
    let base = history.value.base.map(Money::decimal).or_else(|| values.iter().flatten().next().copied());
    let at = cursor.unwrap_or(points.len().saturating_sub(1)).min(points.len().saturating_sub(1));
    reading(
        ctx,
        Rect { x: x + 1, width: inner.right().saturating_sub(x + 1), height: 1, ..inner },
        points.get(at),
        base,
        model,
    );

    let levels = axis(low, high, body.height.saturating_sub(1));
    let labels = levels.iter().map(|(_, text)| width(text)).max().unwrap_or(0);
    let plot = Rect {
        x: body.x + labels + 1,
        width: body.width.saturating_sub(labels + 1),
        height: body.height.saturating_sub(1),
        ..body
    };
    if plot.width < 2 || plot.height < 2 {
        return;
    }
    for (row, text) in &levels {
        ctx.right(body.x, plot.y + row, labels, text, theme.dim);
        for column in plot.left()..plot.right() {
            ctx.put(column, plot.y + row, ctx.glyphs.dot, theme.chart_axis);
        }
    }
    let steps = points.len().saturating_sub(1).max(1);
    if cursor.is_some() {
        let column = plot.x + cells(at * usize::from(plot.width - 1) / steps);
        for row in plot.top()..plot.bottom() {
            ctx.put(column, row, ctx.glyphs.paper.vertical, theme.key);
        }
    }
    let last = values.iter().rev().flatten().next().copied();
    let style = change_style(ctx, last.zip(base).and_then(|(last, base)| last.checked_sub(base)), false).0;
    ctx.line_chart(plot, &values, (low, high), style);
    if let Some(value) = values.get(at).copied().flatten().filter(|_| cursor.is_some()) {
        let column = plot.x + cells(at * usize::from(plot.width - 1) / steps);
        let up = chart::scale(value, low, high, u32::from(plot.height) - 1);
        ctx.put(column, plot.bottom() - 1 - cells(up as usize), ctx.glyphs.on, theme.key);
    }
    times(ctx, Rect { y: plot.bottom(), height: 1, ..plot }, points, period, model);
}

/// The age of a curve whose refresh failed or is overdue.
fn staleness(at: Mono, fault: Option<&String>, model: &Model) -> Option<String> {
    let age = model.now.mono.since(at);
    match fault {
        Some(fault) => Some(format!("{} old: {}", format::age(age), clean(fault))),
        None => (age >= CURVE_FOR).then(|| format!("{} old", format::age(age))),
    }
}

/// The values at the crosshair: instant, equity, change since the base.
fn reading(ctx: &mut DrawContext<'_>, area: Rect, point: Option<&EquityPoint>, base: Option<Decimal>, model: &Model) {
    let Some(point) = point else { return };
    let theme = ctx.theme;
    let at = full_time(point.at, &model.program.timezone, &model.program.timezone_label);
    let equity = point.equity.map_or_else(|| "--".to_owned(), |equity| equity.rounded(2));
    let change = point.equity.zip(base).map(|(equity, base)| equity.decimal().checked_sub(base));
    let (style, before) = change_style(ctx, change.flatten(), true);
    let text = match change {
        None => String::new(),
        Some(None) => "-- (too large to add up)".to_owned(),
        Some(Some(change)) => format!("{before}{}", Money::new(change).rounded(2)),
    };
    let wide = width(&at) + width(&equity) + width(&text) + 4;
    let x = area.right().saturating_sub(wide).max(area.x);
    ctx.pieces(
        x,
        area.y,
        area.right().saturating_sub(x),
        &[(&at, theme.dim), ("  ", theme.dim), (&equity, theme.strong), ("  ", theme.dim), (&text, style)],
    );
}

/// Rows and labels of the vertical axis: top, bottom, and a few between.
fn axis(low: Decimal, high: Decimal, height: u16) -> Vec<(u16, String)> {
    let height = height.max(2);
    let count = (height / 5).clamp(1, 6);
    (0..=count)
        .map(|step| {
            let row = (height - 1) * step / count;
            let level = chart::between(high, low, usize::from(row), usize::from(height - 1));
            (row, level.map_or_else(|| "--".to_owned(), |level| Money::new(level).rounded(2)))
        })
        .collect()
}

/// Labels of the horizontal axis: first, middle and last instant.
fn times(ctx: &mut DrawContext<'_>, area: Rect, points: &[EquityPoint], period: Period, model: &Model) {
    let zone = &model.program.timezone;
    let label = |at: Timestamp| {
        let text = full_time(at, zone, "");
        let range = if period == Period::Day { 11..16 } else { 5..10 };
        text.get(range).unwrap_or_default().to_owned()
    };
    let Some((first, last)) = points.first().zip(points.last()) else { return };
    let theme = ctx.theme;
    ctx.text(area.x, area.y, 5, &label(first.at), theme.dim);
    ctx.right(area.x, area.y, area.width, &label(last.at), theme.dim);
    if let Some(middle) = points.get(points.len() / 2).filter(|_| area.width >= 30) {
        ctx.text(area.x + area.width / 2 - 2, area.y, 5, &label(middle.at), theme.dim);
    }
}
