//! Decides between two states of one order: monotone, deterministic, and the same whichever arrived first.

use std::cmp::Ordering;

use super::terms::terms;
use crate::domain::disabled_rule::{DisabledRule, left_out};
use crate::domain::order::{Order, OrderStatus};
use crate::domain::time::is_before;

/// What to do with an arriving state.
pub(super) enum Verdict {
    /// Keep the known state: the arriving one is not newer.
    Keep,
    /// Replace the known state with this one.
    Take(Box<Order>),
}

/// Judges an arriving state against the known one. `may_lower` is set only for busts and corrections,
/// reported or apparent; `evidence` for REST answers, which also settle changes without an event, such as the
/// mark of a trailing stop.
pub(super) fn judge(known: &Order, arrived: &Order, may_lower: bool, evidence: bool) -> Verdict {
    if left_out(DisabledRule::Monotone) {
        return if known == arrived { Verdict::Keep } else { Verdict::Take(Box::new(arrived.clone())) };
    }
    let lowered = may_lower && arrived.cum_qty < known.cum_qty && arrived.updated_at >= known.updated_at;
    if lowered {
        let mut merged = arrived.clone();
        keep_end(&mut merged, known);
        keep_relations(&mut merged, known);
        return Verdict::Take(Box::new(merged));
    }
    if newer(arrived, known) == Ordering::Greater {
        let mut merged = arrived.clone();
        // After a late fill, its quantity counts, but its status does not reopen the order.
        keep_end(&mut merged, known);
        keep_relations(&mut merged, known);
        return Verdict::Take(Box::new(merged));
    }
    if known.cum_qty > arrived.cum_qty && arrived.status.is_terminal() && !known.status.is_terminal() {
        // A fill that was reported late arrived before the end: the terminal status holds, and the quantity stays.
        let mut merged = known.clone();
        merged.status = arrived.status.clone();
        merged.canceled_at = arrived.canceled_at.or(known.canceled_at);
        merged.expired_at = arrived.expired_at.or(known.expired_at);
        merged.failed_at = arrived.failed_at.or(known.failed_at);
        merged.replaced_at = arrived.replaced_at.or(known.replaced_at);
        // It keeps the earlier time: if the lower quantity is right, because something was undone, the next REST answer
        // is newer than this and settles it.
        return Verdict::Take(Box::new(merged));
    }
    if evidence && newer(arrived, known) == Ordering::Equal && terms(arrived) != terms(known) {
        let mut merged = arrived.clone();
        keep_relations(&mut merged, known);
        return Verdict::Take(Box::new(merged));
    }
    Verdict::Keep
}

/// Keeps the terminal status of an order that has ended.
fn keep_end(merged: &mut Order, known: &Order) {
    if known.status.is_terminal() && !merged.status.is_terminal() {
        merged.status = known.status.clone();
        merged.canceled_at = known.canceled_at.or(merged.canceled_at);
        merged.expired_at = known.expired_at.or(merged.expired_at);
        merged.failed_at = known.failed_at.or(merged.failed_at);
        merged.replaced_at = known.replaced_at.or(merged.replaced_at);
    }
}

/// Fills in relations that `merged` lacks, since only some answers carry them; true if there were any.
pub(super) fn keep_relations(merged: &mut Order, other: &Order) -> bool {
    let mut kept = false;
    if merged.legs.is_empty() && !other.legs.is_empty() {
        merged.legs.clone_from(&other.legs);
        kept = true;
    }
    for (mine, theirs) in [(&mut merged.replaced_by, &other.replaced_by), (&mut merged.replaces, &other.replaces)] {
        if mine.is_none() && theirs.is_some() {
            mine.clone_from(theirs);
            kept = true;
        }
    }
    if merged.group_id.is_none() && other.group_id.is_some() {
        merged.group_id.clone_from(&other.group_id);
        merged.group_role.clone_from(&other.group_role);
        kept = true;
    }
    kept
}

/// Compares by rank, then by the progress of the status. Stream and REST write one state differently, so text decides
/// nothing; and a time decides only if its digits distinguish it from the other.
fn newer(a: &Order, b: &Order) -> Ordering {
    let ((a_cum, a_ended, a_at), (b_cum, b_ended, b_at)) = (a.rank(), b.rank());
    let time = match (is_before(a_at, b_at), is_before(b_at, a_at)) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => a_at.is_some().cmp(&b_at.is_some()),
    };
    (a_cum, a_ended).cmp(&(b_cum, b_ended)).then(time).then_with(|| progress(&a.status).cmp(&progress(&b.status)))
}

fn progress(status: &OrderStatus) -> u8 {
    match status {
        OrderStatus::Held => 0,
        OrderStatus::PendingNew => 1,
        OrderStatus::Accepted | OrderStatus::AcceptedForBidding => 2,
        OrderStatus::New => 3,
        OrderStatus::PartiallyFilled => 4,
        OrderStatus::PendingReplace => 5,
        OrderStatus::PendingCancel => 6,
        OrderStatus::Stopped | OrderStatus::Suspended | OrderStatus::Calculated | OrderStatus::DoneForDay => 7,
        OrderStatus::Other(_) => 8,
        OrderStatus::Rejected => 9,
        OrderStatus::Expired => 10,
        OrderStatus::Canceled => 11,
        OrderStatus::Replaced => 12,
        OrderStatus::Filled => 13,
    }
}
