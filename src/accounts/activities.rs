//! An account's activity list as far as it was paged through: executions, dividends, fees, transfers, newest first.
//!
//! Rows are the broker's, each once by its id. Of executions the blotter is the judge; this list only shows rows.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::Activity;

/// Rows asked for at a time, the most that the broker gives (docs/ALPACA.md 5.4).
pub const PAGE: u8 = 100;

/// Where reading the list stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reach {
    /// Not asked yet, or older rows may be asked for.
    #[default]
    More,
    /// The first row ever is there.
    Beginning,
    /// The last question failed, with this sentence.
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
    /// Newest first.
    pub fn rows(&self) -> &[Activity] {
        &self.rows
    }

    /// Where reading stands.
    pub const fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The row after which older ones begin; `None` when nothing was read.
    pub fn oldest(&self) -> Option<Arc<str>> {
        self.rows.last().map(|row| Arc::clone(&row.id))
    }

    /// Takes the newest page, and returns how many rows now stand before those that were there.
    ///
    /// A page without a known row leaves a gap behind it: then everything is read anew from there.
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

    /// Takes the page after the oldest row; one that brings nothing is the last, for pages may be smaller than asked.
    pub fn take_older(&mut self, page: Vec<Activity>) {
        let before = self.rows.len();
        let seen = &mut self.seen;
        self.rows.extend(page.into_iter().filter(|row| seen.insert(Arc::clone(&row.id))));
        self.reach = if self.rows.len() > before { Reach::More } else { Reach::Beginning };
    }

    /// The question failed; what was read stays.
    pub fn fail(&mut self, sentence: String) {
        self.reach = Reach::Failed(sentence);
    }

    /// Forgets everything: the account behind the link is a new one.
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
    fn pages_follow_each_other_without_a_row_twice() {
        let mut list = Activities::default();
        assert_eq!(list.take_newest(rows(1000..1100)), 0);
        list.take_older(rows(1099..1199));
        assert_eq!(ids(&list), (1000..1199).collect::<Vec<_>>());
        assert_eq!((list.reach(), list.oldest().as_deref()), (&Reach::More, Some("1198")));
        assert_eq!(list.take_newest(rows(990..1090)), 10, "ten new ones stand before the rest");
        list.take_older(rows(1199..1204));
        assert_eq!(ids(&list), (990..1204).collect::<Vec<_>>());
        assert_eq!(list.reach(), &Reach::More, "the broker's pages may be smaller than asked");
        list.take_older(Vec::new());
        assert_eq!(list.reach(), &Reach::Beginning);
    }

    #[test]
    fn a_page_that_does_not_meet_the_last_one_begins_anew() {
        let mut list = Activities::default();
        list.take_newest(rows(1000..1005));
        list.take_older(Vec::new());
        assert_eq!(list.reach(), &Reach::Beginning);
        assert_eq!(list.take_newest(rows(0..100)), 0);
        assert_eq!(ids(&list), (0..100).collect::<Vec<_>>(), "what may be missing in between is read again");
        assert_eq!(list.reach(), &Reach::More);
    }

    #[test]
    fn a_page_that_brings_nothing_new_ends_the_list() {
        let mut list = Activities::default();
        list.take_newest(rows(0..100));
        list.take_older(rows(0..100));
        assert_eq!(list.reach(), &Reach::Beginning);
    }
}
