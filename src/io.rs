//! The shell: sockets, files, terminal, clock. Imported only by `main` and `cli`.
//!
//! Everything that can fail, block or differ between two runs is in here; its results reach the core as messages.

#![warn(clippy::wildcard_enum_match_arm)]

pub mod accounts;
mod alarm;
pub mod browser;
pub mod callback;
pub mod child;
pub mod choices;
pub mod clock;
mod connections;
pub mod effects;
pub mod file_checks;
mod file_error;
#[cfg(unix)]
pub mod hangup;
pub mod harden;
pub mod hyperlink;
pub mod input;
pub mod journal;
pub mod linker;
pub mod links;
mod locks;
pub mod log;
pub mod paths;
pub mod private_file;
pub mod record;
pub mod runtime;
mod settings;
pub mod signals;
pub mod start;
pub mod terminal;
pub mod tokens;
pub mod watch_log;
pub mod zones;
