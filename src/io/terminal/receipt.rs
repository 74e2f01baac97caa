//! Whether the terminal has shown a frame: a question about its cursor goes behind the frame, and is answered behind it.
//!
//! That the kernel took the bytes says less. It holds some thousand for a terminal that does not read, and a network holds more.
//! The cursor stands somewhere else for each question, so that an answer tells which one it belongs to, also when others were lost.

use std::fmt::Write;

/// Not the first row: there the answer would look like F3 with a modifier.
const ROW: u16 = 2;
/// The question asked first, before there is anything to confirm.
const FIRST: u64 = 0;
/// So many columns are told apart. No screen that shows a question has fewer.
const COLUMNS: u64 = 20;

/// What is known about a terminal's answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Receipts {
    /// It has answered. One that never did counts as having shown what it took.
    answers: bool,
    /// The question on the last frame that had one.
    waiting: Option<u64>,
}

impl Receipts {
    /// What is sent behind the first frame, to learn whether this terminal answers.
    pub fn begin(self) -> String {
        asking(FIRST)
    }

    /// A frame with this question was drawn: what is sent behind it.
    pub fn ask(&mut self, question: u64) -> String {
        self.waiting = Some(question);
        asking(question)
    }

    /// The terminal has taken everything; gives the question that counts as shown, if it never answers.
    pub fn taken(&mut self) -> Option<u64> {
        self.waiting.take_if(|_| !self.answers)
    }

    /// The terminal told where its cursor is, counted from one; gives the question that was shown, if it is its answer.
    pub fn told(&mut self, row: u16, column: u16) -> Option<u64> {
        let is_of = |question: u64| (row, column) == (ROW, column_of(question));
        let shown = self.waiting.take_if(|question| is_of(*question));
        self.answers |= shown.is_some() || is_of(FIRST);
        shown
    }
}

fn column_of(question: u64) -> u16 {
    u16::try_from(question % COLUMNS).unwrap_or_default() + 1
}

/// The cursor goes there, is asked for, and comes back.
fn asking(question: u64) -> String {
    let mut bytes = String::new();
    let written = write!(bytes, "\x1b7\x1b[{ROW};{}H\x1b[6n\x1b8", column_of(question));
    debug_assert!(written.is_ok(), "a string takes everything");
    bytes
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

    #[test]
    fn a_terminal_that_answers_is_waited_for() {
        let mut receipts = Receipts::default();
        let (row, column) = place(&receipts.begin());
        assert_eq!(receipts.told(row, column), None);
        let (row, column) = place(&receipts.ask(7));
        assert_eq!(receipts.taken(), None, "the kernel took it, the terminal has not answered");
        assert_eq!(receipts.told(row, column), Some(7));
        assert_eq!(receipts.told(row, column), None, "once");
    }

    #[test]
    fn a_terminal_that_never_answers_has_shown_what_it_took() {
        let mut receipts = Receipts::default();
        receipts.begin();
        receipts.ask(7);
        assert_eq!(receipts.taken(), Some(7));
        assert_eq!(receipts.taken(), None);
    }

    #[test]
    fn an_answer_to_an_earlier_question_is_none_to_this_one() {
        let mut receipts = Receipts::default();
        let (row, first) = place(&receipts.begin());
        receipts.told(row, first);
        let (_, earlier) = place(&receipts.ask(7));
        let (_, column) = place(&receipts.ask(8));
        assert_eq!(receipts.told(row, earlier), None);
        assert_eq!(receipts.told(1, column), None, "F3 with a modifier");
        assert_eq!(receipts.told(row, column), Some(8));
    }
}
