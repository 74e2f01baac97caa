//! `brokerdeck config init|path|check`.

use std::path::Path;

use clap::Subcommand;

use super::{Context, Global, output, paths};
use crate::config::Config;
use crate::error::Error;
use crate::io::file_checks;
use crate::io::linker::Readiness;
use crate::io::paths::write_example;

/// Subcommands for the configuration file.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Write a commented example; an existing file is not changed.
    Init,
    /// Print the path of the file.
    Path,
    /// Check the file and everything it names, and list the problems by line.
    Check,
}

/// Runs the command.
///
/// # Errors
/// Usage errors for a file that already exists or has problems.
pub fn run(global: &Global, command: &ConfigCommand) -> Result<(), Error> {
    let path = paths(global)?.config;
    match command {
        ConfigCommand::Path => output::line(&path.display().to_string()).map(drop),
        ConfigCommand::Init => {
            write_example(&path).map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    let hint = "edit it, or move it away first".to_owned();
                    Error::usage(format!("{} already exists", path.display()), hint)
                }
                _ => Error::failed(
                    format!("cannot write {}: {error}", path.display()),
                    file_checks::hint_or(&path, &error, "--config FILE"),
                ),
            })?;
            output::line(&path.display().to_string()).map(drop)
        }
        ConfigCommand::Check => {
            let Context { config, .. } = Context::read(global)?;
            for warning in &config.warnings {
                output::warn(warning);
            }
            check(&path, &config)
        }
    }
}

/// Prints whether each broker can be linked. A file that names something unusable is not called valid.
fn check(path: &Path, config: &Config) -> Result<(), Error> {
    let standings: Vec<_> = config.brokers.iter().map(|spec| (&spec.id, Readiness::of(spec))).collect();
    let faulty = standings.iter().find_map(|(_, standing)| match standing {
        Readiness::Faulty(why) => Some(why.clone()),
        Readiness::NotSetUp(_) | Readiness::Ready(_) => None,
    });
    let text = match (&faulty, config.found) {
        (Some(_), _) => "can be read, but not every broker in it can be linked",
        (None, true) => "is valid",
        (None, false) => "does not exist; the defaults apply",
    };
    output::line(&format!("{} {text}", path.display()))?;
    for (id, standing) in standings {
        let state = match standing {
            Readiness::NotSetUp(missing) => missing,
            Readiness::Faulty(why) => format!("cannot be linked: {why}"),
            Readiness::Ready(None) => "ready to link".to_owned(),
            Readiness::Ready(Some(unknown)) => format!("ready to link; {unknown}"),
        };
        output::line(&format!("  {id}: {state}"))?;
    }
    faulty.map_or(Ok(()), |why| Err(Error::usage(why, Readiness::CURE.to_owned())))
}
