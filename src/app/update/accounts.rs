//! Linked accounts: their sessions are fed here, and what they put out becomes effects, rows, flashes and notices.

use std::time::Duration;

use super::{activities, clock, notices, orders};
use crate::app::effect::{Effect, Memory};
use crate::app::model::queries::OWN_REQUESTS;
use crate::app::model::{AccountScope, AccountState, BrokerRow, Dated, Model, Pending, Period};
use crate::app::msg::Recollection;
use crate::app::rows;
use crate::domain::blotter::{Blotter, Changes};
use crate::domain::{Execution, LinkId, Mono, Now, Source, TradeEvent};
use crate::link::LinkRecord;
use crate::session::{ConnectionState, Input, Output, Reply, Request, RequestError, RequestId};

/// How long a new execution flashes; ends fall on a grid, so that a storm of them wakes the program few times.
const FLASH: Duration = Duration::from_millis(1500);
const FLASH_GRID: u64 = 250;
/// Flashes at a time.
const FLASHES: usize = 1024;
/// How often the equity of today is asked for.
const HISTORY_EVERY: Duration = Duration::from_mins(5);

/// The remembered links are known, and shown; nothing is connected yet.
pub(super) fn list(model: &mut Model, links: Vec<LinkRecord>) {
    for link in links {
        enter(model, link);
    }
    choose_scope(model);
    rows::rebuild_all(model);
    model.dirty = true;
}

/// The remembered links are known: connect each.
pub(super) fn start(model: &mut Model, links: Vec<LinkRecord>, effects: &mut Vec<Effect>) {
    for link in links {
        let id = link.id.clone();
        enter(model, link);
        feed(model, &id, Input::Connect, effects);
    }
    choose_scope(model);
    if model.accounts.is_empty() && model.program.first_run && model.overlays.is_empty() {
        model.overlays.push(crate::app::model::Overlay::Welcome);
    }
    rows::rebuild_all(model);
    model.dirty = true;
}

/// The account shown first is the one shown last time.
fn choose_scope(model: &mut Model) {
    if let (AccountScope::None, Some(first)) = (&model.scope, model.accounts.first()) {
        let first = AccountScope::One(first.link.id.clone());
        let chosen = model.chosen_scope.take().filter(|scope| match scope {
            AccountScope::One(link) => model.account(link).is_some(),
            AccountScope::All => model.accounts.len() > 1,
            AccountScope::None => false,
        });
        set_scope(model, chosen.unwrap_or(first));
    }
}

/// Takes a link in, unless it is there, with what the journal knew of it.
fn enter(model: &mut Model, link: LinkRecord) {
    if model.account(&link.id).is_some() {
        return;
    }
    let (id, now) = (link.id.clone(), model.now);
    let mut account = AccountState::new(link, seed(&id, now));
    account.note(now, "begun");
    if let Some(place) = model.recollections.iter().position(|known| known.link == id) {
        let known = model.recollections.swap_remove(place);
        recollect(&mut account, known);
    }
    account.book = model.fresh_book();
    model.accounts.push(account);
}

/// What the journal knows of a link arrived: it is kept for a link that is still to come.
pub(super) fn remembered(model: &mut Model, known: Recollection) {
    let link = known.link.clone();
    let book = model.fresh_book();
    let Some(account) = model.account_mut(&link) else {
        model.recollections.push(known);
        return;
    };
    recollect(account, known);
    account.book = book;
    model.marks.retain(|key| key.link != link);
    rows::rebuild_all(model);
    model.dirty = true;
}

/// The account is ours to stream now.
pub(super) fn freed(model: &mut Model, link: &LinkId, effects: &mut Vec<Effect>) {
    let now = model.now;
    if let Some(account) = model.account_mut(link) {
        account.note(now, "the other instance let go of the account; streaming it from here");
    }
    feed(model, link, Input::Connect, effects);
}

/// Adds a link, or renews one that is there (its orders and executions stay), and connects it.
pub(super) fn add(model: &mut Model, link: LinkRecord, effects: &mut Vec<Effect>) {
    let id = link.id.clone();
    let now = model.now;
    if let Some(account) = model.account_mut(&id) {
        account.link = link;
        account.note(now, "linked again");
    } else {
        enter(model, link);
    }
    feed(model, &id, Input::Connect, effects);
    rows::brokers_changed(model);
}

/// Puts back what an earlier run knew; it is shown with its age until the first picture comes.
fn recollect(account: &mut AccountState, known: Recollection) {
    account.remembered_at = known.saved_at;
    account.blotter = Blotter::default();
    account.blotter.restore(known.orders, known.executions, known.tape);
    if let Some(id) = known.account {
        account.session.resume_from(id, known.watermark, known.complete_at);
    }
}

/// Accounts must not share their jitter, and neither must two runs; both parts are in a recording.
fn seed(link: &LinkId, now: Now) -> u64 {
    let hash = link
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash ^ u64::from(now.wall.subsec_nanosecond().unsigned_abs())
}

/// Takes an account away for good.
pub(super) fn remove(model: &mut Model, link: &LinkId, effects: &mut Vec<Effect>) {
    effects.push(Effect::CloseStream { link: link.clone() });
    effects.push(Effect::DropRequests { link: link.clone() });
    model.accounts.retain(|account| account.link.id != *link);
    model.marks.retain(|key| key.link != *link);
    let shown = matches!(&model.scope, AccountScope::One(one) if one == link) || model.accounts.is_empty();
    if shown {
        let next =
            model.accounts.first().map_or(AccountScope::None, |account| AccountScope::One(account.link.id.clone()));
        set_scope(model, next);
    }
    rows::rebuild_all(model);
    model.dirty = true;
}

/// Shows another account; its row in Brokers follows.
pub(super) fn set_scope(model: &mut Model, scope: AccountScope) {
    if let AccountScope::One(link) = &scope {
        let row = BrokerRow::Linked(link.clone());
        model.rows.brokers.select_key(&row);
    }
    if model.scope == scope {
        return;
    }
    model.scope = scope;
    model.marks.clear();
    rows::forget_orders(model);
    model.rows.positions.selected = None;
    model.rows.tape.selected = None;
    rows::rebuild_orders(model);
    rows::rebuild_positions(model);
    rows::rebuild_tape(model);
    model.dirty = true;
}

/// Feeds a session one input and carries out what it puts out.
pub(super) fn feed(model: &mut Model, link: &LinkId, input: Input, effects: &mut Vec<Effect>) {
    let now = model.now;
    let Some(account) = model.account_mut(link) else { return };
    if matches!(input, Input::Stream(..)) {
        account.last_event_at = Some(now.mono);
    }
    if matches!(account.state(), ConnectionState::Polling { .. }) && account.session.has_picture() && !account.seen_live
    {
        // Without a stream this is as live as it gets: what comes from now on is news.
        account.seen_live = true;
        account.history_until = account.blotter.last_fill_at();
    }
    let before = account.session.watermark();
    account.session.handle(input, &mut account.blotter, now);
    let outputs: Vec<Output> = std::iter::from_fn(|| account.session.poll()).collect();
    let (watermark, asked_at) = account.session.watermark();
    for output in outputs {
        carry_out(model, link, output, effects);
    }
    if let Some(asked_at) = asked_at.filter(|_| (watermark, asked_at) != before) {
        effects.push(Effect::Remember { link: link.clone(), memory: Memory::Complete { watermark, asked_at } });
    }
}

fn carry_out(model: &mut Model, link: &LinkId, output: Output, effects: &mut Vec<Effect>) {
    let now = model.now;
    let owner = || link.clone();
    match output {
        Output::OpenStream(epoch, form) => effects.push(Effect::OpenStream { link: owner(), epoch, form }),
        Output::CloseStream => effects.push(Effect::CloseStream { link: owner() }),
        Output::Request(id, request) => effects.push(Effect::Request { link: owner(), id, request }),
        Output::DropRequests => {
            effects.push(Effect::DropRequests { link: owner() });
            after_drop(model, link, effects);
        }
        Output::Changed(changes) => {
            changed(model, link, &changes, effects);
            effects.push(Effect::Remember { link: owner(), memory: Memory::Changes(changes) });
        }
        Output::Reset => reset(model, link),
        Output::Account(value) => {
            if let Some(account) = model.account_mut(link) {
                let differs = account.account.as_ref().is_none_or(|dated| dated.value != *value);
                let other = account.account.as_ref().is_none_or(|dated| dated.value.id != value.id);
                let memory = Memory::Account(value.id.clone());
                account.account = Some(Dated { value: *value, at: now.mono });
                model.dirty |= differs;
                if other {
                    effects.push(Effect::Remember { link: owner(), memory });
                }
            }
        }
        Output::Positions(value) => {
            let Some(account) = model.account_mut(link) else { return };
            let differs = account.positions.as_ref().is_none_or(|dated| dated.value != value);
            account.positions = Some(Dated { value, at: now.mono });
            if differs {
                rows::positions_changed(model, link);
                model.dirty = true;
            }
        }
        Output::State(state) => state_changed(model, link, &state, effects),
        Output::Log(text) => {
            if let Some(account) = model.account_mut(link) {
                account.note(now, crate::domain::text::sanitize(&text));
                model.dirty = true;
            }
        }
        Output::Alarm(text) => {
            if let Some(account) = model.account_mut(link) {
                account.note(now, crate::domain::text::sanitize(&text));
            }
            notices::error(model, Some(link), text);
        }
    }
}

/// What was queued is gone, the program's own questions as well: curves are asked for when they are wanted again,
/// but a cancel that the owner confirmed must arrive. Asking twice does no harm, the second answer is ignored.
fn after_drop(model: &mut Model, link: &LinkId, effects: &mut Vec<Effect>) {
    let curve_or_page = |pending: &Pending| matches!(pending, Pending::History { link: owner, .. } | Pending::Activities { link: owner, .. } if owner == link);
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

/// The account behind the link is a new one: what was shown of the old one goes.
fn reset(model: &mut Model, link: &LinkId) {
    if let Some(account) = model.account_mut(link) {
        account.history = None;
        account.charts.clear();
        account.activities.clear();
        account.seen_live = false;
    }
    model.marks.retain(|key| key.link != *link);
    rows::forget_orders(model);
    rows::rebuild_orders(model);
    rows::rebuild_tape(model);
    model.dirty = true;
}

fn state_changed(model: &mut Model, link: &LinkId, state: &ConnectionState, effects: &mut Vec<Effect>) {
    let now = model.now;
    model.dirty = true;
    rows::brokers_changed(model);
    let Some(account) = model.account_mut(link) else { return };
    let label = account.link.label.clone();
    match state {
        ConnectionState::Live { .. } => {
            if !account.seen_live {
                account.seen_live = true;
                account.history_until = account.blotter.last_fill_at();
            }
            account.history_due = Some(account.history_due.unwrap_or(now.mono).min(now.mono));
            ask_history(model, link, effects);
            if model.clock_due.is_none() {
                clock::ask(model, link, effects);
            }
        }
        ConnectionState::Reconnecting { attempt, reason, .. } => {
            if *attempt <= 1 && account.seen_live {
                let text = format!("{label}: connection lost, {reason}");
                notices::ring(model, &text, effects);
            }
        }
        ConnectionState::NeedsRelink { reason } => {
            let cure = model.keymap.say("{brokers.link} in Brokers links it again").into_owned();
            let text = format!("{label}: the token was refused ({reason}); {cure}");
            notices::ring(model, &text, effects);
            notices::error(model, Some(link), text);
        }
        ConnectionState::Blocked { reason } => {
            let text = format!("{label} is blocked: {reason}");
            notices::error(model, Some(link), text);
        }
        // A refused stream is told by the session's own alarm.
        ConnectionState::Polling { .. }
        | ConnectionState::Connecting { .. }
        | ConnectionState::Syncing { .. }
        | ConnectionState::Paused => {}
    }
}

/// Takes over what a merge changed: rows, flashes, the bell.
pub(super) fn changed(model: &mut Model, link: &LinkId, changes: &Changes, effects: &mut Vec<Effect>) {
    if changes.is_empty() {
        return;
    }
    model.dirty = true;
    rows::orders_changed(model, link, &changes.orders);
    rows::tape_added(model, link, &changes.tape);
    let Some(account) = model.account(link) else { return };
    if !account.seen_live {
        return;
    }
    let fresh: Vec<&Execution> = changes
        .executions
        .iter()
        .filter_map(|id| account.blotter.execution(id))
        .filter(|execution| execution.source != Source::Journal)
        .collect();
    let news = headline(account, &fresh, changes);
    let ids: Vec<_> = fresh.iter().map(|execution| execution.id.clone()).collect();
    if model.program.flash {
        let until = grid(model.now.mono + FLASH);
        for id in ids {
            model.flashes.insert(id, until);
        }
        while model.flashes.len() > FLASHES {
            model.flashes.pop_first();
        }
    }
    if let Some((text, refused)) = news {
        if refused {
            notices::toast(model, text.clone());
        }
        notices::ring(model, &text, effects);
    }
}

fn grid(at: Mono) -> Mono {
    let millis = u64::try_from(at.0.as_millis()).unwrap_or(u64::MAX);
    Mono::from_millis(millis.div_ceil(FLASH_GRID).saturating_mul(FLASH_GRID))
}

/// One sentence about news worth a bell, and whether it is a refusal.
fn headline(account: &AccountState, fresh: &[&Execution], changes: &Changes) -> Option<(String, bool)> {
    let label = &account.link.label;
    let entries = changes.tape.iter().filter_map(|number| account.blotter.tape_entry(*number));
    let mut refused = entries.filter(|entry| {
        matches!(entry.event, TradeEvent::Rejected | TradeEvent::CancelRejected | TradeEvent::ReplaceRejected)
    });
    if let Some(entry) = refused.next_back() {
        let what = account
            .blotter
            .order(&entry.order_id)
            .map_or_else(String::new, |order| format!(": {}", orders::brief(order)));
        let event = match entry.event {
            TradeEvent::CancelRejected => "cancel refused",
            TradeEvent::ReplaceRejected => "replace refused",
            _ => "order rejected",
        };
        return Some((format!("{event}{what} · {label}"), true));
    }
    let last = fresh.last()?;
    let px = last.px.map_or_else(|| "--".to_owned(), |px| px.grouped(2));
    let text = format!("{} {} {} @ {px} · {label}", last.side.label(), last.qty.grouped(0), last.symbol);
    let text = if fresh.len() > 1 { format!("{} executions, last {text}", fresh.len()) } else { text };
    Some((text, false))
}

/// A deadline passed, or may have: every session, question and passing thing whose time has come.
pub(super) fn tick(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    let before = (model.toasts.len(), model.flashes.len());
    model.toasts.retain(|toast| toast.until > now);
    model.flashes.retain(|_, until| *until > now);
    model.dirty |= before != (model.toasts.len(), model.flashes.len());
    let due: Vec<LinkId> = model
        .accounts
        .iter()
        .filter(|account| account.session.deadline().is_some_and(|deadline| deadline <= now))
        .map(|account| account.link.id.clone())
        .collect();
    for link in due {
        feed(model, &link, Input::Timeout, effects);
    }
    let due: Vec<LinkId> = model
        .accounts
        .iter()
        .filter(|account| account.history_due.is_some_and(|due| due <= now))
        .map(|account| account.link.id.clone())
        .collect();
    for link in due {
        ask_history(model, &link, effects);
    }
    clock::tick(model, effects);
}

/// True when questions to the account may be answered.
pub(super) const fn reachable(state: &ConnectionState) -> bool {
    matches!(state, ConnectionState::Live { .. } | ConnectionState::Polling { .. } | ConnectionState::Blocked { .. })
}

/// Asks for the equity of today where the account can answer, and again later.
fn ask_history(model: &mut Model, link: &LinkId, effects: &mut Vec<Effect>) {
    let due = model.now.mono + HISTORY_EVERY;
    let Some(account) = model.account_mut(link) else { return };
    account.history_due = Some(due);
    if reachable(account.state()) {
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
        return feed(model, link, Input::Reply(id, result), effects);
    }
    match model.pending.remove(&id) {
        Some(Pending::History { link, period }) => history(model, &link, period, result),
        Some(Pending::Activities { link, older }) => activities::answered(model, &link, older, result, effects),
        Some(Pending::Cancel(key)) => orders::cancel_answered(model, &key, result, effects),
        Some(Pending::Order(key)) => orders::fetched(model, &key, result, effects),
        None => {}
    }
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
            model.dirty = true;
        }
        Ok(_) => {}
        // The sparkline only stays as it was; a chart that somebody is waiting for says why it stays empty.
        Err(error) => {
            let open = matches!(model.top(), Some(crate::app::model::Overlay::EquityChart { period: open, .. }) if *open == period);
            if open {
                notices::error(model, Some(link), format!("{label}: no equity history, {error}"));
            }
        }
    }
}

/// The machine slept: every connection that should be up starts anew.
pub(super) fn resumed(model: &mut Model, effects: &mut Vec<Effect>) {
    let links: Vec<LinkId> = model
        .accounts
        .iter()
        .filter(|account| !matches!(account.state(), ConnectionState::Paused | ConnectionState::NeedsRelink { .. }))
        .map(|account| account.link.id.clone())
        .collect();
    let now = model.now;
    for link in links {
        if let Some(account) = model.account_mut(&link) {
            account.note(now, "the machine slept; connecting anew");
        }
        feed(model, &link, Input::Connect, effects);
    }
    model.dirty = true;
}
