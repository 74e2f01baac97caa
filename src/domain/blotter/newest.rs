//! The newest of the broker's times. One may be wrong by any amount, also a year ahead.

use std::collections::BTreeSet;

use jiff::Timestamp;

/// Times kept: if more than this are wrong, there is no right one.
const KEPT: usize = 64;

/// The newest times noted.
#[derive(Debug, Default)]
pub(super) struct Newest(BTreeSet<Timestamp>);

impl Newest {
    pub(super) fn note(&mut self, at: Option<Timestamp>) {
        let Some(at) = at else { return };
        if self.0.len() == KEPT {
            if self.0.first().is_some_and(|oldest| at <= *oldest) {
                return;
            }
            if self.0.insert(at) {
                self.0.pop_first();
            }
            return;
        }
        self.0.insert(at);
    }

    /// The newest that is not after `latest`, if that is known.
    pub(super) fn until(&self, latest: Option<Timestamp>) -> Option<Timestamp> {
        self.0.range(..=latest.unwrap_or(Timestamp::MAX)).next_back().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_times_are_kept_and_those_ahead_can_be_left_out() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let mut newest = Newest::default();
        assert_eq!(newest.until(Some(at(10))), None);
        newest.note(None);
        for second in [5, 900, 3, 7, 7, 4] {
            newest.note(Some(at(second)));
        }
        assert_eq!(
            (newest.until(None), newest.until(Some(at(10))), newest.until(Some(at(2)))),
            (Some(at(900)), Some(at(7)), None)
        );
        (1_000..1_100).for_each(|second| newest.note(Some(at(second))));
        newest.note(Some(at(6)));
        assert_eq!((newest.0.len(), newest.until(Some(at(1_050)))), (KEPT, Some(at(1_050))));
        assert_eq!(newest.until(Some(at(10))), None, "more are wrong than are kept");
    }
}
