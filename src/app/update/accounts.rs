//! Linked accounts: they come, are shown, and go; time passes for all of them here.

use super::{clock, notices, questions, sessions};
use crate::app::effect::Effect;
use crate::app::model::{AccountScope, AccountState, BrokerRow, Model};
use crate::app::msg::Recollection;
use crate::app::rows;
use crate::domain::blotter::Blotter;
use crate::domain::{LinkId, Now};
use crate::link::LinkRecord;
use crate::session::{ConnectionState, Input};

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
        sessions::feed(model, &id, Input::Connect, effects);
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
    sessions::feed(model, link, Input::Connect, effects);
}

/// Adds a link, or renews one that is there (its orders and executions stay), and connects it.
pub(super) fn add(model: &mut Model, link: LinkRecord, effects: &mut Vec<Effect>) {
    let id = link.id.clone();
    let now = model.now;
    if let Some(account) = model.account_mut(&id) {
        account.session.belongs_to(link.account_id.clone(), link.environment == crate::domain::Environment::Paper);
        account.link = link;
        account.note(now, "linked again");
    } else {
        enter(model, link);
    }
    sessions::feed(model, &id, Input::Connect, effects);
    rows::brokers_changed(model);
}

/// Puts back what an earlier run knew; it is shown with its age until the first picture comes.
fn recollect(account: &mut AccountState, known: Recollection) {
    account.remembered_at = known.saved_at;
    account.blotter = Blotter::default();
    account.blotter.restore(known.orders, known.executions, known.tape, known.complete_at);
    if known.complete_at.is_some() {
        account.history_until = Some(account.blotter.last_fill_at());
    }
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

/// A deadline passed, or may have: every session, question and passing thing whose time has come.
pub(super) fn tick(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    let before = model.toasts.len();
    model.toasts.retain(|toast| toast.until > now);
    model.dirty |= model.flashes.end(now) || before != model.toasts.len();
    notices::ring_again(model, effects);
    let due: Vec<LinkId> = model
        .accounts
        .iter()
        .filter(|account| account.session.deadline().is_some_and(|deadline| deadline <= now))
        .map(|account| account.link.id.clone())
        .collect();
    for link in due {
        sessions::feed(model, &link, Input::Timeout, effects);
    }
    let due: Vec<LinkId> = model
        .accounts
        .iter()
        .filter(|account| account.history_due.is_some_and(|due| due <= now))
        .map(|account| account.link.id.clone())
        .collect();
    for link in due {
        questions::ask_history(model, &link, effects);
    }
    clock::tick(model, effects);
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
        sessions::feed(model, &link, Input::Connect, effects);
    }
    model.dirty = true;
}
