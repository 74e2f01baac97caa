//! Rows that this version cannot read, and how far back they must be fetched from the broker again.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::timestamp;

/// The unreadable rows found.
#[derive(Debug, Default)]
pub(super) struct Lost {
    /// The row numbers of orders.
    pub(super) orders: Vec<i64>,
    /// The row numbers of executions.
    pub(super) executions: Vec<i64>,
    /// The number of tape lines, which the broker does not have.
    pub(super) lines: usize,
}

impl Lost {
    pub(super) fn count(&self) -> usize {
        self.orders.len() + self.executions.len() + self.lines
    }

    /// Whether something is missing that the broker can supply.
    pub(super) fn leaves_a_gap(&self) -> bool {
        !self.orders.is_empty() || !self.executions.is_empty()
    }

    /// The broker's time from which everything must be fetched again: the time, stored beside the body, of the earliest
    /// unreadable row; that of the earliest row of all when one has no time; `None` when no row has one.
    pub(super) fn since(
        &self,
        connection: &Connection,
        (account, generation): (i64, i64),
    ) -> rusqlite::Result<Option<Timestamp>> {
        let mut times = Vec::new();
        for (query, rows) in [
            ("SELECT submitted_at FROM orders WHERE seq = ?1", &self.orders),
            ("SELECT at FROM executions WHERE seq = ?1", &self.executions),
        ] {
            let mut statement = connection.prepare_cached(query)?;
            for row in rows {
                times.push(statement.query_row([row], |row| row.get::<_, Option<i64>>(0)).optional()?.flatten());
            }
        }
        if let Some(times) = times.into_iter().collect::<Option<Vec<i64>>>() {
            return Ok(times.into_iter().min().and_then(timestamp));
        }
        let earliest: Option<i64> = connection
            .prepare_cached(
                "SELECT min(at) FROM (
                     SELECT submitted_at AS at FROM orders WHERE account = ?1 AND generation = ?2
                     UNION ALL SELECT at FROM executions WHERE account = ?1 AND generation = ?2)",
            )?
            .query_row([account, generation], |row| row.get(0))?;
        Ok(earliest.and_then(timestamp))
    }
}
