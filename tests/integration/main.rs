//! Integration tests, one binary: the layers, the command line, the sockets, the terminal.

mod cli;
mod layering;
mod linking;
