//! Feeds the accounts' sessions and carries out their outputs.

use std::sync::Arc;

use super::{
    AccountState, Accounts, Dated, Effect, Event, JournalEntry, RequestOwner, clock, identity, pending_requests,
};
use crate::domain::blotter::Changes;
use crate::domain::text::sanitize;
use crate::domain::{Account, LinkId, Now, Position};
use crate::session::{ConnectionState, Identity, Input, Output, StreamEvent};

/// Feeds a session one input and carries out its outputs.
pub(super) fn feed(accounts: &mut Accounts, link: &LinkId, input: Input, now: Now) {
    let broker_time = accounts.clock().map(|_| accounts.exchange_now(now));
    let Some(account) = accounts.get_mut(link) else { return };
    if let Some(at) = broker_time {
        account.session.set_broker_time(at);
    }
    if matches!(input, Input::Stream(_, StreamEvent::Update(_))) {
        account.reported_at = Some(now.mono);
    }
    if account.session.has_snapshot() && !account.seen_live {
        // The history is complete: later executions are news.
        account.seen_live = true;
        let shown = account.blotter.last_fill_at();
        account.history_until.get_or_insert(shown);
    }
    let (before, was) = (account.session.watermark(), account.session.identity());
    account.session.handle(input, &mut account.blotter, now);
    let outputs: Vec<Output> = std::iter::from_fn(|| account.session.poll()).collect();
    let ((watermark, asked_at), identity) = (account.session.watermark(), account.session.identity());
    for output in outputs {
        carry_out(accounts, link, output, now);
    }
    if accounts.get_mut(link).is_some_and(AccountState::note_unlisted) {
        accounts.tell(Event::Positions(link.clone()));
    }
    if identity == Identity::Another && was != identity {
        accounts.disown(link);
    }
    accounts.release(link, now);
    ask_when_reachable(accounts, link, now);
    if let Some(asked_at) = asked_at.filter(|_| (watermark, asked_at) != before) {
        accounts
            .request(Effect::Remember { link: link.clone(), memory: JournalEntry::Complete { watermark, asked_at } });
    }
}

/// Fetches clock and equity as soon as an account can answer, whatever its connection's state.
fn ask_when_reachable(accounts: &mut Accounts, link: &LinkId, now: Now) {
    let Some(account) = accounts.get(link).filter(|account| account.session.answers()) else { return };
    if account.history_due.is_none() {
        pending_requests::ask_history(accounts, link, now);
    }
    if accounts.clock.due.is_none() {
        clock::ask(accounts, link, now);
    }
}

fn carry_out(accounts: &mut Accounts, link: &LinkId, output: Output, now: Now) {
    let owner = || link.clone();
    match output {
        Output::OpenStream(epoch, form) => accounts.request(Effect::OpenStream { link: owner(), epoch, form }),
        Output::CloseStream => accounts.request(Effect::CloseStream { link: owner() }),
        Output::Request(id, request) => {
            accounts.request(Effect::Request { link: owner(), id: RequestOwner::Session(id), request });
        }
        Output::DropRequests => {
            accounts.request(Effect::DropRequests { link: owner() });
            pending_requests::after_drop(accounts, link);
        }
        Output::EndWaits => accounts.request(Effect::EndWaits { link: owner() }),
        Output::Renew => accounts.request(Effect::Renew { link: owner() }),
        Output::Changed(changes) => accounts.changed(link, changes),
        Output::Reset => {
            if let Some(account) = accounts.get_mut(link) {
                account.reset();
                accounts.tell(Event::Reset(owner()));
            }
        }
        Output::Account(value) => balances(accounts, link, *value, now),
        Output::Positions(value) => positions(accounts, link, value, now),
        Output::State(state) => state_changed(accounts, link, state),
        Output::Log(text) => accounts.note(link, &text, now),
        Output::Alarm(text) => {
            accounts.note(link, &text, now);
            accounts.tell(Event::Alarm { link: owner(), fault: None, text });
        }
        Output::Fault(fault, text) => {
            accounts.note(link, &text, now);
            accounts.tell(Event::Alarm { link: owner(), fault: Some(fault), text });
        }
        Output::Over(fault) => accounts.tell(Event::Over(owner(), fault)),
    }
}

impl Accounts {
    /// Adds a line to a connection's history and raises an alarm.
    pub(super) fn noted(&mut self, link: &LinkId, text: String, now: Now) {
        self.note(link, &text, now);
        self.tell(Event::Alarm { link: link.clone(), fault: None, text });
    }

    /// Reports the changes of a merge, and journals them before they are shown.
    pub(super) fn changed(&mut self, link: &LinkId, changes: Changes) {
        if changes.is_empty() {
            return;
        }
        let changes = Arc::new(changes);
        self.tell(Event::Changed(link.clone(), Arc::clone(&changes)));
        self.request(Effect::Remember { link: link.clone(), memory: JournalEntry::Changes(changes) });
    }

    fn note(&mut self, link: &LinkId, text: &str, now: Now) {
        if let Some(account) = self.get_mut(link) {
            account.note(now, sanitize(text));
            self.tell(Event::Noted(link.clone()));
        }
    }
}

fn balances(accounts: &mut Accounts, link: &LinkId, value: Account, now: Now) {
    let Some(account) = accounts.get_mut(link) else { return };
    let known = account.account.as_ref().map(|dated| &dated.value);
    let differs = known.is_none_or(|known| *known != value);
    let other = known.is_none_or(|known| known.id != value.id);
    let renumbered = known.is_some_and(|known| known.number != value.number);
    let id = value.id.clone();
    account.account = Some(Dated { value, at: now.mono });
    if differs {
        accounts.tell(Event::Balances(link.clone()));
    }
    if other {
        accounts.request(Effect::Remember { link: link.clone(), memory: JournalEntry::Account(id) });
    }
    // Only on a change, so that a duplicate link is reported once.
    if other || renumbered {
        identity::check(accounts, link);
    }
}

fn positions(accounts: &mut Accounts, link: &LinkId, value: Vec<Position>, now: Now) {
    let Some(account) = accounts.get_mut(link) else { return };
    let differs = account.positions.as_ref().is_none_or(|dated| dated.value != value);
    account.positions = Some(Dated { value, at: now.mono });
    if differs {
        accounts.tell(Event::Positions(link.clone()));
    }
}

fn state_changed(accounts: &mut Accounts, link: &LinkId, state: ConnectionState) {
    let Some(account) = accounts.get_mut(link) else { return };
    // A changed reason is shown, but only a changed state is news.
    let news = std::mem::replace(&mut account.state_name, state.word()) != state.word();
    if news && matches!(state, ConnectionState::NeedsRelink { .. }) {
        accounts.request(Effect::LetGo { link: link.clone() });
    }
    accounts.tell(Event::State { link: link.clone(), state, news });
}
