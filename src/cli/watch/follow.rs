//! Which lines of a tape are due for printing: each once, an unexplained quantity only when its execution is known.

use std::collections::BTreeSet;

use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::execution::ExecutionKind;
use crate::domain::{Execution, Source};

/// How far an account's tape was printed.
#[derive(Debug, Default)]
pub(super) struct Follow {
    /// The number of the first line not looked at.
    next: u64,
    /// The first line there was; another one means that the account was reset.
    first: Option<u64>,
    /// Lines that stand for quantity nobody has explained yet.
    waiting: BTreeSet<u64>,
    /// The account has been live; what its first picture shows is history.
    begun: bool,
}

impl Follow {
    /// The numbers of the lines to print now. `live` tells that the account's picture is complete.
    pub(super) fn due(&mut self, blotter: &Blotter, live: bool) -> Vec<u64> {
        let tape = blotter.tape();
        let first = tape.first().map(|entry| entry.number);
        if self.first.is_some() && self.first != first {
            (self.waiting, self.begun) = (BTreeSet::new(), false);
        }
        self.first = first;
        let history = !self.begun;
        self.begun |= live;
        let mut due = Vec::new();
        self.waiting.retain(|number| match blotter.tape_entry(*number) {
            Some(entry) if entry.execution.is_some() && is_unexplained(blotter, entry) => true,
            Some(entry) if entry.execution.is_some() => {
                due.push(*number);
                false
            }
            // It turned out to be none.
            _ => false,
        });
        let fresh = tape.partition_point(|entry| entry.number < self.next);
        for entry in tape.iter().skip(fresh) {
            self.next = entry.number + 1;
            // Only what the stream told is news in the first picture.
            if history && entry.source != Source::Stream {
                continue;
            }
            if is_unexplained(blotter, entry) {
                self.waiting.insert(entry.number);
            } else {
                due.push(entry.number);
            }
        }
        due
    }
}

fn is_unexplained(blotter: &Blotter, entry: &TapeEntry) -> bool {
    let row = entry.execution.as_ref().and_then(|id| blotter.execution(id));
    row.is_some_and(|row: &Execution| row.kind == ExecutionKind::Unexplained)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::alpaca::wire;
    use crate::domain::TradeUpdate;

    /// An update of one order with this much executed by a report of this size; none where the size is nought.
    fn update(order: &str, cum: u32, qty: u32, id: &str) -> TradeUpdate {
        let execution = if qty == 0 {
            String::new()
        } else {
            format!(r#""execution_id":"{id}","price":"10","qty":"{qty}","position_qty":"{cum}","#)
        };
        let event = if qty == 0 { "new" } else { "partial_fill" };
        let text = format!(
            r#"{{"event":"{event}",{execution}"timestamp":"2026-01-02T15:00:{cum:02}Z","order":{{"id":"{order}",
            "symbol":"F","side":"buy","type":"limit","qty":"50","filled_qty":"{cum}","filled_avg_price":"10",
            "status":"partially_filled","updated_at":"2026-01-02T15:00:{cum:02}Z"}}}}"#
        );
        wire::update(&text).unwrap()
    }

    fn printed(follow: &mut Follow, blotter: &Blotter) -> Vec<String> {
        let due = follow.due(blotter, true);
        let entries = due.iter().map(|number| blotter.tape_entry(*number).unwrap());
        entries.filter_map(|entry| entry.execution.as_ref().map(ToString::to_string)).collect()
    }

    #[test]
    fn a_quantity_nobody_explained_is_printed_when_its_execution_is_known_and_once() {
        let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
        drop(follow.due(&blotter, true));
        // A state of REST that knows of ten more than anybody reported.
        let order = update("o", 10, 0, "").order;
        blotter.apply_snapshot(&[order], &[]);
        assert_eq!(blotter.tape().len(), 1, "the screen shows it");
        assert!(printed(&mut follow, &blotter).is_empty(), "a script is not told a guess");
        blotter.apply_update(&update("o", 10, 10, "e1"));
        assert_eq!(printed(&mut follow, &blotter), ["e1"]);
        blotter.apply_update(&update("o", 10, 10, "e1"));
        assert!(printed(&mut follow, &blotter).is_empty());
        blotter.apply_update(&update("o", 15, 5, "e2"));
        assert_eq!(printed(&mut follow, &blotter), ["e2"]);
    }

    #[test]
    fn after_a_reset_the_first_picture_is_history_again() {
        let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
        drop(follow.due(&blotter, true));
        blotter.apply_update(&update("o", 10, 10, "e1"));
        assert_eq!(printed(&mut follow, &blotter), ["e1"]);
        blotter.reset();
        assert!(follow.due(&blotter, false).is_empty());
        blotter.apply_snapshot(&[update("p", 5, 0, "").order], &[]);
        assert!(follow.due(&blotter, true).is_empty(), "what the new account did before is no news");
        blotter.apply_update(&update("q", 5, 5, "e3"));
        assert_eq!(printed(&mut follow, &blotter), ["e3"]);
    }
}
