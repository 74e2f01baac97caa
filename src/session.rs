//! One account's connection as a state machine without I/O: when to connect, what to request, which answers to trust.
//!
//! Invariant: this module opens no socket, reads no clock and draws no random number; time and seed are arguments.

mod backfill;
pub mod backoff;
pub mod event;
pub mod guard;
mod half_read;
mod holdings;
#[expect(clippy::arithmetic_side_effects, reason = "the laboratory uses small figures")]
#[cfg(test)]
pub(crate) mod lab;
pub mod machine;
pub mod parts;
pub mod request;
mod resync;
pub mod state;
mod timer;

pub use event::{AuthForm, Closed, StreamEvent};
pub(crate) use guard::GuardContext;
pub use guard::{CancelPermit, Denied};
pub use machine::{Identity, Input, Output, Session};
pub use parts::{Freshness, Part};
pub use request::{Reply, Request, RequestError, RequestErrorKind, RequestId};
pub use state::{ConnectionState, Epoch, Fault, Pages};
