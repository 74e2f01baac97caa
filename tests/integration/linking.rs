//! Linking over real sockets: every check of the callback, every answer of the token endpoint, stores, relinks.

mod callback;
mod command;
#[cfg(unix)]
mod early;
mod ending;
mod exchange;
mod fake;
mod fixture;
#[cfg(unix)]
mod jobs;
mod links;
mod simulated;
mod whole;

pub(crate) use fake::{AccountReply, Fake};
pub(crate) use fixture::{TEST_TIMEOUT, free_port};
pub(crate) use simulated::specs;
