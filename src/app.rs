//! The program as a function: a model, messages in, effects out.
//!
//! Invariant: no socket, file, clock, terminal or channel is reachable from in here.

pub mod choices;
pub mod columns;
pub mod effect;
pub mod filter;
pub mod keymap;
pub mod model;
pub mod msg;
pub mod rows;
pub mod update;

pub use effect::Effect;
pub use model::Model;
pub use msg::Msg;
pub use update::update;
