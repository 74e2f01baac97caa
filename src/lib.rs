//! brokerdeck: a terminal dashboard for people who trade through Alpaca.
//!
//! Layers, lowest last; imports point down this list only (`tests/integration/layering.rs` fails otherwise):
//!
//! | layer | what it is |
//! | --- | --- |
//! | [`cli`] | headless commands; the only writers to stdout and stderr |
//! | [`io`] | the shell: runtime, terminal, sockets, files, clock |
//! | [`sim`] | the simulated brokerage; knows only `domain::money` |
//! | [`broker`] | adapters to brokers; wire types stay inside |
//! | [`view`] | the model as cells |
//! | [`app`] | the program as a function: model, message in, effects out |
//! | [`accounts`] | every linked account: what its broker said, what is asked of it, what became of that |
//! | [`link`] | linking an account, without I/O |
//! | [`session`] | one account's connection, without I/O |
//! | [`domain`] | nouns and arithmetic |
//! | [`error`], [`config`] | errors with exit codes; the configuration as a validated value |

// An amount past 28 digits ends a program that adds with operators: only the checked methods may be used.
#![deny(clippy::arithmetic_side_effects)]

pub mod accounts;
pub mod app;
pub mod broker;
pub mod cli;
pub mod config;
pub mod domain;
pub mod error;
pub mod io;
pub mod link;
pub mod session;
#[cfg(feature = "simulator")]
pub mod sim;
pub mod view;
