//! The Positions pane: one line per position.

use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::Decimal;

use super::Panes;
use super::draw_context::{DrawContext, clean};
use super::format::{MISSING, cents, price};
use super::pane::{ListPane, PreparedRow, Totals};
use super::scope;
use super::table::CellBuffer;
use crate::accounts::{AccountState, Count};
use crate::app::Model;
use crate::app::columns::PositionColumn;
use crate::app::model::Pane;
use crate::domain::{Environment, Money, Mono, Position, PositionTotals, Qty};
use crate::session::Part;

/// Draws the pane.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let list = &model.rows.positions;
    let totals = totals(model);
    let counts = counts(model);
    let total_cells = |ctx: &DrawContext<'_>, buffer: &mut CellBuffer| {
        for total in &totals {
            for column in PositionColumn::ALL {
                total.cell(ctx, buffer, column);
            }
        }
    };
    let pane = ListPane {
        pane: Pane::Positions,
        list,
        counts: &counts,
        more: &sums(&totals),
        nothing: "no positions",
        head: None,
        totals: Some(Totals { rows: totals.len(), cells: &total_cells }),
    };
    let Panes { positions, position_columns, buffer, .. } = panes;
    pane.draw(ctx, area, model, (positions, position_columns, buffer), |ctx, buffer, key| {
        let Some((account, position)) = scope::account(model, &key.link).zip(model.accounts.position(key)) else {
            return PreparedRow::Gone;
        };
        let now = model.now.mono;
        let weighed = account.is_current(&[Part::Account], now);
        let row = Row { account, position, fresh: is_fresh(account, position, now), weighed };
        for column in PositionColumn::ALL {
            row.cell(ctx, buffer, column);
        }
        PreparedRow::Row
    });
}

/// The number of total rows.
pub(super) fn total_rows(model: &Model) -> usize {
    totals(model).len()
}

/// The sums over the rows of the list, for each environment that has some: paper and live money are never added.
fn totals(model: &Model) -> Vec<Total> {
    let found = |environment: Environment| {
        let accounts = || scope::shown(model).filter(|account| account.link.environment == environment);
        let rows = model.rows.positions.rows.iter();
        let rows = rows.filter_map(|key| scope::account(model, &key.link).zip(model.accounts.position(key)));
        let rows: Vec<_> = rows.filter(|(account, _)| account.link.environment == environment).collect();
        if rows.is_empty() {
            return None;
        }
        let now = model.now.mono;
        let whole = accounts().all(|account| account.known_held(now).is_some_and(|held| !held.more));
        let mut sums = PositionTotals::default();
        for (_, position) in &rows {
            sums.add(position);
        }
        let equity = |account: &AccountState| account.account.as_ref()?.value.equity;
        Some(Total {
            environment,
            sums: whole.then_some(sums),
            equity: accounts().try_fold(Money::ZERO, |sum, account| sum.checked_add(equity(account)?)),
            fresh: rows.iter().all(|(account, position)| is_fresh(account, position, now)),
            weighed: accounts().all(|account| account.is_current(&[Part::Account], now)),
        })
    };
    [Environment::Paper, Environment::Live].into_iter().filter_map(found).collect()
}

/// Whether the figures of a position are current. Its value is unknown while its quantity is contested.
fn is_fresh(account: &AccountState, position: &Position, now: Mono) -> bool {
    let contested = account.session.lasting_conflicts(now).any(|(symbol, _)| symbol.is_one_with(&position.symbol));
    account.is_current(&[Part::Positions], now) && !contested
}

/// What the positions are worth, unless paper and live money is shown.
fn sums(totals: &[Total]) -> Vec<String> {
    let [Total { sums: Some(sums), .. }] = totals else { return Vec::new() };
    let value = |value: Option<Money>| value.map_or_else(|| MISSING.to_owned(), |value| value.abs().rounded(0));
    vec![format!("long {}", value(sums.long)), format!("short {}", value(sums.short))]
}

/// The number of positions, where known, and where the last executions contradict the list.
fn counts(model: &Model) -> String {
    let now = model.now.mono;
    let known: Vec<Count> = scope::shown(model).filter_map(|account| account.known_held(now)).collect();
    let mut text = if known.is_empty() && scope::shown(model).next().is_some() {
        format!("{MISSING} held")
    } else {
        format!("{} held", known.into_iter().sum::<Count>())
    };
    for (symbol, qty) in scope::shown(model).flat_map(|account| account.session.lasting_conflicts(now)) {
        text.push_str(&format!(", {} {} by the last fill", clean(symbol.as_str()), qty.grouped(0)));
    }
    text
}

fn in_percent(part: Option<Decimal>) -> Option<Decimal> {
    part.and_then(|part| part.checked_mul(Decimal::ONE_HUNDRED)).map(|percent| percent.round_dp(2))
}

/// The sums over the positions of one environment.
struct Total {
    environment: Environment,
    /// `None` where a position may be missing.
    sums: Option<PositionTotals>,
    equity: Option<Money>,
    fresh: bool,
    /// Whether the equity is that of now.
    weighed: bool,
}

impl Total {
    fn cell(&self, ctx: &DrawContext<'_>, buffer: &mut CellBuffer, column: PositionColumn) {
        let (theme, fresh) = (ctx.theme, self.fresh);
        let (plain, faint) = (if fresh { theme.strong } else { theme.stale }, theme.faint);
        let of = |sum: fn(&PositionTotals) -> Option<Money>| self.sums.as_ref().and_then(sum);
        match column {
            PositionColumn::Account => super::environment_cell(buffer, self.environment, theme),
            PositionColumn::Symbol => buffer.text("total", plain),
            PositionColumn::Qty | PositionColumn::Avg | PositionColumn::Last | PositionColumn::Day => {
                buffer.text("", plain);
            }
            PositionColumn::Value => buffer.figure(cents(of(|sums| sums.value)), 2, plain, faint),
            PositionColumn::DayPl => super::change_cell(ctx, buffer, cents(of(|sums| sums.day_pl)), false, !fresh),
            PositionColumn::Pl => super::change_cell(ctx, buffer, cents(of(|sums| sums.pl)), false, !fresh),
            PositionColumn::PlPercent => {
                let percent = self.sums.as_ref().and_then(PositionTotals::pl_percent);
                super::change_cell(ctx, buffer, percent.map(|percent| percent.round_dp(2)), false, !fresh);
            }
            PositionColumn::Weight => {
                let percent =
                    of(PositionTotals::gross).zip(self.equity).and_then(|(gross, equity)| gross.percent_of(equity));
                weight_cell(ctx, buffer, percent, fresh && self.weighed);
            }
        }
    }
}

/// A part of the equity in percent.
fn weight_cell(ctx: &DrawContext<'_>, buffer: &mut CellBuffer, percent: Option<Decimal>, fresh: bool) {
    let style = if fresh { ctx.theme.dim } else { ctx.theme.stale };
    buffer.figure(percent.map(|percent| percent.round_dp(1)), 1, style, ctx.theme.faint);
}

/// A position being drawn.
struct Row<'a> {
    account: &'a AccountState,
    position: &'a Position,
    fresh: bool,
    /// Whether the account's equity is that of now.
    weighed: bool,
}

impl Row<'_> {
    fn cell(&self, ctx: &DrawContext<'_>, buffer: &mut CellBuffer, column: PositionColumn) {
        let Self { account, position, fresh, weighed } = *self;
        let theme = ctx.theme;
        let tone = |style: Style| if fresh { style } else { theme.stale };
        let (plain, faint) = (tone(theme.text), tone(theme.faint));
        match column {
            PositionColumn::Account => super::account_cell(buffer, account, theme),
            PositionColumn::Symbol => buffer.text(&clean(position.symbol.as_str()), plain),
            PositionColumn::Qty => {
                let qty = position.qty.map(Qty::decimal);
                if account.session.conflicts().any(|(symbol, _)| symbol.is_one_with(&position.symbol)) {
                    buffer.signed_figure(qty, 0, "? ", theme.waiting, faint);
                } else {
                    buffer.short_figure(qty, 0, plain, faint);
                }
            }
            PositionColumn::Avg => buffer.short_figure(price(position.avg_px), 2, tone(theme.dim), faint),
            PositionColumn::Last => {
                buffer.short_figure(price(position.last_px), 2, plain, faint);
            }
            PositionColumn::Value => buffer.figure(cents(position.market_value), 2, plain, faint),
            PositionColumn::DayPl => {
                super::change_cell(ctx, buffer, cents(position.unrealized_intraday_pl), true, !fresh);
            }
            PositionColumn::Pl => super::change_cell(ctx, buffer, cents(position.unrealized_pl), true, !fresh),
            PositionColumn::PlPercent => {
                super::change_cell(ctx, buffer, in_percent(position.unrealized_plpc), false, !fresh);
            }
            PositionColumn::Day => super::change_cell(ctx, buffer, in_percent(position.change_today), false, !fresh),
            PositionColumn::Weight => weight_cell(ctx, buffer, account.weight(position), fresh && weighed),
        }
    }
}
