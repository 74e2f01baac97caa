//! Deletes what need not be kept: intermediate states of orders, and old tape lines.
//!
//! Orders, executions, intents and refusals stay. Freed space is reused, so the file stops growing; it is never
//! compacted while someone trades.
//!
//! Age is judged by both clocks, ours and the broker's, so that a wrong one deletes nothing. What was written under a
//! wrong clock has the broker's time.

use rusqlite::{Connection, params};

use super::batch::{Batch, Record};
use super::rows::nanos;

/// How long states and lines are kept, in days.
pub(super) const DAYS: i64 = 90;
/// Lines per account that are always kept: more than are loaded at start.
pub(super) const LINES: i64 = 10_000;
/// Rows deleted at once, so that a commit never waits long.
const SLICE: i64 = 1_000;
/// A day in nanoseconds, the stored unit.
const DAY: i64 = 24 * 3_600 * 1_000_000_000;

/// The newest time by the broker's clock in a batch, in nanoseconds since 1970.
#[expect(clippy::wildcard_enum_match_arm, reason = "only these records have a time from the broker")]
fn evidence(batch: &Batch) -> Option<i64> {
    let of = |record: &Record| match record {
        Record::Order(order, _) => order.updated_at.max(order.submitted_at),
        Record::Execution(execution) => execution.at,
        Record::Line(line) => line.at,
        _ => None,
    };
    batch.records.iter().filter_map(of).max().map(nanos)
}

/// When the rows of a batch were learned: by the local clock, unless it differs from the broker's by more than a day.
pub(super) fn learned(batch: &Batch) -> i64 {
    let local = nanos(batch.learned_at);
    evidence(batch).filter(|broker| broker.abs_diff(local) > DAY.unsigned_abs()).unwrap_or(local)
}

/// When to delete next: in slices while there is something to delete, otherwise once a day.
#[derive(Debug, Default)]
pub(super) struct Trimmer {
    /// A lower bound of the current time: the latest on which both clocks agreed.
    now: i64,
    next: i64,
}

impl Trimmer {
    /// Updates the current time from a batch.
    pub(super) fn learned(&mut self, batch: &Batch) {
        let local = nanos(batch.learned_at);
        if let Some(broker) = evidence(batch).filter(|broker| broker.abs_diff(local) <= DAY.unsigned_abs()) {
            self.now = self.now.max(broker.min(local));
        }
    }

    /// Deletes a slice of what is too old.
    ///
    /// # Errors
    /// As the database reports; then nothing was deleted.
    pub(super) fn slice(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let now = self.now;
        if now == 0 || now < self.next {
            return Ok(());
        }
        let before = now.saturating_sub(DAYS * DAY);
        let mut removed = connection
            .prepare_cached(
                "DELETE FROM states WHERE learned_at < ?1 AND seq IN (SELECT seq FROM states ORDER BY seq LIMIT ?2)",
            )?
            .execute(params![before, SLICE])?;
        let accounts: Vec<(i64, i64)> = connection
            .prepare_cached("SELECT no, generation FROM accounts")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (account, newest) in accounts {
            for generation in 1..=newest {
                removed += connection
                    .prepare_cached(
                        "DELETE FROM lines WHERE account = ?1 AND generation = ?2 AND learned_at < ?3
                         AND number <= (SELECT max(number) FROM lines WHERE account = ?1 AND generation = ?2) - ?4
                         AND number < (SELECT min(number) FROM lines WHERE account = ?1 AND generation = ?2) + ?5",
                    )?
                    .execute(params![account, generation, before, LINES, SLICE])?;
            }
        }
        if removed == 0 {
            self.next = now.saturating_add(DAY);
        }
        Ok(())
    }
}
