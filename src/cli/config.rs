//! `brokerdeck config init|path|check`.

use clap::Subcommand;

use super::{Context, Global, output, paths};
use crate::error::Error;
use crate::io::linker::Standing;
use crate::io::paths::write_example;

/// What to do with the configuration file.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Write the commented example; an existing file is left alone.
    Init,
    /// Print where the file is, or would be.
    Path,
    /// Say what is wrong with it and with what it names, line by line.
    Check,
}

/// Runs the command.
///
/// # Errors
/// Usage errors for a file that exists already or has problems.
pub fn run(global: &Global, command: &ConfigCommand) -> Result<(), Error> {
    let path = paths(global)?.config;
    match command {
        ConfigCommand::Path => output::line(&path.display().to_string()).map(drop),
        ConfigCommand::Init => {
            write_example(&path).map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    let hint = "edit it, or move it away first".to_owned();
                    Error::usage(format!("{} exists already", path.display()), hint)
                }
                _ => Error::failed(format!("cannot write {}: {error}", path.display())),
            })?;
            output::line(&path.display().to_string()).map(drop)
        }
        ConfigCommand::Check => {
            let Context { config, .. } = Context::read(global)?;
            for warning in &config.warnings {
                output::warn(warning);
            }
            let text = if config.found { "is valid" } else { "does not exist; the defaults hold" };
            output::line(&format!("{} {text}", path.display()))?;
            let mut faulty = None;
            for spec in &config.brokers {
                let state = match Standing::of(spec) {
                    Standing::NotSetUp(missing) => missing,
                    Standing::Faulty(why) => format!("cannot be linked: {}", faulty.insert(why)),
                    Standing::Ready(None) => "ready to link".to_owned(),
                    Standing::Ready(Some(unknown)) => format!("ready to link; {unknown}"),
                };
                output::line(&format!("  {}: {state}", spec.id))?;
            }
            faulty.map_or(Ok(()), |why| Err(Error::usage(why, Standing::CURE.to_owned())))
        }
    }
}
