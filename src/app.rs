//! The program as a function: a model, messages in, effects out.
//!
//! Invariant: no socket, file, clock, terminal or channel is reachable from in here.

#![warn(clippy::wildcard_enum_match_arm)]

pub mod availability;
pub mod brokers;
pub mod choices;
pub mod columns;
pub mod context;
pub mod effect;
pub mod filter;
pub mod hints;
pub mod keymap;
pub mod model;
pub mod msg;
pub mod overlays;
pub mod pane;
pub mod refresh;
pub mod rows;
pub mod selection;
pub mod update;

pub use effect::{Effect, LinkingEffect, TerminalEffect};
pub use model::Model;
pub use msg::Msg;
pub use update::update;
