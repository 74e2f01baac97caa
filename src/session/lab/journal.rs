//! The journal interface of a run. The laboratory has an implementation without a disk; the real journal is tested from
//! its own layer (`io/journal/tests`).

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::blotter::{Blotter, Changes};
use crate::domain::{AccountId, Now};

/// The watermark: the last execution, and when the last complete snapshot was requested.
pub(crate) type Mark = (Option<Timestamp>, Option<Timestamp>);

/// One thing to keep.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept<'a> {
    /// A merge changed this.
    Changes(&'a Changes),
    /// Which account answered; sent with every balance.
    Account(&'a AccountId),
    /// The watermark after each input.
    Mark(Mark),
    /// The account was reset.
    Reset,
}

/// What a program resumes from.
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
    /// True when every program writes it; otherwise only the one that streams does.
    fn is_shared(&self) -> bool;

    /// When programs are killed in addition to the plan, and for how long.
    fn kills(&mut self) -> Vec<(Duration, Duration)>;

    /// A program starts, or takes over the stream; `None` when the journal cannot be read now.
    fn recall(&mut self, program: usize, now: Now) -> Option<Recalled>;

    /// A program learned something; the blotter has it already.
    fn keep(&mut self, program: usize, kept: Kept<'_>, blotter: &Blotter, now: Now);

    /// A program is killed. True when something that it showed is lost.
    fn die(&mut self, program: usize, now: Now) -> bool;

    /// The program's account as the journal knows it.
    fn account(&self, program: usize) -> Option<&AccountId>;

    /// Checks that the journal holds exactly what the program shows, unless a fault prevents it.
    fn agrees(&mut self, program: usize, blotter: &Blotter, now: Now) -> Result<(), String>;

    /// What a program that started now would show, for a journal that reads a file.
    fn reread(&mut self, program: usize) -> Option<Blotter>;
}
