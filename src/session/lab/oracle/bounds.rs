//! How far the screen may be behind the truth while the state is `live`.

use std::time::Duration;

use jiff::Timestamp;

use super::settled::{is_history, is_taken_for_another, order_is_true, out_of_sight};
use super::{Broker, Fill, Shown};
use crate::domain::blotter::Blotter;
use crate::domain::money::Money;
use crate::domain::update::TradeUpdate;
use crate::session::lab::broker::Held;

/// A change that the stream left out, on a quiet account: an audit within five minutes, and one more pass.
const CHANGE: Duration = Duration::from_secs(390);
/// Everything from before going live: two early audits have seen it, however late REST was.
const EARLY: Duration = Duration::from_mins(2);
/// Positions: requested every minute, more often while something is held, and after each execution.
const HOLDINGS: Duration = Duration::from_secs(100);
/// After an unreadable frame: at most one extra pass a minute.
const UNREAD: Duration = Duration::from_secs(110);

/// One check of a program whose state is live.
pub(in crate::session::lab) struct Behind<'a> {
    pub(in crate::session::lab) broker: &'a Broker,
    pub(in crate::session::lab) blotter: &'a Blotter,
    pub(in crate::session::lab) shown: &'a Shown,
    pub(in crate::session::lab) now: Timestamp,
    pub(in crate::session::lab) live_since: Timestamp,
    /// When this connection was first followed.
    pub(in crate::session::lab) followed_since: Timestamp,
    /// When watching began.
    pub(in crate::session::lab) since: Timestamp,
    /// What failing requests may add to every bound.
    pub(in crate::session::lab) allowance: Duration,
    /// Unreadable frames: when, and of which order.
    pub(in crate::session::lab) unread: Vec<(Timestamp, usize)>,
}

/// Checks that nothing is further behind than promised.
pub(in crate::session::lab) fn behind(look: &Behind<'_>) -> Result<(), String> {
    let &Behind { broker, now, live_since, allowance, .. } = look;
    let live_for = now.duration_since(live_since).unsigned_abs();
    if live_for < EARLY + allowance {
        return Ok(());
    }
    let horizon = (now - CHANGE - allowance).max(look.followed_since);
    check_unchanged(look, horizon, false).map_err(|what| format!("live, and {what} since {horizon}"))?;
    for (at, place) in &look.unread {
        let held = broker.orders.get(*place).filter(|held| held.changed_at() <= *at);
        let due = *at >= live_since && now.duration_since(*at).unsigned_abs() > UNREAD + allowance;
        let of_it = |held: &&Held| !held.undoing_lost && !is_history(held, look.since) && !out_of_sight(held);
        if let Some(held) = held.filter(|held| due && of_it(held)) {
            order_is_true(broker, look.blotter, held, *at)
                .map_err(|what| format!("live, and after an unreadable frame {what}"))?;
        }
    }
    holdings(look)
}

/// Checks that everything unchanged since `horizon` is shown correctly; with `once`, only what a
/// single answer can show.
fn check_unchanged(look: &Behind<'_>, horizon: Timestamp, once: bool) -> Result<(), String> {
    let &Behind { broker, blotter, since, .. } = look;
    for held in &broker.orders {
        let told_apart = !once || (!held.undone && broker.is_told_apart(held));
        let judged = held.changed_at() <= horizon && told_apart && !is_unseen(broker, held, horizon);
        if judged && !is_history(held, since) && !out_of_sight(held) {
            order_is_true(broker, blotter, held, horizon)?;
        }
    }
    for fill in &broker.fills {
        let listed = fill.listed_at <= horizon && fill.execution.at >= Some(since) && !fill.out_of_sight;
        if listed && fill.undone_at.is_none() && blotter.execution(&fill.execution.id).is_none() {
            let row = format!("row/{}", fill.row.id);
            if blotter.execution(&row.as_str().into()).is_none() && !is_taken_for_another(broker, fill) {
                return Err(format!("execution {} is not there", fill.execution.id));
            }
        }
    }
    Ok(())
}

/// True for an order that executed after its end and whose row is not visible yet: no requested list
/// contains an old order.
fn is_unseen(broker: &Broker, held: &Held, horizon: Timestamp) -> bool {
    let order = held.now();
    let late = |fill: &Fill| fill.execution.order_id == order.id && fill.listed_at > horizon;
    order.status.is_terminal() && broker.fills.iter().any(late)
}

/// Checks that balances and positions are recent.
fn holdings(look: &Behind<'_>) -> Result<(), String> {
    let &Behind { broker, shown, now, .. } = look;
    let from = now - HOLDINGS - look.allowance;
    let account = shown.account.as_ref().ok_or("live, and no balance is known")?;
    let stated = account.equity.map(Money::decimal);
    if stated.is_none_or(|second| second < from.as_second().into()) {
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

/// When the state becomes `live`: everything that happened well before the snapshot was requested is in it.
/// Exempt are an execution undone without a report, which needs two passes that agree, and a state with the time
/// of the previous one.
pub(in crate::session::lab) fn at_live(look: &Behind<'_>, asked: Timestamp) -> Result<(), String> {
    check_unchanged(look, asked, true)
        .map_err(|what| format!("it goes live on an incomplete snapshot: {what} since {asked}"))
}

/// Checks that everything since before `horizon` is shown, whatever the state is, as far as one answer can show it.
pub(in crate::session::lab) fn shows(look: &Behind<'_>, horizon: Timestamp) -> Result<(), String> {
    check_unchanged(look, horizon, true)
}

/// Checks that an update is shown once it was merged.
pub(in crate::session::lab) fn reflects(
    broker: &Broker,
    blotter: &Blotter,
    update: &TradeUpdate,
) -> Result<(), String> {
    let Some(place) = broker.index.get(&update.order.id) else { return Ok(()) };
    let held = &broker.orders[*place];
    for execution in &update.executions {
        if blotter.execution(&execution.id).is_none() {
            return Err(format!("the stream reported {} and it is not shown", execution.id));
        }
    }
    let Some(order) = blotter.order(&update.order.id) else {
        return Err(format!("the stream reported order {} and it is not shown", update.order.id));
    };
    if order.cum_qty < update.order.cum_qty && !held.undone {
        return Err(format!("order {} shows less executed than the stream reported", update.order.id));
    }
    if update.order.status.is_terminal() && order.status.is_working() {
        return Err(format!("order {} is done according to the stream but shown as {}", order.id, order.status));
    }
    Ok(())
}
