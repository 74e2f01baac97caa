//! The visible part of a list: it follows the selected row, and stays where it is otherwise.

use crate::app::rows::ListState;
use std::hash::Hash;

/// Scroll state of a list, kept between frames.
#[derive(Debug)]
pub(super) struct Window<K> {
    /// The first visible row below the pinned ones.
    pub(super) first: usize,
    /// The number of pinned rows.
    pinned: usize,
    /// The line of the selected row, and which row that was.
    selected: Option<(usize, K)>,
}

impl<K> Default for Window<K> {
    fn default() -> Self {
        Self { first: 0, pinned: 0, selected: None }
    }
}

/// Which rows of a list are visible, and on which lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    /// Rows pinned above the rule; empty without a rule.
    pub(super) pinned: usize,
    /// The first row below the pinned ones.
    pub(super) first: usize,
    /// One past the last row.
    pub(super) end: usize,
}

/// Lines that must remain below the pinned rows; with fewer, nothing is pinned.
const BELOW: usize = 4;

impl Shown {
    /// The visible rows by index, each with its line.
    pub(super) fn rows(self) -> impl Iterator<Item = (usize, usize)> {
        let gap = usize::from(self.pinned > 0);
        let below = (self.first..self.end).enumerate();
        (0..self.pinned)
            .map(|index| (index, index))
            .chain(below.map(move |(line, index)| (index, self.pinned + gap + line)))
    }

    /// How many of the first `head` rows are above the window, and how many below.
    pub(super) fn beyond(self, head: usize) -> (usize, usize) {
        if self.pinned > 0 { (0, 0) } else { (head.min(self.first), head.saturating_sub(self.end)) }
    }
}

impl<K: Clone + Eq + Hash + Ord> Window<K> {
    /// Scrolls the window over the list; returns the line of the selected row and the rows visible on `height` lines.
    ///
    /// The first `head` rows are pinned to the top if that leaves room for others. New rows above a scrolled window
    /// move it along, so that what is being read stays in place; a window at the top stays there and shows them.
    pub(super) fn follow(&mut self, list: &ListState<K>, head: usize, height: usize) -> (Option<usize>, Shown) {
        let pinned = if head < list.rows.len() && head + BELOW <= height { head } else { 0 };
        let height = height - pinned - usize::from(pinned > 0);
        if self.first == self.pinned {
            // A window at the top stays there, whatever the number of pinned rows.
            self.first = pinned;
        }
        self.pinned = pinned;
        let now = list.selected.as_ref().and_then(|key| Some((list.selected_index()?, key)));
        if let (Some((was, old)), Some((now, key))) = (&self.selected, &now)
            && old == *key
            && was != now
            && self.first > pinned
        {
            self.first = (self.first + now).saturating_sub(*was);
        }
        if let Some((index, _)) = now
            && height > 0
            && index >= pinned
        {
            self.first = self.first.min(index).max((index + 1).saturating_sub(height));
        }
        self.first = self.first.min(list.rows.len().saturating_sub(height)).max(pinned);
        let same = match (&self.selected, &now) {
            (Some((was, old)), Some((now, key))) => was == now && old == *key,
            (None, None) => true,
            _ => false,
        };
        if !same {
            self.selected = now.map(|(index, key)| (index, key.clone()));
        }
        let shown = Shown { pinned, first: self.first, end: (self.first + height).min(list.rows.len()) };
        (self.selected.as_ref().map(|(index, _)| *index), shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rows: impl IntoIterator<Item = u32>, selected: u32) -> ListState<u32> {
        let mut list = ListState::default();
        list.rows = rows.into_iter().collect();
        list.selected = Some(selected);
        list
    }

    #[test]
    fn rows_arriving_above_a_scrolled_window_do_not_move_it() {
        let mut window = Window::default();
        assert_eq!(window.follow(&list(0..100, 50), 0, 10).0, Some(50));
        assert_eq!(window.first, 41);
        let newer = (1000..1003).chain(0..100);
        assert_eq!(window.follow(&list(newer, 50), 0, 10).0, Some(53));
        assert_eq!(window.first, 44);
    }

    #[test]
    fn at_the_top_new_rows_show_and_the_cursor_stays_on_its_row() {
        let mut window = Window::default();
        window.follow(&list(0..100, 0), 0, 10);
        assert_eq!(window.follow(&list((1000..1003).chain(0..100), 0), 0, 10).0, Some(3));
        assert_eq!(window.first, 0);
    }

    #[test]
    fn the_window_never_shows_past_the_end() {
        let mut window = Window::default();
        window.follow(&list(0..100, 99), 0, 10);
        assert_eq!(window.first, 90);
        window.follow(&list(0..4, 3), 0, 10);
        assert_eq!(window.first, 0);
    }

    #[test]
    fn pinned_rows_stay_while_the_rest_scrolls_below_their_rule() {
        let mut window = Window::default();
        let (at, shown) = window.follow(&list(0..100, 0), 3, 10);
        assert_eq!((at, shown), (Some(0), Shown { pinned: 3, first: 3, end: 9 }));
        let (at, shown) = window.follow(&list(0..100, 50), 3, 10);
        assert_eq!((at, shown), (Some(50), Shown { pinned: 3, first: 45, end: 51 }));
        let lines: Vec<_> = shown.rows().collect();
        assert_eq!((lines[2], lines[3], lines[8]), ((2, 2), (45, 4), (50, 9)), "the rule has a line of its own");
        let (_, shown) = window.follow(&list(0..100, 1), 3, 10);
        assert_eq!(shown.first, 45, "the cursor among the pinned rows moves nothing");
    }

    #[test]
    fn rows_that_leave_no_room_are_not_pinned_but_counted() {
        let mut window = Window::default();
        let (_, shown) = window.follow(&list(0..100, 60), 23, 10);
        assert_eq!((shown.pinned, shown.beyond(23)), (0, (23, 0)));
        let (_, shown) = window.follow(&list(0..100, 0), 23, 10);
        assert_eq!(shown.beyond(23), (0, 13));
        let (_, shown) = window.follow(&list(0..4, 0), 4, 10);
        assert_eq!((shown.pinned, shown.end), (0, 4), "nothing is below, so there is no rule");
    }

    #[test]
    fn a_window_at_its_top_stays_there_when_more_rows_are_pinned_or_none() {
        let mut window = Window::default();
        let mut free = list(0..100, 0);
        free.selected = None;
        for (head, pinned) in [(3, 3), (5, 5), (23, 0), (4, 4), (0, 0)] {
            let (_, shown) = window.follow(&free, head, 10);
            assert_eq!((shown.pinned, shown.first), (pinned, pinned), "with {head}");
        }
    }
}
