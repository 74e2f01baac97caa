//! The rows of the tape. A request to the broker and its result are one line: `pending` gives way to `working`,
//! `replacing` to `replaced`, `canceling` to `canceled`.

use jiff::SignedDuration;

use super::MANY;
use crate::accounts::{AccountState, TapeKey};
use crate::app::columns::{SortKey, SortValue, TapeColumn};
use crate::app::filter::Filter;
use crate::app::model::{AccountScope, Model};
use crate::app::rows::column;
use crate::domain::blotter::TapeEntry;
use crate::domain::{LinkId, TradeEvent};

/// A result that takes longer than this keeps the line of its request: the delay is news.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(2);
/// How many lines away a result is looked for.
const NEAR: u64 = 64;

/// Rebuilds the tape.
pub fn rebuild_tape(model: &mut Model) {
    let filter = Filter::parse(&model.rows.tape.filter, &model.rows.clock);
    let view = TapeView::new(model, &filter);
    let shown = model.accounts.iter().filter(|account| model.scope.shows(&account.link.id));
    let rows: Vec<_> = shown
        .flat_map(|account| {
            let view = &view;
            account.blotter.tape().iter().filter_map(move |entry| {
                let key = TapeKey { blotter_number: account.blotter_number, entry: entry.number };
                Some((view.key(account, entry)?, key))
            })
        })
        .collect();
    model.rows.tape.replace(rows);
}

/// Applies new tape lines of one account.
pub fn tape_added(model: &mut Model, link: &LinkId, numbers: &[u64]) {
    if !model.scope.shows(link) {
        return;
    }
    if numbers.len() > MANY.max(model.rows.tape.rows.len() / 8) {
        return rebuild_tape(model);
    }
    let filter = Filter::parse(&model.rows.tape.filter, &model.rows.clock);
    let view = TapeView::new(model, &filter);
    let Some(account) = model.accounts.iter().find(|account| account.link.id == *link) else { return };
    let results = numbers.iter().filter_map(|number| account.blotter.tape_entry(*number));
    let requests = results.filter_map(|result| Some(request_of(account, result)?.number));
    let changed: Vec<u64> = numbers.iter().copied().chain(requests).collect();
    for number in changed {
        let key = account.blotter.tape_entry(number).and_then(|entry| view.key(account, entry));
        model.rows.tape.put(TapeKey { blotter_number: account.blotter_number, entry: number }, key);
    }
}

/// Requests to the broker, each with the event that completes it.
static RESULTS: [(TradeEvent, TradeEvent); 4] = [
    (TradeEvent::PendingNew, TradeEvent::New),
    (TradeEvent::Accepted, TradeEvent::New),
    (TradeEvent::PendingReplace, TradeEvent::Replaced),
    (TradeEvent::PendingCancel, TradeEvent::Canceled),
];

fn result_of(request: &TradeEvent) -> Option<&'static TradeEvent> {
    RESULTS.iter().find(|(known, _)| known == request).map(|(_, result)| result)
}

/// True if one line is the result of another, which then need not be shown.
fn is_result_of(result: &TapeEntry, request: &TapeEntry) -> bool {
    let waited = || Some(result.at?.duration_since(request.at?));
    result.order_id == request.order_id
        && result_of(&request.event).is_some_and(|event| *event == result.event)
        && waited().is_some_and(|waited| waited.abs() <= AT_ONCE)
}

/// The line just before this one that it is the result of.
fn request_of<'a>(account: &'a AccountState, result: &TapeEntry) -> Option<&'a TapeEntry> {
    if RESULTS.iter().all(|(_, known)| *known != result.event) {
        return None;
    }
    let earlier = (result.number.saturating_sub(NEAR)..result.number).rev();
    let mut earlier = earlier.filter_map(|number| account.blotter.tape_entry(number));
    earlier.find(|request| is_result_of(result, request))
}

struct TapeView<'a> {
    filter: &'a Filter,
    column: Option<TapeColumn>,
    reversed: bool,
    merged: bool,
}

impl<'a> TapeView<'a> {
    fn new(model: &Model, filter: &'a Filter) -> Self {
        let list = &model.rows.tape;
        let merged = model.scope == AccountScope::All;
        Self { filter, column: column(list.sort, &TapeColumn::ALL), reversed: list.reversed, merged }
    }

    fn passes(&self, account: &AccountState, entry: &TapeEntry) -> bool {
        !entry.withdrawn && (self.filter.is_empty() || self.filter.tape(account, entry))
    }

    /// True for a request whose result is shown in its place.
    fn gives_way(&self, account: &AccountState, request: &TapeEntry) -> bool {
        if result_of(&request.event).is_none() {
            return false;
        }
        let later = request.number + 1..=request.number + NEAR;
        let mut later = later.map_while(|number| account.blotter.tape_entry(number));
        later.any(|later| is_result_of(later, request) && self.passes(account, later))
    }

    /// The sort key of a line; `None` when the filter excludes it or its result has its place.
    fn key(&self, account: &AccountState, entry: &TapeEntry) -> Option<SortKey> {
        if !self.passes(account, entry) || self.gives_way(account, entry) {
            return None;
        }
        let (value, descending) = match self.column {
            Some(column) => (column.value(account, entry), column.descending()),
            // Across tapes only the broker's clock is comparable; a single tape keeps the order in which it was
            // learned.
            None if self.merged => (entry.at.map(SortValue::Time), true),
            None => (Some(SortValue::Rank(entry.number)), true),
        };
        Some(SortKey::new(0, value, descending != self.reversed, entry.at))
    }
}
