//! Linking an account by OAuth, without I/O: the attempt, its checks, its deadline.
//!
//! Invariant: nothing here opens a socket or a browser; random bytes and time are arguments.

pub mod flow;
pub mod label;
mod paste;
pub mod progress;

pub use progress::{AttemptId, FoundAccount, Grantor, LinkFailure, LinkProgress, LinkRecord, RedirectNote};
