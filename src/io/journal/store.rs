//! Writes records as rows, inside the writer's transaction.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::batch::{Batch, IntentOutcome, Record};
use super::read;
use super::rows::{self, Row, nanos, source_word};
use super::share::{self, Lines, OwnRows, Place};
use super::trim;
use crate::domain::{Execution, LinkId, Order, OrderId, Source};

/// Where each link's rows go, and whether other instances write too. Changes with the transaction, or not at all.
#[derive(Clone, Default)]
pub(super) struct Accounts {
    places: HashMap<LinkId, Place>,
    /// SQLite's count of other connections' commits (`data_version`) at the last check.
    version: Option<i64>,
    /// Whether another instance has written since this one opened the file.
    shared: bool,
}

/// What this instance has written, per link.
pub(super) type Own = HashMap<LinkId, OwnRows>;

impl Accounts {
    /// Starts a transaction or a read: checks whether another instance has written.
    pub(super) fn begin(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let version: i64 = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        self.shared |= self.version.is_some_and(|known| known != version);
        self.version = Some(version);
        for place in self.places.values_mut().filter(|place| self.shared || !place.known) {
            place.lines.catch_up(connection, (place.account, place.generation))?;
        }
        Ok(())
    }

    /// Notes that a link's rows were loaded, so that this instance continues from them.
    pub(super) fn restored(&mut self, link: &LinkId, read: &read::Place) {
        let (account, generation) = (read.account, read.generation);
        let place = Place {
            account,
            generation,
            lines: Lines::restored(&read.lines),
            ended: Vec::new(),
            known: true,
            reports: HashMap::new(),
        };
        self.places.insert(link.clone(), place);
    }

    fn place(&mut self, connection: &Connection, link: &LinkId) -> rusqlite::Result<&mut Place> {
        if !self.places.contains_key(link) {
            let created = connection
                .prepare_cached("INSERT INTO accounts (link) VALUES (?1) ON CONFLICT (link) DO NOTHING")?
                .execute([link.as_str()])?;
            let (account, generation) = connection
                .prepare_cached("SELECT no, generation FROM accounts WHERE link = ?1")?
                .query_row([link.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let lines = Lines::default();
            let mut place =
                Place { account, generation, lines, ended: Vec::new(), known: created > 0, reports: HashMap::new() };
            place.lines.catch_up(connection, (account, generation))?;
            self.places.insert(link.clone(), place);
        }
        self.places.get_mut(link).ok_or(rusqlite::Error::QueryReturnedNoRows)
    }
}

/// The last state of each order in a group of batches. Only the last one of a commit is ever read, so it is written
/// once, at the order's first occurrence.
#[derive(Default)]
pub(super) struct Latest<'a>(Option<HashMap<(&'a LinkId, &'a OrderId), State<'a>>>);

/// A state, and when it was learned.
#[derive(Clone, Copy)]
struct State<'a> {
    order: &'a Order,
    source: Source,
    learned: i64,
}

impl<'a> Latest<'a> {
    pub(super) fn of(batches: &'a [Batch]) -> Self {
        let mut latest = HashMap::new();
        for batch in batches {
            for record in &batch.records {
                match record {
                    Record::Order(order, source) => {
                        let state = State { order, source: *source, learned: nanos(batch.learned_at) };
                        latest.insert((&batch.link, &order.id), state);
                    }
                    // Earlier states belong to another generation, and must be written one by one.
                    Record::Account(_) => return Self(None),
                    Record::Execution(_)
                    | Record::Removed(_)
                    | Record::Line(_)
                    | Record::Complete { .. }
                    | Record::Intent { .. }
                    | Record::Outcome { .. }
                    | Record::Refusal { .. } => {}
                }
            }
        }
        Self(Some(latest))
    }

    /// What to write in place of `own`; nothing when its order has been written in this commit.
    fn instead_of(&mut self, link: &'a LinkId, own: State<'a>) -> Option<State<'a>> {
        match &mut self.0 {
            Some(latest) => latest.remove(&(link, &own.order.id)),
            None => Some(own),
        }
    }
}

/// Writes one batch of a group.
pub(super) fn write<'a>(
    connection: &Connection,
    accounts: &mut Accounts,
    own: &mut Own,
    batch: &'a Batch,
    latest: &mut Latest<'a>,
) -> rusqlite::Result<()> {
    let learned = nanos(batch.learned_at);
    let aged = trim::learned(batch);
    let among_others = accounts.shared;
    let own = own.entry(batch.link.clone()).or_default();
    let place = accounts.place(connection, &batch.link)?;
    for record in &batch.records {
        let shared = among_others || !place.known;
        match record {
            Record::Order(order, source) => {
                let mine = State { order, source: *source, learned };
                let stands = |own: &OwnRows, state: &State<'_>| -> rusqlite::Result<bool> {
                    Ok(!shared || share::stands(connection, place, own, (state.order, state.learned))?)
                };
                if stands(own, &mine)? {
                    write_state(connection, place, mine, aged)?;
                }
                if let Some(state) = latest.instead_of(&batch.link, mine) {
                    if stands(own, &state)? {
                        write_order(connection, place, state)?;
                    }
                    own.knows(state.order);
                }
            }
            Record::Account(id) => begin_generation(connection, place, id.as_str())?,
            Record::Execution(execution) => {
                own.executions.insert(execution.id.clone());
                if !shared {
                    write_execution(connection, place, learned, execution)?;
                } else if let Some(merged) = share::reconcile(connection, place, own, execution)? {
                    write_execution(connection, place, learned, &merged)?;
                }
            }
            Record::Removed(id) => {
                own.executions.remove(id);
                connection
                    .prepare_cached("DELETE FROM executions WHERE account = ?1 AND generation = ?2 AND id = ?3")?
                    .execute(params![place.account, place.generation, id.as_str()])?;
                if shared {
                    share::drop_line(connection, place, id)?;
                }
            }
            Record::Line(entry) => {
                if !shared || !share::is_unshown(connection, place, entry)? {
                    let key = (place.account, place.generation);
                    place.lines.write(connection, key, aged, entry)?;
                }
            }
            Record::Complete { .. } | Record::Intent { .. } | Record::Outcome { .. } | Record::Refusal { .. } => {
                write_record(connection, place, learned, record)?;
            }
        }
    }
    // Overwritten each time: a clock that was once ahead must not make everything look fresh for good.
    connection
        .prepare_cached("UPDATE accounts SET saved_at = ?2 WHERE no = ?1")?
        .execute(params![place.account, learned])?;
    Ok(())
}

/// Notes the account behind a link. Another account than before starts a new generation, the same for every instance.
fn begin_generation(connection: &Connection, place: &mut Place, id: &str) -> rusqlite::Result<()> {
    let (known, current): (Option<String>, i64) = connection
        .prepare_cached("SELECT account_id, generation FROM accounts WHERE no = ?1")?
        .query_row([place.account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut note = connection
        .prepare_cached("INSERT OR IGNORE INTO generations (account, account_id, generation) VALUES (?1, ?2, ?3)")?;
    let generation = match known {
        Some(known) if known == id => current,
        None => current,
        Some(known) => {
            note.execute(params![place.account, known, current])?;
            let before: Option<i64> = connection
                .prepare_cached("SELECT generation FROM generations WHERE account = ?1 AND account_id = ?2")?
                .query_row(params![place.account, id], |row| row.get(0))
                .optional()?;
            let newest: i64 = connection
                .prepare_cached("SELECT max(generation) FROM generations WHERE account = ?1")?
                .query_row([place.account], |row| row.get(0))?;
            before.unwrap_or(newest.saturating_add(1))
        }
    };
    note.execute(params![place.account, id, generation])?;
    connection
        .prepare_cached(
            "UPDATE accounts SET account_id = ?2, generation = ?3,
             watermark = CASE generation WHEN ?3 THEN watermark END,
             complete_at = CASE generation WHEN ?3 THEN complete_at END WHERE no = ?1",
        )?
        .execute(params![place.account, id, generation])?;
    if place.generation != generation {
        place.ended.push(place.generation);
        (place.generation, place.lines) = (generation, Lines::default());
        place.lines.catch_up(connection, (place.account, generation))?;
    }
    Ok(())
}

/// Removes a row from the generations that ended: ids are unique, so what this account names was always its own.
fn move_here(connection: &Connection, place: &Place, delete: &str, id: &str) -> rusqlite::Result<()> {
    for generation in place.ended.iter().filter(|ended| **ended != place.generation) {
        connection.prepare_cached(delete)?.execute(params![place.account, generation, id])?;
    }
    Ok(())
}

fn write_order(connection: &Connection, place: &Place, state: State<'_>) -> rusqlite::Result<()> {
    let State { order, source, learned } = state;
    let delete = "DELETE FROM orders WHERE account = ?1 AND generation = ?2 AND id = ?3";
    move_here(connection, place, delete, order.id.as_str())?;
    connection
        .prepare_cached(
            "INSERT INTO orders (account, generation, id, working, submitted_at, learned_at, source, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (account, generation, id) DO UPDATE SET working = excluded.working,
             submitted_at = excluded.submitted_at, learned_at = excluded.learned_at,
             source = excluded.source, body = excluded.body",
        )?
        .execute(params![
            place.account,
            place.generation,
            order.id.as_str(),
            order.status.is_working(),
            order.submitted_at.map(nanos),
            learned,
            source_word(source),
            order.to_body()?,
        ])?;
    Ok(())
}

/// Stores an intermediate state; the broker's JSON is kept only for the last one, with the order.
fn write_state(connection: &Connection, place: &Place, state: State<'_>, aged: i64) -> rusqlite::Result<()> {
    let State { order, source, .. } = state;
    connection
        .prepare_cached(
            "INSERT INTO states (account, generation, order_id, status, cum_qty, learned_at, source)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            place.account,
            place.generation,
            order.id.as_str(),
            order.status.as_str(),
            order.cum_qty.to_string(),
            aged,
            source_word(source),
        ])?;
    Ok(())
}

fn write_execution(
    connection: &Connection,
    place: &Place,
    learned: i64,
    execution: &Execution,
) -> rusqlite::Result<()> {
    let delete = "DELETE FROM executions WHERE account = ?1 AND generation = ?2 AND id = ?3";
    move_here(connection, place, delete, execution.id.as_str())?;
    // Loaded rows keep their original source.
    connection
        .prepare_cached(
            "INSERT INTO executions (account, generation, id, order_id, at, learned_at, source, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (account, generation, id) DO UPDATE SET at = excluded.at, body = excluded.body,
             source = CASE excluded.source WHEN 'journal' THEN source ELSE excluded.source END",
        )?
        .execute(params![
            place.account,
            place.generation,
            execution.id.as_str(),
            execution.order_id.as_str(),
            execution.at.map(nanos),
            learned,
            source_word(execution.source),
            execution.to_body()?,
        ])?;
    Ok(())
}

fn write_record(connection: &Connection, place: &Place, learned: i64, record: &Record) -> rusqlite::Result<()> {
    let account = place.account;
    match record {
        // Written before, with what they need from other instances' rows.
        Record::Account(_) | Record::Order(..) | Record::Line(_) | Record::Execution(_) | Record::Removed(_) => {}
        // Without the rows of others, this instance has not fetched what was missed either: keep the watermark.
        Record::Complete { watermark, asked_at } => {
            connection
                .prepare_cached(
                    "UPDATE accounts SET watermark = max(coalesce(watermark, ?2), coalesce(?2, watermark)),
                     complete_at = max(coalesce(complete_at, ?3), ?3)
                     WHERE no = ?1 AND (?4 OR complete_at IS NULL)",
                )?
                .execute(params![account, watermark.map(nanos), nanos(*asked_at), place.known])?;
        }
        Record::Intent { client_order_id, body } => {
            connection
                .prepare_cached(
                    "INSERT INTO intents (account, client_order_id, learned_at, body) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![account, client_order_id.as_str(), learned, &**body])?;
        }
        Record::Outcome { client_order_id, outcome } => {
            let outcome = match outcome {
                IntentOutcome::Accepted(id) => format!("accepted {id}"),
                IntentOutcome::Refused(why) => format!("refused {why}"),
            };
            connection
                .prepare_cached("UPDATE intents SET outcome = ?3 WHERE account = ?1 AND client_order_id = ?2")?
                .execute(params![account, client_order_id.as_str(), outcome])?;
        }
        Record::Refusal { what, error } => {
            connection
                .prepare_cached("INSERT INTO refusals (account, learned_at, what, body) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![account, learned, what, rows::json(error)?])?;
        }
    }
    Ok(())
}
