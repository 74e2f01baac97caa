//! Events of the accounts, for the screen and the commands.

use std::sync::Arc;
use std::time::Duration;

use super::effect::Effect;
use super::keys::OrderKey;
use super::period::Period;
use crate::domain::LinkId;
use crate::domain::blotter::Changes;
use crate::session::{ConnectionState, Fault, RequestError, RequestErrorKind};

/// What [`super::Accounts::poll`] returns, in order.
#[derive(Debug, PartialEq)]
pub enum Output {
    /// An effect to carry out.
    Do(Effect),
    /// An event to show.
    Event(Event),
}

/// Something happened. Read the new state from the accounts.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// Accounts were added, renewed or removed.
    Linked,
    /// The account behind the link has a new id and number.
    Renamed(LinkId),
    /// The journal state of an account replaced its blotter.
    Recalled(LinkId),
    /// Another account is behind the link; the old one's data was dropped.
    Reset(LinkId),
    /// A merge changed the blotter.
    Changed(LinkId, Arc<Changes>),
    /// The account's balances changed.
    Balances(LinkId),
    /// The account's positions changed, by the broker's list or by an execution.
    Positions(LinkId),
    /// The connection's state, or its reason, changed.
    State {
        /// The account's link.
        link: LinkId,
        /// The new state.
        state: ConnectionState,
        /// Whether the state itself changed, and not only its reason.
        news: bool,
    },
    /// The connection's history has a new line.
    Noted(LinkId),
    /// Something that the user should know; the sentence may contain the broker's text and is not sanitised.
    Alarm {
        /// The account's link.
        link: LinkId,
        /// The fault that lasts until [`Self::Over`]; `None` for a single event.
        fault: Option<Fault>,
        text: String,
    },
    /// A fault reported before has ended.
    Over(LinkId, Fault),
    /// Two links lead to one account; the older link is being removed.
    Twice {
        /// The label of the removed link.
        older: Arc<str>,
        /// The label of the kept link.
        newer: Arc<str>,
        /// The kept link.
        kept: LinkId,
    },
    /// A request for the exchange's clock succeeded or failed.
    Clock,
    /// A request for an equity curve succeeded or failed.
    Curve {
        /// The account's link.
        link: LinkId,
        /// The curve's period.
        period: Period,
        /// Why it failed.
        error: Option<RequestError>,
    },
    /// A page of the activity list arrived.
    Activities {
        /// The account's link.
        link: LinkId,
        /// How many rows were put before the known ones.
        moved: usize,
        /// Whether older rows may be wanted next: the page was an older one or a retry, or had no new rows.
        keep_loading: bool,
        /// Its unreadable rows, in words.
        unread: Option<String>,
    },
    /// A request for a page of the activity list failed.
    NoActivities(LinkId, RequestError),
    /// A cancel request was answered or failed. The order itself tells whether it was canceled (docs/ALPACA.md 5.8).
    CancelAnswered(OrderKey, CancelOutcome),
    /// An order fetched by id has an unreadable figure, in words.
    OrderUnread(OrderKey, String),
    /// Fetching an order by id failed, so its state is unknown.
    OrderUnknown(OrderKey, RequestError),
    /// Confirmed cancels are waiting in the queue.
    Waiting {
        /// The account's link.
        link: LinkId,
        /// The number of cancels.
        cancels: usize,
        /// How long they wait.
        after: Duration,
        /// Why, in words for the user.
        why: String,
    },
    /// The journal's progress changed; see [`super::Accounts::saving`].
    Saving,
    /// Something in the shell failed; the sentence is complete and sanitised.
    Trouble(String),
}

/// The outcome of a cancel request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The broker accepted the request.
    Taken,
    /// The broker answered that the order can no longer be canceled.
    TooLate(RequestError),
    /// It was refused before it reached the order, which is still working.
    NotSent(RequestError),
    /// Unknown whether it arrived; the order is fetched.
    Unknown(RequestError),
}

impl CancelOutcome {
    /// The outcome that a reply means.
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
