//! Pairs activity rows with executions of the stream whose ids are not documented to be the same (docs/ALPACA.md 5.4):
//! both have the same span of the same order. Time only chooses between several. A partner that fits better separates a
//! pair that was made too early.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::{Entered, Ledger, Slot, is_row};
use crate::domain::execution::{Execution, ExecutionKind, ONE_MOMENT, ONE_TIME, Source};
use crate::domain::ids::{ExecutionId, OrderId};
use crate::domain::money::{Price, Qty};

/// An activity row and an execution id in one slot.
#[derive(Debug)]
pub(super) struct Pair {
    row: ExecutionId,
    row_at: Option<Timestamp>,
    reported_at: Option<Timestamp>,
    /// The row came first; the first of both is the one that was shown as new.
    row_first: bool,
    /// Quantity, price and executed quantity that the other one stated, if they differ from what is shown.
    other: Option<(Qty, Option<Price>, Option<Qty>)>,
    /// The executed quantity that the stream's report claimed, if the row states another.
    claimed: Option<Qty>,
}

/// What is being entered together, because one part may say something about another.
#[derive(Debug, Default)]
pub(super) struct AtHand {
    rows: HashMap<OrderId, Vec<Execution>>,
    pub(super) busted: HashSet<ExecutionId>,
}

/// How a report fits a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// The slot has no partner of this kind yet.
    Free,
    /// It has one whose time is further away.
    Better,
}

/// How many reports of one quantity and price, nearest in time, are checked for a frame that has another span than it
/// claims: executions of one moment are interchangeable, and an order may have thousands.
const NEAREST: usize = 8;

/// Maximum distance between the times of a row and its frame: rows have a clock of their own (docs/ALPACA.md 5.4).
const ONE_EXECUTION: SignedDuration = SignedDuration::from_secs(10);

/// The order's executed quantity before and after.
fn span(row: &Execution) -> Option<(Qty, Qty)> {
    Some((row.cum_qty?.checked_sub(row.qty)?, row.cum_qty?))
}

/// True if both spans overlap.
fn overlap(one: &Execution, another: &Execution) -> bool {
    span(one).zip(span(another)).is_some_and(|((from, to), (start, end))| start < to && from < end)
}

/// Whether a stream report can be of the execution in a row. If no frame's order is older than the frame's execution,
/// each states at least the quantity executed up to and including it.
fn may_claim(reported: &Execution, row: &Execution) -> bool {
    reported.cum_qty.zip(row.cum_qty).is_none_or(|(claimed, to)| to <= claimed)
}

fn distance(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<SignedDuration> {
    Some(a?.duration_since(b?).abs())
}

impl Ledger {
    /// The slot that has the same span of the same order and holds the other kind of report, nearest in time.
    ///
    /// The order in a frame may have another time than the execution (docs/ALPACA.md 6.5): then the frames of several
    /// executions claim one span, and only their rows show the real spans. Quantity and price show which is which,
    /// unless the order was `lowered`: then something was undone, and two executions may rightly have one span.
    pub(super) fn same_span(&self, execution: &Execution, missing: Qty, lowered: bool) -> Option<(u32, Fit)> {
        execution.cum_qty?;
        if execution.kind != ExecutionKind::Trade {
            return None;
        }
        let rows = self.by_order.get(&execution.order_id)?;
        let has_room = missing >= execution.qty;
        let fitting = || {
            rows.slots.iter().filter_map(|slot| {
                let held = self.slot(*slot)?;
                let known = &held.execution;
                let one_kind = known.kind == ExecutionKind::Trade && known.symbol.is_one_with(&execution.symbol);
                let (away, fit) = fit(held, execution).filter(|_| one_kind)?;
                // If that quantity is missing, a report this far from its match is of the same span executed again.
                let executed_again = rows.undone && has_room && away >= ONE_MOMENT;
                (!executed_again).then_some((fit, away, *slot, held))
            })
        };
        let spans_the_same = |held: &Slot| {
            let known = &held.execution;
            // The row of what a report claimed fits it better than the row that it was paired with.
            let claimed = held.pair.as_ref().and_then(|pair| pair.claimed).filter(|_| is_row(&execution.id));
            (known.cum_qty == execution.cum_qty || claimed.is_some() && claimed == execution.cum_qty)
                && known.states_the_same(execution)
        };
        let same =
            fitting().filter(|(.., held)| spans_the_same(held)).map(|(fit, away, slot, _)| (fit, away, slot)).min();
        if let Some((Fit::Free, _, slot)) = same {
            return Some((slot, Fit::Free));
        }
        if !rows.undone && !lowered {
            let is_alike = |fit: Fit, away: SignedDuration, known: &Execution| {
                fit == Fit::Free && away < ONE_EXECUTION && known.states_the_same(execution)
            };
            let alike = fitting().filter(|(fit, away, _, held)| is_alike(*fit, *away, &held.execution));
            let mut alike: Vec<_> = alike.map(|(_, away, slot, held)| (away, slot, &held.execution)).collect();
            alike.sort_by_key(|(away, slot, _)| (*away, *slot));
            // A row beyond what the order states says nothing about what is missing.
            let stated = self.reported(&execution.order_id).and_then(|reported| reported.checked_add(missing));
            let is_full = |known: &Execution| !has_room && stated >= execution.cum_qty.max(known.cum_qty);
            let has_other_span = |known: &Execution| {
                let streamed = if is_row(&execution.id) { known } else { execution };
                (is_full(known) && !self.has_own_row(streamed)) || self.claims_too_much(streamed)
            };
            let fits = |away: SignedDuration, known: &Execution| {
                has_other_span(known) && !self.has_nearer_rows(known, execution, away)
            };
            if let Some((_, slot, _)) = alike.iter().take(NEAREST).find(|(away, _, known)| fits(*away, known)) {
                return Some((*slot, Fit::Free));
            }
        }
        let restated = |known: &Execution| {
            let streamed = if is_row(&execution.id) { known } else { execution };
            // If exactly that is missing, and frames claim one span, it is another execution of the same moment.
            let is_another = || {
                let several_claim_it = self.overlaps_reports(streamed) && !self.cannot_be_beside_rows(streamed);
                missing == execution.qty && !lowered && several_claim_it
            };
            self.is_restated(known, execution)
                && (rows.undone || !(self.is_stated_elsewhere(known, execution) || is_another()))
        };
        same.or_else(|| {
            let found = fitting().filter(|(.., held)| restated(&held.execution));
            found.map(|(fit, away, slot, _)| (fit, away, slot)).min()
        })
        .map(|(fit, _, slot)| (slot, fit))
    }

    /// Sets the rows that are entered next, because one may show that a frame's span is not its own.
    pub(in crate::domain::blotter) fn rows_at_hand<'a>(&mut self, rows: impl Iterator<Item = &'a Execution>) {
        self.at_hand.rows.clear();
        for row in rows {
            self.at_hand.rows.entry(row.order_id.clone()).or_default().push(row.clone());
        }
    }

    /// Sets the reports that are entered next, because a later one may bust the execution of an earlier one.
    pub(in crate::domain::blotter) fn reports_at_hand<'a>(&mut self, reports: impl Iterator<Item = &'a Execution>) {
        self.at_hand.busted.clear();
        for report in reports {
            if let ExecutionKind::Bust { of: Some(of) } = &report.kind {
                self.at_hand.busted.insert(of.clone());
            }
        }
    }

    pub(super) fn at_hand(&self, order: &OrderId) -> impl Iterator<Item = &Execution> {
        self.at_hand.rows.get(order).into_iter().flatten()
    }

    /// True if the row of exactly the span that a frame claims is being entered too.
    fn has_own_row(&self, streamed: &Execution) -> bool {
        self.at_hand(&streamed.order_id).any(|row| row.cum_qty == streamed.cum_qty && row.states_the_same(streamed))
    }

    /// True if rows that are still to be entered state the same as a reported execution and are nearer to it in time than this
    /// row, one for each reported execution that has no row yet.
    fn has_nearer_rows(&self, streamed: &Execution, row: &Execution, away: SignedDuration) -> bool {
        if !is_row(&row.id) {
            return false;
        }
        let is_nearer = |other: &&Execution| {
            other.states_the_same(streamed)
                && !self.by_id.contains_key(&other.id)
                && distance(other.at, streamed.at).is_some_and(|it| it < away)
        };
        let nearer = self.at_hand(&row.order_id).filter(is_nearer).count();
        let slots = self.by_order.get(&row.order_id).map(|rows| rows.slots.as_slice()).unwrap_or_default();
        let waits = slots.iter().filter_map(|slot| self.slot(*slot)).filter(|held| {
            let frame = &held.execution;
            held.pair.is_none()
                && frame.kind == ExecutionKind::Trade
                && !is_row(&frame.id)
                && frame.states_the_same(streamed)
        });
        nearer > 0 && nearer >= waits.count()
    }

    /// True if other rows being entered state exactly the amounts of an execution, one for each reported execution that
    /// states the same: then this row is not its correction.
    fn is_stated_elsewhere(&self, known: &Execution, report: &Execution) -> bool {
        if !is_row(&report.id) {
            return false;
        }
        let at_hand = || self.at_hand(&report.order_id);
        let claims_from_before =
            self.of(&report.order_id).any(|row| span(row).is_some_and(|(from, _)| from.is_negative()));
        let of_it = |row: &&Execution| {
            row.id != report.id && row.states_the_same(known) && (claims_from_before || may_claim(known, row))
        };
        let rows = at_hand().filter(of_it).count();
        let ids: HashSet<&ExecutionId> = at_hand().map(|row| &row.id).collect();
        let slots = self.by_order.get(&report.order_id).map(|rows| rows.slots.as_slice()).unwrap_or_default();
        let reported = slots.iter().filter_map(|slot| self.slot(*slot)).filter(|held| {
            let row = &held.execution;
            // An execution that was paired with an earlier row needs none of these.
            let open = held.pair.as_ref().is_none_or(|pair| ids.contains(&pair.row));
            open && row.kind == ExecutionKind::Trade && !is_row(&row.id) && row.states_the_same(known)
        });
        rows > 0 && rows >= reported.count()
    }

    /// True if the span of a stream report starts below zero, or overlaps that of another report or of a row.
    fn claims_too_much(&self, streamed: &Execution) -> bool {
        let is_its_own = |row: &Execution| span(row) == span(streamed) && row.states_the_same(streamed);
        self.at_hand(&streamed.order_id).any(|row| overlap(row, streamed) && !is_its_own(row))
            || self.overlaps_reports(streamed)
    }

    /// True if the span of a stream report starts below zero, or overlaps that of another report.
    fn overlaps_reports(&self, streamed: &Execution) -> bool {
        let reported = |other: &&Execution| {
            other.kind == ExecutionKind::Trade
                && !is_row(&other.id)
                && other.id != streamed.id
                && overlap(other, streamed)
        };
        span(streamed).is_some_and(|(from, _)| from.is_negative())
            || self.of(&streamed.order_id).any(|other| reported(&other))
    }

    /// True if a row confirms a span that leaves no room for a stream report, neither before it nor up to what the report
    /// claims: the order executed one of both after the other had been undone.
    fn cannot_be_beside_rows(&self, streamed: &Execution) -> bool {
        let slots = self.by_order.get(&streamed.order_id).map(|rows| rows.slots.as_slice()).unwrap_or_default();
        let confirmed = slots.iter().filter_map(|slot| self.slot(*slot)).filter(|held| {
            let is_other = held.execution.id != streamed.id && held.execution.kind == ExecutionKind::Trade;
            is_other && held.pair.as_ref().is_some_and(|pair| pair.other.is_none())
        });
        let mut spans = confirmed.filter_map(|held| span(&held.execution));
        spans.any(|(from, to)| {
            let fits_after = to.checked_add(streamed.qty).is_some_and(|end| streamed.cum_qty >= Some(end));
            streamed.qty > from && !fits_after
        })
    }

    /// True if two reports with different amounts are of one execution: a correction says so, or it looks so. Reports
    /// of one moment cannot be of a span that was undone and executed again.
    fn is_restated(&self, known: &Execution, report: &Execution) -> bool {
        let is_corrected = |surely: bool| {
            let of_it = |row: &&Execution| !surely || !self.is_open(row);
            self.corrections(known).filter(of_it).any(|correction| correction.states_the_same(report))
        };
        let near = distance(known.at, report.at).is_none_or(|apart| apart < ONE_EXECUTION);
        let looks_so = known.may_be_restated_as(report) || (near && known.meets(report) && is_corrected(false));
        // A bust with a price of its own is not of a row that has another.
        let is_own = || {
            let at_once = distance(known.at, report.at).is_some_and(|apart| apart < ONE_TIME);
            is_row(&report.id) && at_once && !self.is_stated_by_busts(report)
        };
        let surely = || known.meets(report) && (is_corrected(true) || is_own());
        looks_so && !self.is_busted(known) && (!self.was_busted_unseen(report) || surely())
    }

    /// Lets a slot hold both reports.
    pub(super) fn unify(&mut self, slot: u32, execution: Execution) -> Entered {
        let Some(known) = self.row(slot) else { return Entered::New };
        let row_first = is_row(&known.id);
        let other = (!known.states_the_same(&execution)).then_some((execution.qty, execution.px, execution.cum_qty));
        let (row, streamed) = if row_first { (known, &execution) } else { (&execution, known) };
        let claimed = streamed.cum_qty.filter(|_| other.is_none() && streamed.cum_qty != row.cum_qty);
        let pair = Pair { row: row.id.clone(), row_at: row.at, reported_at: streamed.at, row_first, other, claimed };
        let mut more = self.complete(slot, &execution);
        if let Some(held) = self.slot_mut(slot) {
            held.pair = Some(Box::new(pair));
            let known = &mut held.execution;
            if !row_first && known.states_the_same(&execution) && known.cum_qty != execution.cum_qty {
                // The row states the quantity at the execution's own time.
                known.cum_qty = execution.cum_qty;
                more = true;
            }
        }
        if !is_row(&execution.id) {
            return self.rename(slot, execution);
        }
        self.by_id.insert(execution.id, slot);
        match self.row(slot) {
            Some(known) if more => Entered::Completed(known.id.clone()),
            _ => Entered::Known,
        }
    }

    /// Separates a pair for a partner that fits better. The one that came first keeps the slot.
    pub(super) fn part(&mut self, slot: u32, execution: Execution) -> Entered {
        let Some(held) = self.slot_mut(slot) else { return Entered::New };
        let (Some(pair), line) = (held.pair.take(), held.line) else { return Entered::New };
        let order = execution.order_id.clone();
        let streamed = Execution { at: pair.reported_at, source: Source::Stream, ..held.execution.clone() };
        let row = Execution {
            id: pair.row.clone(),
            at: pair.row_at,
            position_qty: None,
            source: Source::Reconcile,
            ..held.execution.clone()
        };
        let streamed = Execution { cum_qty: pair.claimed.or(streamed.cum_qty), ..streamed };
        // The one that came first was shown as new, and stays; the other was never shown by itself.
        let (stays, mut other) = if pair.row_first { (row, streamed) } else { (streamed, row) };
        if let Some((qty, px, cum_qty)) = pair.other {
            (other.qty, other.px, other.cum_qty) = (qty, px, cum_qty);
        }
        held.execution = stays.clone();
        self.by_id.insert(stays.id.clone(), slot);
        let new = if is_row(&execution.id) == is_row(&stays.id) {
            let beside = self.push(other);
            self.unify(beside, execution);
            beside
        } else {
            self.unify(slot, execution);
            self.push(other)
        };
        self.recount(&order);
        let name = |slot| self.row(slot).map(|row| row.id.clone());
        let Some((stays, new)) = name(slot).zip(name(new)) else { return Entered::Known };
        Entered::Parted { stays, line, new }
    }
}

/// How far a report is from a slot in time, and whether the slot is free for it.
fn fit(held: &Slot, report: &Execution) -> Option<(SignedDuration, Fit)> {
    let known = &held.execution;
    let Some(pair) = &held.pair else {
        let other_kind = is_row(&known.id) != is_row(&report.id);
        return other_kind.then(|| (distance(known.at, report.at).unwrap_or(SignedDuration::ZERO), Fit::Free));
    };
    let partner = if is_row(&report.id) { pair.reported_at } else { pair.row_at };
    let (new, old) = (distance(partner, report.at)?, distance(pair.reported_at, pair.row_at)?);
    (new < old).then_some((new, Fit::Better))
}
