//! Arguments in, exit code out; no decisions.

use std::process::ExitCode;

fn main() -> ExitCode {
    brokerdeck::cli::main()
}
