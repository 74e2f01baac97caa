//! What the accounts hear from outside: sockets, the journal, the token store, the clock of the machine.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Accounts, Event, JournalState, Saving, Ticket};
use crate::domain::{LinkId, Now};
use crate::link::LinkRecord;
use crate::session::{Epoch, Input, Reply, RequestError, StreamEvent};

/// One thing that happened to the accounts. Plain data without secrets, so that a run can be recorded and played back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// The links there are, listed while the journal is read; [`Msg::Started`] connects them.
    Listed {
        /// The remembered links, in the order they were made.
        links: Vec<LinkRecord>,
    },
    /// What the journal knows of a link; comes before [`Msg::Started`] connects it, and before [`Msg::Freed`].
    Remembered(Box<JournalState>),
    /// The other instance that streamed this account let go of it.
    Freed {
        /// Which.
        link: LinkId,
    },
    /// What the shell learned at start: the links it knows, in the order they were made.
    Started {
        /// The remembered links.
        links: Vec<LinkRecord>,
    },
    /// From a stream connection.
    Stream {
        /// Whose.
        link: LinkId,
        /// Of which attempt.
        epoch: Epoch,
        /// What.
        event: StreamEvent,
    },
    /// From REST, answering a request.
    Replied {
        /// Whose.
        link: LinkId,
        /// The request it answers.
        id: Ticket,
        /// What came back.
        result: Result<Box<Reply>, RequestError>,
    },
    /// The requests of an account wait in the queue this long, for this reason; `None` when they wait no more.
    Queued {
        /// Whose.
        link: LinkId,
        /// How long, and why.
        wait: Option<(Duration, String)>,
    },
    /// Something about an account's connection that a person should know; complete and sanitised.
    Noted {
        /// Whose.
        link: LinkId,
        /// The sentence.
        text: String,
    },
    /// Another process linked the account again; its new token is in use from now on.
    Renewed {
        /// The link as it is now.
        link: LinkRecord,
    },
    /// Wall and monotonic clock parted, or a tick came late: the machine slept.
    Resumed,
    /// How the journal keeps up with what is learned.
    Saving(Saving),
    /// Something in the shell failed and a person should know; the sentence is complete and sanitised.
    Trouble(String),
}

impl Accounts {
    /// Takes one message; what follows from it comes out of [`Self::poll`].
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
            Msg::Saving(saving) => self.save_told(saving),
            Msg::Trouble(text) => self.tell(Event::Trouble(text)),
        }
    }
}
