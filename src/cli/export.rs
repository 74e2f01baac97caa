//! `brokerdeck export`: executions or orders from the journal, as CSV or one JSON object per line. Asks no broker.

use std::collections::HashMap;
use std::io;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Context, accounts, json, output, select};
use crate::domain::execution::ExecutionKind;
use crate::domain::text::{counted, sanitize_to};
use crate::domain::{Execution, ExecutionId, LinkId, Order};
use crate::error::Error;
use crate::io::journal::{JournalError, Range, Reader};
use crate::link::LinkRecord;

/// Longest text of a cell, in characters.
const LONGEST: usize = 200;

/// Options of the command.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportArgs {
    /// What to export.
    pub what: What,
    /// Account by label, number or id; may be given several times; all accounts of the journal if omitted.
    #[arg(long = "account", short = 'a', value_name = "ACCOUNT")]
    pub accounts: Vec<String>,
    /// Executed or submitted at this time or later: 2026-01-31T09:30:00-05:00, 2026-01-31 (UTC), or how long ago, like 7d.
    #[arg(long, value_name = "TIME", value_parser = super::when::when)]
    pub since: Option<Timestamp>,
    /// Executed or submitted at this time or earlier.
    #[arg(long, value_name = "TIME", value_parser = super::when::when)]
    pub until: Option<Timestamp>,
    /// Output format.
    #[arg(long, value_name = "FORM", default_value = "csv")]
    pub format: Form,
}

/// What to export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum What {
    /// Every execution, with busts and corrections as rows of their own.
    Executions,
    /// Every order in its last known state.
    Orders,
}

/// Output format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object per line.
    Jsonl,
}

/// Runs the command.
///
/// # Errors
/// Usage errors, and a journal that is missing or cannot be read.
pub(super) async fn run(context: &Context, args: &ExportArgs) -> Result<(), Error> {
    if let (Some(since), Some(until)) = (args.since, args.until)
        && since > until
    {
        return Err(Error::usage(format!("--since {since} is after --until {until}"), "swap them".to_owned()));
    }
    let known = accounts::list(&context.accounts().links).await?;
    let path = context.paths.journal();
    if !path.exists() {
        let hint = "the dashboard creates one on its first run with a linked account".to_owned();
        let message = format!("there is no journal at {}", path.display());
        return Err(Error::failed(message, hint));
    }
    let journal = Reader::open(&path).map_err(|error| broken(&error))?;
    let labels: HashMap<LinkId, LinkRecord> = known.iter().map(|link| (link.id.clone(), link.clone())).collect();
    let mut out = Sheet::new(args, labels)?;
    let mut unreadable = 0;
    for link in wanted(&journal, &known, &args.accounts)? {
        let range = Range { link, from: args.since, until: args.until };
        unreadable += match args.what {
            What::Executions => journal.executions(&range, |link, row| out.execution(&link, &row)),
            What::Orders => journal.orders(&range, |link, order| out.order(&link, &order)),
        }
        .map_err(|error| broken(&error))?;
    }
    out.end()?;
    if unreadable == 0 {
        return Ok(());
    }
    Err(Error::failed(
        format!("{} of the journal cannot be read by this version: left out here", counted(unreadable, "row")),
        "the dashboard asks the broker again for what they hold when it starts".to_owned(),
    ))
}

fn broken(error: &JournalError) -> Error {
    Error::failed(error.to_string(), "`brokerdeck doctor` checks the journal and says how to fix it")
}

/// The links to export, or one open range for all of them.
fn wanted(journal: &Reader, known: &[LinkRecord], names: &[String]) -> Result<Vec<Option<LinkId>>, Error> {
    if names.is_empty() || names.iter().any(|name| name == "all") {
        return Ok(vec![None]);
    }
    let journaled = journal.links().map_err(|error| broken(&error))?;
    let mut found = Vec::new();
    for name in names {
        // The journal still has accounts that are no longer linked, by link id.
        let gone = journaled.iter().find(|link| link.as_str() == name).cloned();
        let link = match gone {
            Some(link) => link,
            None => select::links(known, std::slice::from_ref(name))?.remove(0).id,
        };
        if !found.contains(&Some(link.clone())) {
            found.push(Some(link));
        }
    }
    Ok(found)
}

/// Writes the rows. When the reader has closed the pipe it stops, which is not a failure.
struct Sheet {
    csv: Option<csv::Writer<io::Stdout>>,
    known: HashMap<LinkId, LinkRecord>,
    failed: Option<Error>,
    closed: bool,
}

/// A row of the journal and the account it belongs to.
struct Row<'a, T> {
    sheet: &'a Sheet,
    link: &'a LinkId,
    value: &'a T,
}

impl<T> Row<'_, T> {
    fn account(&self) -> String {
        let known = self.sheet.known.get(self.link);
        self.sheet.text(known.map_or(self.link.as_str(), |record| &record.label))
    }

    fn environment(&self) -> String {
        let known = self.sheet.known.get(self.link);
        known.map(|record| record.environment.as_str().to_owned()).unwrap_or_default()
    }
}

/// A column: its heading, and what a row has in it.
type Column<T> = (&'static str, fn(&Row<'_, T>) -> String);

// The columns are not those of the panes: a pane shows several of the broker's fields in one column, and rounds; here
// each field has one of its own, under the broker's name for it.

const EXECUTION: [Column<Execution>; 14] = [
    ("account", |row| row.account()),
    ("environment", |row| row.environment()),
    ("at", |row| time(row.value.at)),
    ("side", |row| row.sheet.text(row.value.side.as_str())),
    ("symbol", |row| row.sheet.text(row.value.symbol.as_str())),
    ("qty", |row| row.value.qty.to_string()),
    ("price", |row| number(row.value.px)),
    ("kind", |row| kind(&row.value.kind).0.to_owned()),
    ("cum_qty", |row| number(row.value.cum_qty)),
    ("position_qty", |row| number(row.value.position_qty)),
    ("execution_id", |row| row.sheet.text(row.value.id.as_str())),
    ("order_id", |row| row.sheet.text(row.value.order_id.as_str())),
    ("of", |row| kind(&row.value.kind).1.map(|id| row.sheet.text(id.as_str())).unwrap_or_default()),
    ("source", |row| {
        let word = serde_json::to_value(row.value.source).ok();
        word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
    }),
];

const ORDER: [Column<Order>; 18] = [
    ("account", |row| row.account()),
    ("environment", |row| row.environment()),
    ("submitted_at", |row| time(row.value.submitted_at)),
    ("side", |row| row.sheet.text(row.value.side.as_str())),
    ("symbol", |row| row.sheet.text(row.value.symbol.as_str())),
    ("qty", |row| number(row.value.qty)),
    ("notional", |row| number(row.value.notional)),
    ("filled_qty", |row| row.value.cum_qty.to_string()),
    ("filled_avg_price", |row| number(row.value.avg_px)),
    ("type", |row| row.sheet.text(row.value.order_type.as_str())),
    ("limit_price", |row| number(row.value.limit_px)),
    ("stop_price", |row| number(row.value.stop_px)),
    ("time_in_force", |row| row.sheet.text(row.value.tif.as_str())),
    ("status", |row| row.sheet.text(row.value.status.as_str())),
    ("order_class", |row| row.sheet.text(row.value.class.as_str())),
    ("updated_at", |row| time(row.value.updated_at)),
    ("id", |row| row.sheet.text(row.value.id.as_str())),
    ("client_order_id", |row| {
        row.value.client_order_id.as_ref().map(|id| row.sheet.text(id.as_str())).unwrap_or_default()
    }),
];

/// The word for a kind of execution, and the execution it undoes or restates.
fn kind(kind: &ExecutionKind) -> (&'static str, Option<&ExecutionId>) {
    match kind {
        ExecutionKind::Trade => ("trade", None),
        ExecutionKind::Bust { of } => ("bust", of.as_ref()),
        ExecutionKind::Correction { of } => ("correction", of.as_ref()),
        ExecutionKind::Unexplained => ("unexplained", None),
    }
}

impl Sheet {
    fn new(args: &ExportArgs, known: HashMap<LinkId, LinkRecord>) -> Result<Self, Error> {
        let csv = (args.format == Form::Csv).then(|| csv::Writer::from_writer(io::stdout()));
        let mut sheet = Self { csv, known, failed: None, closed: false };
        let header: Vec<&str> = match args.what {
            What::Executions => EXECUTION.iter().map(|(name, _)| *name).collect(),
            What::Orders => ORDER.iter().map(|(name, _)| *name).collect(),
        };
        if sheet.csv.is_some() {
            sheet.record(header.iter().map(|name| (*name).to_owned()).collect());
        }
        sheet.failed.take().map_or(Ok(sheet), Err)
    }

    /// A broker's text in the output format; JSON keeps it unchanged.
    fn text(&self, words: &str) -> String {
        if self.csv.is_some() { cell(words) } else { words.to_owned() }
    }

    fn execution(&mut self, link: &LinkId, value: &Execution) {
        let row = Row { sheet: self, link, value };
        let cells = EXECUTION.map(|(name, cell)| (name, cell(&row)));
        if self.csv.is_some() {
            self.record(cells.map(|(_, cell)| cell).to_vec());
            return;
        }
        let members = cells.into_iter().map(|(name, cell)| (name.to_owned(), member(cell)));
        self.line(&Value::Object(members.collect::<Map<_, _>>()));
    }

    fn order(&mut self, link: &LinkId, order: &Order) {
        if self.csv.is_none() {
            // The broker's own object, with every field it sent.
            let value = match self.known.get(link) {
                Some(record) => json::object(record, &order.raw),
                None => Ok(json::bare(&order.raw)),
            };
            match value {
                Ok(value) => self.line(&value),
                Err(error) => self.failed = Some(error),
            }
            return;
        }
        let row = Row { sheet: self, link, value: order };
        let cells = ORDER.map(|(_, cell)| cell(&row));
        self.record(cells.to_vec());
    }

    fn record(&mut self, cells: Vec<String>) {
        let Some(csv) = self.csv.as_mut().filter(|_| !self.closed && self.failed.is_none()) else { return };
        if let Err(error) = csv.write_record(cells) {
            let closed = matches!(error.kind(), csv::ErrorKind::Io(io) if io.kind() == io::ErrorKind::BrokenPipe);
            self.stop(closed, &error.to_string());
        }
    }

    fn line(&mut self, value: &Value) {
        if self.closed || self.failed.is_some() {
            return;
        }
        match output::json_line(value) {
            Ok(open) => self.closed = !open,
            Err(error) => self.failed = Some(error),
        }
    }

    fn stop(&mut self, closed: bool, why: &str) {
        self.closed = closed;
        if !closed {
            self.failed = Some(output::unwritten(&why));
        }
    }

    fn end(mut self) -> Result<(), Error> {
        if let Some(csv) = self.csv.as_mut().filter(|_| !self.closed)
            && let Err(error) = csv.flush()
        {
            let closed = error.kind() == io::ErrorKind::BrokenPipe;
            self.stop(closed, &error.to_string());
        }
        self.failed.map_or(Ok(()), Err)
    }
}

/// A missing member is an empty cell.
fn member(cell: String) -> Value {
    if cell.is_empty() { Value::Null } else { Value::from(cell) }
}

fn number(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn time(at: Option<Timestamp>) -> String {
    at.map(|at| at.to_string()).unwrap_or_default()
}

/// What a spreadsheet begins a formula with, in full width too, as an East Asian one reads them.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// A broker's text for a CSV cell, without control characters and without what a spreadsheet would read as a formula.
fn cell(words: &str) -> String {
    let clean = sanitize_to(words, LONGEST);
    if clean.starts_with(FORMULA) { format!("'{clean}") } else { clean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_nor_a_control_character() {
        assert_eq!(cell("AAPL"), "AAPL");
        assert_eq!(cell("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        for begin in ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'] {
            assert_eq!(cell(&format!("{begin}1")), format!("'{begin}1"));
        }
        assert!(!cell("a\u{1b}[31m\nb").contains(['\u{1b}', '\n']));
    }

    #[test]
    fn json_has_a_brokers_words_as_they_came() {
        let form = Form::Jsonl;
        let args = ExportArgs { what: What::Executions, accounts: Vec::new(), since: None, until: None, format: form };
        let words = format!("=a\u{1b}[31m\n{}", "x".repeat(LONGEST));
        let sheet = Sheet::new(&args, HashMap::new()).unwrap();
        assert_eq!(sheet.text(&words), words);
        let link = LinkId::new("-b/paper/\u{202e}1");
        assert_eq!(Row { sheet: &sheet, link: &link, value: &() }.account(), "-b/paper/\u{202e}1");
    }
}
