//! What a run needs of a journal. The laboratory brings one without a disk; the real one is driven from the layer it
//! belongs to (`io/journal/tests`).

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::blotter::{Blotter, Changes};
use crate::domain::{AccountId, Now};

/// Where the next run may start from: the last execution, and when the last complete snapshot was asked for.
pub(crate) type Mark = (Option<Timestamp>, Option<Timestamp>);

/// One thing to keep.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept<'a> {
    /// A merge changed this.
    Changes(&'a Changes),
    /// Who answered; told with every balance.
    Account(&'a AccountId),
    /// The mark after each input.
    Mark(Mark),
    /// The account is another one now.
    Reset,
}

/// What a program goes on from.
#[derive(Debug, Default)]
pub(crate) struct Recalled {
    pub(crate) account: Option<AccountId>,
    pub(crate) mark: Mark,
    pub(crate) blotter: Blotter,
}

/// How a run is laid out, known before it begins.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Which account each program is on.
    pub(crate) programs: Vec<usize>,
    pub(crate) begins_at: Duration,
    pub(crate) calm_at: Duration,
}

/// The journal of all programs of a run.
pub(crate) trait Journal {
    /// True when every program writes it; otherwise the one does that streams.
    fn is_shared(&self) -> bool;

    /// When a program is killed beside what the plan says, and how long it stays away.
    fn kills(&mut self) -> Vec<(Duration, Duration)>;

    /// A program begins, or takes over the stream; `None` when what is kept cannot be read now.
    fn recall(&mut self, program: usize, now: Now) -> Option<Recalled>;

    /// A program learned something; the blotter has it already.
    fn keep(&mut self, program: usize, kept: Kept<'_>, blotter: &Blotter, now: Now);

    /// A program is killed. True when something that it showed is lost.
    fn die(&mut self, program: usize, now: Now) -> bool;

    /// The account as the journal knows it, for the program.
    fn account(&self, program: usize) -> Option<&AccountId>;

    /// Everything that the program shows is kept and nothing else, unless a fault is in the way.
    fn agrees(&mut self, program: usize, blotter: &Blotter, now: Now) -> Result<(), String>;

    /// Where a file is read: what a program that started now would show.
    fn reread(&mut self, program: usize) -> Option<Blotter>;
}
