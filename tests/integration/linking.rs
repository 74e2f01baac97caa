//! Linking over real sockets: every check of the callback, every answer of the token endpoint, stores, relinks.

mod callback;
mod command;
mod desk;
mod exchange;
mod fake;
mod links;
mod simulated;

pub use simulated::specs;
