//! `brokerdeck man`: the manual page, generated from the command definitions.

use clap::CommandFactory;

use super::{Cli, output};
use crate::error::Error;

/// Prints the manual page: the program, then each command.
///
/// # Errors
/// When stdout fails.
pub fn run() -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::ours(error.to_string());
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(failed)?;
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let man = clap_mangen::Man::new(sub.clone());
        man.render_name_section(&mut page).map_err(failed)?;
        man.render_synopsis_section(&mut page).map_err(failed)?;
        man.render_options_section(&mut page).map_err(failed)?;
    }
    output::print(&output::Printable::own(String::from_utf8_lossy(&page).trim_end())).map(drop)
}
