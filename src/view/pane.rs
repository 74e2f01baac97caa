//! What the list panes share: frame and facts, window over the rows, table, flashes, mouse.
//!
//! A pane prepares its rows, a cell for each column that its list declares; this file draws them.

use std::hash::Hash;

use ratatui::layout::Rect;

use super::draw_context::{DrawContext, cells};
use super::frame::Frame;
use super::list::{Shown, Window};
use super::table::{CellBuffer, Column, Memory, Rows};
use super::{Hit, scope};
use crate::app::Model;
use crate::app::columns::{self, ACCOUNT};
use crate::app::model::{AccountScope, Pane};
use crate::app::msg::HitTarget;
use crate::app::rows::ListState;

/// A list pane to be drawn.
pub(super) struct ListPane<'a, K> {
    /// The pane.
    pub(super) pane: Pane,
    /// Its rows.
    pub(super) list: &'a ListState<K>,
    /// The counts in the title.
    pub(super) counts: &'a str,
    /// What follows them in the title, each where it fits.
    pub(super) more: &'a [String],
    /// The text of an empty list.
    pub(super) nothing: &'a str,
    /// Rows pinned above a rule, and the word for those below it.
    pub(super) head: Option<Head<'a>>,
    /// Rows of sums below the others.
    pub(super) totals: Option<Totals<'a>>,
}

/// Rows of sums; [`totals_in`] says whether there is room for them.
pub(super) struct Totals<'a> {
    /// How many.
    pub(super) rows: usize,
    /// Adds their cells.
    pub(super) cells: &'a dyn Fn(&DrawContext<'_>, &mut CellBuffer),
}

/// Rows that must be visible above total rows; with fewer, there are none.
const ABOVE_TOTALS: u16 = 3;

/// How many total rows a pane of this height has room for: all or none.
pub(super) fn totals_in(height: u16, totals: usize) -> usize {
    if height >= cells(totals) + ABOVE_TOTALS + 3 { totals } else { 0 }
}

/// The first rows of a list, which stay visible.
pub(super) struct Head<'a> {
    /// The number of rows.
    pub(super) rows: usize,
    /// Their name when they are outside the window: `working`.
    pub(super) word: &'a str,
    /// The word on the rule above the others: `done`.
    pub(super) rule: &'a str,
}

/// Where the rows of a pane were drawn.
pub(super) struct Drawn {
    body: Rect,
    shown: Shown,
}

impl Drawn {
    /// The visible rows by index, each with its line on the screen.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, u16)> {
        let body = self.body;
        self.shown.rows().map(move |(index, line)| (index, body.y + cells(line)))
    }

    /// The left edge.
    pub(super) const fn left(&self) -> u16 {
        self.body.x
    }
}

/// The prepared cells of a row.
pub(super) enum PreparedRow {
    /// Its cells were built.
    Row,
    /// Cells of a row that flashes.
    Flashing,
    /// None: the row's order is gone. Its line stays empty until the rows are rebuilt.
    Gone,
}

impl<K: Clone + Eq + Hash + Ord> ListPane<'_, K> {
    /// Draws the pane; returns where its rows are, if there are any.
    pub(super) fn draw(
        &self,
        ctx: &mut DrawContext<'_>,
        area: Rect,
        model: &Model,
        (window, memory, buffer): (&mut Window<K>, &mut Memory, &mut CellBuffer),
        mut stage: impl FnMut(&DrawContext<'_>, &mut CellBuffer, &K) -> PreparedRow,
    ) -> Option<Drawn> {
        let (list, theme, declared) = (self.list, ctx.theme, self.pane.columns());
        let focused = model.focus == self.pane && model.overlays.is_empty();
        let head = self.head.as_ref().map_or(0, |head| head.rows);
        // The frame and the title line.
        let totals = self.totals.as_ref().map_or(0, |totals| totals_in(area.height, totals.rows));
        let (selected, shown) = window.follow(list, head, usize::from(area.height.saturating_sub(3)) - totals);
        let counts = self.counts_beyond(ctx, shown);
        let filter = super::filter_fact(model, self.pane, list.rows.len());
        let (stale, lack) = (super::stale_fact(model, self.pane), super::lack_of(model, self.pane));
        let mut facts = super::facts(theme, stale.as_deref(), filter.as_deref(), &counts);
        facts.extend(self.more.iter().map(|text| (text.as_str(), theme.dim)));
        let frame = Frame {
            kind: scope::kind(model),
            focused,
            digit: Some(self.pane.digit()),
            title: self.pane.title(),
            facts: &facts,
            lack: lack.as_deref(),
            tagged: true,
        };
        let inner = ctx.frame(area, &frame);
        if list.rows.is_empty() {
            super::empty(ctx, inner, &super::empty_words(model, self.pane, &list.filter, self.nothing));
            return None;
        }
        let height = inner.height.saturating_sub(1 + cells(totals));
        let drawn = Drawn { body: Rect { y: inner.y + 1, height, ..inner }, shown };
        let body = drawn.body;
        buffer.clear();
        let (mut flashing, mut place) = (Vec::new(), None);
        for (staged, (index, y)) in drawn.lines().enumerate() {
            let Some(row) = list.rows.get(index) else { break };
            if selected == Some(index) {
                place = Some(staged);
            }
            match stage(ctx, buffer, row) {
                PreparedRow::Row => {}
                PreparedRow::Flashing => flashing.push(y),
                PreparedRow::Gone => declared.iter().for_each(|_| buffer.text("", theme.dim)),
            }
        }
        if let Some(sums) = self.totals.as_ref().filter(|_| totals > 0) {
            (sums.cells)(ctx, buffer);
        }
        let rows = Rows {
            selected: place,
            focused,
            sorted: list.sort.map(|column| (column, list.reversed)),
            rule: (shown.pinned > 0).then_some(shown.pinned),
        };
        let one = model.scope != AccountScope::All;
        let hidden = |column: usize| (one && column == ACCOUNT) || (!list.all_columns && list.hidden.contains(&column));
        let headers = ctx.table(inner, &self.columns_for(model), hidden, buffer, memory, &rows);
        for y in flashing {
            ctx.restyle(Rect { y, height: 1, x: body.x + 1, width: body.width - 1 }, theme.flash);
        }
        let sortable = |column: usize| declared.get(column).is_some_and(columns::Column::is_sortable);
        for (column, area) in headers.into_iter().filter(|(column, _)| sortable(*column)) {
            ctx.hit(area, HitTarget::Header(self.pane, column));
        }
        self.surroundings(ctx, area, &drawn);
        Some(drawn)
    }

    /// Draws the rule below the pinned rows and the scroll bar, and registers the rows for the mouse.
    fn surroundings(&self, ctx: &mut DrawContext<'_>, area: Rect, drawn: &Drawn) {
        let (body, shown, total) = (drawn.body, drawn.shown, self.list.rows.len());
        let (pinned, mut below) = (cells(shown.pinned), body);
        if let Some(head) = self.head.as_ref().filter(|_| shown.pinned > 0) {
            let rule = Rect { y: body.y + pinned, height: 1, ..body };
            ctx.rule(rule, head.rule);
            ctx.hits.push(Hit::Rows {
                area: Rect { height: pinned, ..body },
                pane: self.pane,
                first: 0,
                count: shown.pinned,
            });
            below = Rect { y: rule.y + 1, height: body.height.saturating_sub(pinned + 1), ..body };
        }
        ctx.hits.push(Hit::Rows { area: below, pane: self.pane, first: shown.first, count: total - shown.first });
        ctx.scroll_mark(area, shown.first - shown.pinned, usize::from(below.height), total - shown.pinned);
    }

    /// The counts, with an arrow if pinned rows are outside the window: `12 working ↑`.
    fn counts_beyond(&self, ctx: &DrawContext<'_>, shown: Shown) -> String {
        let Some(head) = &self.head else { return self.counts.to_owned() };
        let (above, below) = shown.beyond(head.rows);
        let mut text = String::new();
        for (count, mark) in [(above, ctx.glyphs.up), (below, ctx.glyphs.down)] {
            if count > 0 {
                text.push_str(&format!("{mark} {count} {} {} ", head.word, ctx.glyphs.dot));
            }
        }
        text + self.counts
    }

    /// The columns, with the account column as narrow as possible when there is one account of each environment: PAPER
    /// or LIVE alone identifies it, and figures need the room.
    fn columns_for(&self, model: &Model) -> Vec<Column> {
        let one_of_each = model.accounts.iter().enumerate().all(|(place, account)| {
            model.accounts.iter().skip(place + 1).all(|other| other.link.environment != account.link.environment)
        });
        let mut columns: Vec<Column> = self.pane.columns().iter().map(Column::from).collect();
        if one_of_each && let Some(column) = columns.get_mut(ACCOUNT) {
            column.min = 5;
        }
        columns
    }
}
