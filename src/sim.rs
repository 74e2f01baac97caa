//! The simulated brokerage: a seeded, deterministic double of Alpaca. Of this crate it imports only `domain::money`.

#![expect(clippy::arithmetic_side_effects, reason = "amounts come in within bounds that its sums do not leave")]

pub mod bot;
pub mod calendar;
pub mod dice;
pub mod engine;
pub mod faults;
pub mod market;
pub mod options;
pub mod server;
pub mod wire;

pub use options::{Ready, SimOptions};
