//! The command line: one table of commands, one file each in `cli/`, and the only writers to stdout and stderr.
//!
//! Results go to stdout, everything else to stderr. A closed pipe is success (docs/DESIGN.md 2).

pub mod account;
pub mod accounts;
pub mod activity;
pub mod brokers;
pub mod complete;

pub mod config;
pub mod dashboard;
#[cfg(feature = "simulator")]
pub mod demo;
pub mod doctor;
mod export;
pub mod json;
pub mod keys;
pub mod link;
pub mod man;
pub mod orders;
pub mod output;
pub mod pace;
pub mod positions;
pub mod reader;
pub mod replay;
mod runtime;
pub mod select;
#[cfg(feature = "simulator")]
pub mod sim;
pub mod unlink;
pub mod watch;
pub mod when;

mod theme;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use self::runtime::runtime;
#[cfg(feature = "simulator")]
use self::runtime::server_runtime;
use crate::app::keymap::Keymap;
use crate::app::model::Program;
use crate::broker::dial::{self, Route};
use crate::config::{Config, ConfigError};
use crate::domain::text::sanitize_lines;
use crate::error::Error;
use crate::io::accounts::{AccountAccess, tls_for};
use crate::io::harden;
use crate::io::links::Links;
use crate::io::log;
use crate::io::paths::Paths;
use crate::io::signals;
use crate::io::start::Settings;
use crate::io::terminal::holds_escape_for_the_mouse;
use crate::io::tokens::Tokens;
use crate::io::zones;
use crate::view::ViewState;

/// The hint when a command needs a terminal and there is none.
pub const HEADLESS_HINT: &str =
    "run it in a terminal; without one, use `brokerdeck watch`, `orders`, `positions` or `account`";

/// The command line. Help, man page and completions are generated from it.
#[derive(Debug, Parser)]
#[command(name = "brokerdeck", version, about, long_about = LONG_ABOUT, max_term_width = 100, args_conflicts_with_subcommands = false)]
pub struct Cli {
    /// The command; without one the dashboard opens.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options that every command takes.
    #[command(flatten)]
    pub global: Global,
}

#[cfg(feature = "simulator")]
macro_rules! demo_hint {
    () => {
        " `brokerdeck demo` shows everything on a simulated brokerage, without an account."
    };
}

#[cfg(not(feature = "simulator"))]
macro_rules! demo_hint {
    () => {
        ""
    };
}

const LONG_ABOUT: &str = concat!(
    "A terminal dashboard for people who trade through Alpaca. Links paper and live accounts by OAuth, streams every order \
     update, and shows brokers, account, orders, positions and executions.\n\nWithout a command the dashboard opens.",
    demo_hint!()
);

/// Options that every command takes.
#[derive(Debug, Clone, clap::Args)]
pub struct Global {
    /// Configuration file.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub config: Option<PathBuf>,
    /// Folder for data, tokens and log, instead of the platform's own.
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub data_dir: Option<PathBuf>,
    /// How much to log: off, error, warn, info, debug, trace.
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info", help_heading = "Global options")]
    pub log_level: String,
    /// Never change anything at a broker.
    #[arg(long, global = true, help_heading = "Global options")]
    pub read_only: bool,
    /// Theme: auto, dark, light, high-contrast, colour-blind, none, or a file.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options", add = ArgValueCompleter::new(complete::themes))]
    pub theme: Option<String>,
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub color: ColorChoice,
    /// Record a run of the dashboard to this file, for `brokerdeck replay`; other commands refuse it.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub record: Option<PathBuf>,
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
    #[cfg(feature = "simulator")]
    /// See everything on an embedded simulated brokerage; needs no account and leaves nothing behind.
    Demo(demo::DemoArgs),
    #[cfg(feature = "simulator")]
    /// Serve the simulated brokerage for other programs.
    Sim(sim::SimCommand),
    /// List brokers, linked accounts and their state.
    Brokers(brokers::BrokersArgs),
    /// Link an account by OAuth.
    Link(link::LinkArgs),
    /// Unlink an account and forget its token.
    Unlink(unlink::UnlinkArgs),
    /// Show balances.
    Account(select::AccountArgs),
    /// List orders.
    Orders(orders::OrdersArgs),
    /// List positions.
    Positions(select::AccountArgs),
    /// List executions, dividends, fees and transfers.
    Activity(activity::ActivityArgs),
    /// Print every trade update as it arrives, each execution once, and every change of a connection.
    #[command(mut_arg("json", |json| json.help("Print one JSON document a line, with the broker's own field names")))]
    Watch(select::AccountArgs),
    /// Export executions or orders from the journal, as CSV or JSON lines.
    Export(export::ExportArgs),
    /// Check everything, and say what is wrong and how to fix it.
    Doctor(doctor::DoctorArgs),
    /// Write, find or check the configuration file.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the key table.
    Keys,
    /// Replay a recorded run on the screen.
    Replay(replay::ReplayArgs),
    /// Print shell completions for commands, options, accounts and brokers: `source <(brokerdeck completions bash)`.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man,
}

/// Whether the command opens the dashboard, which alone is recorded.
const fn is_recorded(command: Option<&Command>) -> bool {
    match command {
        None => true,
        #[cfg(feature = "simulator")]
        Some(Command::Demo(_)) => true,
        Some(_) => false,
    }
}

/// What every command needs: configuration, paths, options.
#[derive(Debug, Clone)]
pub struct Context {
    /// The checked configuration.
    pub config: Config,
    /// Where files are.
    pub paths: Paths,
    /// The options.
    pub global: Global,
    /// Why the log could not be opened, if it could not.
    pub unlogged: Option<String>,
}

impl Context {
    /// Chooses the paths, reads and checks the configuration, and starts the log.
    ///
    /// # Errors
    /// [`Error::Usage`] with every problem of the file, or for a data folder that others can access.
    pub fn load(global: &Global) -> Result<Self, Error> {
        let level = log::level(&global.log_level).map_err(|message| Error::usage(message, None))?;
        let mut context = Self::read(global)?;
        context.paths.prepare().map_err(|error| {
            Error::usage(error.to_string(), "name a folder of your own with --data-dir DIR".to_owned())
        })?;
        // Run on without a log.
        if let Err(message) = log::start(&context.paths.log(), level) {
            output::warn(&format!("nothing is logged: {message}"));
            context.unlogged = Some(message);
        }
        for warning in &context.config.warnings {
            output::warn(warning);
        }
        Ok(context)
    }

    /// Chooses the paths, then reads and checks the configuration. Writes no files.
    ///
    /// # Errors
    /// [`Error::Usage`] with every problem of the file.
    pub fn read(global: &Global) -> Result<Self, Error> {
        let paths = paths(global)?;
        let config = Config::load(&paths.config).map_err(|error| {
            let unread = matches!(error, ConfigError::Read { .. });
            let hint = "put a text file there that you may read, of 1 MiB at most, or name another with --config";
            Error::usage(error.to_string(), unread.then(|| hint.to_owned()))
        })?;
        if global.config.is_some() && !config.found {
            let hint = "check the path, or write one with `brokerdeck config init`".to_owned();
            return Err(Error::usage(format!("{} does not exist", paths.config.display()), hint));
        }
        let context = Self { config, paths, global: global.clone(), unlogged: None };
        context.check()?;
        Ok(context)
    }

    /// Checks keys, theme and certificate authorities. Secrets are read only when they are used.
    fn check(&self) -> Result<(), Error> {
        self.keymap()?;
        theme::check(&self.config.ui.theme).map_err(|problem| {
            let path = self.paths.config.display();
            let place = self.config.ui.theme_line.map_or_else(|| path.to_string(), |line| format!("{path}:{line}"));
            Error::usage(format!("{place}: ui.theme: {}", problem.message), problem.hint)
        })?;
        if let Some(name) = &self.global.theme {
            theme::check(name).map_err(|problem| problem.of(name))?;
        }
        for spec in self.config.brokers.iter().filter(|spec| spec.ca_file.is_some()) {
            let path = self.paths.config.display();
            tls_for(spec).map_err(|error| Error::usage(format!("{path}: broker {}: {error}", spec.id), None))?;
        }
        Ok(())
    }

    /// Checks that the proxy variables that apply to the brokers can be used.
    ///
    /// # Errors
    /// [`Error::Usage`] with the variable and how to fix it.
    fn reachable(&self) -> Result<(), Error> {
        let set_up = self.config.brokers.iter().filter(|spec| spec.missing().is_none());
        let mut urls = set_up.flat_map(|spec| spec.endpoints.iter().map(|endpoints| &endpoints.api_url));
        match urls.find_map(|url| Route::to(url).unusable()) {
            Some(unusable) => Err(Error::usage(unusable.to_string(), dial::CURE.to_owned())),
            None => Ok(()),
        }
    }

    /// The demo's context, without configuration or files.
    ///
    /// # Errors
    /// Never in practice.
    #[cfg(feature = "simulator")]
    pub fn for_demo(global: &Global) -> Result<Self, Error> {
        let paths = Paths { config: PathBuf::new(), data: PathBuf::new(), state: PathBuf::new(), own: false };
        Ok(Self { config: demo::config()?, paths, global: global.clone(), unlogged: None })
    }

    /// The linked accounts as configured.
    pub fn accounts(&self) -> AccountAccess {
        AccountAccess {
            specs: Arc::new(self.config.brokers.clone()),
            links: Arc::new(Links::in_dir(&self.paths.data)),
            tokens: Arc::new(Tokens::new(self.config.tokens, &self.paths.data)),
            read_only: self.global.read_only,
        }
    }

    /// [`Self::accounts`], read-only: no file is moved or rewritten.
    fn looking(&self) -> AccountAccess {
        let tokens = Tokens::new(self.config.tokens, &self.paths.data).looking();
        AccountAccess { tokens: Arc::new(tokens), ..self.accounts() }
    }

    /// The active bindings.
    ///
    /// # Errors
    /// [`Error::Usage`] with every problem of `[keys]`.
    pub fn keymap(&self) -> Result<Keymap, Error> {
        let overrides = self.config.keys.iter().map(|key| (key.line, key.name.as_str(), key.chords.as_slice()));
        Keymap::with_overrides(overrides).map_err(|problems| {
            let path = self.paths.config.display();
            let lines: Vec<String> = problems.iter().map(|problem| format!("{path}: {problem}")).collect();
            Error::usage(lines.join("\n"), "`brokerdeck keys` lists the names".to_owned())
        })
    }

    /// The settings of a run of the dashboard.
    ///
    /// # Errors
    /// As [`Self::keymap`].
    pub fn settings(&self) -> Result<Settings, Error> {
        let ui = &self.config.ui;
        let zones = zones::offered(&ui.timezone_name, &ui.timezone);
        let program = Program {
            simulated: false,
            read_only: self.global.read_only,
            can_approve: false,
            timezone: ui.timezone.clone(),
            timezone_label: zones.first().map_or_else(|| Arc::from("UTC"), |zone| Arc::clone(&zone.label)),
            zones,
            themes: theme::offered(self.global.color),
            theme_given: self.global.theme.is_some(),
            bell: ui.bell,
            notify: ui.notify || !ui.notify_command.is_empty(),
            trading_live: self.config.trading_live,
            first_run: !self.config.found,
            flash: ui.flash,
            config_path: Arc::from(self.paths.config.display().to_string()),
        };
        Ok(Settings {
            program,
            keymap: self.keymap()?,
            keys: self.config.keys.iter().map(|key| (key.line, key.name.clone(), key.chords.clone())).collect(),
            mouse: ui.mouse && !holds_escape_for_the_mouse(|name| std::env::var(name).ok()),
            osc9: ui.notify,
            notify_command: ui.notify_command.clone(),
            config_path: self.paths.config.clone(),
            locks: self.locks(),
            choices: None,
        })
    }

    /// The folder in which instances agree on who streams an account; `None` in the demo.
    pub fn locks(&self) -> Option<PathBuf> {
        Some(self.paths.data.clone()).filter(|folder| !folder.as_os_str().is_empty())
    }

    /// How the screen looks.
    ///
    /// # Errors
    /// [`Error::Usage`] for a theme that does not exist or has problems.
    pub fn view(&self) -> Result<ViewState, Error> {
        let name = self.global.theme.as_deref().unwrap_or(&self.config.ui.theme);
        theme::choose(name, self.global.color, self.config.ui.ascii)
    }
}

/// The paths, as chosen by the options and `$BROKERDECK_CONFIG`.
///
/// # Errors
/// [`Error::Usage`] when no home folder is known.
pub fn paths(global: &Global) -> Result<Paths, Error> {
    let env_config = std::env::var_os("BROKERDECK_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    Paths::choose(global.config.as_deref(), global.data_dir.as_deref(), env_config)
        .map_err(|message| Error::usage(message, "give --config FILE and --data-dir DIR".to_owned()))
}

/// Runs the program with the process arguments; returns its exit code.
pub fn main() -> ExitCode {
    signals::ignore();
    if complete::answer() {
        return ExitCode::SUCCESS;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return no_command(&error),
    };
    match dispatch(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            output::report(&error);
            error.exit_code()
        }
    }
}

/// Prints help and version as results, and everything else as a usage error.
fn no_command(error: &clap::Error) -> ExitCode {
    // A script may pass on text from outside, and clap repeats arguments unsanitised in its coloured messages.
    let plain = |argument: OsString| argument.to_str().is_some_and(|text| sanitize_lines(text) == text);
    let said = if std::env::args_os().all(plain) {
        output::whether_written(error.print())
    } else {
        output::note(error.render().to_string().trim_end());
        Ok(true)
    };
    match said {
        _ if error.use_stderr() => ExitCode::from(2),
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            output::report(&error);
            error.exit_code()
        }
    }
}

fn dispatch(cli: Cli) -> Result<u8, Error> {
    let global = &cli.global;
    harden::no_core_dumps();
    // reqwest and tungstenite share one crypto provider; a second call fails because it is already installed.
    drop(rustls::crypto::ring::default_provider().install_default());
    if global.record.is_some() && !is_recorded(cli.command.as_ref()) {
        let hint = "leave --record out; it is for `brokerdeck` and `brokerdeck demo`".to_owned();
        return Err(Error::usage("--record records the dashboard, and this command does not open it", hint));
    }
    match cli.command {
        Some(Command::Config(command)) => config::run(global, &command).map(|()| 0),
        Some(Command::Completions { shell }) => complete::script(shell).map(|()| 0),
        Some(Command::Man) => man::run().map(|()| 0),
        #[cfg(feature = "simulator")]
        Some(Command::Demo(args)) => server_runtime()?.block_on(demo::run(global, &args)),
        #[cfg(feature = "simulator")]
        Some(Command::Sim(args)) => sim::run(args).map(|()| 0),
        Some(Command::Replay(args)) => runtime()?.block_on(replay::run(global, &args)),
        None => dialling(global, async |context| dashboard::run(&context).await),
        Some(Command::Keys) => keys::run(&Context::load(global)?).map(|()| 0),
        Some(Command::Brokers(args)) => {
            dialling(global, async |context| brokers::run(&context, &args).await.map(|()| 0))
        }
        Some(Command::Link(args)) => dialling(global, async |context| link::run(&context, &args).await),
        Some(Command::Unlink(args)) => dialling(global, async |context| unlink::run(&context, &args).await.map(|()| 0)),
        Some(Command::Account(args)) => {
            dialling(global, async |context| account::run(&context, &args).await.map(|()| 0))
        }
        Some(Command::Orders(args)) => dialling(global, async |context| orders::run(&context, &args).await.map(|()| 0)),
        Some(Command::Positions(args)) => {
            dialling(global, async |context| positions::run(&context, &args).await.map(|()| 0))
        }
        Some(Command::Activity(args)) => {
            dialling(global, async |context| activity::run(&context, &args).await.map(|()| 0))
        }
        Some(Command::Watch(args)) => dialling(global, async |context| watch::run(&context, &args).await),
        Some(Command::Export(args)) => online(global, async |context| export::run(&context, &args).await.map(|()| 0)),
        Some(Command::Doctor(args)) => online(global, async |context| doctor::run(&context, &args).await),
    }
}

/// Loads the context, checks the proxies, and runs a command that connects to brokers.
fn dialling(global: &Global, command: impl AsyncFnOnce(Context) -> Result<u8, Error>) -> Result<u8, Error> {
    online(global, async |context| {
        context.reachable()?;
        command(context).await
    })
}

/// Loads the context and runs a command on the async runtime.
fn online(global: &Global, command: impl AsyncFnOnce(Context) -> Result<u8, Error>) -> Result<u8, Error> {
    let context = Context::load(global)?;
    let runtime = runtime()?;
    let end = runtime.block_on(command(context));
    // Do not wait for threads that hang in a system call, such as a secret store that never answers.
    runtime.shutdown_background();
    end
}
