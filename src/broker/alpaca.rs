//! Alpaca, and every service that speaks the same API.
//!
//! (contract skeleton) To come: `rest::Client::request(&Request) -> Result<Reply, RequestError>`,
//! `stream::run`, `oauth`, `wire`.

pub mod oauth;
