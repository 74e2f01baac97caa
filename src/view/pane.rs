//! What the list panes have in common: frame and facts, the window over the rows, the table, flashes, the mouse.
//!
//! A pane says which columns there are and stages its rows; it draws nothing of this itself.

use std::hash::Hash;

use ratatui::layout::Rect;

use super::frame::Frame;
use super::list::Window;
use super::pen::{Pen, cells};
use super::table::{Column, Memory, Rows, Sheet};
use super::{Hit, scope};
use crate::app::Model;
use crate::app::model::{AccountScope, ListState, Pane};
use crate::app::msg::HitTarget;

/// A list pane about to be drawn.
pub(super) struct ListPane<'a, K, const N: usize> {
    /// Which.
    pub(super) pane: Pane,
    /// Its rows.
    pub(super) list: &'a ListState<K>,
    /// Its columns; those that sort come first.
    pub(super) columns: [Column; N],
    /// So many of them sort.
    pub(super) sortable: usize,
    /// The one that names the account; hidden when there is only one.
    pub(super) account: usize,
    /// What the title counts.
    pub(super) counts: &'a str,
    /// What an empty list says.
    pub(super) nothing: &'a str,
}

/// What a pane staged for a row.
pub(super) enum Staged {
    /// Its cells.
    Row,
    /// Its cells, and it flashes.
    Flashing,
    /// Nothing: what it showed is gone since the rows were made, and its line stays empty until they are made again.
    Gone,
}

impl<K: Clone + Eq + Hash + Ord, const N: usize> ListPane<'_, K, N> {
    /// Draws it; where its rows stand, if there are any.
    pub(super) fn draw(
        &self,
        pen: &mut Pen<'_>,
        area: Rect,
        model: &Model,
        (window, memory, sheet): (&mut Window<K>, &mut Memory, &mut Sheet),
        mut stage: impl FnMut(&Pen<'_>, &mut Sheet, &K) -> Staged,
    ) -> Option<Rect> {
        let (list, theme) = (self.list, pen.theme);
        let focused = model.focus == self.pane && model.overlays.is_empty();
        let (filter, stale) = (super::filter_fact(model, self.pane, list.rows.len()), super::stale_fact(model));
        let frame = Frame {
            kind: scope::kind(model),
            focused,
            digit: Some(self.pane.digit()),
            title: self.pane.title(),
            facts: &super::facts(theme, stale.as_deref(), filter.as_deref(), self.counts),
            tagged: true,
        };
        let inner = pen.frame(area, &frame);
        if list.rows.is_empty() {
            super::empty(pen, inner, &super::empty_words(model, self.pane, &list.filter, self.nothing));
            return None;
        }
        let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
        let height = usize::from(body.height);
        let selected = window.follow(list, height);
        let first = window.first;
        sheet.clear();
        let mut flashing = Vec::new();
        for (index, row) in list.rows.iter().skip(first).take(height).enumerate() {
            match stage(pen, sheet, row) {
                Staged::Row => {}
                Staged::Flashing => flashing.push(index),
                Staged::Gone => self.columns.iter().for_each(|_| sheet.text("", theme.dim)),
            }
        }
        let rows = Rows {
            selected: selected.and_then(|index| index.checked_sub(first)),
            focused,
            sorted: list.sort.map(|column| (column, list.reversed)),
        };
        let one = model.scope != AccountScope::All;
        let hidden = |column: usize| (one && column == self.account) || list.hidden.contains(&column);
        let headers = pen.table(inner, &self.columns_for(model), hidden, sheet, memory, &rows);
        for row in flashing {
            pen.restyle(Rect { y: body.y + cells(row), height: 1, x: body.x + 1, width: body.width - 1 }, theme.flash);
        }
        for (column, area) in headers.into_iter().filter(|(column, _)| *column < self.sortable) {
            pen.hit(area, HitTarget::Header(self.pane, column));
        }
        pen.hits.push(Hit::Rows { area: body, pane: self.pane, first, count: list.rows.len() - first });
        pen.scroll_mark(area, first, height, list.rows.len());
        Some(body)
    }

    /// The columns, the one that names the account as narrow as it may get: the word PAPER or LIVE alone says which one is
    /// meant while there is one of each, and figures need the room more.
    fn columns_for(&self, model: &Model) -> [Column; N] {
        let one_of_each = model.accounts.iter().enumerate().all(|(place, account)| {
            model.accounts.iter().skip(place + 1).all(|other| other.link.environment != account.link.environment)
        });
        let mut columns = self.columns;
        if one_of_each && let Some(column) = columns.get_mut(self.account) {
            column.min = 5;
        }
        columns
    }
}
