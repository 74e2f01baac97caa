//! Alpaca, and every service that speaks the same API.
//!
//! [`oauth`] gets a token, [`rest`] and [`stream`] use it, [`governor`] limits the request rate, [`wire`] decodes
//! replies and frames. What to request and which data counts is decided by [`crate::session`].

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
