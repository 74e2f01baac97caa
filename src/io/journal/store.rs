//! Records into rows, inside the writer's transaction.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;

use super::batch::{Batch, IntentOutcome, Record};
use crate::domain::{LinkId, Order, OrderId, Source};

/// The row number and generation of each link, so that they are looked up once.
#[derive(Default)]
pub(super) struct Accounts(HashMap<LinkId, Place>);

/// Where a link's rows go.
#[derive(Clone, Copy)]
struct Place {
    account: i64,
    generation: i64,
}

impl Accounts {
    /// Forgets what was looked up: the transaction it came from did not last.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn place(&mut self, connection: &Connection, link: &LinkId) -> rusqlite::Result<Place> {
        if let Some(place) = self.0.get(link) {
            return Ok(*place);
        }
        connection
            .prepare_cached("INSERT INTO accounts (link) VALUES (?1) ON CONFLICT (link) DO NOTHING")?
            .execute([link.as_str()])?;
        let place = connection
            .prepare_cached("SELECT no, generation FROM accounts WHERE link = ?1")?
            .query_row([link.as_str()], |row| Ok(Place { account: row.get(0)?, generation: row.get(1)? }))?;
        self.0.insert(link.clone(), place);
        Ok(place)
    }
}

/// Nanoseconds since 1970, as times are stored.
pub(super) fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}

/// The word stored for a source.
pub(super) const fn source_word(source: Source) -> &'static str {
    match source {
        Source::Stream => "stream",
        Source::Reconcile => "reconcile",
        Source::Journal => "journal",
    }
}

/// The last state of each order in a group of batches: of one commit only that is ever read back, so it is written once,
/// where the order was first heard of.
#[derive(Default)]
pub(super) struct Latest<'a>(Option<HashMap<(&'a LinkId, &'a OrderId), State<'a>>>);

/// A state and when it was learned.
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
                    // What came before belongs to another generation: each is written as it comes.
                    Record::Account(_) => return Self(None),
                    _ => {}
                }
            }
        }
        Self(Some(latest))
    }

    /// What to write where `own` stands: nothing when its order has been written in this commit.
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
    batch: &'a Batch,
    latest: &mut Latest<'a>,
) -> rusqlite::Result<()> {
    let learned = nanos(batch.learned_at);
    for record in &batch.records {
        let place = accounts.place(connection, &batch.link)?;
        if let Record::Order(order, source) = record {
            let own = State { order, source: *source, learned };
            write_state(connection, place, own)?;
            if let Some(state) = latest.instead_of(&batch.link, own) {
                write_order(connection, place, state)?;
            }
            continue;
        }
        if let Record::Account(id) = record {
            if begin_generation(connection, place, id.as_str())? {
                accounts.0.remove(&batch.link);
            }
            continue;
        }
        write_record(connection, place, learned, record)?;
    }
    let place = accounts.place(connection, &batch.link)?;
    connection
        .prepare_cached("UPDATE accounts SET saved_at = max(coalesce(saved_at, ?2), ?2) WHERE no = ?1")?
        .execute(params![place.account, learned])?;
    Ok(())
}

/// Notes the account behind a link; true when it is another one than before, so that its rows start afresh.
fn begin_generation(connection: &Connection, place: Place, id: &str) -> rusqlite::Result<bool> {
    let known: Option<String> = connection
        .prepare_cached("SELECT account_id FROM accounts WHERE no = ?1")?
        .query_row([place.account], |row| row.get(0))
        .optional()?
        .flatten();
    match known {
        Some(known) if known == id => Ok(false),
        Some(_) => {
            connection
                .prepare_cached(
                    "UPDATE accounts SET account_id = ?2, generation = generation + 1, watermark = NULL,
                     complete_at = NULL WHERE no = ?1",
                )?
                .execute(params![place.account, id])?;
            Ok(true)
        }
        None => {
            connection
                .prepare_cached("UPDATE accounts SET account_id = ?2 WHERE no = ?1")?
                .execute(params![place.account, id])?;
            Ok(false)
        }
    }
}

fn write_order(connection: &Connection, place: Place, state: State<'_>) -> rusqlite::Result<()> {
    let State { order, source, learned } = state;
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
            body(order)?,
        ])?;
    Ok(())
}

/// Notes a state on the way; the broker's JSON is kept of the last one only, in the order itself.
fn write_state(connection: &Connection, place: Place, state: State<'_>) -> rusqlite::Result<()> {
    let State { order, source, learned } = state;
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
            learned,
            source_word(source),
        ])?;
    Ok(())
}

fn write_record(connection: &Connection, place: Place, learned: i64, record: &Record) -> rusqlite::Result<()> {
    let Place { account, generation } = place;
    match record {
        // Written before, with what they need of the whole group.
        Record::Account(_) | Record::Order(..) => {}
        Record::Execution(execution) => {
            // What was read back from here keeps the source it was first learned from.
            connection
                .prepare_cached(
                    "INSERT INTO executions (account, generation, id, order_id, at, learned_at, source, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                     ON CONFLICT (account, generation, id) DO UPDATE SET at = excluded.at, body = excluded.body,
                     source = CASE excluded.source WHEN 'journal' THEN source ELSE excluded.source END",
                )?
                .execute(params![
                    account,
                    generation,
                    execution.id.as_str(),
                    execution.order_id.as_str(),
                    execution.at.map(nanos),
                    learned,
                    source_word(execution.source),
                    body(execution)?,
                ])?;
        }
        Record::Removed(id) => {
            connection
                .prepare_cached("DELETE FROM executions WHERE account = ?1 AND generation = ?2 AND id = ?3")?
                .execute(params![account, generation, id.as_str()])?;
        }
        Record::Line(entry) => {
            connection
                .prepare_cached(
                    "INSERT INTO lines (account, generation, number, learned_at, source, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (account, generation, number) DO UPDATE SET body = excluded.body,
                     source = CASE excluded.source WHEN 'journal' THEN source ELSE excluded.source END",
                )?
                .execute(params![
                    account,
                    generation,
                    i64::try_from(entry.number).unwrap_or(i64::MAX),
                    learned,
                    source_word(entry.source),
                    body(entry)?,
                ])?;
        }
        Record::Complete { watermark, asked_at } => {
            connection
                .prepare_cached(
                    "UPDATE accounts SET watermark = max(coalesce(watermark, ?2), ?2),
                     complete_at = max(coalesce(complete_at, ?3), ?3) WHERE no = ?1",
                )?
                .execute(params![account, watermark.map(nanos), nanos(*asked_at)])?;
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
                .execute(params![account, learned, what, body(error)?])?;
        }
    }
    Ok(())
}

fn body<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
