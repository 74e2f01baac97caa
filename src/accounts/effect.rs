//! Effects that the accounts request. The shell runs each as a task and sends the outcome back as a message.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::blotter::Changes;
use crate::domain::{AccountId, LinkId};
use crate::link::LinkRecord;
use crate::session::{AuthForm, Epoch, Request, RequestId};

/// A record that the journal writes before it is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum JournalEntry {
    /// The changes of a merge into the blotter.
    Changes(Arc<Changes>),
    /// The account behind the link.
    Account(AccountId),
    /// A complete snapshot, from which the next run can start.
    Complete {
        /// The broker's time of the last execution.
        watermark: Option<Timestamp>,
        /// When the snapshot was requested.
        asked_at: Timestamp,
    },
}

/// Who sent a request, and its number among the sender's requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RequestOwner {
    /// The account's session.
    Session(RequestId),
    /// The accounts, not a session: a curve, a page of activities, a cancel and its order, the clock.
    Accounts(RequestId),
}

/// One effect for an account.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Open a stream whose events carry this epoch; an older stream of the link is closed first.
    OpenStream {
        /// The account's link.
        link: LinkId,
        /// The connection attempt.
        epoch: Epoch,
        /// How to carry and authenticate it.
        form: AuthForm,
    },
    /// Close the link's stream cleanly, if there is one.
    CloseStream {
        /// The account's link.
        link: LinkId,
    },
    /// Send a REST request.
    Request {
        /// The account's link.
        link: LinkId,
        /// Who sent it; repeated in the reply.
        id: RequestOwner,
        /// The content.
        request: Request,
    },
    /// Write this to the journal before the next frame.
    Remember {
        /// The account's link.
        link: LinkId,
        /// The content.
        memory: JournalEntry,
    },
    /// Drop the link's queued REST requests; replies to sent ones may still arrive.
    DropRequests {
        /// The account's link.
        link: LinkId,
    },
    /// End the waits that the broker asked for, because the user does not want to wait.
    EndWaits {
        /// The account's link.
        link: LinkId,
    },
    /// Release the account, which is not streamed until relinked, so that another instance may stream it.
    LetGo {
        /// The account's link.
        link: LinkId,
    },
    /// The token was refused: check whether another process linked the account again; comes back as a renewed link if
    /// so.
    Renew {
        /// The account's link.
        link: LinkId,
    },
    /// Forget a link and its token. `watch` leaves the account out of its run instead, and says so.
    Unlink {
        /// The account's link.
        link: LinkId,
    },
    /// Store the new id and number of the account behind a link.
    KeepLink {
        /// The changed link.
        record: LinkRecord,
    },
}
