//! The machine: phases, deadlines, what to ask next (RELIABILITY 3).
//!
//! (contract skeleton: signatures are agreed, bodies are the truth developer's)

use std::collections::VecDeque;

use super::event::{AuthForm, StreamEvent};
use super::request::{Reply, Request, RequestError, RequestId};
use super::state::{ConnectionState, Epoch};
use crate::domain::blotter::{Blotter, Changes};
use crate::domain::{Account, Mono, Now, Position};

/// What happens to a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Begin, or begin anew (`r`, resume from sleep, relinked): a new epoch at once.
    Connect,
    /// The user paused it.
    Pause,
    /// From the stream of this epoch.
    Stream(Epoch, StreamEvent),
    /// The answer to a request.
    Reply(RequestId, Result<Box<Reply>, RequestError>),
    /// A deadline may have passed; a spurious one does nothing.
    Timeout,
}

/// What a session wants done, or reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Open a stream.
    OpenStream(Epoch, AuthForm),
    /// Close it.
    CloseStream,
    /// Ask REST.
    Request(RequestId, Request),
    /// Forget questions still queued.
    DropRequests,
    /// The blotter changed; already applied.
    Changed(Changes),
    /// New balances.
    Account(Box<Account>),
    /// New positions.
    Positions(Vec<Position>),
    /// The connection's state changed.
    State(ConnectionState),
    /// A line for the connection history.
    Log(String),
    /// A sentence a person should read: out of step, reset account, refused stream.
    Alarm(String),
}

/// One account's session. Feed it with [`Session::handle`], drain [`Session::poll`], wake it at [`Session::deadline`].
#[derive(Debug)]
pub struct Session {
    state: ConnectionState,
    out: VecDeque<Output>,
}

impl Session {
    /// A session at rest. `seed` feeds the jitter; the same seed and inputs give the same outputs.
    pub fn new(seed: u64) -> Self {
        let _ = seed;
        Self { state: ConnectionState::Paused, out: VecDeque::new() }
    }

    /// Handles one input, merging into the blotter; then [`Session::poll`] until `None`.
    pub fn handle(&mut self, input: Input, blotter: &mut Blotter, now: Now) {
        let _ = (input, blotter, now);
    }

    /// The next output.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to call with [`Input::Timeout`] next.
    pub fn deadline(&self) -> Option<Mono> {
        None
    }

    /// Where the connection stands.
    pub fn state(&self) -> &ConnectionState {
        &self.state
    }

    /// The stream's last measured round trip.
    pub fn latency(&self) -> Option<std::time::Duration> {
        None
    }
}
