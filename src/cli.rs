//! The command line: one table of commands, one file each in `cli/`, and the only writers to stdout and stderr.
//!
//! Results go to stdout, everything else to stderr. A closed pipe is success (DESIGN 2).

pub mod accounts;
pub mod brokers;
pub mod config;
pub mod link;
pub mod output;
pub mod sim;
pub mod unlink;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::Config;
use crate::error::Error;
use crate::io::log;
use crate::io::paths::Paths;

/// The whole command line. Its text is the help, the man page and the completions.
#[derive(Debug, Parser)]
#[command(name = "brokerdeck", version, about, long_about = LONG_ABOUT, max_term_width = 100, args_conflicts_with_subcommands = false)]
pub struct Cli {
    /// What to do; without a command the dashboard opens.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
}

const LONG_ABOUT: &str = "A terminal dashboard for people who trade through Alpaca. Links paper and live accounts by OAuth, \
streams every order update, and shows brokers, account, orders, positions and executions.\n\n\
Without a command the dashboard opens. `brokerdeck demo` shows everything on a simulated brokerage, without an account.";

/// Options that every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Configuration file.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub config: Option<PathBuf>,
    /// Folder for data, tokens and log, instead of the platform's.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub data_dir: Option<PathBuf>,
    /// How much goes to the log file: off, error, warn, info, debug, trace.
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info", help_heading = "Global options")]
    pub log_level: String,
    /// Never change anything at a broker.
    #[arg(long, global = true, help_heading = "Global options")]
    pub read_only: bool,
    /// Theme: auto, dark, light, high-contrast, colour-blind, none, or a file.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub theme: Option<String>,
    /// Colour on the screen.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub color: ColorChoice,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// Unless `NO_COLOR` is set.
    Auto,
    /// Even if `NO_COLOR` is set.
    Always,
    /// Not at all.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what can be linked, what is linked, and whether it answers.
    Brokers(brokers::BrokersArgs),
    /// Link an account by OAuth.
    Link(link::LinkArgs),
    /// Forget an account's token.
    Unlink(unlink::UnlinkArgs),
    /// Write, find or check the configuration file.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Serve the simulated brokerage, for tests and for other clients.
    Sim(sim::SimCommand),
}

/// What a command works with: the configuration, the paths, the options.
#[derive(Debug, Clone)]
pub struct Context {
    /// The checked configuration.
    pub config: Config,
    /// Where files live.
    pub paths: Paths,
    /// The options.
    pub global: Global,
}

impl Context {
    /// Chooses paths, starts the log, reads the configuration.
    ///
    /// # Errors
    /// [`Error::Usage`] with every problem of the file.
    pub fn load(global: &Global) -> Result<Self, Error> {
        let paths = paths(global)?;
        log::start(&paths.log(), &global.log_level).map_err(|message| Error::usage(message, None))?;
        let config = Config::load(&paths.config).map_err(|error| Error::usage(error.to_string(), None))?;
        if global.config.is_some() && !config.found {
            let hint = "check the path, or write one with `brokerdeck config init`".to_owned();
            return Err(Error::usage(format!("{} does not exist", paths.config.display()), hint));
        }
        Ok(Self { config, paths, global: global.clone() })
    }
}

/// The paths that the options choose.
///
/// # Errors
/// [`Error::Usage`] when no home folder is known.
pub fn paths(global: &Global) -> Result<Paths, Error> {
    let env_config = std::env::var_os("BROKERDECK_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    Paths::choose(global.config.as_deref(), global.data_dir.as_deref(), env_config)
        .map_err(|message| Error::usage(message, "give --config FILE and --data-dir DIR".to_owned()))
}

/// Runs the program on its arguments and gives its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results, everything else is a usage error; clap knows which stream each belongs to.
            let code = if error.use_stderr() { 2 } else { 0 };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    match dispatch(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::report(&error);
            error.exit_code()
        }
    }
}

fn dispatch(cli: Cli) -> Result<u8, Error> {
    match cli.command {
        None => Err(Error::failed("the dashboard is not wired up yet")),
        Some(Command::Brokers(args)) => {
            with_context(&cli.global, async |ctx| brokers::run(ctx, &args).await.map(|()| 0))
        }
        Some(Command::Link(args)) => with_context(&cli.global, async |ctx| link::run(ctx, &args).await),
        Some(Command::Unlink(args)) => with_context(&cli.global, async |ctx| unlink::run(ctx, &args).await.map(|()| 0)),
        Some(Command::Config(command)) => config::run(&cli.global, &command).map(|()| 0),
        Some(Command::Sim(command)) => sim::run(command).map(|()| 0),
    }
}

/// Runs a command that talks to a network. Threads that hang in the system do not keep the program.
fn with_context(global: &Global, command: impl AsyncFnOnce(&Context) -> Result<u8, Error>) -> Result<u8, Error> {
    let ctx = Context::load(global)?;
    let runtime = runtime()?;
    let end = runtime.block_on(command(&ctx));
    runtime.shutdown_background();
    end
}

/// A runtime for the commands that talk to a network.
///
/// # Errors
/// When the system refuses threads.
pub fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Error::failed(format!("cannot start the runtime: {error}")))
}
