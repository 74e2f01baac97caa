//! The pages of an account's activity list read so far: executions, dividends, fees, transfers, newest first.
//!
//! Rows are the broker's, deduplicated by id. The blotter decides which executions count; this list only shows rows.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::Activity;

/// Rows per page, the broker's maximum (docs/ALPACA.md 5.4).
pub const PAGE: u8 = 100;

/// How far the list has been read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reach {
    /// Not read yet, or older rows may exist.
    #[default]
    More,
    /// The account's first row has been read.
    Beginning,
    /// The last request failed, with this sentence.
    Failed(String),
}

/// The rows read so far.
#[derive(Debug, Default)]
pub struct Activities {
    rows: Vec<Activity>,
    seen: HashSet<Arc<str>>,
    reach: Reach,
}

impl Activities {
    /// The rows, newest first.
    pub fn rows(&self) -> &[Activity] {
        &self.rows
    }

    /// How far the list has been read.
    pub const fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The id of the oldest row, the page token for older ones; `None` when nothing has been read.
    pub fn oldest(&self) -> Option<Arc<str>> {
        self.rows.last().map(|row| Arc::clone(&row.id))
    }

    /// Takes the newest page and returns how many rows it put before the known ones.
    ///
    /// A page without a known row may leave a gap, so the list restarts from that page.
    pub fn take_newest(&mut self, page: Vec<Activity>) -> usize {
        let meets = page.iter().any(|row| self.seen.contains(&row.id));
        if self.rows.is_empty() || (!page.is_empty() && !meets) {
            *self = Self::default();
            self.take_older(page);
            return 0;
        }
        let mut fresh: Vec<Activity> = page.into_iter().filter(|row| self.seen.insert(Arc::clone(&row.id))).collect();
        let count = fresh.len();
        fresh.append(&mut self.rows);
        self.rows = fresh;
        if matches!(self.reach, Reach::Failed(_)) {
            self.reach = Reach::More;
        }
        count
    }

    /// Takes the page after the oldest row. Only a page without new rows is the last, because pages may be short.
    pub fn take_older(&mut self, page: Vec<Activity>) {
        let before = self.rows.len();
        let seen = &mut self.seen;
        self.rows.extend(page.into_iter().filter(|row| seen.insert(Arc::clone(&row.id))));
        self.reach = if self.rows.len() > before { Reach::More } else { Reach::Beginning };
    }

    /// Records a failed request; the rows read so far stay.
    pub fn fail(&mut self, sentence: String) {
        self.reach = Reach::Failed(sentence);
    }

    /// Forgets everything, when another account is behind the link.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ActivityKind;
    use crate::domain::order::Raw;

    fn rows(ids: std::ops::Range<u32>) -> Vec<Activity> {
        let kind = ActivityKind::Other { net_amount: None, symbol: None, qty: None, date: None, description: None };
        let row = |id: u32| Activity {
            id: Arc::from(id.to_string()),
            activity_type: "DIV".into(),
            kind: kind.clone(),
            raw: Raw::default(),
        };
        ids.map(row).collect()
    }

    fn ids(list: &Activities) -> Vec<u32> {
        list.rows().iter().map(|row| row.id.parse().unwrap()).collect()
    }

    #[test]
    fn overlapping_pages_add_no_duplicate_rows() {
        let mut list = Activities::default();
        assert_eq!(list.take_newest(rows(1000..1100)), 0);
        list.take_older(rows(1099..1199));
        assert_eq!(ids(&list), (1000..1199).collect::<Vec<_>>());
        assert_eq!((list.reach(), list.oldest().as_deref()), (&Reach::More, Some("1198")));
        assert_eq!(list.take_newest(rows(990..1090)), 10, "ten new rows were put first");
        list.take_older(rows(1199..1204));
        assert_eq!(ids(&list), (990..1204).collect::<Vec<_>>());
        assert_eq!(list.reach(), &Reach::More, "a page may be short");
        list.take_older(Vec::new());
        assert_eq!(list.reach(), &Reach::Beginning);
    }

    #[test]
    fn a_newest_page_without_a_known_row_restarts_the_list() {
        let mut list = Activities::default();
        list.take_newest(rows(1000..1005));
        list.take_older(Vec::new());
        assert_eq!(list.reach(), &Reach::Beginning);
        assert_eq!(list.take_newest(rows(0..100)), 0);
        assert_eq!(ids(&list), (0..100).collect::<Vec<_>>(), "older rows are paged again, so that no gap stays");
        assert_eq!(list.reach(), &Reach::More);
    }

    #[test]
    fn a_page_without_new_rows_ends_the_list() {
        let mut list = Activities::default();
        list.take_newest(rows(0..100));
        list.take_older(rows(0..100));
        assert_eq!(list.reach(), &Reach::Beginning);
    }
}
