//! `brokerdeck watch`: prints every trade update and every connection change, one line each, each execution once.
//!
//! Drives the accounts as the dashboard does, without a screen. What the dashboard would show late is printed late and
//! marked (`source`). It keeps the journal as the dashboard does, and continues where its last run stopped.

mod follow;
mod stdout_writer;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::watch;
use unicode_width::UnicodeWidthStr;

use self::follow::{Began, Follow};
use self::stdout_writer::{Reader, StdoutWriter};
use super::output::Printable;
use super::select::AccountArgs;
use super::{Context, accounts, json, output, select};
use crate::accounts::{AccountState, Trouble};
use crate::domain::blotter::TapeEntry;
use crate::domain::text::{clean, sanitize_to};
use crate::domain::{Execution, LinkId, Mono, Order, Source};
use crate::error::Error;
use crate::io::runtime::headless::{Headless, Observer};
use crate::io::watch_log::{self, Earlier, ReportedLine, WatchLog};
use crate::link::LinkRecord;
use crate::session::{ConnectionState, Part};

/// Most lines kept for a slow reader; the rest stays in the model.
const MOST_DUE: usize = 10_000;
/// How often to note that this run is active.
const TOUCH: Duration = Duration::from_secs(5);
/// How long the first output waits for the broker's clock.
const CLOCK_WAIT: Duration = Duration::from_secs(10);

/// Runs until stopped or until the reader is gone.
///
/// # Errors
/// Usage and linking errors.
pub async fn run(context: &Context, args: &AccountArgs) -> Result<u8, Error> {
    let accounts = context.accounts();
    let links = select::links(&accounts::list(&accounts.links).await?, &args.accounts)?;
    let mut running = Headless::new(&accounts, context.locks());
    let mut printer = Printer::resuming(args.json, &context.paths.data, &links)?;
    running.start_remembering(context.paths.journal(), links);
    let code = running.run(&mut printer).await;
    if let Some(text) = running.finish() {
        output::note(&text);
    }
    match printer.failed {
        Some(error) => Err(error),
        None => Ok(code),
    }
}

/// A line to print, with the note that marks it as reported.
struct Due {
    text: Printable,
    of: Option<(LinkId, ReportedLine)>,
}

/// The content of a connection line.
#[derive(Debug, Clone, PartialEq)]
struct ReportedState {
    word: &'static str,
    reason: Option<String>,
    /// Which parts are current.
    parts: [bool; Part::ALL.len()],
}

struct Printer {
    json: bool,
    tapes: HashMap<LinkId, Follow>,
    states: HashMap<LinkId, ReportedState>,
    /// Text for the first connection line of an account, about the time before this run.
    gaps: HashMap<LinkId, String>,
    due: VecDeque<Due>,
    stdout: StdoutWriter,
    /// Remarks about reported lines, for people.
    remarks: Vec<String>,
    /// Accounts whose print log cannot be written.
    unsaved: HashSet<LinkId>,
    /// The account whose line is being printed.
    going_out: Option<LinkId>,
    /// The latest error reported, and the latest reported as over.
    troubled: Option<Mono>,
    relieved: Option<Mono>,
    touched: Mono,
    /// When the watch started.
    started: Option<Mono>,
    failed: Option<Error>,
    /// Width of the longest label.
    widest: usize,
}

impl Observer for Printer {
    fn look(&mut self, running: &Headless) {
        if self.due.len() >= MOST_DUE {
            // The tapes keep the rest until the reader continues.
            return;
        }
        let (accounts, now) = (&running.accounts, running.now().mono);
        let watched = now.since(*self.started.get_or_insert(now));
        // The broker's clock decides what happened since the start; an account that does not answer otherwise does not
        // delay it.
        let timed = accounts.clock().is_some() || accounts.clock_fault().is_some() || watched >= CLOCK_WAIT;
        let began = Began {
            at: accounts.exchange_now(running.now()).checked_sub(watched).unwrap_or(running.now().wall),
            by_broker: accounts.clock().is_some(),
        };
        for account in accounts {
            if let Err(error) = self.account(account, began, timed, now) {
                self.failed = Some(error);
            }
        }
    }

    fn moved(&self) -> Option<watch::Receiver<u64>> {
        Some(self.stdout.moved())
    }

    fn tell(&mut self, running: &Headless) -> bool {
        self.look(running);
        self.report_print_logs(running);
        self.trouble(running);
        match self.print() {
            Ok(open) if self.failed.is_none() => {
                if running.now().mono.since(self.touched) >= TOUCH {
                    self.touched = running.now().mono;
                    self.tapes.values_mut().for_each(|tape| tape.log.touch(running.now().wall));
                }
                open
            }
            Ok(_) => false,
            Err(error) => {
                self.failed = Some(error);
                false
            }
        }
    }
}

/// Where an unreadable print log was kept.
fn kept(aside: Option<&Path>) -> String {
    aside.map_or_else(String::new, |path| {
        format!("; the file was set aside as {}", sanitize_to(&path.display().to_string(), 200))
    })
}

impl Printer {
    /// Continues where an earlier run was stopped.
    fn resuming(json: bool, data_dir: &Path, links: &[LinkRecord]) -> Result<Self, Error> {
        let (mut tapes, mut gaps) = (HashMap::new(), HashMap::new());
        for link in links {
            let label = sanitize_to(&link.label, 40);
            let (reported, earlier) = WatchLog::open(data_dir, &link.id);
            match earlier {
                Earlier::None => {}
                Earlier::Until { at, unsure, unread, aside, lacks } => {
                    let mut text =
                        format!("not watched since {at:.0}; missed events are printed with source=reconcile");
                    if let Some(key) = unsure {
                        text.push_str(&format!("; unknown whether the last line ({key}) was printed"));
                    }
                    if lacks {
                        text.push_str("; the last run could not save what it printed, so some lines may repeat");
                    }
                    if unread > 0 {
                        text.push_str(&format!(
                            "; {} of the print log cannot be read; some lines may repeat{}",
                            watch_log::entries(unread),
                            kept(aside.as_deref())
                        ));
                    }
                    gaps.insert(link.id.clone(), text);
                }
                Earlier::Damaged { aside } => output::note(&format!(
                    "cannot read what was already printed for {label}; starting from now{}",
                    kept(aside.as_deref())
                )),
                Earlier::Runs => output::note(&format!(
                    "another watch already prints {label}: this one starts from now, and saves nothing for its next \
                        run"
                )),
                Earlier::Unusable(reason) => output::note(&format!(
                    "cannot tell what was already printed for {label}; starting from now: {}",
                    sanitize_to(&reason, 200)
                )),
            }
            tapes.insert(link.id.clone(), Follow::resuming(reported));
        }
        let widest = links.iter().map(|link| link.label.width()).max().unwrap_or(0);
        Ok(Self {
            json,
            tapes,
            states: HashMap::new(),
            gaps,
            due: VecDeque::new(),
            stdout: StdoutWriter::new()?,
            remarks: Vec::new(),
            unsaved: HashSet::new(),
            going_out: None,
            troubled: None,
            relieved: None,
            touched: Mono::default(),
            started: None,
            failed: None,
            widest,
        })
    }

    /// Prints due lines as the reader takes them, and notes each as reported; false when the reader is gone.
    fn print(&mut self) -> Result<bool, Error> {
        loop {
            match self.stdout.look() {
                Reader::Waits => return Ok(true),
                Reader::Took(out) => {
                    if !self.took(out)? {
                        return Ok(false);
                    }
                }
                Reader::Ready => {
                    let Some(Due { text, of }) = self.due.pop_front() else { return Ok(true) };
                    if let Some((link, line)) = of {
                        // Noted only when the line can be written at once: a slow reader must not leave lines in doubt.
                        if let Some(tape) = self.tapes.get_mut(&link) {
                            tape.log.going_out(&line);
                        }
                        self.going_out = Some(link);
                    }
                    if let Some(out) = self.stdout.write(text)
                        && !self.took(out)?
                    {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Notes whether the line being printed was printed; false when the reader is gone.
    fn took(&mut self, out: Result<bool, Error>) -> Result<bool, Error> {
        if let Some(tape) = self.going_out.take().and_then(|link| self.tapes.get_mut(&link)) {
            if matches!(out, Ok(true)) { tape.log.went_out() } else { tape.log.stayed() }
        }
        out
    }

    /// Remarks that a print log cannot be written, and that it can again.
    fn report_print_logs(&mut self, running: &Headless) {
        for (link, tape) in &self.tapes {
            let label = || sanitize_to(&running.accounts.label(link), 40);
            match tape.log.fault() {
                Some(fault) if self.unsaved.insert(link.clone()) => self.remarks.push(format!(
                    "what is printed for {} cannot be saved ({}); if it cannot until this run ends, the next one prints it again",
                    label(),
                    sanitize_to(fault, 200)
                )),
                None if self.unsaved.remove(link) => {
                    self.remarks.push(format!("resolved: what is printed for {} is saved again", label()));
                }
                Some(_) | None => {}
            }
        }
    }

    /// Reports troubles to people, each once.
    fn trouble(&mut self, running: &Headless) {
        if !output::has_room_for_notes() {
            // Not read now; reported when it is.
            return;
        }
        self.remarks.drain(..).for_each(|text| output::note(&text));
        let fresh = |reported: Option<Mono>, at: Mono| reported.is_none_or(|reported| at > reported);
        for entry in running.troubles.iter().filter(|entry| fresh(self.troubled, entry.at.mono)) {
            output::note(&sanitize_to(&entry.text, 400));
        }
        self.troubled = self.troubled.max(running.troubles.last().map(|entry| entry.at.mono));
        let over = |entry: &&Trouble| entry.over.is_some_and(|over| fresh(self.relieved, over.mono));
        for entry in running.troubles.iter().filter(over) {
            output::note(&format!("resolved: {}", sanitize_to(&entry.text, 400)));
        }
        self.relieved = self.relieved.max(running.troubles.iter().filter_map(|entry| Some(entry.over?.mono)).max());
    }

    /// Queues an account's lines. `began` is when the watch started; `timed` says that the best clock for it is known.
    fn account(&mut self, account: &AccountState, began: Began, timed: bool, now: Mono) -> Result<(), Error> {
        let id = &account.link.id;
        let state = account.state();
        // Consecutive attempts fail for varying reasons; one line per loss is enough.
        let reconnects = matches!(state, ConnectionState::Reconnecting { .. });
        // Scripts read the parts in each line; people only need the state.
        let current = |part| self.json && !reconnects && account.is_uncontested(part, now);
        let said = ReportedState {
            word: state.word(),
            reason: state.reason().filter(|_| !reconnects).map(str::to_owned),
            parts: Part::ALL.map(current),
        };
        if self.states.get(id) != Some(&said) {
            self.states.insert(id.clone(), said);
            let gap = self.gaps.remove(id);
            let text = self.connection(account, gap.as_deref(), now)?;
            self.due.push_back(Due { text, of: None });
        }
        let live = timed && account.session.has_snapshot();
        let tape = self.tapes.entry(id.clone()).or_default();
        tape.turn_clock(now);
        let mut due = tape.due(account.blotter_number, &account.blotter, live, began);
        if live {
            let (void, instead) = tape.overtaken(&account.blotter, self.json, &due, now);
            due.extend(instead);
            for line in void {
                let Some(said) = line.said() else { continue };
                let text = self.void(account, said)?;
                self.due.push_back(Due { text, of: Some((id.clone(), line)) });
            }
        }
        for (number, line) in due {
            let Some(entry) = account.blotter.tape_entry(number) else { continue };
            if let Some(row) = entry.execution.as_ref().and_then(|id| account.blotter.execution(id))
                && account.blotter.order(&row.order_id).is_some_and(Order::is_multileg_parent)
            {
                self.remarks.push(format!(
                    "{}: the broker does not say which leg executed {} in {}; printed under the parent order",
                    sanitize_to(&account.link.label, 40),
                    sanitize_to(row.id.as_str(), 80),
                    sanitize_to(row.symbol.as_str(), 40),
                ));
            }
            let text = self.update(account, entry, &line)?;
            self.due.push_back(Due { text, of: Some((id.clone(), line)) });
        }
        Ok(())
    }

    /// The account's columns in a line.
    fn who(&self, account: &AccountState) -> String {
        let label = clean(&account.link.label);
        let pad = " ".repeat(self.widest.saturating_sub(label.width()));
        format!("{label}{pad}  {:<5}", account.link.environment)
    }

    /// The connection line; `gap` takes the place of its reason.
    fn connection(&self, account: &AccountState, gap: Option<&str>, now: Mono) -> Result<Printable, Error> {
        let (word, reason) = (account.state().word(), gap.or(account.state().reason()));
        if !self.json {
            let reason = reason.map_or_else(String::new, |reason| format!(": {}", sanitize_to(reason, 400)));
            // As wide as a time, so that accounts are aligned.
            let who = self.who(account);
            return Ok(Printable::lines(&format!("{:<24}  {who}  {word}{reason}", "connection")));
        }
        let mut line = head("connection", account);
        line.insert("state".to_owned(), Value::from(word));
        line.insert("reason".to_owned(), reason.map_or(Value::Null, Value::from));
        line.insert("parts".to_owned(), Value::Object(parts(account, now)));
        Printable::json(&line)
    }

    /// The line that voids an earlier one.
    fn void(&self, account: &AccountState, said: &watch_log::Reported) -> Result<Printable, Error> {
        let order = account.blotter.order(&said.order);
        if !self.json {
            let symbol = order.map_or_else(String::new, |order| sanitize_to(order.symbol.as_str(), 40));
            let id = sanitize_to(said.id.as_str(), 80);
            let who = self.who(account);
            return Ok(Printable::lines(&format!("{:<24}  {who}  {:<15}{symbol} {id} did not happen", "--", "void")));
        }
        let mut document = head("trade_update", account);
        document.insert("event".to_owned(), Value::from("void"));
        document.insert("at".to_owned(), Value::Null);
        document.insert("of".to_owned(), Value::from(said.id.as_str()));
        document.insert("source".to_owned(), Value::from("reconcile"));
        document.insert("order".to_owned(), order.map_or(Value::Null, |order| json::bare(&order.raw)));
        Printable::json(&document)
    }

    fn update(&self, account: &AccountState, entry: &TapeEntry, line: &ReportedLine) -> Result<Printable, Error> {
        let order = account.blotter.order(&entry.order_id);
        let unreported = line.unreported(entry, &account.blotter);
        let (entry, execution) = match &unreported {
            Some((entry, execution)) => (entry, Some(execution)),
            None => (entry, entry.execution.as_ref().and_then(|id| account.blotter.execution(id))),
        };
        if self.json {
            let of = line.said().and_then(|said| said.of.as_ref());
            let mut line = document(account, entry, order, execution);
            if execution.is_some() {
                line.insert("of".to_owned(), of.map_or(Value::Null, |of| Value::from(of.as_str())));
            }
            Printable::json(&line)
        } else {
            Ok(Printable::lines(&sentence(&self.who(account), entry, order, execution)))
        }
    }
}

/// When each part was last answered, and why it is not current.
fn parts(account: &AccountState, now: Mono) -> Map<String, Value> {
    let text = |value: Option<String>| value.map_or(Value::Null, Value::from);
    let part = |part: Part| {
        let fresh = account.session.freshness(part, now);
        let mut line = Map::new();
        line.insert("as_of".to_owned(), text(fresh.good.map(|good| good.wall.to_string())));
        line.insert("current".to_owned(), Value::from(account.is_uncontested(part, now)));
        let reason = fresh.reason.map(str::to_owned).or_else(|| account.session.contradiction(part, now));
        line.insert("reason".to_owned(), text(reason));
        (part.name().to_owned(), Value::Object(line))
    };
    Part::ALL.into_iter().map(part).collect()
}

fn head(kind: &str, account: &AccountState) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("type".to_owned(), Value::from(kind));
    line.insert("account".to_owned(), Value::from(&*account.link.label));
    line.insert("environment".to_owned(), Value::from(account.link.environment.as_str()));
    line
}

fn document(
    account: &AccountState,
    entry: &TapeEntry,
    order: Option<&Order>,
    execution: Option<&Execution>,
) -> Map<String, Value> {
    let text = |value: Option<String>| value.map_or(Value::Null, Value::from);
    let mut line = head("trade_update", account);
    line.insert("event".to_owned(), Value::from(entry.event.as_str()));
    line.insert("at".to_owned(), text(entry.at.map(|at| at.to_string())));
    if let Some(execution) = execution {
        line.insert("execution_id".to_owned(), Value::from(execution.id.as_str()));
        line.insert("price".to_owned(), text(execution.px.map(|px| px.to_string())));
        line.insert("qty".to_owned(), Value::from(execution.qty.to_string()));
        line.insert("position_qty".to_owned(), text(execution.position_qty.map(|qty| qty.to_string())));
        if order.is_some_and(Order::is_multileg_parent) {
            // The order names no contract.
            line.insert("symbol".to_owned(), Value::from(execution.symbol.as_str()));
            line.insert("side".to_owned(), Value::from(execution.side.as_str()));
        }
    }
    let source = if is_late(entry) { "reconcile" } else { "stream" };
    line.insert("source".to_owned(), Value::from(source));
    line.insert("order".to_owned(), order.map_or(Value::Null, |order| json::bare(&order.raw)));
    line
}

fn sentence(who: &str, entry: &TapeEntry, order: Option<&Order>, execution: Option<&Execution>) -> String {
    let at = entry.at.map_or_else(|| "--".to_owned(), |at| format!("{at:.3}"));
    let clean = |text: &str| output::said(text, 40);
    let mut text = format!("{at:<24}  {who}  {:<15}", clean(entry.event.as_str()));
    if let Some(order) = order {
        // A multi-leg order names no contract.
        let of_row = execution.filter(|_| order.is_multileg_parent());
        let (side, symbol) =
            of_row.map_or((&order.side, &order.symbol), |execution| (&execution.side, &execution.symbol));
        text.push_str(&format!("{:<5}{:<10}", clean(&side.label()), clean(symbol.as_str())));
    }
    if let Some(execution) = execution {
        let px = execution.px.map_or_else(|| "--".to_owned(), |px| px.grouped(2));
        text.push_str(&format!("{} @ {px}", execution.qty.grouped(0)));
    } else if let Some(order) = order {
        text.push_str(&size(order));
        if order.status.as_str() != entry.event.as_str() {
            text.push_str(&format!("  {}", clean(order.status.as_str())));
        }
    }
    if is_late(entry) {
        text.push_str("  (learned late)");
    }
    text.trim_end().to_owned()
}

/// Whether a line came from somewhere other than this run's stream: from the lists, or from another instance's notes.
fn is_late(entry: &TapeEntry) -> bool {
    entry.source != Source::Stream
}

/// The terms of an order: `100 limit 186.20`.
fn size(order: &Order) -> String {
    let mut text = match (order.qty, order.notional) {
        (Some(qty), _) => qty.grouped(0),
        (None, Some(notional)) => format!("${}", notional.grouped(2)),
        (None, None) => "--".to_owned(),
    };
    text.push_str(&format!(" {}", output::said(order.order_type.as_str(), 40)));
    for px in [order.limit_px, order.stop_px].into_iter().flatten() {
        text.push_str(&format!(" {}", px.grouped(2)));
    }
    text
}
