//! What the accounts ask of the world. The shell runs each as a task and sends back what came of it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::blotter::Changes;
use crate::domain::{AccountId, LinkId};
use crate::link::LinkRecord;
use crate::session::{AuthForm, Epoch, Request, RequestId};

/// Something the journal must hold before it is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum JournalEntry {
    /// A merge changed the blotter; what it says now is written.
    Changes(Arc<Changes>),
    /// Which account answers behind the link.
    Account(AccountId),
    /// A snapshot was complete: where the next run may start from.
    Complete {
        /// Broker's time of the last execution.
        watermark: Option<Timestamp>,
        /// When the snapshot was asked for.
        asked_at: Timestamp,
    },
}

/// Who asked, and the number of the request among the asker's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Ticket {
    /// The account's session.
    Session(RequestId),
    /// The accounts themselves: a curve, a page of activities, a cancel and its order, the clock.
    Accounts(RequestId),
}

/// One thing to do for an account.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Open a stream; its events carry this epoch. An older stream of the link is closed first.
    OpenStream {
        /// Whose.
        link: LinkId,
        /// The attempt.
        epoch: Epoch,
        /// How to carry and authenticate it.
        form: AuthForm,
    },
    /// Close the link's stream, if any, with a clean close.
    CloseStream {
        /// Whose.
        link: LinkId,
    },
    /// Ask REST.
    Request {
        /// Whose.
        link: LinkId,
        /// Answered with the same one.
        id: Ticket,
        /// What.
        request: Request,
    },
    /// Write this to the journal before the next frame.
    Remember {
        /// Whose.
        link: LinkId,
        /// What.
        memory: JournalEntry,
    },
    /// Drop the link's queued REST requests; answers under way may still come.
    DropRequests {
        /// Whose.
        link: LinkId,
    },
    /// A person will not wait: what the broker asked to wait for holds nothing up any more.
    EndWaits {
        /// Whose.
        link: LinkId,
    },
    /// The account is not streamed until it is linked again: another instance may.
    LetGo {
        /// Which.
        link: LinkId,
    },
    /// The token was refused: see whether another process linked the account again; comes back as a renewed link if so.
    Renew {
        /// Whose.
        link: LinkId,
    },
    /// Forget a link's token.
    Unlink {
        /// Which.
        link: LinkId,
    },
    /// Another account answers behind a link than was linked: keep its id and number.
    KeepLink {
        /// The link as it is now.
        record: LinkRecord,
    },
}
