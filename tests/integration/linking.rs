//! Linking over real sockets: every check of the callback, every answer of the token endpoint, stores, relinks.

mod callback;
mod command;
mod desk;
#[cfg(unix)]
mod early;
mod exchange;
mod fake;
mod links;
mod simulated;
mod whole;

pub use desk::{PATIENCE, free_port};
pub use fake::{AccountReply, Fake};
pub use simulated::specs;
