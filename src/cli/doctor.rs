//! `brokerdeck doctor`: what is wrong and how to fix it. Secrets are never printed, only whether there are any.

mod files;
mod network;
mod report;

use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::report::Report;
use super::Context;
use super::reader::{add_broker, hint};
use crate::broker::alpaca::stream;
use crate::broker::dial::{self, Route};
use crate::config::{BrokerSpec, is_loopback};
use crate::domain::market::MarketClock;
use crate::error::Error;
use crate::io::accounts::{Access, AccessError, AccountAccess};
use crate::io::clock::Clock;
use crate::io::linker::Readiness;
use crate::link::LinkRecord;
use crate::session::request::unread_words;
use crate::session::{AuthForm, Closed, Reply, Request, RequestError, StreamEvent};

/// Largest clock difference that is not reported, in seconds.
const SKEW: i64 = 5;
/// Time limit for a stream to listen.
const STREAM: Duration = Duration::from_secs(15);

/// The hints for a stream that cannot be opened, when REST answers and when it does not.
const FALLS_BACK: &str = "the dashboard falls back to other stream forms and to polling by itself";
const NEITHER: &str = "REST does not answer either, so nothing is polled meanwhile: fix that first";

/// Output options.
#[derive(Debug, clap::Args)]
pub struct DoctorArgs {
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

/// Runs every check; the exit code is 1 when one of them failed.
///
/// # Errors
/// When stdout fails.
pub async fn run(context: &Context, args: &DoctorArgs) -> Result<u8, Error> {
    let mut report = Report::new(args.json);
    files::own(context, &mut report)?;
    // Read-only: if a check moved a file away, the next check would find nothing wrong.
    let accounts = context.looking();
    let links = files::linked(&accounts, &mut report).await?;
    network::environment(&mut report)?;
    for spec in &context.config.brokers {
        broker(spec, &mut report).await?;
    }
    for link in &links {
        account(&accounts, link, &mut report).await?;
    }
    report.end()
}

/// Checks that the broker can be linked: it has a client, and a callback port is free.
async fn broker(spec: &BrokerSpec, report: &mut Report) -> Result<(), Error> {
    let unknown = match Readiness::of(spec) {
        // A broker that was never set up is not a fault.
        Readiness::NotSetUp(missing) => return report.good(&format!("{}: not set up ({missing})", spec.id)),
        Readiness::Faulty(why) => return report.bad(&format!("{}: cannot be linked: {why}", spec.id), Readiness::CURE),
        Readiness::Ready(unknown) => unknown.map_or_else(String::new, |unknown| format!("; {unknown}")),
    };
    let mut free: Vec<String> = Vec::new();
    for uri in &spec.redirect_uris {
        let Some(port) = Url::parse(uri).ok().and_then(|url| url.port()) else { continue };
        let port_word = port.to_string();
        if !free.contains(&port_word) && TcpListener::bind(("127.0.0.1", port)).await.is_ok() {
            free.push(port_word);
        }
    }
    if free.is_empty() {
        let text = format!("{}: every callback port of redirect_uris is taken", spec.id);
        return report.bad(&text, "close the program that uses them, or register and list another redirect URI");
    }
    report.good(&format!("{}: can be linked; free callback port {}{unknown}", spec.id, free.join(", ")))?;
    network::routes(spec, report)
}

/// Checks that REST and stream answer, and that the clocks agree.
async fn account(accounts: &AccountAccess, link: &LinkRecord, report: &mut Report) -> Result<(), Error> {
    let name = format!("{} ({}, {})", link.label, link.account_number, link.environment);
    let relink = format!("link it again with `brokerdeck link {}`", link.broker);
    let access = match accounts.access(link).await {
        Ok(access) => access,
        Err(error) => {
            let spec = accounts.specs.iter().find(|spec| spec.id == link.broker);
            let place = spec.and_then(|spec| spec.endpoints(link.environment)).map(|place| Route::to(&place.api_url));
            let blocked = place.is_some_and(|way| way.unusable().is_some());
            let hint = match &error {
                AccessError::NoBroker { broker, .. } => &add_broker(broker),
                AccessError::Moved { .. } | AccessError::NoToken { .. } => relink.as_str(),
                _ if blocked => dial::CURE,
                AccessError::Store(error) => &error.hint(),
                _ => "fix what the message names",
            };
            return report.bad(&format!("{name}: {error}"), hint);
        }
    };
    let answer = access.client.account().await;
    let polled = answer.is_ok();
    match answer {
        Ok((account, unread)) => {
            let state = account.block().unwrap_or_else(|| "open for trading".to_owned());
            report.good(&format!("{name}: REST answers, status {}, {state}", account.status))?;
            if let Some(words) = unread_words(&unread) {
                report.bad(
                    &format!("{name}: {words}"),
                    "the broker's answer is faulty; `brokerdeck account --json` shows it",
                )?;
            }
            if link.another(&account).is_some() {
                let text = format!("{name}: the token reaches a different account than the one linked");
                return report
                    .bad(&text, "a paper account that was reset is a new account; link it again to confirm it");
            }
        }
        Err(error) => report.bad(&format!("{name}: {error}"), hint(&error, &relink))?,
    }
    // Where nothing answers, the account's line says so already.
    if polled {
        match clock_of(access.client.request(&Request::Clock).await) {
            Ok(clock) => clocks_agree(&name, clock.at, is_own_server(accounts, link), report)?,
            Err(error) => {
                report.bad(&format!("{name}: the broker's clock cannot be read: {error}"), hint(&error, &relink))?;
            }
        }
    }
    match listen(access).await {
        Ok(()) => report.good(&format!("{name}: the stream is subscribed to trade updates")),
        Err(reason) => report.bad(&format!("{name}: {reason}"), if polled { FALLS_BACK } else { NEITHER }),
    }
}

/// Opens the stream until it listens to trade updates; returns the reason when it does not.
async fn listen(access: Access) -> Result<(), String> {
    let (events, mut receiver) = mpsc::channel(64);
    let stop = CancellationToken::new();
    let task = tokio::spawn(stream::run(access.target, access.token, AuthForm::Authenticate, events, stop.clone()));
    let outcome = tokio::time::timeout(STREAM, async {
        while let Some(event) = receiver.recv().await {
            match event {
                StreamEvent::Listening { trade_updates: true } => return Ok(()),
                StreamEvent::Closed(closed) => return Err(reason(closed)),
                _ => {}
            }
        }
        Err("the stream ended".to_owned())
    });
    let outcome = outcome.await;
    stop.cancel();
    if task.await.is_err() {
        tracing::warn!("the stream's task failed");
    }
    outcome
        .unwrap_or_else(|_| Err(format!("the stream did not confirm the subscription within {} s", STREAM.as_secs())))
}

/// The exchange's clock in an answer.
fn clock_of(result: Result<Reply, RequestError>) -> Result<MarketClock, RequestError> {
    let Reply::Clock(clock) = result? else { return Err(RequestError::mismatch()) };
    Ok(clock)
}

/// Whether the account's broker runs on this machine.
fn is_own_server(accounts: &AccountAccess, link: &LinkRecord) -> bool {
    let spec = accounts.specs.iter().find(|spec| spec.id == link.broker);
    spec.and_then(|spec| spec.endpoints(link.environment)).is_some_and(|place| is_loopback(&place.api_url))
}

/// Reports whether this machine's clock agrees with the broker's.
fn clocks_agree(name: &str, at: Timestamp, is_own: bool, report: &mut Report) -> Result<(), Error> {
    let skew = Clock::new().now().wall.duration_since(at).as_secs();
    if skew.abs() <= SKEW {
        return report.good(&format!("{name}: clocks agree within {SKEW} s"));
    }
    // A simulated brokerage on this machine has its own time.
    if is_own {
        return report.good(&format!("{name}: it runs on its own clock ({at:.0}), as a simulated brokerage does"));
    }
    let text = format!("{name}: this machine's clock is {skew} s off the broker's ({at:.0})");
    report.bad(&text, "set the clock, for example with NTP; ages and countdowns are wrong until then")
}

fn reason(closed: Closed) -> String {
    match closed {
        Closed::Connect { message, .. } | Closed::Lost { message } => message,
        Closed::AuthRefused { message } => format!("the stream refused the token: {message}"),
        Closed::AuthSilent => "the stream did not answer the authentication".to_owned(),
        Closed::Silent => "the stream went silent".to_owned(),
        Closed::BrokerError { message } => format!("the broker said: {message}"),
        Closed::Elsewhere => "another instance streams the account".to_owned(),
        Closed::Asked => "closed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_another_kind_is_no_clock() {
        assert_eq!(clock_of(Ok(Reply::Done)).unwrap_err(), RequestError::mismatch());
    }
}
