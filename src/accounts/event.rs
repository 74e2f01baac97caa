//! What happened to an account, for whoever shows or prints it.

use std::sync::Arc;
use std::time::Duration;

use super::effect::Effect;
use super::keys::OrderKey;
use super::period::Period;
use crate::domain::LinkId;
use crate::domain::blotter::Changes;
use crate::session::{ConnectionState, Fault, RequestError, RequestErrorKind};

/// What the accounts put out, in the order in which it came to be.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// To be done.
    Do(Effect),
    /// To be told.
    Told(Event),
}

/// Something happened. What is true now stands in the accounts themselves.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// Accounts were added, renewed or removed.
    Linked,
    /// The account behind the link goes by another id and number.
    Renamed(LinkId),
    /// What an earlier run knew of an account stands in its blotter now, in place of what was there.
    Recalled(LinkId),
    /// The account behind the link is a new one: nothing of the old one is left.
    Reset(LinkId),
    /// A merge changed the blotter.
    Changed(LinkId, Arc<Changes>),
    /// Its balances differ.
    Balances(LinkId),
    /// What it holds differs: the broker's list, or what executions say beside it.
    Positions(LinkId),
    /// The connection's state.
    State {
        /// Whose.
        link: LinkId,
        /// What it is now.
        state: ConnectionState,
        /// Another one than before, and not only another reason for it.
        news: bool,
    },
    /// The connection's history has a new line.
    Noted(LinkId),
    /// A person should know; the sentence is the broker's in part and not cleaned.
    Alarm {
        /// Whose.
        link: LinkId,
        /// What goes on until it is [`Self::Over`]; `None` for what happened once.
        fault: Option<Fault>,
        /// The sentence.
        text: String,
    },
    /// What was told of goes on no more.
    Over(LinkId, Fault),
    /// Two links lead to one account; the older one is being removed.
    Twice {
        /// What the owner calls the one that goes.
        older: Arc<str>,
        /// What the owner calls the one that stays.
        newer: Arc<str>,
        /// The one that stays.
        kept: LinkId,
    },
    /// The exchange's clock came, or why it did not.
    Clock,
    /// An equity curve came, or why it did not.
    Curve {
        /// Whose.
        link: LinkId,
        /// Over what span.
        period: Period,
        /// Why it did not come.
        error: Option<RequestError>,
    },
    /// A page of the activity list came.
    Activities {
        /// Whose.
        link: LinkId,
        /// How many rows now stand before those that were there.
        moved: usize,
        /// Its end may be within sight again: rows came after those that were there, or none came before them.
        goes_on: bool,
        /// The rows of it that cannot be read, in words.
        unread: Option<String>,
    },
    /// A page of the activity list did not come.
    NoActivities(LinkId, RequestError),
    /// A cancel was answered, or not; what became of the order, only the order can tell (docs/ALPACA.md 5.8).
    CancelAnswered(OrderKey, CancelOutcome),
    /// An order asked for by id came, with a figure that cannot be read, in words.
    OrderUnread(OrderKey, String),
    /// An order asked for by id did not come: its state is not known.
    OrderUnknown(OrderKey, RequestError),
    /// Cancels that were confirmed wait in the queue.
    Waiting {
        /// Whose.
        link: LinkId,
        /// How many.
        cancels: usize,
        /// How long.
        after: Duration,
        /// Why.
        why: String,
    },
    /// The journal keeps up otherwise than before: [`super::Accounts::saving`].
    Saving,
    /// Something in the shell failed; the sentence is complete and sanitised.
    Trouble(String),
}

/// What became of a cancel on its way to the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The broker took it.
    Taken,
    /// The broker says that the order cannot be canceled any more.
    TooLate(RequestError),
    /// It was turned away before the order was looked at: the order works on.
    NotSent(RequestError),
    /// Whether it arrived is not known; the order is asked for.
    Unknown(RequestError),
}

impl CancelOutcome {
    /// Judges an answer.
    pub fn of(result: Result<(), RequestError>) -> Self {
        let Err(error) = result else { return Self::Taken };
        match error.kind {
            RequestErrorKind::Unprocessable | RequestErrorKind::NotFound => Self::TooLate(error),
            RequestErrorKind::Timeout
            | RequestErrorKind::Server
            | RequestErrorKind::Network
            | RequestErrorKind::Decode => Self::Unknown(error),
            RequestErrorKind::Unauthorized
            | RequestErrorKind::Forbidden
            | RequestErrorKind::RateLimited { .. }
            | RequestErrorKind::Refused => Self::NotSent(error),
        }
    }
}
