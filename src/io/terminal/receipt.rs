//! Whether the terminal has shown a frame: a question about its cursor goes behind the frame, and is answered behind it.
//!
//! That the kernel took the bytes says less. It holds some thousand for a terminal that does not read, and a network holds more; no
//! call tells how many (`TIOCOUTQ` is always zero for a pseudo-terminal of Linux). So one that has answered and is silent now is not
//! taken for one that never answers: keys may come from it while it shows nothing. A person ends that ([`Receipts::again`]).
//! The cursor stands somewhere else for each question, so that an answer tells which one it belongs to, also when others were lost.

use std::time::Duration;

use crate::domain::Mono;

/// Not the first row: there the answer would look like F3 with a modifier.
const FIRST_ROW: u64 = 2;
/// So many places are told apart. No screen that shows a question has fewer rows or columns.
const ROWS: u64 = 10;
const COLUMNS: u64 = 20;
/// The question asked first, before there is anything to confirm.
const FIRST: u64 = 0;
/// A terminal that has answered nothing for so long never does. One far away needs its time.
const SILENT: Duration = Duration::from_secs(5);

/// What is known about a terminal's answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Receipts {
    /// It has answered. One that never did counts as having shown what it took.
    answers: bool,
    /// When it was asked first.
    since: Mono,
    /// The question on the last frame that had one.
    waiting: Option<u64>,
}

impl Receipts {
    /// What is sent behind the first frame, to learn whether this terminal answers.
    pub fn begin(&mut self, now: Mono) -> String {
        self.since = now;
        asking(FIRST)
    }

    /// A person stopped the program and woke it from the shell: the terminal may be another one, and is asked like one.
    pub fn again(&mut self, now: Mono) -> String {
        *self = Self::default();
        self.begin(now)
    }

    /// A frame with this question was drawn: what is sent behind it.
    pub fn ask(&mut self, question: u64) -> String {
        self.waiting = Some(question);
        asking(question)
    }

    /// The terminal has taken everything; gives the question that counts as shown, if it never answers.
    pub fn taken(&mut self, now: Mono) -> Option<u64> {
        let silent = !self.answers && now.since(self.since) >= SILENT;
        self.waiting.take_if(|_| silent)
    }

    /// The terminal told where its cursor is, counted from one; gives the question that was shown, if it is its answer.
    pub fn told(&mut self, row: u16, column: u16) -> Option<u64> {
        let is_of = |question: u64| (row, column) == place_of(question);
        let shown = self.waiting.take_if(|question| is_of(*question));
        self.answers |= shown.is_some() || is_of(FIRST);
        shown
    }
}

/// Row and column, counted from one.
fn place_of(question: u64) -> (u16, u16) {
    let narrow = |number: u64| u16::try_from(number).unwrap_or_default();
    (narrow(FIRST_ROW + question / COLUMNS % ROWS), narrow(question % COLUMNS + 1))
}

/// The cursor goes there, is asked for, and comes back.
fn asking(question: u64) -> String {
    let (row, column) = place_of(question);
    format!("\x1b7\x1b[{row};{column}H\x1b[6n\x1b8")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a terminal that reads this says that its cursor is.
    fn place(asked: &str) -> (u16, u16) {
        let (row, rest) = asked.strip_prefix("\x1b7\x1b[").unwrap().split_once(';').unwrap();
        let column = rest.strip_suffix("H\x1b[6n\x1b8").unwrap();
        (row.parse().unwrap(), column.parse().unwrap())
    }

    fn at(second: u64) -> Mono {
        Mono::from_millis(second * 1_000)
    }

    #[test]
    fn a_terminal_that_answers_is_waited_for() {
        let mut receipts = Receipts::default();
        let (row, column) = place(&receipts.begin(at(1)));
        assert_eq!(receipts.told(row, column), None);
        let (row, column) = place(&receipts.ask(7));
        assert_eq!(receipts.taken(at(600)), None, "the kernel took it, the terminal has not answered");
        assert_eq!(receipts.told(row, column), Some(7));
        assert_eq!(receipts.told(row, column), None, "once");
    }

    #[test]
    fn a_terminal_that_never_answers_has_shown_what_it_took_and_one_far_away_is_given_its_time() {
        let mut receipts = Receipts::default();
        receipts.begin(at(1));
        receipts.ask(7);
        assert_eq!(receipts.taken(at(5)), None);
        assert_eq!(receipts.taken(at(6)), Some(7));
        assert_eq!(receipts.taken(at(6)), None);
    }

    #[test]
    fn a_terminal_that_answered_once_is_waited_for_until_a_person_comes_back_to_it() {
        let mut receipts = Receipts::default();
        let (row, column) = place(&receipts.begin(at(1)));
        receipts.told(row, column);
        receipts.ask(7);
        assert_eq!(receipts.taken(at(3_600)), None, "nothing tells it from one that does not read");
        receipts.again(at(3_601));
        assert_eq!(receipts.taken(at(3_700)), None, "of the question before nothing is known");
        receipts.ask(8);
        assert_eq!(receipts.taken(at(3_605)), None);
        assert_eq!(receipts.taken(at(3_606)), Some(8));
    }

    #[test]
    fn an_answer_to_an_earlier_question_is_none_to_this_one() {
        let mut receipts = Receipts::default();
        let (row, first) = place(&receipts.begin(at(1)));
        receipts.told(row, first);
        // A person asks no more often while an answer is on its way.
        for earlier in 1..199 {
            let place_of_it = place(&receipts.ask(earlier));
            let (row, column) = place(&receipts.ask(199));
            assert_eq!(receipts.told(place_of_it.0, place_of_it.1), None, "{earlier}");
            assert_eq!(receipts.told(1, column), None, "F3 with a modifier");
            assert_eq!(receipts.told(row, column), Some(199));
        }
    }
}
