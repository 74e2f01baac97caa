//! Adapters to brokers. Wire types never leave a broker's directory; answers are in domain types.

#![warn(clippy::wildcard_enum_match_arm)]

pub mod alpaca;
pub mod dial;
pub mod tls;
