//! Whether the terminal has shown a frame: a cursor position query is sent after the frame, and answered after it.
//!
//! That the kernel took the bytes is not enough. It buffers some thousand for a terminal that does not read, and a
//! network buffers more; no call tells how many (`TIOCOUTQ` is always zero for a Linux pseudo-terminal). So a terminal
//! that has answered before and is silent now is not treated like one that never answers: keys may come from it while
//! it shows nothing. The user ends that with [`Receipts::again`]. Each query moves the cursor to a different place, so
//! that an answer identifies its query even when others were lost.

use std::time::Duration;

use crate::domain::Mono;

/// Not the first row, where the answer would look like F3 with a modifier.
const FIRST_ROW: u64 = 2;
/// How many places are used. No screen that shows a question has fewer rows or columns.
const ROWS: u64 = 10;
const COLUMNS: u64 = 20;
/// The first query, before there is anything to confirm.
const FIRST: u64 = 0;
/// A terminal without any answer for this long never answers; a distant one needs time.
const SILENT: Duration = Duration::from_secs(5);

/// What is known about a terminal's answers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Receipts {
    /// Whether it has ever answered. One that never did counts as having shown what it took.
    answers: bool,
    /// When it was first asked.
    since: Mono,
    /// The question on the last frame that had one.
    waiting: Option<u64>,
}

impl Receipts {
    /// The query after the first frame, which tests whether this terminal answers.
    pub fn begin(&mut self, now: Mono) -> String {
        self.since = now;
        asking(FIRST)
    }

    /// The program was stopped and continued from the shell: the terminal may be a different one, and is tested again.
    pub fn again(&mut self, now: Mono) -> String {
        *self = Self::default();
        self.begin(now)
    }

    /// The query after a frame with this question.
    pub fn ask(&mut self, question: u64) -> String {
        self.waiting = Some(question);
        asking(question)
    }

    /// The terminal has taken everything; returns the question that counts as shown if the terminal never answers.
    pub fn taken(&mut self, now: Mono) -> Option<u64> {
        let silent = !self.answers && now.since(self.since) >= SILENT;
        self.waiting.take_if(|_| silent)
    }

    /// The terminal reported its cursor, counted from one; returns the question that was shown, if this is its answer.
    pub fn cursor_reported(&mut self, row: u16, column: u16) -> Option<u64> {
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

/// Moves the cursor there, asks for its position, and moves it back.
fn asking(question: u64) -> String {
    let (row, column) = place_of(question);
    format!("\x1b7\x1b[{row};{column}H\x1b[6n\x1b8")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The position that a terminal which reads this reports.
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
        assert_eq!(receipts.cursor_reported(row, column), None);
        let (row, column) = place(&receipts.ask(7));
        assert_eq!(receipts.taken(at(600)), None, "the kernel took it, the terminal has not answered");
        assert_eq!(receipts.cursor_reported(row, column), Some(7));
        assert_eq!(receipts.cursor_reported(row, column), None, "once");
    }

    #[test]
    fn without_answers_a_frame_counts_as_shown_when_written_and_a_distant_terminal_gets_time() {
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
        receipts.cursor_reported(row, column);
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
        receipts.cursor_reported(row, first);
        // The user asks only once while an answer is pending.
        for earlier in 1..199 {
            let place_of_it = place(&receipts.ask(earlier));
            let (row, column) = place(&receipts.ask(199));
            assert_eq!(receipts.cursor_reported(place_of_it.0, place_of_it.1), None, "{earlier}");
            assert_eq!(receipts.cursor_reported(1, column), None, "F3 with a modifier");
            assert_eq!(receipts.cursor_reported(row, column), Some(199));
        }
    }
}
