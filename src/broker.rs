//! Adapters to brokers. Wire types never leave a broker's directory; answers are in domain types.

pub mod alpaca;
pub mod dial;
pub mod tls;
