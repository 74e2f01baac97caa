//! What went wrong and a person should know, in sentences: each once, until it is over.

use std::collections::VecDeque;

use super::{Accounts, CancelOutcome, Event, OrderKey, Saving};
use crate::domain::text::sanitize;
use crate::domain::{LinkId, Now, Order};
use crate::link::LinkRecord;
use crate::session::{ConnectionState, Fault};

/// Troubles kept; the oldest go first.
const KEPT: usize = 200;

/// What ends a trouble: afterwards it is history, and no longer spelt out where the present stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// It happened; nothing ends it.
    Never,
    /// A fault that a session says is over.
    With(Fault),
    /// The account's connection has another word.
    WithState,
    /// The journal is written again.
    WhenSaved,
    /// An equity curve came.
    WithCurve,
}

/// One of them; stays until read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// When.
    pub at: Now,
    /// Whose, if anyone's.
    pub link: Option<LinkId>,
    /// The sentence, sanitised.
    pub text: String,
    /// Whether a person has seen it.
    pub read: bool,
    /// What ends it.
    pub ends: Ends,
    /// When it ended.
    pub over: Option<Now>,
}

/// All of them, newest last, bounded.
#[derive(Debug, Default)]
pub struct Troubles(VecDeque<Trouble>);

impl Troubles {
    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Trouble> + ExactSizeIterator {
        self.0.iter()
    }

    /// The newest.
    pub fn last(&self) -> Option<&Trouble> {
        self.0.back()
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when nothing went wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many nobody has seen.
    pub fn unread(&self) -> usize {
        self.0.iter().filter(|trouble| !trouble.read).count()
    }

    /// A person has seen all of them.
    pub fn read(&mut self) {
        self.0.iter_mut().for_each(|trouble| trouble.read = true);
    }

    /// Adds one. Said again while it goes on, it is one entry, and read if it was; the same sentence twice in a row only
    /// becomes newer.
    pub fn add(&mut self, link: Option<&LinkId>, ends: Ends, text: &str, now: Now) {
        let text = sanitize(text);
        let same = |trouble: &Trouble| trouble.text == text && trouble.link.as_ref() == link;
        let goes_on = |trouble: &Trouble| trouble.over.is_none() && trouble.ends == ends && same(trouble);
        let mut read = false;
        if ends != Ends::Never
            && let Some(place) = self.0.iter().position(goes_on)
        {
            read = self.0.remove(place).is_some_and(|trouble| trouble.read);
        }
        if self.0.back().is_some_and(same) {
            self.0.pop_back();
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Trouble { at: now, link: link.cloned(), text, read, ends, over: None });
    }

    /// What went on until this is history now.
    pub fn end(&mut self, link: Option<&LinkId>, ends: Ends, now: Now) {
        for trouble in self.0.iter_mut().filter(|trouble| trouble.ends == ends && trouble.link.as_ref() == link) {
            trouble.over.get_or_insert(now);
        }
    }

    /// Takes over what an event means; `relink` says how an account is linked again where this is read.
    pub fn follow(&mut self, event: &Event, accounts: &Accounts, relink: impl Fn(&LinkRecord) -> String, now: Now) {
        match event {
            Event::Alarm { link, fault, text } => {
                self.add(Some(link), fault.map_or(Ends::Never, Ends::With), text, now);
            }
            Event::Over(link, fault) => self.end(Some(link), Ends::With(*fault), now),
            Event::State { link, state, news: true } => self.state(accounts, link, state, relink, now),
            Event::Twice { older, newer, kept } => {
                let text = format!("{older} and {newer} are one account: {newer} is used");
                self.add(Some(kept), Ends::Never, &text, now);
            }
            Event::Curve { link, error: None, .. } => self.end(Some(link), Ends::WithCurve, now),
            Event::NoActivities(link, error) => {
                let text = format!("{}: no more activities, {error}", accounts.label(link));
                self.add(Some(link), Ends::Never, &text, now);
            }
            Event::CancelAnswered(key, outcome) => self.canceled(accounts, key, outcome, now),
            Event::OrderUnread(key, words) => self.add(Some(&key.link), Ends::Never, &format!("order {words}"), now),
            Event::OrderUnknown(key, error) => {
                let text = format!("order {}: its state is not known, {error}", key.order);
                self.add(Some(&key.link), Ends::Never, &text, now);
            }
            Event::Saving => self.saving(accounts.saving(), now),
            Event::Trouble(text) => self.add(None, Ends::Never, text, now),
            // No trouble, or one only where somebody looks at what did not come.
            Event::Linked
            | Event::Renamed(_)
            | Event::Recalled(_)
            | Event::Reset(_)
            | Event::Changed(..)
            | Event::Balances(_)
            | Event::Positions(_)
            | Event::State { .. }
            | Event::Noted(_)
            | Event::Clock
            | Event::Curve { .. }
            | Event::Activities { .. }
            | Event::Waiting { .. } => {}
        }
    }

    fn state(
        &mut self,
        accounts: &Accounts,
        link: &LinkId,
        state: &ConnectionState,
        relink: impl Fn(&LinkRecord) -> String,
        now: Now,
    ) {
        self.end(Some(link), Ends::WithState, now);
        let Some(account) = accounts.get(link) else { return };
        if let Some(text) = must_be_linked(&account.link, state, relink) {
            self.add(Some(link), Ends::WithState, &text, now);
        } else if let ConnectionState::Blocked { reason } = state {
            self.add(Some(link), Ends::WithState, &format!("{} is blocked: {reason}", account.link.label), now);
        }
        // What is missing otherwise is told by the session's own alarm.
    }

    fn canceled(&mut self, accounts: &Accounts, key: &OrderKey, outcome: &CancelOutcome, now: Now) {
        let what = accounts.brief(key);
        match outcome {
            CancelOutcome::Unknown(error) => {
                let text = format!("{what}: unknown whether the cancel arrived ({error}); checking");
                self.add(Some(&key.link), Ends::Never, &text, now);
            }
            CancelOutcome::NotSent(error) => {
                self.add(Some(&key.link), Ends::Never, &format!("{what}: not canceled, {error}"), now);
            }
            CancelOutcome::Taken | CancelOutcome::TooLate(_) => {}
        }
    }

    fn saving(&mut self, saving: &Saving, now: Now) {
        let text = match saving {
            Saving::Done => return self.end(None, Ends::WhenSaved, now),
            Saving::Behind(records) => {
                format!("the journal is behind by {records} records: what is shown is kept and is being written")
            }
            Saving::Failing(reason) => {
                format!(
                    "the journal cannot be written ({reason}): what is shown is kept and saved as soon as it can be"
                )
            }
            Saving::Off(reason) => {
                return self.add(None, Ends::Never, &format!("nothing is journaled: {reason}"), now);
            }
        };
        self.add(None, Ends::WhenSaved, &text, now);
    }
}

/// That an account must be linked again, where its state says so.
pub fn must_be_linked(
    link: &LinkRecord,
    state: &ConnectionState,
    relink: impl Fn(&LinkRecord) -> String,
) -> Option<String> {
    let ConnectionState::NeedsRelink { reason } = state else { return None };
    Some(format!("{} must be linked again: {reason}; {}", link.label, relink(link)))
}

/// An order in a few words: `BUY 100 AAPL`.
pub fn brief(order: &Order) -> String {
    let size = match (order.qty, order.notional) {
        (Some(qty), _) => qty.grouped(0),
        (None, Some(notional)) => format!("${}", notional.grouped(2)),
        (None, None) => "--".to_owned(),
    };
    format!("{} {size} {}", order.side.label(), order.symbol)
}

impl Accounts {
    /// An order in a few words; its id where it is not known.
    pub fn brief(&self, key: &OrderKey) -> String {
        self.order(key).map_or_else(|| key.order.to_string(), brief)
    }
}
