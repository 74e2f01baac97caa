//! A linking attempt as the screen shows it: plain data, never the token, the code or the verifier.

use std::sync::Arc;

use tui_input::Input;

use crate::domain::{BrokerId, Mono};
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, FoundAccount, LinkFailure, RedirectNote};

/// A linking attempt as the waiting screen shows it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Which.
    pub id: AttemptId,
    /// Through which broker.
    pub broker: BrokerId,
    /// Where it stands.
    pub phase: AttemptPhase,
    /// What came back and did not count.
    pub note: Option<RedirectNote>,
}

/// Where an attempt stands.
#[derive(Debug, Clone)]
pub enum AttemptPhase {
    /// The shell is binding the port.
    Starting,
    /// The browser is away; `paste` is the field for the redirect URL, shown masked, `None` until asked for.
    Waiting {
        /// Where to go.
        authorize_url: Sensitive,
        /// The bound port.
        port: Option<u16>,
        /// When it ends.
        deadline: Mono,
        /// Whether a browser was started.
        browser: Result<(), String>,
        /// The paste field.
        paste: Option<Input>,
    },
    /// The code is being exchanged and the account asked.
    Exchanging,
    /// Save?
    Confirm {
        /// What the token reaches.
        accounts: Vec<FoundAccount>,
        /// What was granted.
        scopes: Vec<Arc<str>>,
        /// The labels, one a found account, editable.
        labels: Vec<Input>,
        /// The field being edited; `None` when the keys answer the question.
        editing: Option<usize>,
    },
    /// Being stored.
    Saving,
    /// Over without a link.
    Failed(LinkFailure),
}
