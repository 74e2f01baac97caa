//! Several instances write one journal: what each may write, given what the others have written.
//!
//! An execution from a stream has the broker's id. Another instance may know the same execution only from a list, under
//! the id of its row, or only as a quantity that an order states; such stand-ins are replaced by the report, whoever
//! writes first. Orders only advance, unless the writer takes back what it wrote itself. Tape lines are compared by
//! content ([`TapeEntry::key`]) and numbered by the file. All of it happens inside the writer's transaction, and only
//! when another instance is known to have written.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{Row, source_word};
use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::execution::ExecutionKind;
use crate::domain::time::is_before;
use crate::domain::{Execution, ExecutionId, Order, OrderId, OrderStatus, Qty, Source};

/// Lines of other instances that are compared with ours, and own lines whose numbers in the file are kept: more than
/// lie between two instances that receive the same event.
const REMEMBERED: usize = 5_000;

/// Where a link's rows go.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) account: i64,
    pub(super) generation: i64,
    pub(super) lines: Lines,
    /// The generations that ended in this run; what was learned before that was known is stored there.
    pub(super) ended: Vec<i64>,
    /// Whether all existing rows were loaded or written by this instance.
    pub(super) known: bool,
    /// For each stand-in that is not in the file, the report that is there instead.
    pub(super) reports: HashMap<ExecutionId, ExecutionId>,
}

/// What this instance has written of a link.
#[derive(Debug, Default)]
pub(super) struct OwnRows {
    /// Executions, under any id. The blotter has already compared them: only stand-ins of other instances are replaced
    /// by this one's reports, and only reports of other instances replace its own stand-ins.
    pub(super) executions: HashSet<ExecutionId>,
    /// The state of each order as this instance knows it, whether or not another instance's state is in the file
    /// instead.
    orders: HashMap<OrderId, OrderVersion>,
    /// The same, for the current transaction.
    news: HashMap<OrderId, OrderVersion>,
}

impl OwnRows {
    /// These rows were loaded.
    pub(super) fn read<'a>(
        executions: impl IntoIterator<Item = &'a Execution>,
        orders: impl IntoIterator<Item = &'a Order>,
    ) -> Self {
        Self {
            executions: executions.into_iter().map(|row| row.id.clone()).collect(),
            orders: orders.into_iter().map(|order| (order.id.clone(), OrderVersion::of(order))).collect(),
            news: HashMap::new(),
        }
    }

    /// This instance has this state of an order.
    pub(super) fn knows(&mut self, order: &Order) {
        self.news.insert(order.id.clone(), OrderVersion::of(order));
    }

    /// Ends the transaction. What was rolled back counts as unwritten.
    pub(super) fn end(&mut self, lasts: bool) {
        let news = std::mem::take(&mut self.news);
        if lasts {
            self.orders.extend(news);
        }
    }

    fn known(&self, id: &OrderId) -> Option<&OrderVersion> {
        self.news.get(id).or_else(|| self.orders.get(id))
    }
}

/// What distinguishes two states of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OrderVersion {
    status: OrderStatus,
    cum_qty: Qty,
    updated_at: Option<Timestamp>,
}

impl OrderVersion {
    fn of(order: &Order) -> Self {
        Self { status: order.status.clone(), cum_qty: order.cum_qty, updated_at: order.updated_at }
    }

    /// Whether a state is as new as another, or newer. Stream and lists write the same time with different digits, and
    /// some lists have no time of the change; that an order is done is clear from the state itself.
    fn follows(&self, other: &Self) -> bool {
        let rank = |stand: &Self| (stand.status.is_terminal(), stand.cum_qty);
        match (self.status.is_terminal(), other.status.is_terminal()) {
            (true, false) if self.cum_qty >= other.cum_qty => return true,
            (false, true) if self.cum_qty <= other.cum_qty => return false,
            _ => {}
        }
        let older = is_before(self.updated_at, other.updated_at);
        let newer = is_before(other.updated_at, self.updated_at);
        let stated = self.updated_at.is_some() >= other.updated_at.is_some();
        newer || (!older && stated && rank(self) >= rank(other))
    }
}

/// Where this instance's tape lines of a link are in the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Lines {
    /// The highest number in the file known to this instance.
    last: Option<i64>,
    /// The newest own line whose number in the file is the same.
    own: Option<u64>,
    /// From this number on, own lines have other numbers in the file, because other instances wrote lines too.
    split: Option<u64>,
    /// The numbers in the file of those lines; `None` for one that another instance wrote.
    moved: BTreeMap<u64, Option<i64>>,
    others: HashMap<String, i64>,
    order: VecDeque<String>,
}

/// What to do with a line.
enum Slot {
    At(i64),
    New,
    /// Another instance has written it; our own row, if there is one, is deleted.
    Written(Option<i64>),
}

impl Lines {
    /// The loaded lines have these numbers in the file, and belong to this instance from `first` on.
    pub(super) fn restored(numbers: &[i64]) -> Self {
        let mut lines = Self { last: numbers.last().copied(), ..Self::default() };
        let Some(first) = numbers.first().and_then(|number| u64::try_from(*number).ok()) else { return lines };
        for (own, number) in (first..).zip(numbers) {
            lines.own = Some(own);
            if i64::try_from(own) != Ok(*number) {
                lines.moved.insert(own, Some(*number));
            }
        }
        if !lines.moved.is_empty() {
            lines.split = lines.own.map(|own| own + 1);
        }
        lines
    }

    /// Notes what other instances have written since the last time.
    pub(super) fn catch_up(&mut self, connection: &Connection, place: (i64, i64)) -> rusqlite::Result<()> {
        let (account, generation) = place;
        let newest: Option<i64> = connection
            .prepare_cached("SELECT max(number) FROM lines WHERE account = ?1 AND generation = ?2")?
            .query_row([account, generation], |row| row.get(0))?;
        if newest <= self.last {
            return Ok(());
        }
        let mut statement = connection.prepare_cached(
            "SELECT number, body FROM (SELECT number, body FROM lines WHERE account = ?1 AND generation = ?2
             AND number > ?3 ORDER BY number DESC LIMIT ?4) ORDER BY number",
        )?;
        let limit = i64::try_from(REMEMBERED).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![account, generation, self.last.unwrap_or(-1), limit])?;
        while let Some(row) = rows.next()? {
            let number: i64 = row.get(0)?;
            let entry = row.get_ref(1)?.as_str().ok().and_then(TapeEntry::from_body);
            if let Some(entry) = entry {
                self.order.push_back(entry.key());
                self.others.insert(entry.key(), number);
            }
        }
        while self.order.len() > REMEMBERED {
            if let Some(key) = self.order.pop_front() {
                self.others.remove(&key);
            }
        }
        self.last = newest;
        self.split = self.split.or(Some(self.own.map_or(0, |own| own + 1)));
        Ok(())
    }

    fn slot(&self, number: u64, key: &str) -> Slot {
        let own = match self.moved.get(&number) {
            Some(place) => *place,
            None if self.split.is_none_or(|split| number < split) => i64::try_from(number).ok(),
            None => None,
        };
        match (self.others.contains_key(key), own) {
            (true, own) => Slot::Written(own),
            (false, Some(number)) => Slot::At(number),
            (false, None) => Slot::New,
        }
    }

    /// Writes a line at its place.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        place: (i64, i64),
        aged: i64,
        entry: &TapeEntry,
    ) -> rusqlite::Result<()> {
        let (account, generation) = place;
        let number = match self.slot(entry.number, &entry.key()) {
            Slot::At(number) => number,
            Slot::New => self.last.map_or(0, |last| last.saturating_add(1)),
            Slot::Written(own) => {
                connection
                    .prepare_cached("DELETE FROM lines WHERE account = ?1 AND generation = ?2 AND number = ?3")?
                    .execute(params![account, generation, own])?;
                self.remember(entry.number, None);
                return Ok(());
            }
        };
        connection
            .prepare_cached(
                "INSERT INTO lines (account, generation, number, learned_at, source, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (account, generation, number) DO UPDATE SET body = excluded.body,
                 source = CASE excluded.source WHEN 'journal' THEN source ELSE excluded.source END",
            )?
            .execute(params![account, generation, number, aged, source_word(entry.source), entry.to_body()?])?;
        self.last = self.last.max(Some(number));
        if self.split.is_some_and(|split| entry.number >= split) {
            self.remember(entry.number, Some(number));
        } else {
            self.own = self.own.max(Some(entry.number));
        }
        Ok(())
    }

    fn remember(&mut self, own: u64, number: Option<i64>) {
        self.moved.insert(own, number);
        // A line this old is never rewritten: what was unexplained has been explained.
        while self.moved.len() > REMEMBERED * 2 {
            self.moved.pop_first();
        }
    }
}

/// Whether an order's state may be written: it follows the state in the file as this instance knew it, or is newer than
/// another instance's, or takes back this instance's own on lasting evidence and was learned later.
pub(super) fn stands(
    connection: &Connection,
    place: &Place,
    own: &OwnRows,
    (order, learned): (&Order, i64),
) -> rusqlite::Result<bool> {
    let held: Option<(String, i64)> = connection
        .prepare_cached("SELECT body, learned_at FROM orders WHERE account = ?1 AND generation = ?2 AND id = ?3")?
        .query_row(params![place.account, place.generation, order.id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let held = held.and_then(|(text, at)| Some((OrderVersion::of(&Order::from_body(&text)?), at)));
    let Some((held, at)) = held else { return Ok(true) };
    let (stand, known) = (OrderVersion::of(order), own.known(&order.id));
    let takes_back = known.is_some_and(|known| !stand.follows(known));
    Ok(known == Some(&held) || stand.follows(&held) || (takes_back && learned >= at))
}

/// Replaces stand-ins that other instances wrote with an execution; returns what is to be written of it, if anything.
pub(super) fn reconcile(
    connection: &Connection,
    place: &mut Place,
    own: &OwnRows,
    execution: &Execution,
) -> rusqlite::Result<Option<Execution>> {
    let rows = rows_of(connection, place, execution)?;
    let mut merged = execution.clone();
    // The placeholder has shrunk, so its old quantity is wrong.
    let held = rows.iter().find(|row| row.id == execution.id && row.kind != ExecutionKind::Unexplained);
    if let Some(held) = held {
        complete(&mut merged, held);
    }
    name_target(&mut merged, held, place, &rows);
    let rows: Vec<Execution> = rows.into_iter().filter(|row| row.id != execution.id).collect();
    let others: Vec<&Execution> = rows.iter().filter(|row| !own.executions.contains(&row.id)).collect();
    if Blotter::is_stand_in(&execution.id) && is_explained(execution, &others, &rows) {
        let mut reports = others.iter().filter(|row| !Blotter::is_stand_in(&row.id));
        if let Some(report) = reports.find(|row| is_the_same_trade(row, execution, &rows)) {
            place.reports.insert(execution.id.clone(), report.id.clone());
        }
        drop_execution(connection, place, &execution.id)?;
        return Ok(None);
    }
    for row in others.iter().filter(|row| Blotter::is_stand_in(&row.id)) {
        if gives_way(row, execution, own, &rows) {
            place.reports.insert(row.id.clone(), execution.id.clone());
            drop_execution(connection, place, &row.id)?;
        }
    }
    Ok(Some(merged))
}

/// Names the target of a bust or correction by the id that it has in the file, where this instance knows it by another.
fn name_target(row: &mut Execution, held: Option<&Execution>, place: &Place, rows: &[Execution]) {
    let is_there = |id: &&ExecutionId| rows.iter().any(|row| row.id == **id);
    let Some(of) = target(&row.kind).filter(|of| !is_there(of)) else { return };
    let named = place.reports.get(of).filter(is_there);
    let named = named.or_else(|| held.and_then(|held| target(&held.kind)).filter(is_there)).cloned();
    if let (ExecutionKind::Bust { of } | ExecutionKind::Correction { of }, Some(named)) = (&mut row.kind, named) {
        *of = Some(named);
    }
}

const fn target(kind: &ExecutionKind) -> Option<&ExecutionId> {
    match kind {
        ExecutionKind::Bust { of } | ExecutionKind::Correction { of } => of.as_ref(),
        ExecutionKind::Trade | ExecutionKind::Unexplained => None,
    }
}

/// The order's executions in the file.
fn rows_of(connection: &Connection, place: &Place, execution: &Execution) -> rusqlite::Result<Vec<Execution>> {
    let mut statement = connection
        .prepare_cached("SELECT body FROM executions WHERE account = ?1 AND generation = ?2 AND order_id = ?3")?;
    let mut rows = statement.query(params![place.account, place.generation, execution.order_id.as_str()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let text = row.get_ref(0)?.as_str().ok();
        found.extend(text.and_then(Execution::from_body));
    }
    Ok(found)
}

/// Adds what another instance knows of the same execution.
fn complete(mine: &mut Execution, held: &Execution) {
    mine.px = mine.px.or(held.px);
    mine.cum_qty = mine.cum_qty.or(held.cum_qty);
    mine.position_qty = mine.position_qty.or(held.position_qty);
    mine.at = mine.at.or(held.at);
    if held.source == Source::Stream {
        mine.source = Source::Stream;
    }
}

/// The range of an execution within its order's executed quantity.
fn span(row: &Execution) -> Option<(Qty, Qty)> {
    let to = row.cum_qty?;
    Some((to.checked_sub(row.qty)?, to))
}

/// Whether a stand-in adds nothing to the rows of `others`; `all` are the order's rows in the file.
fn is_explained(stand_in: &Execution, others: &[&Execution], all: &[Execution]) -> bool {
    let mut reported = others.iter().filter(|row| !Blotter::is_stand_in(&row.id));
    match &stand_in.kind {
        ExecutionKind::Trade => reported.any(|row| is_the_same_trade(row, stand_in, all)),
        ExecutionKind::Unexplained => {
            let Some((from, to)) = span(stand_in) else { return false };
            let inside = |row: &&&Execution| {
                row.kind == ExecutionKind::Trade && span(row).is_some_and(|(start, end)| start >= from && end <= to)
            };
            let sum = others.iter().filter(inside).try_fold(Qty::ZERO, |sum, row| sum.checked_add(row.qty));
            sum.is_some_and(|sum| sum >= stand_in.qty)
        }
        ExecutionKind::Bust { .. } => {
            let undoings: Vec<&Execution> = reported.copied().collect();
            undo_the_same(&undoings, None, stand_in, all)
                || others.iter().any(|row| is_the_same_inference(row, stand_in, all))
        }
        ExecutionKind::Correction { .. } => reported.any(|row| corrects_the_same(row, stand_in)),
    }
}

/// True when a stand-in of another instance is the execution that this report describes.
fn gives_way(stand_in: &Execution, report: &Execution, own: &OwnRows, all: &[Execution]) -> bool {
    let reported = !Blotter::is_stand_in(&report.id);
    match (&stand_in.kind, &report.kind) {
        (ExecutionKind::Trade, ExecutionKind::Trade) => reported && is_the_same_trade(report, stand_in, all),
        (ExecutionKind::Unexplained, ExecutionKind::Trade) => match (span(stand_in), span(report)) {
            (Some((from, to)), Some((start, end))) => start < to && from < end,
            _ => stand_in.qty == report.qty,
        },
        (ExecutionKind::Bust { .. }, _) => {
            // Whoever inferred it may know the reports of others, and has told them apart.
            let is_ours = |row: &&Execution| own.executions.contains(&row.id) && !Blotter::is_stand_in(&row.id);
            let undoings: Vec<&Execution> = all.iter().filter(is_ours).chain(std::iter::once(report)).collect();
            reported && undo_the_same(&undoings, Some(report), stand_in, all)
        }
        (ExecutionKind::Correction { .. }, _) => reported && corrects_the_same(report, stand_in),
        _ => false,
    }
}

/// Whether two rows describe one trade: the same range at the same price, not busted and executed again in between. A
/// row may have the corrected values of its execution.
pub(super) fn is_the_same_trade(one: &Execution, other: &Execution, all: &[Execution]) -> bool {
    if one.kind != ExecutionKind::Trade || one.cum_qty.is_none() {
        return false;
    }
    let undone = |row: &&Execution| !matches!(row.kind, ExecutionKind::Trade | ExecutionKind::Unexplained);
    let same = one.cum_qty == other.cum_qty && one.states_the_same(other);
    one.may_be_restated_as(other) || (same && !all.iter().filter(undone).any(|row| lies_between(row, one, other)))
}

/// Whether a report describes the correction that another instance read from a row.
pub(super) fn corrects_the_same(report: &Execution, read: &Execution) -> bool {
    matches!(report.kind, ExecutionKind::Correction { .. }) && report.states_the_same(read)
}

/// True when reports describe the bust that another instance inferred from what an order stated: one of them, or some that
/// followed each other, for a list may state what several left. `with` must be among these.
fn undo_the_same(reports: &[&Execution], with: Option<&Execution>, inferred: &Execution, all: &[Execution]) -> bool {
    let mut undoings: Vec<(&Execution, Qty)> =
        reports.iter().filter_map(|report| Some((*report, taken_back(report, all)?))).collect();
    undoings.sort_by_key(|(report, _)| report.at);
    let whole = inferred.qty.abs();
    (0..undoings.len()).any(|first| {
        let mut sum = Some(Qty::ZERO);
        let mut is_among = with.is_none();
        undoings.iter().skip(first).any(|(report, qty)| {
            sum = sum.and_then(|sum| sum.checked_add(*qty));
            is_among |= with.is_some_and(|with| with.id == report.id);
            is_among && sum == Some(whole)
        })
    })
}

/// What a report took back of what its order executed; `None` where that is not known, or it took back nothing.
#[expect(clippy::wildcard_enum_match_arm, reason = "only busts and corrections undo")]
fn taken_back(report: &Execution, all: &[Execution]) -> Option<Qty> {
    let taken = match &report.kind {
        ExecutionKind::Bust { .. } => Some(report.qty.abs()),
        ExecutionKind::Correction { of: Some(of) } => {
            let before = all.iter().find(|row| row.id == *of).map(|row| row.qty);
            before.and_then(|before| before.checked_sub(report.qty))
        }
        _ => None,
    };
    taken.filter(|taken| !taken.is_zero())
}

/// Whether two inferred busts from different states are the same: the quantity was not executed again in between.
fn is_the_same_inference(one: &Execution, other: &Execution, all: &[Execution]) -> bool {
    let again = |row: &Execution| row.kind == ExecutionKind::Trade && lies_between(row, one, other);
    let span = Blotter::inferred_span(&one.id);
    span.is_some() && span == Blotter::inferred_span(&other.id) && !all.iter().any(again)
}

/// Whether a row happened between one of these and the other.
fn lies_between(row: &Execution, one: &Execution, other: &Execution) -> bool {
    let (Some(at), Some(one), Some(other)) = (row.at, one.at, other.at) else { return false };
    one.min(other) < at && at < one.max(other)
}

/// Deletes an execution and its line from the file.
fn drop_execution(connection: &Connection, place: &mut Place, id: &ExecutionId) -> rusqlite::Result<()> {
    let (account, generation) = (place.account, place.generation);
    connection
        .prepare_cached("DELETE FROM executions WHERE account = ?1 AND generation = ?2 AND id = ?3")?
        .execute(params![account, generation, id.as_str()])?;
    drop_line(connection, place, id)
}

/// Deletes another instance's line for an execution from the file, unless its writer has since learned the execution's
/// own id; then the line stays under that id.
pub(super) fn drop_line(connection: &Connection, place: &mut Place, id: &ExecutionId) -> rusqlite::Result<()> {
    let key = TapeEntry::key_of_execution(id);
    let Some(number) = place.lines.others.remove(&key) else { return Ok(()) };
    let line = params![place.account, place.generation, number];
    let body: Option<String> = connection
        .prepare_cached("SELECT body FROM lines WHERE account = ?1 AND generation = ?2 AND number = ?3")?
        .query_row(line, |row| row.get(0))
        .optional()?;
    let now = body.and_then(|text| TapeEntry::from_body(&text)).map(|entry| entry.key());
    match now.filter(|now| *now != key) {
        Some(now) => {
            place.lines.order.push_back(now.clone());
            place.lines.others.insert(now, number);
        }
        None => {
            connection
                .prepare_cached("DELETE FROM lines WHERE account = ?1 AND generation = ?2 AND number = ?3")?
                .execute(line)?;
        }
    }
    Ok(())
}

/// Whether a line's execution is missing from the file because another instance has a better row for it.
pub(super) fn is_unshown(connection: &Connection, place: &Place, entry: &TapeEntry) -> rusqlite::Result<bool> {
    let Some(id) = entry.execution.as_ref().filter(|id| Blotter::is_stand_in(id)) else { return Ok(false) };
    let found: Option<i64> = connection
        .prepare_cached("SELECT 1 FROM executions WHERE account = ?1 AND generation = ?2 AND id = ?3")?
        .query_row(params![place.account, place.generation, id.as_str()], |row| row.get(0))
        .optional()?;
    Ok(found.is_none())
}
