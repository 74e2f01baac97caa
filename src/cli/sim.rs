//! `brokerdeck sim`: the simulated brokerage as a server.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueEnum;
use rust_decimal::Decimal;

use super::runtime::server_runtime;
use super::{output, pace};
use crate::error::Error;
use crate::io::clock::Clock;
use crate::sim::engine::bot::HIGHEST_RATE;
use crate::sim::options::{Frames, SimOptions};
use crate::sim::server::{self, SimError};

/// The options of `brokerdeck sim`.
#[derive(Debug, Clone, clap::Args)]
pub struct SimCommand {
    /// Address to listen on; paper, live and data use the next three ports. Port 0 picks free ones.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Random seed; the same seed gives the same market and the same credentials.
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub seed: u64,
    /// How fast simulated time runs, from 0.1 to 100.
    #[arg(long, value_name = "X", default_value = "1", value_parser = pace::parse)]
    pub pace: Decimal,
    /// Order events per second, instead of a human pace.
    #[arg(long, value_name = "EVENTS_PER_S", value_parser = clap::value_parser!(u32).range(..=i64::from(HIGHEST_RATE)))]
    pub rate: Option<u32>,
    /// Serve TLS with a temporary certificate authority; the ready line names its file.
    #[arg(long)]
    pub tls: bool,
    /// Frame type of the stream; faithful, as at Alpaca, is binary on paper and text on live.
    #[arg(long, value_enum, default_value_t = FramesChoice::Faithful)]
    pub frames: FramesChoice,
    /// Faults to inject, as in `duplicate@5%,delay=200ms@10%/paper`.
    #[arg(long, value_name = "SPEC")]
    pub faults: Option<String>,
    /// TOML file of control requests with their times.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Start without orders and without the trading bot.
    #[arg(long)]
    pub idle: bool,
    /// Redirect URI to register instead of the default ones; can be given several times.
    #[arg(long = "redirect-uri", value_name = "URI")]
    pub redirect_uris: Vec<String>,
}

/// [`Frames`] as a command-line value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FramesChoice {
    /// Binary on paper, text on live.
    Faithful,
    /// Binary everywhere.
    Binary,
    /// Text everywhere.
    Text,
}

/// Time limit of an orderly shutdown.
const GRACE: std::time::Duration = std::time::Duration::from_secs(3);

/// Serves until a signal ends it.
///
/// # Errors
/// Usage errors for unusable options; a failure when the ready line cannot be written.
pub fn run(command: SimCommand) -> Result<(), Error> {
    server_runtime()?.block_on(serve(command))
}

async fn serve(command: SimCommand) -> Result<(), Error> {
    let frames = match command.frames {
        FramesChoice::Faithful => Frames::Faithful,
        FramesChoice::Binary => Frames::Binary,
        FramesChoice::Text => Frames::Text,
    };
    // Before the ready line, so that its reader can end the server at once.
    let mut stop = crate::io::signals::ends();
    // Also if the ready line is never read.
    crate::io::signals::insist(GRACE);
    let options = SimOptions {
        listen: command.listen,
        seed: command.seed,
        pace: command.pace,
        rate: command.rate,
        tls: command.tls,
        frames,
        faults: command.faults,
        scenario: command.scenario,
        idle: command.idle,
        incarnation: u64::try_from(Clock::new().now().wall.as_second()).unwrap_or(1),
        redirect_uris: command.redirect_uris,
    };
    let running = server::start(options).await.map_err(cannot_start)?;
    if output::json_line(&running.ready)? {
        stop.recv().await;
    }
    running.stop().await;
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
fn cannot_start(error: SimError) -> Error {
    match error {
        SimError::NotLoopback(_) => Error::usage(error.to_string(), "use 127.0.0.1 or [::1]".to_owned()),
        SimError::Ports(_) => Error::usage(error.to_string(), "choose a port up to 65532, or 0 for any".to_owned()),
        SimError::Bind(..) => Error::failed(error.to_string(), "the ports are taken; choose others, or 0 for any"),
        SimError::Faults(_) | SimError::Scenario(_) => Error::usage(error.to_string(), None),
        SimError::Tls(_) => Error::ours(error.to_string()),
        SimError::CaFile(_) => Error::failed(
            error.to_string(),
            "free some disk space for temporary files, or set TMPDIR to another folder",
        ),
    }
}
