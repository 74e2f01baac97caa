//! Alpaca, and every service that speaks the same API.
//!
//! [`oauth`] gets a token, [`rest`] asks with it, [`stream`] listens with it, [`governor`] says when to ask, [`wire`]
//! reads what comes back. Nothing in here decides what to ask or what to believe; that is [`crate::session`]'s.

mod events;
mod failure;
pub mod governor;
mod headers;
mod http;
pub mod oauth;
pub mod queue;
pub mod rest;
mod sse;
pub mod stream;
mod websocket;
pub mod wire;
