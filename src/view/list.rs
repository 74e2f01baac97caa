//! Which part of a list is in the window: it follows the selected row, and holds still otherwise.

use std::hash::Hash;

use crate::app::model::ListState;

/// What a list remembers between frames.
#[derive(Debug)]
pub(super) struct Window<K> {
    /// The first row shown.
    pub(super) first: usize,
    /// Where the selected row stood, and which it was.
    selected: Option<(usize, K)>,
}

impl<K> Default for Window<K> {
    fn default() -> Self {
        Self { first: 0, selected: None }
    }
}

impl<K: Clone + Eq + Hash + Ord> Window<K> {
    /// Moves the window over the list and returns where the selected row stands.
    ///
    /// Rows arriving above a scrolled window push it along, so that what is read stays where it is; at the top the
    /// window stays at the top and shows them.
    pub(super) fn follow(&mut self, list: &ListState<K>, height: usize) -> Option<usize> {
        let now = list.selected.as_ref().and_then(|key| Some((list.selected_index()?, key)));
        if let (Some((was, old)), Some((now, key))) = (&self.selected, &now)
            && old == *key
            && was != now
            && self.first > 0
        {
            self.first = (self.first + now).saturating_sub(*was);
        }
        if let Some((index, _)) = now
            && height > 0
        {
            self.first = self.first.min(index).max((index + 1).saturating_sub(height));
        }
        self.first = self.first.min(list.rows.len().saturating_sub(height));
        let same = match (&self.selected, &now) {
            (Some((was, old)), Some((now, key))) => was == now && old == *key,
            (None, None) => true,
            _ => false,
        };
        if !same {
            self.selected = now.map(|(index, key)| (index, key.clone()));
        }
        self.selected.as_ref().map(|(index, _)| *index)
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
    fn rows_arriving_above_a_scrolled_window_do_not_move_what_is_read() {
        let mut window = Window::default();
        assert_eq!(window.follow(&list(0..100, 50), 10), Some(50));
        assert_eq!(window.first, 41);
        let newer = (1000..1003).chain(0..100);
        assert_eq!(window.follow(&list(newer, 50), 10), Some(53));
        assert_eq!(window.first, 44);
    }

    #[test]
    fn at_the_top_new_rows_show_and_the_cursor_stays_on_its_row() {
        let mut window = Window::default();
        window.follow(&list(0..100, 0), 10);
        assert_eq!(window.follow(&list((1000..1003).chain(0..100), 0), 10), Some(3));
        assert_eq!(window.first, 0);
    }

    #[test]
    fn the_window_never_shows_past_the_end() {
        let mut window = Window::default();
        window.follow(&list(0..100, 99), 10);
        assert_eq!(window.first, 90);
        window.follow(&list(0..4, 3), 10);
        assert_eq!(window.first, 0);
    }
}
