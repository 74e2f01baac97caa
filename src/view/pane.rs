//! What the list panes have in common: frame and facts, the window over the rows, the table, flashes, the mouse.
//!
//! A pane says which columns there are and stages its rows; it draws nothing of this itself.

use std::hash::Hash;

use ratatui::layout::Rect;

use super::frame::Frame;
use super::list::{Shown, Window};
use super::pen::{Pen, cells};
use super::table::{Column, Memory, Rows, Sheet};
use super::{Hit, scope};
use crate::app::Model;
use crate::app::model::{AccountScope, Pane};
use crate::app::msg::HitTarget;
use crate::app::rows::ListState;

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
    /// Rows that stay in view above a rule, and the word for those below it.
    pub(super) head: Option<Head<'a>>,
}

/// The first rows of a list, which stay in view.
pub(super) struct Head<'a> {
    /// How many.
    pub(super) rows: usize,
    /// What they are, where they are out of the window: `working`.
    pub(super) word: &'a str,
    /// What the rule above the others says: `done`.
    pub(super) rule: &'a str,
}

/// Where the rows of a pane were drawn.
pub(super) struct Drawn {
    body: Rect,
    shown: Shown,
}

impl Drawn {
    /// The rows on the screen by their index in the list, each with its line of the screen.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, u16)> {
        let body = self.body;
        self.shown.rows().map(move |(index, line)| (index, body.y + cells(line)))
    }

    /// The left edge.
    pub(super) const fn left(&self) -> u16 {
        self.body.x
    }
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
    ) -> Option<Drawn> {
        let (list, theme) = (self.list, pen.theme);
        let focused = model.focus == self.pane && model.overlays.is_empty();
        let head = self.head.as_ref().map_or(0, |head| head.rows);
        // A frame and a line of titles surround the rows.
        let (selected, shown) = window.follow(list, head, usize::from(area.height.saturating_sub(3)));
        let counts = self.counts_beyond(pen, shown);
        let filter = super::filter_fact(model, self.pane, list.rows.len());
        let (stale, lack) = (super::stale_fact(model, self.pane), super::lack_of(model, self.pane));
        let frame = Frame {
            kind: scope::kind(model),
            focused,
            digit: Some(self.pane.digit()),
            title: self.pane.title(),
            facts: &super::facts(theme, stale.as_deref(), filter.as_deref(), &counts),
            lack: lack.as_deref(),
            tagged: true,
        };
        let inner = pen.frame(area, &frame);
        if list.rows.is_empty() {
            super::empty(pen, inner, &super::empty_words(model, self.pane, &list.filter, self.nothing));
            return None;
        }
        let drawn = Drawn { body: Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner }, shown };
        let body = drawn.body;
        sheet.clear();
        let (mut flashing, mut place) = (Vec::new(), None);
        for (staged, (index, y)) in drawn.lines().enumerate() {
            let Some(row) = list.rows.get(index) else { break };
            if selected == Some(index) {
                place = Some(staged);
            }
            match stage(pen, sheet, row) {
                Staged::Row => {}
                Staged::Flashing => flashing.push(y),
                Staged::Gone => self.columns.iter().for_each(|_| sheet.text("", theme.dim)),
            }
        }
        let rows = Rows {
            selected: place,
            focused,
            sorted: list.sort.map(|column| (column, list.reversed)),
            rule: (shown.pinned > 0).then_some(shown.pinned),
        };
        let one = model.scope != AccountScope::All;
        let hidden = |column: usize| (one && column == self.account) || list.hidden.contains(&column);
        let headers = pen.table(inner, &self.columns_for(model), hidden, sheet, memory, &rows);
        for y in flashing {
            pen.restyle(Rect { y, height: 1, x: body.x + 1, width: body.width - 1 }, theme.flash);
        }
        for (column, area) in headers.into_iter().filter(|(column, _)| *column < self.sortable) {
            pen.hit(area, HitTarget::Header(self.pane, column));
        }
        self.surroundings(pen, area, &drawn);
        Some(drawn)
    }

    /// The rule below the pinned rows, what a click on a row hits, and the mark that says how far the list goes on.
    fn surroundings(&self, pen: &mut Pen<'_>, area: Rect, drawn: &Drawn) {
        let (body, shown, total) = (drawn.body, drawn.shown, self.list.rows.len());
        let (pinned, mut below) = (cells(shown.pinned), body);
        if let Some(head) = self.head.as_ref().filter(|_| shown.pinned > 0) {
            let rule = Rect { y: body.y + pinned, height: 1, ..body };
            pen.rule(rule, head.rule);
            pen.hits.push(Hit::Rows {
                area: Rect { height: pinned, ..body },
                pane: self.pane,
                first: 0,
                count: shown.pinned,
            });
            below = Rect { y: rule.y + 1, height: body.height.saturating_sub(pinned + 1), ..body };
        }
        pen.hits.push(Hit::Rows { area: below, pane: self.pane, first: shown.first, count: total - shown.first });
        pen.scroll_mark(area, shown.first - shown.pinned, usize::from(below.height), total - shown.pinned);
    }

    /// The counts, with what of the first rows is out of the window: `12 working ↑`.
    fn counts_beyond(&self, pen: &Pen<'_>, shown: Shown) -> String {
        let Some(head) = &self.head else { return self.counts.to_owned() };
        let (above, below) = shown.beyond(head.rows);
        let mut text = String::new();
        for (count, mark) in [(above, pen.glyphs.up), (below, pen.glyphs.down)] {
            if count > 0 {
                text.push_str(&format!("{mark} {count} {} {} ", head.word, pen.glyphs.dot));
            }
        }
        text + self.counts
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
