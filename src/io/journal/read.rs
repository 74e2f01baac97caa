//! Reading: the data that a link starts from, and exports by account and date range.

mod lost;
mod naming;
mod tidy;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use self::lost::Lost;
use self::naming::Names;
use super::query_timeout::QueryTimeout;
use super::rows::Row;
use super::rows::nanos;
use super::{JournalError, schema};
use crate::domain::blotter::TapeEntry;
use crate::domain::text::counted;
use crate::domain::{AccountId, ClientOrderId, Execution, LinkId, Order, Source};

/// Done orders loaded at start; older ones stay in the file for exports.
const RECENT_ORDERS: i64 = 20_000;
/// The number of latest executions searched for those without a known order.
const RECENT_EXECUTIONS: i64 = 20_000;
/// Selects the orders to load, in two searches: the planner would scan the table for an `OR`. The `+` keeps it from
/// using the index by account, which would read every order ever stored.
const SHOWN: &str = "WITH shown(seq, id, body) AS (
    SELECT seq, id, body FROM orders WHERE seq > ?3 AND +account = ?1 AND +generation = ?2
    UNION ALL
    SELECT seq, id, body FROM orders INDEXED BY working_orders
    WHERE working = 1 AND account = ?1 AND generation = ?2 AND seq <= ?3)";
/// Lines of the tape loaded at start.
const RECENT_LINES: i64 = 5_000;

/// An order that was being sent when the program ended: its outcome must be looked up; it must not be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The id to look up.
    pub client_order_id: ClientOrderId,
    /// The request's JSON.
    pub body: String,
}

/// Where the loaded rows are in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) account: i64,
    pub(super) generation: i64,
    /// The numbers of the tape lines.
    pub(super) lines: Vec<i64>,
}

/// The data that a link starts from, all marked [`Source::Journal`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadedState {
    pub account: Option<AccountId>,
    /// The broker's time of the last execution of a complete pass.
    pub watermark: Option<Timestamp>,
    /// When the last complete pass started.
    pub complete_at: Option<Timestamp>,
    /// When something was last written, which is the age of this data.
    pub saved_at: Option<Timestamp>,
    /// Working orders and the most recent others, in the order they were first seen.
    pub orders: Vec<Order>,
    /// The executions of these orders, in the order they were learned.
    pub executions: Vec<Execution>,
    /// The newest lines of the tape.
    pub tape: Vec<TapeEntry>,
    /// Orders with an unknown outcome.
    pub intents: Vec<Intent>,
    /// Rows that this version cannot read; they stay in the file. The marks above are from before them, so that the broker
    /// is asked again for what they hold.
    pub unreadable: usize,
    /// A notice for the user, when an unusable file was set aside.
    pub notice: Option<String>,
    pub(super) place: Option<Place>,
}

impl LoadedState {
    /// What to say of rows that cannot be read, if there are any.
    pub fn unreadable_words(&self, link: &LinkId) -> Option<String> {
        if self.unreadable == 0 {
            return None;
        }
        let rows = counted(self.unreadable, "journal row");
        let since = self.complete_at.map_or_else(|| "the beginning".to_owned(), |at| format!("{at:.0}"));
        Some(format!(
            "{rows} of {link} cannot be read by this version; asking the broker again for everything since {since}"
        ))
    }
}

/// The longest row that is exported, in bytes; a broker's order is less than one answer, which is 8 MiB at most.
const LONGEST_ROW: i64 = 64 * 1024 * 1024;
/// How long an export waits for a row, including the sorting before the first.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Which rows to export; both ends are inclusive, a missing one is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Range {
    /// Only this link.
    pub link: Option<LinkId>,
    /// From this time on.
    pub from: Option<Timestamp>,
    /// Up to this time.
    pub until: Option<Timestamp>,
}

/// Reads while another instance may be writing; changes nothing.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: String,
    timeout: Duration,
    longest: i64,
}

impl Reader {
    /// Opens an existing journal.
    ///
    /// # Errors
    /// When it does not exist, or is not ours.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let connection = schema::open_to_read(path)?;
        Ok(Self { connection, path: path.display().to_string(), timeout: LONGEST_WAIT, longest: LONGEST_ROW })
    }

    /// The same reader with another limit on the size of rows, in bytes.
    #[must_use]
    pub fn with_rows_up_to(self, longest: i64) -> Self {
        Self { longest, ..self }
    }

    /// The links in the journal.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn links(&self) -> Result<Vec<LinkId>, JournalError> {
        let query = "SELECT link FROM accounts ORDER BY no";
        let read = || -> rusqlite::Result<Vec<LinkId>> {
            let mut statement = self.connection.prepare(query)?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.map(|row| row.map(LinkId::from)).collect()
        };
        read().map_err(|error| self.unreadable(&error))
    }

    /// Hands every execution of the range to `each`, oldest first; returns how many rows could not be read. What a bust or a
    /// correction is of is a row of the journal, or nothing.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn executions(&self, range: &Range, each: impl FnMut(LinkId, Execution)) -> Result<usize, JournalError> {
        let query = "SELECT a.link, CASE WHEN octet_length(e.body) <= ?4 THEN e.body END, e.account, e.generation FROM executions e JOIN accounts a ON a.no = e.account
            WHERE (?1 IS NULL OR a.link = ?1) AND (?2 IS NULL OR e.at >= ?2) AND (?3 IS NULL OR e.at <= ?3)
            ORDER BY e.at, e.seq";
        let mut names = Names::default();
        self.rows(query, range, |row, place| names.resolve(&self.connection, row, place, self.longest), each)
    }

    /// Passes every order submitted in the range to `each`, oldest first; returns the number of unreadable rows.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn orders(&self, range: &Range, each: impl FnMut(LinkId, Order)) -> Result<usize, JournalError> {
        let query = "SELECT a.link, CASE WHEN octet_length(o.body) <= ?4 THEN o.body END, o.account, o.generation FROM orders o JOIN accounts a ON a.no = o.account
            WHERE (?1 IS NULL OR a.link = ?1) AND (?2 IS NULL OR o.submitted_at >= ?2)
            AND (?3 IS NULL OR o.submitted_at <= ?3) ORDER BY o.submitted_at, o.seq";
        self.rows(query, range, |order, _| Ok(order), each)
    }

    /// `complete` adds to a row what others of its account, and of that one's generation, say.
    fn rows<T: Row>(
        &self,
        query: &str,
        range: &Range,
        mut complete: impl FnMut(T, (i64, i64)) -> rusqlite::Result<T>,
        mut each: impl FnMut(LinkId, T),
    ) -> Result<usize, JournalError> {
        let mut read = || -> rusqlite::Result<usize> {
            let mut statement = self.connection.prepare(query)?;
            let link = range.link.as_ref().map(LinkId::as_str);
            let timeout = QueryTimeout::with(&self.connection, self.timeout);
            let bounds = params![link, range.from.map(nanos), range.until.map(nanos), self.longest];
            let mut rows = statement.query(bounds)?;
            let mut unreadable = 0;
            while let Some(row) = rows.next()? {
                let link: String = row.get(0)?;
                match row.get_ref(1)?.as_str().ok().and_then(T::from_body) {
                    Some(value) => {
                        let value = complete(value, (row.get(2)?, row.get(3)?))?;
                        timeout.waiting(false);
                        each(LinkId::from(link), value);
                        timeout.waiting(true);
                    }
                    None => unreadable += 1,
                }
            }
            Ok(unreadable)
        };
        read().map_err(|error| self.unreadable(&error))
    }

    fn unreadable(&self, error: &rusqlite::Error) -> JournalError {
        let stopped = error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted);
        let reason = if stopped { "it gave no row in time".to_owned() } else { error.to_string() };
        JournalError::Unusable { path: self.path.clone(), reason }
    }
}

/// Loads the data that a link starts from.
pub(super) fn remembered(connection: &Connection, link: &LinkId) -> rusqlite::Result<LoadedState> {
    let row = connection
        .prepare_cached(
            "SELECT no, generation, account_id, watermark, complete_at, saved_at FROM accounts WHERE link = ?1",
        )?
        .query_row([link.as_str()], |row| {
            let found = LoadedState {
                account: row.get::<_, Option<String>>(2)?.map(AccountId::from),
                watermark: row.get::<_, Option<i64>>(3)?.and_then(timestamp),
                complete_at: row.get::<_, Option<i64>>(4)?.and_then(timestamp),
                saved_at: row.get::<_, Option<i64>>(5)?.and_then(timestamp),
                ..LoadedState::default()
            };
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, found))
        })
        .optional()?;
    let Some((account, generation, mut found)) = row else { return Ok(LoadedState::default()) };
    let newest: Option<i64> = connection
        .prepare_cached("SELECT seq FROM orders WHERE +account = ?1 AND +generation = ?2 ORDER BY seq DESC LIMIT 1")?
        .query_row([account, generation], |row| row.get(0))
        .optional()?;
    let oldest = newest.unwrap_or(0) - RECENT_ORDERS;
    let bounds = [account, generation, oldest];
    let mut lost = Lost::default();
    found.orders = bodies(connection, &shown_orders(), bounds, &mut lost.orders)?;
    found.executions = bodies(connection, &shown_executions(), bounds, &mut lost.executions)?;
    let (numbers, tape) = lines(connection, account, generation, &mut lost.lines)?;
    found.unreadable = lost.count();
    if lost.leaves_a_gap() {
        let since = lost.since(connection, (account, generation))?;
        found.watermark = found.watermark.min(since);
        found.complete_at = found.complete_at.min(since);
    }
    tidy::executions(&mut found.executions);
    let numbers = tidy::lines(numbers, tape, &found.executions, &mut found.tape);
    for execution in &mut found.executions {
        execution.source = Source::Journal;
    }
    for entry in &mut found.tape {
        entry.source = Source::Journal;
    }
    let mut intents = connection.prepare_cached(
        "SELECT client_order_id, body FROM intents WHERE account = ?1 AND outcome IS NULL ORDER BY learned_at",
    )?;
    let rows = intents.query_map([account], |row| {
        Ok(Intent { client_order_id: ClientOrderId::from(row.get::<_, String>(0)?), body: row.get(1)? })
    })?;
    found.intents = rows.collect::<rusqlite::Result<_>>()?;
    found.place = Some(Place { account, generation, lines: numbers });
    Ok(found)
}

/// The orders to load, by account, generation, and the row that the recent ones follow.
pub(super) fn shown_orders() -> String {
    format!("{SHOWN} SELECT seq, body FROM shown ORDER BY seq")
}

/// Their executions. One without a known order is included; the next pass fetches its order.
pub(super) fn shown_executions() -> String {
    format!(
        "{SHOWN} SELECT e.seq, e.body FROM shown CROSS JOIN executions e
         ON e.account = ?1 AND e.generation = ?2 AND e.order_id = shown.id
         UNION ALL
         SELECT e.seq, e.body FROM executions e
         WHERE e.seq > (SELECT max(seq) FROM executions) - {RECENT_EXECUTIONS} AND +e.account = ?1 AND +e.generation = ?2
         AND NOT EXISTS
         (SELECT 1 FROM orders o WHERE o.account = ?1 AND o.generation = ?2 AND o.id = e.order_id) ORDER BY 1"
    )
}

/// The newest lines of the tape, numbered without gaps from the first, with their numbers in the file.
fn lines(
    connection: &Connection,
    account: i64,
    generation: i64,
    lost: &mut usize,
) -> rusqlite::Result<(Vec<i64>, Vec<TapeEntry>)> {
    let mut statement = connection.prepare_cached(
        "SELECT number, body FROM (SELECT number, body FROM lines WHERE account = ?1 AND generation = ?2
         ORDER BY number DESC LIMIT ?3) ORDER BY number",
    )?;
    let mut rows = statement.query([account, generation, RECENT_LINES])?;
    let (mut numbers, mut tape) = (Vec::new(), Vec::<TapeEntry>::new());
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        match row.get_ref(1)?.as_str().ok().and_then(TapeEntry::from_body) {
            Some(entry) => {
                let next = tape.last().map_or(u64::try_from(number).unwrap_or(0), |line| line.number + 1);
                numbers.push(number);
                tape.push(TapeEntry { number: next, ..entry });
            }
            None => *lost += 1,
        }
    }
    Ok((numbers, tape))
}

/// The rows of a query that can be read; the numbers of the others go to `lost`.
fn bodies<T: Row>(
    connection: &Connection,
    query: &str,
    bounds: [i64; 3],
    lost: &mut Vec<i64>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(bounds)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        match row.get_ref(1)?.as_str().ok().and_then(T::from_body) {
            Some(value) => found.push(value),
            None => lost.push(row.get(0)?),
        }
    }
    Ok(found)
}

pub(super) fn timestamp(nanos: i64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(nanos)).ok()
}
