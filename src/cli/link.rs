//! `brokerdeck link`: links an account without the dashboard.
//!
//! The authorize URL is alone on the first line of stdout, and what was saved is on the last lines. Everything else
//! goes to stderr.

mod lines;
mod terminal;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use self::lines::lines_of_stdin;
use self::terminal::{LOOK, QuietTerminal};
use super::{Context, accounts, output};
use crate::broker::dial;
use crate::config::BrokerSpec;
use crate::domain::Environment;
use crate::error::Error;
use crate::io::clock::Clock;
use crate::io::linker::{Linker, Setup};
use crate::io::signals;
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, FoundAccount, LinkFailure, LinkProgress, LinkRecord, RedirectNote};

/// Options of `brokerdeck link`.
#[derive(Debug, clap::Args)]
pub struct LinkArgs {
    /// Broker id: `alpaca-paper`, `alpaca-live`, or one from the configuration.
    #[arg(value_name = "BROKER", add = clap_complete::engine::ArgValueCompleter::new(super::complete::brokers))]
    pub broker: String,
    /// Only print the address; open it yourself, on this machine or another.
    #[arg(long)]
    pub no_browser: bool,
    /// Your name for the account.
    #[arg(long, value_name = "NAME")]
    pub label: Option<String>,
    /// How long to wait for the browser, like 90s or 5m.
    #[arg(long, value_name = "TIME", default_value = "300s", value_parser = duration)]
    pub timeout: Duration,
    /// Save without asking.
    #[arg(long)]
    pub yes: bool,
}

/// Longest gap between two lines of one paste.
const PASTE_PAUSE: Duration = Duration::from_millis(100);
/// Longest paste, in bytes.
const LONGEST_PASTE: usize = 64 * 1024;
/// How long a signal waits for a broker that revokes a token which was not saved, and time limit of the whole end.
const LAST_WORDS: Duration = Duration::from_secs(4);
const GRACE: Duration = Duration::from_secs(5);
const ATTEMPT: AttemptId = AttemptId(1);

/// Links the account; returns the exit code.
///
/// # Errors
/// Every failure of the attempt, with how to fix it.
pub async fn run(ctx: &Context, args: &LinkArgs) -> Result<u8, Error> {
    let spec = find(ctx, &args.broker)?;
    let accounts = ctx.accounts();
    let known = accounts::list(&accounts.links).await?;
    let mut setup = Setup::new(&accounts, Clock::new());
    setup.limit = args.timeout;
    let (progress, mut news) = mpsc::channel(16);
    let linker = Linker::new(setup, progress);
    signals::insist(GRACE);
    let mut interrupts = signals::ends();
    let mut dialog = LinkDialog {
        linker: &linker,
        spec,
        args,
        known: &known,
        printed: false,
        opening: false,
        port: None,
        handed_over: false,
        asked: None,
    };
    let mut changes = signals::changes();
    let unlined = Arc::default();
    let mut input = lines_of_stdin(Arc::clone(&unlined))?;
    let mut quiet = QuietTerminal::new(unlined);
    let (mut ended, mut interrupted) = (false, false);
    linker.begin(ATTEMPT, spec.id.clone(), !args.no_browser);
    let end = loop {
        let step = tokio::select! {
            Some(signal) = interrupts.recv() => {
                interrupted = true;
                break Ok(128_u8.saturating_add(signal));
            }
            Some(change) = changes.recv() => {
                quiet.on_change(change);
                Ok(Step::Wait)
            }
            () = tokio::time::sleep(LOOK), if quiet.waits() => {
                quiet.look();
                Ok(Step::Wait)
            }
            Some((_, progress)) = news.recv() => {
                match &progress {
                    LinkProgress::Waiting { .. } => {
                        // A pasted redirect URL contains the code, which should not stay on the screen.
                        quiet.want();
                    }
                    LinkProgress::Note(_) => {}
                    _ => quiet.release(),
                }
                dialog.on_progress(progress)
            }
            line = input.recv(), if !ended => {
                ended = line.is_none();
                let line = match line {
                    // An address wrapped by a terminal or a mail arrives as several lines at once.
                    Some(line) if dialog.asked.is_none() => Some(whole_paste(line, &mut input).await),
                    line => line,
                };
                dialog.read(line)
            }
        };
        // After the end of stdin, a later question cannot be answered.
        let step = step.and_then(|step| if ended && matches!(step, Step::Wait) { dialog.read(None) } else { Ok(step) });
        match step {
            Ok(Step::Wait) => {}
            Ok(Step::Done) => break Ok(0),
            Err(error) => break Err(error),
        }
    };
    drop(quiet);
    let words = if interrupted { linker.end(tokio::time::sleep(LAST_WORDS)).await } else { linker.settle().await };
    for text in words {
        output::note(&format!("{}.", capital(&text)));
    }
    for notice in accounts.tokens.take_notices() {
        output::note(&notice);
    }
    end
}

/// The line, with those that follow at once.
async fn whole_paste(first: String, input: &mut mpsc::Receiver<String>) -> String {
    let mut text = first;
    while text.len() < LONGEST_PASTE
        && let Ok(Some(line)) = tokio::time::timeout(PASTE_PAUSE, input.recv()).await
    {
        text.push('\n');
        text.push_str(&line);
    }
    text
}

enum Step {
    Wait,
    Done,
}

/// State of the dialog with the user.
struct LinkDialog<'a> {
    linker: &'a Linker,
    spec: &'a BrokerSpec,
    args: &'a LinkArgs,
    known: &'a [LinkRecord],
    printed: bool,
    /// It was said that the browser is opened.
    opening: bool,
    port: Option<u16>,
    /// A redirect URL was handed over, and nothing is known against it.
    handed_over: bool,
    /// The accounts that the user is being asked about.
    asked: Option<Vec<FoundAccount>>,
}

impl LinkDialog<'_> {
    fn on_progress(&mut self, progress: LinkProgress) -> Result<Step, Error> {
        if matches!(progress, LinkProgress::Note(_)) {
            self.handed_over = false;
        }
        match progress {
            LinkProgress::Waiting { authorize_url, port, browser, .. } => {
                self.port = port;
                if !self.printed {
                    self.printed = true;
                    output::line(authorize_url.expose())?;
                    self.explain(port);
                }
                match browser {
                    Ok(()) if !std::mem::replace(&mut self.opening, true) => output::note("Opening the browser."),
                    Ok(()) => {}
                    Err(_) if self.args.no_browser && port.is_some() => {}
                    Err(reason) => output::note(&format!("No browser was opened: {reason}.")),
                }
                Ok(Step::Wait)
            }
            LinkProgress::Note(RedirectNote::WrongState) => {
                output::note("A redirect without the expected state was ignored. Still waiting; Ctrl-C stops.");
                Ok(Step::Wait)
            }
            LinkProgress::Note(RedirectNote::NotARedirect) => {
                output::note("That is not the redirect URL. Paste the whole address that the browser ended on.");
                Ok(Step::Wait)
            }
            LinkProgress::Note(RedirectNote::Incomplete) => {
                output::note("That is only the start of the address. Paste the rest of it.");
                Ok(Step::Wait)
            }
            LinkProgress::Exchanging => {
                output::note("The broker answered; fetching the token and the account.");
                Ok(Step::Wait)
            }
            LinkProgress::Confirm { accounts, scopes } => {
                self.describe(&accounts, &scopes);
                let doubtful = accounts.iter().any(|account| account.doubt().is_some());
                if self.args.yes && !doubtful {
                    self.save(&accounts);
                } else {
                    ask(&accounts);
                    self.asked = Some(accounts);
                }
                Ok(Step::Wait)
            }
            LinkProgress::Saved { links, stored_in } => {
                for link in &links {
                    let text = format!("linked {}: {} {}", link.label, link.account_number, link.environment);
                    output::line(&text)?;
                }
                output::note(&format!("{}.", capital(&stored_in)));
                Ok(Step::Done)
            }
            LinkProgress::Failed(failure) => Err(describe_failure(&failure, self.spec)),
            // Said at the end, with what else became of tokens.
            LinkProgress::Unsaved { .. } => Ok(Step::Wait),
        }
    }

    /// Handles a line of stdin, or its end.
    fn read(&mut self, line: Option<String>) -> Result<Step, Error> {
        match (line, self.asked.take()) {
            (Some(line), None) if line.trim().is_empty() => Ok(Step::Wait),
            (Some(line), None) => {
                self.handed_over = true;
                self.linker.submit_redirect(ATTEMPT, &Sensitive::new(line));
                Ok(Step::Wait)
            }
            (Some(line), Some(accounts)) if agrees(&line, &accounts) => {
                self.save(&accounts);
                Ok(Step::Wait)
            }
            (Some(_), Some(accounts)) => {
                self.linker.cancel(ATTEMPT);
                Err(Error::failed("not saved", unanswered(&accounts)))
            }
            (None, Some(accounts)) => {
                self.linker.cancel(ATTEMPT);
                Err(Error::failed("not saved: the input ended before the answer", unanswered(&accounts)))
            }
            (None, None) if self.printed && self.port.is_none() && !self.handed_over => {
                self.linker.cancel(ATTEMPT);
                Err(describe_failure(&LinkFailure::PortsTaken { ports: ports(self.spec) }, self.spec))
            }
            (None, None) => Ok(Step::Wait),
        }
    }

    fn explain(&self, port: Option<u16>) {
        let minutes = self.args.timeout.as_secs();
        match port {
            Some(port) => output::note(&format!(
                "Open the address above and allow access. Waiting on port {port} for {minutes} s; Ctrl-C stops.\n\
                    Is the browser on another machine? Paste the address it ends on here (it is not shown), and press \
                    Enter."
            )),
            None => output::note(&format!(
                "Open the address above on another machine, and paste the address it ends on here (it is not shown) \
                 within {minutes} s."
            )),
        }
    }

    fn describe(&self, accounts: &[FoundAccount], scopes: &[Arc<str>]) {
        for account in accounts {
            let label = account.replaces.as_ref().and_then(|id| self.known.iter().find(|link| link.id == *id));
            let known = label.map_or_else(String::new, |link| format!(", already linked as {}", link.label));
            output::note(&format!(
                "This is account {} ({}, {}{known}).",
                account.account_number, account.environment, account.status
            ));
            if let Some(doubt) = account.doubt() {
                output::note(doubt);
            }
        }
        if scopes.is_empty() {
            output::note("It grants read access only.");
        } else {
            output::note(&format!("It grants {}.", scopes.join(", ")));
        }
    }

    fn save(&self, accounts: &[FoundAccount]) {
        let labels = match &self.args.label {
            None => Vec::new(),
            Some(label) if accounts.len() == 1 => vec![label.clone()],
            Some(label) => accounts
                .iter()
                .map(|account| match account.environment {
                    Environment::Paper => format!("{label} Paper"),
                    Environment::Live => format!("{label} Live"),
                })
                .collect(),
        };
        self.linker.save(ATTEMPT, labels);
    }
}

fn find<'a>(ctx: &'a Context, broker: &str) -> Result<&'a BrokerSpec, Error> {
    let specs = &ctx.config.brokers;
    let named = |spec: &&BrokerSpec| spec.id.as_str() == broker || spec.name.eq_ignore_ascii_case(broker);
    specs.iter().find(named).ok_or_else(|| {
        let ids: Vec<&str> = specs.iter().map(|spec| spec.id.as_str()).collect();
        Error::usage(format!("unknown broker {broker:?}"), format!("use one of {}", ids.join(", ")))
    })
}

fn ask(accounts: &[FoundAccount]) {
    if needs_live_word(accounts) {
        output::note("LIVE means real money. Type LIVE and Enter to save:");
    } else {
        output::note("Save it? Type y and Enter:");
    }
}

fn agrees(line: &str, accounts: &[FoundAccount]) -> bool {
    let line = line.trim();
    if needs_live_word(accounts) { line == "LIVE" } else { ["y", "yes"].contains(&line.to_lowercase().as_str()) }
}

/// What to do after a question that got no yes.
fn unanswered(accounts: &[FoundAccount]) -> &'static str {
    if accounts.iter().any(|account| account.doubt().is_some()) {
        "run it in a terminal and type LIVE; --yes is not enough when the account number does not match the environment"
    } else if needs_live_word(accounts) {
        "run it again and type LIVE, or give --yes"
    } else {
        "run it again and answer yes, or give --yes"
    }
}

fn needs_live_word(accounts: &[FoundAccount]) -> bool {
    accounts.iter().any(FoundAccount::needs_live_key)
}

fn ports(spec: &BrokerSpec) -> Vec<u16> {
    let port = |uri: &String| url::Url::parse(uri).ok().and_then(|url| url.port());
    spec.redirect_uris.iter().filter_map(port).collect()
}

fn describe_failure(failure: &LinkFailure, spec: &BrokerSpec) -> Error {
    let failed = |message: String, hint: &str| Error::failed(message, hint);
    let name = &spec.name;
    match failure {
        LinkFailure::Denied { description } => failed(
            format!("access was denied{}", description.as_ref().map_or_else(String::new, |words| format!(": {words}"))),
            "run it again and press Allow",
        ),
        LinkFailure::AuthorizeError { error, description } => failed(
            format!(
                "{name} refused: {error}{}",
                description.as_ref().map_or_else(String::new, |words| format!(", {words}"))
            ),
            "check client_id, redirect_uris and scopes against the registered OAuth app",
        ),
        LinkFailure::TimedOut => failed(
            "the browser did not return in time".to_owned(),
            "run it again; if the browser is on another machine, paste the address it ends on",
        ),
        LinkFailure::PortsTaken { ports } => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            failed(
                format!("no registered port is free: {}", ports.join(", ")),
                "end the program that uses it, or register another redirect URI and add it to redirect_uris",
            )
        }
        LinkFailure::NotConfigured { message } => {
            Error::usage(message.clone(), "`brokerdeck config path` prints which file; see docs/LINKING.md".to_owned())
        }
        LinkFailure::BadClient { message } => failed(
            format!("{name} does not accept the OAuth client: {message}"),
            "check client_id and the client secret against the registered OAuth app",
        ),
        LinkFailure::BadCode { message } => failed(
            format!("{name} does not accept the code: {message}"),
            "run it again; if it persists, check that redirect_uris are as registered",
        ),
        LinkFailure::Network { message } => failed(message.clone(), dial::hint(message)),
        LinkFailure::WrongEnvironment { wanted, message } => failed(
            format!("the token does not work for the {wanted} account: {message}"),
            "run it again and choose an account of that kind, or link the other broker entry",
        ),
        LinkFailure::SameAccount { .. } => {
            failed(failure.sentence().0, "correct api_url and environment of the broker in the configuration")
        }
        LinkFailure::Broker { message } => failed(message.clone(), "run it again; if it persists, ask the broker"),
        LinkFailure::Store { message, hint } => failed(message.clone(), hint),
        LinkFailure::Canceled => failed("stopped".to_owned(), "run it again to link the account"),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Parses `300`, `300s` or `5m`; from a second to a day.
fn duration(text: &str) -> Result<Duration, String> {
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => text
            .parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|span| Duration::try_from(span).ok())
            .ok_or_else(|| "write it like 90s or 5m".to_owned())?,
    };
    let fits = (Duration::from_secs(1)..=Duration::from_hours(24)).contains(&seconds);
    if fits { Ok(seconds) } else { Err("choose between 1s and 24h".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_are_read_with_and_without_a_unit() {
        assert_eq!(duration("300"), Ok(Duration::from_mins(5)));
        assert_eq!(duration("300s"), Ok(Duration::from_mins(5)));
        assert_eq!(duration("5m"), Ok(Duration::from_mins(5)));
        for wrong in ["", "0", "-5s", "soon", "2 days", "1ms"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_live_account_is_not_saved_by_a_mere_yes() {
        let account = |environment| FoundAccount {
            environment,
            account_id: "a".into(),
            account_number: "1".into(),
            status: "ACTIVE".into(),
            replaces: None,
            odd_number: false,
        };
        let (paper, live) = ([account(Environment::Paper)], [account(Environment::Live)]);
        assert!(agrees("y", &paper) && agrees(" YES ", &paper) && !agrees("n", &paper) && !agrees("", &paper));
        assert!(agrees("LIVE", &live) && !agrees("y", &live) && !agrees("live", &live));
    }
}
