//! The faults of the writer, and counts of what happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::*;

pub(super) const LOCKED: &str = "another program holds its lock";
/// SQLite's default page limit.
pub(super) const PAGES: i64 = 0xffff_fffe;

/// The faults of the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JournalFault {
    /// Another program holds the write lock.
    Lock,
    /// No page can be added to the file.
    Full,
    /// The file cannot be opened.
    Closed,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct FaultWindow {
    pub(super) trouble: JournalFault,
    pub(super) from: Duration,
    pub(super) to: Duration,
}

/// The faults now; they apply to opening the file too.
#[derive(Debug, Default, Clone)]
pub(super) struct Faults {
    pub(super) locked: bool,
    pub(super) full: Arc<AtomicBool>,
    pub(super) closed: Arc<AtomicBool>,
}

impl Faults {
    pub(super) fn full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(super) fn any(&self) -> bool {
        self.locked || self.full() || self.is_closed()
    }

    /// Opens the file as the program does, without waiting for locks in real time.
    pub(super) fn opener(&self) -> Opener {
        let Self { full, closed, .. } = self.clone();
        Box::new(move |path| {
            if closed.load(Ordering::Relaxed) {
                let path = path.display().to_string();
                return Err(JournalError::NotNow { path, reason: "unable to open database file".to_owned() });
            }
            let usable = schema::open(path)?;
            // The machine never crashes here, so nothing needs a sync.
            usable.connection.execute_batch("PRAGMA busy_timeout = 0; PRAGMA synchronous = OFF").unwrap();
            limit(&usable.connection, full.load(Ordering::Relaxed));
            Ok(usable)
        })
    }
}

/// Limits the file's growth, or lifts the limit.
pub(super) fn limit(connection: &Connection, full: bool) {
    let most = if full { 1 } else { PAGES };
    connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(())).unwrap();
}

/// Counts of what happened in all runs of a sweep.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub(super) commits: usize,
    pub(super) locked: usize,
    pub(super) full: usize,
    /// Failed attempts to open the file.
    pub(super) closed: usize,
    pub(super) starts: usize,
    pub(super) kills: usize,
    /// Kills that lost something that was shown.
    pub(super) lost: usize,
    /// Kills in the middle of a commit.
    pub(super) torn: usize,
    pub(super) damaged: usize,
    /// How often records were rebuilt from the blotter, because only ids were kept.
    pub(super) settled: usize,
    pub(super) compared: usize,
}

impl Tally {
    pub(super) fn counts(&mut self) -> [&mut usize; 10] {
        let Self { commits, locked, full, closed: _, starts, kills, lost, torn, damaged, settled, compared } = self;
        [commits, locked, full, starts, kills, lost, torn, damaged, settled, compared]
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, its) in self.counts().into_iter().zip(other.clone().counts()) {
            *mine += *its;
        }
    }

    /// Whether every kind of event occurred.
    pub(super) fn has_all(&self) -> bool {
        self.clone().counts().iter().all(|count| **count > 2)
    }

    pub(super) fn failed(&mut self, reason: &str) {
        match reason {
            LOCKED => self.locked += 1,
            reason if reason.contains("full") => self.full += 1,
            _ => self.closed += 1,
        }
    }
}
