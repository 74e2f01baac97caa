//! What the program asks brokers on its own account, beside its sessions: equity curves, and what its keys began.

use std::time::Duration;

use super::{activities, clock, notices, orders, sessions};
use crate::app::effect::Effect;
use crate::app::model::queries::OWN_REQUESTS;
use crate::app::model::{Dated, Ends, Model, Pending, Period};
use crate::domain::LinkId;
use crate::session::{Input, Reply, Request, RequestError, RequestId};

/// How often the equity of today is asked for.
const HISTORY_EVERY: Duration = Duration::from_mins(5);
/// How soon again where it did not come.
const HISTORY_RETRY: Duration = Duration::from_mins(1);

/// Asks for clock and equity as soon as an account can answer, however its connection stands.
pub(super) fn ask_when_reachable(model: &mut Model, link: &LinkId, effects: &mut Vec<Effect>) {
    let Some(account) = model.account(link).filter(|account| account.session.answers()) else { return };
    if account.history_due.is_none() {
        ask_history(model, link, effects);
    }
    if model.clock_due.is_none() {
        clock::ask(model, link, effects);
    }
}

/// Asks for the equity of today where the account can answer, and again later.
pub(super) fn ask_history(model: &mut Model, link: &LinkId, effects: &mut Vec<Effect>) {
    let due = model.now.mono + HISTORY_EVERY;
    let Some(account) = model.account_mut(link) else { return };
    account.history_due = Some(due);
    if account.session.answers() {
        ask_curve(model, link, Period::Day, effects);
    }
}

/// Asks for an equity curve, unless it is being asked for.
pub(super) fn ask_curve(model: &mut Model, link: &LinkId, period: Period, effects: &mut Vec<Effect>) {
    let pending = Pending::History { link: link.clone(), period };
    if model.pending.values().any(|other| *other == pending) {
        return;
    }
    let request = Request::History { period: period.word().into(), timeframe: period.timeframe().into() };
    ask(model, link, pending, request, effects);
}

/// Asks a question of the program's own.
pub(super) fn ask(model: &mut Model, link: &LinkId, pending: Pending, request: Request, effects: &mut Vec<Effect>) {
    let id = model.fresh_request();
    model.pending.insert(id, pending);
    effects.push(Effect::Request { link: link.clone(), id, request });
}

/// An answer came: to a session, or to a question of the program's own.
pub(super) fn replied(
    model: &mut Model,
    link: &LinkId,
    id: RequestId,
    result: Result<Box<Reply>, RequestError>,
    effects: &mut Vec<Effect>,
) {
    if id.0 < OWN_REQUESTS {
        return sessions::feed(model, link, Input::Reply(id, result), effects);
    }
    match model.pending.remove(&id) {
        Some(Pending::History { link, period }) => history(model, &link, period, result),
        Some(Pending::Activities { link, older }) => activities::answered(model, &link, older, result, effects),
        Some(Pending::Cancel(key)) => orders::cancel_answered(model, &key, result, effects),
        Some(Pending::Order(key)) => orders::fetched(model, &key, result, effects),
        None => {}
    }
}

/// What was queued is gone, the program's own questions as well: curves are asked for when they are wanted again,
/// but a cancel that the owner confirmed must arrive: the queue may be a new one, with a new token. One that kept it takes it once.
pub(super) fn after_drop(model: &mut Model, link: &LinkId, effects: &mut Vec<Effect>) {
    let curve_or_page = |pending: &Pending| matches!(pending, Pending::History { link: owner, .. } | Pending::Activities { link: owner, .. } if owner == link);
    let day = Pending::History { link: link.clone(), period: Period::Day };
    if model.pending.values().any(|pending| *pending == day)
        && let Some(account) = model.account_mut(link)
    {
        account.history_due = None;
    }
    model.pending.retain(|_, pending| !curve_or_page(pending));
    let again = model.pending.iter().filter_map(|(id, pending)| {
        let request = match pending {
            Pending::Cancel(key) if key.link == *link => Request::CancelOrder(key.order.clone()),
            Pending::Order(key) if key.link == *link => Request::Order(key.order.clone()),
            _ => return None,
        };
        Some(Effect::Request { link: link.clone(), id: *id, request })
    });
    effects.extend(again);
}

fn history(model: &mut Model, link: &LinkId, period: Period, result: Result<Box<Reply>, RequestError>) {
    let at = model.now.mono;
    let label = model.account(link).map(|account| account.link.label.clone()).unwrap_or_default();
    match result.map(|reply| *reply) {
        Ok(Reply::History(value)) => {
            let Some(account) = model.account_mut(link) else { return };
            let dated = Dated { value, at };
            if period == Period::Day {
                account.history = Some(dated.clone());
            }
            account.charts.insert(period, dated);
            account.curve_faults.remove(&period);
            notices::over(model, Some(link), Ends::WithCurve);
        }
        Ok(_) => {}
        // The curve stays as it was, with its age; a chart that somebody is waiting for says why it stays empty.
        Err(error) => {
            if let Some(account) = model.account_mut(link) {
                account.curve_faults.insert(period, error.brief());
                if period == Period::Day {
                    account.history_due = Some(at + HISTORY_RETRY);
                }
            }
            model.dirty = true;
            let open = matches!(model.top(), Some(crate::app::model::Overlay::EquityChart { period: open, .. }) if *open == period);
            if open {
                let text = format!("{label}: no equity history, {error}");
                notices::lasting(model, Some(link), Ends::WithCurve, text);
            }
        }
    }
}
