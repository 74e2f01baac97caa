//! `brokerdeck watch`: every trade update and every change of a connection, one line each, each execution once.
//!
//! Runs the same loop as the dashboard, without a screen: whatever the dashboard would show late, this prints late and
//! says so (`source`).

mod follow;

use std::collections::HashMap;

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr;

use self::follow::Follow;
use super::select::AccountArgs;
use super::{Context, accounts, json, output, select};
use crate::app::Model;
use crate::app::model::AccountState;
use crate::domain::blotter::TapeEntry;
use crate::domain::text::sanitize_to;
use crate::domain::{Execution, LinkId, Order, Source};
use crate::error::Error;
use crate::io::start;
use crate::session::ConnectionState;

/// Runs the command until it is stopped or its reader is gone.
///
/// # Errors
/// Usage and linking errors.
pub async fn run(context: &Context, args: &AccountArgs) -> Result<u8, Error> {
    let accounts = context.accounts();
    let links = select::links(&accounts::list(&accounts.links).await?, &args.accounts)?;
    let mut running = start::headless(&context.settings()?, &accounts);
    let widest = links.iter().map(|link| link.label.width()).max().unwrap_or(0);
    running.start(links);
    let mut printer = Printer { json: args.json, tape: HashMap::new(), states: HashMap::new(), failed: None, widest };
    let code = running.headless(|model| printer.print(model)).await;
    match printer.failed {
        Some(error) => Err(error),
        None => Ok(code),
    }
}

struct Printer {
    json: bool,
    tape: HashMap<LinkId, Follow>,
    states: HashMap<LinkId, String>,
    failed: Option<Error>,
    /// The longest label.
    widest: usize,
}

impl Printer {
    /// Prints what is new in the model; false when nobody reads any more.
    fn print(&mut self, model: &Model) -> bool {
        for account in &model.accounts {
            match self.account(account) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => {
                    self.failed = Some(error);
                    return false;
                }
            }
        }
        true
    }

    fn account(&mut self, account: &AccountState) -> Result<bool, Error> {
        let state = account.session.state();
        let word = state.word();
        if self.states.get(&account.link.id).map(String::as_str) != Some(word) {
            self.states.insert(account.link.id.clone(), word.to_owned());
            if !self.connection(account, word, state.reason())? {
                return Ok(false);
            }
        }
        let polling = matches!(account.session.state(), ConnectionState::Polling { .. });
        let live = account.session.state().is_live() || (polling && account.session.has_picture());
        let due = self.tape.entry(account.link.id.clone()).or_default().due(&account.blotter, live);
        for entry in due.into_iter().filter_map(|number| account.blotter.tape_entry(number)) {
            if !self.update(account, entry)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The account as every line names it, in columns.
    fn who(&self, account: &AccountState) -> String {
        let label = &account.link.label;
        let pad = " ".repeat(self.widest.saturating_sub(label.width()));
        format!("{label}{pad}  {:<5}", account.link.environment)
    }

    fn connection(&self, account: &AccountState, word: &str, reason: Option<&str>) -> Result<bool, Error> {
        if !self.json {
            let reason = reason.map_or_else(String::new, |reason| format!(": {}", sanitize_to(reason, 200)));
            // As wide as a time, so that accounts stand below each other.
            let who = self.who(account);
            return output::line(&format!("{:<24}  {who}  {word}{reason}", "connection"));
        }
        let mut line = head("connection", account);
        line.insert("state".to_owned(), Value::from(word));
        line.insert("reason".to_owned(), reason.map_or(Value::Null, Value::from));
        output::json_line(&line)
    }

    fn update(&self, account: &AccountState, entry: &TapeEntry) -> Result<bool, Error> {
        let order = account.blotter.order(&entry.order_id);
        let execution = entry.execution.as_ref().and_then(|id| account.blotter.execution(id));
        if self.json {
            output::json_line(&document(account, entry, order, execution))
        } else {
            output::line(&sentence(&self.who(account), entry, order, execution))
        }
    }
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
    }
    line.insert("source".to_owned(), serde_json::to_value(entry.source).unwrap_or(Value::Null));
    line.insert("order".to_owned(), order.map_or(Value::Null, |order| json::bare(&order.raw)));
    line
}

fn sentence(who: &str, entry: &TapeEntry, order: Option<&Order>, execution: Option<&Execution>) -> String {
    let at = entry.at.map_or_else(|| "--".to_owned(), |at| format!("{at:.3}"));
    let clean = |text: &str| sanitize_to(text, 40);
    let mut text = format!("{at:<24}  {who}  {:<15}", clean(entry.event.as_str()));
    if let Some(order) = order {
        text.push_str(&format!("{:<5}{:<10}", clean(&order.side.label()), clean(order.symbol.as_str())));
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
    if entry.source == Source::Reconcile {
        text.push_str("  (learned late)");
    }
    text.trim_end().to_owned()
}

/// What an order wants: `100 limit 186.20`.
fn size(order: &Order) -> String {
    let mut text = match (order.qty, order.notional) {
        (Some(qty), _) => qty.grouped(0),
        (None, Some(notional)) => format!("${}", notional.grouped(2)),
        (None, None) => "--".to_owned(),
    };
    text.push_str(&format!(" {}", sanitize_to(order.order_type.as_str(), 40)));
    for px in [order.limit_px, order.stop_px].into_iter().flatten() {
        text.push_str(&format!(" {}", px.grouped(2)));
    }
    text
}
