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
//! | [`view`] | draws the model |
//! | [`app`] | the program as a function: model, message in, effects out |
//! | [`accounts`] | the linked accounts: their data, the requests to their brokers, and the outcomes |
//! | [`link`] | linking an account, without I/O |
//! | [`session`] | one account's connection, without I/O |
//! | [`domain`] | orders, executions, amounts, the blotter |
//! | [`error`], [`config`] | errors with exit codes; the validated configuration |

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
