//! The simulated brokerage: a seeded, deterministic double of Alpaca. Of this crate it imports only `domain::money`.

#![expect(clippy::arithmetic_side_effects, reason = "inputs are bounded, so sums cannot overflow")]

pub mod calendar;
pub mod dice;
pub mod engine;
pub mod faults;
pub mod market;
pub mod options;
pub mod server;
pub mod wire;
pub mod words;

pub use options::{Ready, SimOptions};
