//! `brokerdeck config init|path|check`.

use std::io::Write;

use clap::Subcommand;

use super::{Global, output, paths};
use crate::config::{Config, EXAMPLE};
use crate::error::Error;
use crate::io::paths::ensure_private_dir;

/// What to do with the configuration file.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Write the commented example; an existing file is left alone.
    Init,
    /// Print where the file is, or would be.
    Path,
    /// Say what is wrong with it, line by line.
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
            if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty() && !dir.exists()) {
                ensure_private_dir(dir)
                    .map_err(|error| Error::failed(format!("cannot make {}: {error}", dir.display())))?;
            }
            write_new(&path).map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    let hint = "edit it, or move it away first".to_owned();
                    Error::usage(format!("{} exists already", path.display()), hint)
                }
                _ => Error::failed(format!("cannot write {}: {error}", path.display())),
            })?;
            output::line(&path.display().to_string()).map(drop)
        }
        ConfigCommand::Check => {
            let config = Config::load(&path).map_err(|error| Error::usage(error.to_string(), None))?;
            let text = if config.found { "is valid" } else { "does not exist; the defaults hold" };
            output::line(&format!("{} {text}", path.display()))?;
            for spec in &config.brokers {
                let state = spec.missing().unwrap_or_else(|| "ready to link".to_owned());
                output::line(&format!("  {}: {state}", spec.id))?;
            }
            Ok(())
        }
    }
}

/// Creates the file for its owner alone; it may come to hold a secret.
fn write_new(path: &std::path::Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(EXAMPLE.as_bytes())
}
