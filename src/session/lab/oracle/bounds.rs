//! While the word is `live`: how far what is shown may be behind the truth.

use std::time::Duration;

use jiff::Timestamp;

use super::settled::{is_history, order_is_true, out_of_sight};
use super::{Broker, Fill, Shown};
use crate::domain::blotter::Blotter;
use crate::domain::money::Money;
use crate::domain::update::TradeUpdate;
use crate::session::lab::broker::Held;

/// A change that the stream left out, on a quiet account: an audit in five minutes, and one more pass.
const CHANGE: Duration = Duration::from_secs(390);
/// What stood when it went live: two early audits have seen it, however late REST was.
const EARLY: Duration = Duration::from_mins(2);
/// What is held: asked for every minute, more often while something is, and after each execution.
const HOLDINGS: Duration = Duration::from_secs(100);
/// After a frame that could not be read: an extra pass a minute at most.
const UNREAD: Duration = Duration::from_secs(110);

/// One look at a program that says it is live.
pub(in crate::session::lab) struct Behind<'a> {
    pub(in crate::session::lab) broker: &'a Broker,
    pub(in crate::session::lab) blotter: &'a Blotter,
    pub(in crate::session::lab) shown: &'a Shown,
    pub(in crate::session::lab) now: Timestamp,
    pub(in crate::session::lab) live_since: Timestamp,
    /// Since when this connection is followed: its first `live`.
    pub(in crate::session::lab) followed_since: Timestamp,
    /// When watching began.
    pub(in crate::session::lab) since: Timestamp,
    /// What failing requests may add to every bound.
    pub(in crate::session::lab) patience: Duration,
    /// Frames that could not be read: when, and of which order.
    pub(in crate::session::lab) unread: Vec<(Timestamp, usize)>,
}

/// Nothing is further behind than is promised.
pub(in crate::session::lab) fn behind(look: &Behind<'_>) -> Result<(), String> {
    let &Behind { broker, now, live_since, patience, .. } = look;
    let live_for = now.duration_since(live_since).unsigned_abs();
    if live_for < EARLY + patience {
        return Ok(());
    }
    let horizon = (now - CHANGE - patience).max(look.followed_since);
    stands(look, horizon, false).map_err(|what| format!("live, and {what} since {horizon}"))?;
    for (at, place) in &look.unread {
        let held = broker.orders.get(*place).filter(|held| held.changed_at() <= *at);
        let due = *at >= live_since && now.duration_since(*at).unsigned_abs() > UNREAD + patience;
        let of_it = |held: &&Held| !held.undoing_lost && !is_history(held, look.since) && !out_of_sight(held);
        if let Some(held) = held.filter(|held| due && of_it(held)) {
            order_is_true(broker, look.blotter, held, *at)
                .map_err(|what| format!("live, and after a frame that could not be read {what}"))?;
        }
    }
    holdings(look)
}

/// All that has not changed since a moment is shown as it is; at `once`, only what one answer is enough to tell.
fn stands(look: &Behind<'_>, horizon: Timestamp, once: bool) -> Result<(), String> {
    let &Behind { broker, blotter, since, .. } = look;
    for held in &broker.orders {
        let told_apart = !once || (!held.undone && broker.is_told_apart(held));
        let judged = held.changed_at() <= horizon && told_apart && !is_unseen(broker, held, horizon);
        if judged && !is_history(held, since) && !out_of_sight(held) {
            order_is_true(broker, blotter, held, horizon)?;
        }
    }
    for fill in &broker.fills {
        let listed = fill.listed_at <= horizon && fill.execution.at >= Some(since);
        if listed && fill.undone_at.is_none() && blotter.execution(&fill.execution.id).is_none() {
            let row = format!("row/{}", fill.row.id);
            if blotter.execution(&row.as_str().into()).is_none() {
                return Err(format!("execution {} is not there", fill.execution.id));
            }
        }
    }
    Ok(())
}

/// True for an order that executed after its end, where no row says so yet: an old one is in no list that is asked for.
fn is_unseen(broker: &Broker, held: &Held, horizon: Timestamp) -> bool {
    let order = held.now();
    let late = |fill: &Fill| fill.execution.order_id == order.id && fill.listed_at > horizon;
    order.status.is_terminal() && broker.fills.iter().any(late)
}

/// Balances and positions are of a moment that is not long ago.
fn holdings(look: &Behind<'_>) -> Result<(), String> {
    let &Behind { broker, shown, now, .. } = look;
    let from = now - HOLDINGS - look.patience;
    let account = shown.account.as_ref().ok_or("live, and no balance is known")?;
    let told = account.equity.map(Money::decimal);
    if told.is_none_or(|second| second < from.as_second().into()) {
        return Err(format!("live, and the balance is older than {from}"));
    }
    let positions = shown.positions.as_ref().ok_or("live, and no positions are known")?;
    let plain = |positions: &[crate::domain::Position]| -> Vec<_> {
        positions.iter().map(|held| (held.symbol.clone(), held.qty)).collect()
    };
    let known = plain(positions);
    let some =
        (broker.changes_at(from)..=broker.changes_at(now)).any(|number| plain(&broker.held_after(number)) == known);
    if !some {
        return Err(format!("live, and positions {known:?} were true of no moment since {from}"));
    }
    let stale = positions.iter().find(|held| held.last_px.is_none_or(|px| px.decimal() < from.as_second().into()));
    match stale {
        Some(held) => Err(format!("live, and the price of {} is older than {from}", held.symbol)),
        None => Ok(()),
    }
}

/// At the moment the word becomes `live`: all that had happened well before the snapshot was asked for is in it. That
/// something was undone without a report is believed when two passes agree, and so is a state whose time is that of the
/// one before.
pub(in crate::session::lab) fn at_live(look: &Behind<'_>, asked: Timestamp) -> Result<(), String> {
    stands(look, asked, true).map_err(|what| format!("it goes live on half a picture: {what} since {asked}"))
}

/// What an update said is shown once it was taken in.
pub(in crate::session::lab) fn reflects(
    broker: &Broker,
    blotter: &Blotter,
    update: &TradeUpdate,
) -> Result<(), String> {
    let Some(place) = broker.index.get(&update.order.id) else { return Ok(()) };
    let held = &broker.orders[*place];
    for execution in &update.executions {
        if blotter.execution(&execution.id).is_none() {
            return Err(format!("the stream told of {} and it is not shown", execution.id));
        }
    }
    let Some(order) = blotter.order(&update.order.id) else {
        return Err(format!("the stream told of order {} and it is not shown", update.order.id));
    };
    if order.cum_qty < update.order.cum_qty && !held.undone {
        return Err(format!("order {} shows less executed than the stream told", update.order.id));
    }
    if update.order.status.is_terminal() && order.status.is_working() {
        return Err(format!("order {} is done, the stream said so, and it is shown as {}", order.id, order.status));
    }
    Ok(())
}
