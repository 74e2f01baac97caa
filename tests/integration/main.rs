//! Integration tests, one binary: the layers, the command line, the sockets, the terminal.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "helpers of tests fail like tests, and say what they skipped"
)]

mod circles;
mod cli;
#[cfg(unix)]
mod cli_setup;
mod client;
mod docs;
mod fixture;
mod hostile;
mod journal;
mod layering;
mod linking;
mod network;
mod partial;
mod pty;
mod replay;
mod screens;
mod simulator;
mod sizes;
mod stage;
mod truth;
