//! A linking attempt as the screen shows it: plain data, without token, code or verifier.

use std::sync::Arc;

use tui_input::Input;

use crate::domain::{BrokerId, Mono};
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, FoundAccount, LinkFailure, RedirectNote};

/// A linking attempt as the waiting screen shows it.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its number.
    pub id: AttemptId,
    /// The broker.
    pub broker: BrokerId,
    /// The phase.
    pub phase: AttemptPhase,
    /// The last redirect that was ignored, and why.
    pub note: Option<RedirectNote>,
}

/// The phase of an attempt.
#[derive(Debug, Clone)]
pub enum AttemptPhase {
    /// The shell is binding the port.
    Starting,
    /// Waiting for the browser. `paste` is the field for the redirect URL, shown masked; `None` until it is opened.
    Waiting {
        /// The authorize URL.
        authorize_url: Sensitive,
        /// The bound port.
        port: Option<u16>,
        /// When the attempt times out.
        deadline: Mono,
        /// Whether a browser was opened.
        browser: Result<(), String>,
        /// The paste field.
        paste: Option<Input>,
    },
    /// The code is being exchanged, and the account fetched.
    Exchanging,
    /// Asking whether to save.
    Confirm {
        /// The accounts that the token reaches.
        accounts: Vec<FoundAccount>,
        /// The scopes granted.
        scopes: Vec<Arc<str>>,
        /// Their labels, editable, one per account.
        labels: Vec<Input>,
        /// The label being edited; `None` while keys answer the question.
        editing: Option<usize>,
    },
    /// The token is being stored.
    Saving,
    /// Ended without a link.
    Failed(LinkFailure),
}
