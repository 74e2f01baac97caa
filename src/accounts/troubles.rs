//! Troubles that the user should know of, as sentences: one entry each, until it ends.

use std::collections::VecDeque;

use super::{Accounts, CancelOutcome, Event, OrderKey, Saving};
use crate::domain::text::{counted, sanitize};
use crate::domain::{LinkId, Now, Order};
use crate::link::LinkRecord;
use crate::session::{ConnectionState, Fault};

/// Troubles kept; the oldest go first.
const KEPT: usize = 200;

/// What ends a trouble. An ended one is history and no longer shown as current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// A single event; nothing ends it.
    Never,
    /// The session reports the end of this fault.
    With(Fault),
    /// The account's connection changes its state.
    WithState,
    /// The journal has caught up.
    WhenSaved,
    /// An equity curve arrives.
    WithCurve,
}

/// One trouble; unread until the user has seen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// When it happened.
    pub at: Now,
    /// The account, if it concerns one.
    pub link: Option<LinkId>,
    /// The sentence, sanitised.
    pub text: String,
    /// Whether the user has seen it.
    pub read: bool,
    /// What ends it.
    pub ends: Ends,
    /// When it ended.
    pub over: Option<Now>,
}

/// The troubles, newest last, bounded.
#[derive(Debug, Default)]
pub struct Troubles(VecDeque<Trouble>);

impl Troubles {
    /// The troubles, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Trouble> + ExactSizeIterator {
        self.0.iter()
    }

    /// The newest trouble.
    pub fn last(&self) -> Option<&Trouble> {
        self.0.back()
    }

    /// The number of troubles kept.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of unread troubles.
    pub fn unread(&self) -> usize {
        self.0.iter().filter(|trouble| !trouble.read).count()
    }

    /// Marks all as read.
    pub fn read(&mut self) {
        self.0.iter_mut().for_each(|trouble| trouble.read = true);
    }

    /// Adds a trouble. One that is still going on is moved to the end and stays read; a repetition of the last sentence
    /// replaces it, and so does another sentence that tells the same fault whole.
    pub fn add(&mut self, link: Option<&LinkId>, ends: Ends, text: &str, now: Now) {
        let text = sanitize(text);
        let same = |trouble: &Trouble| trouble.text == text && trouble.link.as_ref() == link;
        let told_whole = matches!(ends, Ends::With(fault) if fault.is_told_whole());
        let goes_on = |trouble: &Trouble| {
            let of_it = trouble.over.is_none() && trouble.ends == ends && trouble.link.as_ref() == link;
            of_it && (told_whole || trouble.text == text)
        };
        let mut read = false;
        if ends != Ends::Never
            && let Some(place) = self.0.iter().position(goes_on)
        {
            read = self.0.remove(place).is_some_and(|trouble| trouble.read && trouble.text == text);
        }
        if self.0.back().is_some_and(same) {
            self.0.pop_back();
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(Trouble { at: now, link: link.cloned(), text, read, ends, over: None });
    }

    /// Ends the troubles that this ends.
    pub fn end(&mut self, link: Option<&LinkId>, ends: Ends, now: Now) {
        for trouble in self.0.iter_mut().filter(|trouble| trouble.ends == ends && trouble.link.as_ref() == link) {
            trouble.over.get_or_insert(now);
        }
    }

    /// Adds and ends troubles by an event; `relink` words how to relink an account in this interface.
    pub fn follow(&mut self, event: &Event, accounts: &Accounts, relink: impl Fn(&LinkRecord) -> String, now: Now) {
        match event {
            Event::Alarm { link, fault, text } => {
                self.add(Some(link), fault.map_or(Ends::Never, Ends::With), text, now);
            }
            Event::Over(link, fault) => self.end(Some(link), Ends::With(*fault), now),
            Event::State { link, state, news: true } => self.state(accounts, link, state, relink, now),
            Event::Twice { older, newer, kept } => {
                let text = format!("{older} and {newer} are the same account; using {newer}");
                self.add(Some(kept), Ends::Never, &text, now);
            }
            Event::Curve { link, error: None, .. } => self.end(Some(link), Ends::WithCurve, now),
            Event::NoActivities(link, error) => {
                let text = format!("{}: cannot load more activities, {error}", accounts.label(link));
                self.add(Some(link), Ends::Never, &text, now);
            }
            Event::CancelAnswered(key, outcome) => self.canceled(accounts, key, outcome, now),
            Event::OrderUnread(key, words) => self.add(Some(&key.link), Ends::Never, &format!("order {words}"), now),
            Event::OrderUnknown(key, error) => {
                let text = format!("order {}: state unknown, {error}", key.order);
                self.add(Some(&key.link), Ends::Never, &text, now);
            }
            Event::Saving => self.saving(accounts.saving(), now),
            Event::Trouble(text) => self.add(None, Ends::Never, text, now),
            // No trouble, or one that only the view concerned shows.
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
        // Other states raise the session's own alarm.
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
                format!("the journal is {} behind; they are in memory and being written", counted(*records, "record"))
            }
            Saving::Failing(reason) => {
                format!(
                    "the journal cannot be written ({reason}); data stays in memory and is saved as soon as possible"
                )
            }
            // It ends where another file takes the place of a newer version's.
            Saving::Off(reason) => format!("nothing is journaled: {reason}"),
        };
        self.add(None, Ends::WhenSaved, &text, now);
    }
}

/// The sentence that an account must be linked again; `None` unless its state says so.
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
    /// An order in a few words; its id when the order is unknown.
    pub fn brief(&self, key: &OrderKey) -> String {
        self.order(key).map_or_else(|| key.order.to_string(), brief)
    }
}
