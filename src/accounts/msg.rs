//! Messages to the accounts from the shell: sockets, the journal, the token store, the machine's clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Accounts, Event, JournalState, RequestOwner, Saving};
use crate::domain::{LinkId, Now};
use crate::link::LinkRecord;
use crate::session::{Epoch, Input, Reply, RequestError, StreamEvent};

/// One message. Plain data without secrets, so that a run can be recorded and replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The stored links, listed while the journal is read; [`Msg::Started`] connects them.
    Listed {
        /// The links, in the order of linking.
        links: Vec<LinkRecord>,
    },
    /// A link's journal state; arrives before [`Msg::Started`] and [`Msg::Freed`] connect it.
    Remembered(Box<JournalState>),
    /// The other instance that streamed this account released it.
    Freed {
        /// The account's link.
        link: LinkId,
    },
    /// The journal is read; connect the stored links.
    Started {
        /// The links, in the order of linking.
        links: Vec<LinkRecord>,
    },
    /// An event of a stream connection.
    Stream {
        /// The account's link.
        link: LinkId,
        /// The connection attempt.
        epoch: Epoch,
        event: StreamEvent,
    },
    /// The reply to a REST request.
    Replied {
        /// The account's link.
        link: LinkId,
        /// Who sent the request.
        id: RequestOwner,
        result: Result<Box<Reply>, RequestError>,
    },
    /// An account's requests wait in the queue.
    Queued {
        /// The account's link.
        link: LinkId,
        /// How long, and why; `None` when the wait is over.
        wait: Option<(Duration, String)>,
    },
    /// Something about an account's connection that the user should know.
    Noted {
        /// The account's link.
        link: LinkId,
        /// The complete, sanitised sentence.
        text: String,
    },
    /// Another process relinked the account; its new token is in use.
    Renewed {
        /// The renewed link.
        link: LinkRecord,
    },
    /// The machine slept: wall and monotonic clock diverged, or a tick was late.
    Resumed,
    /// The journal's progress changed.
    Saving(Saving),
    /// Something in the shell failed and the user should know; a complete, sanitised sentence.
    Trouble(String),
}

impl Accounts {
    /// Handles one message; its effects and events come out of [`Self::poll`].
    pub fn handle(&mut self, msg: Msg, now: Now) {
        match msg {
            Msg::Listed { links } => self.list(links, now),
            Msg::Remembered(known) => self.remembered(*known),
            Msg::Freed { link } => self.freed(&link, now),
            Msg::Started { links } => self.start(links, now),
            Msg::Stream { link, epoch, event } => self.feed(&link, Input::Stream(epoch, event), now),
            Msg::Replied { link, id, result } => self.replied(&link, id, result, now),
            Msg::Queued { link, wait } => {
                self.tell_waiting(&link, wait.as_ref());
                self.feed(&link, Input::Queued(wait), now);
            }
            Msg::Noted { link, text } => self.noted(&link, text, now),
            Msg::Renewed { link } => self.add(link, now),
            Msg::Resumed => self.resumed(now),
            Msg::Saving(saving) => self.set_saving(saving),
            Msg::Trouble(text) => self.tell(Event::Trouble(text)),
        }
    }
}
