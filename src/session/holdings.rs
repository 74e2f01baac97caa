//! Compares the positions that executions state with the position list.
//!
//! The stream states a position with each execution (`position_qty`). REST may lag behind it; a difference that lasts
//! longer than that lag is reported, and in the end the list wins.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::execution::ExecutionKind;
use crate::domain::order::Side;
use crate::domain::{Execution, Mono, Position, Qty, Symbol};
use crate::session::request::Unread;

/// REST may lag the stream by about ten seconds (docs/ALPACA.md 6.8).
const LAG: Duration = Duration::from_secs(12);
/// The list is requested right after an execution; a difference shorter than this is only marked.
const SOON: Duration = Duration::from_secs(3);
/// A difference older than this is not lag: a transfer, a split, or an execution that was never reported.
const LONGEST: Duration = Duration::from_mins(5);
/// A list change this long after the last execution of a symbol has another cause: the list is requested at least once
/// a minute, and REST lags.
const EXPLAINED: Duration = Duration::from_secs(75);
/// Maximum number of symbols tracked, and of executions tracked for one symbol.
const MOST: usize = 2_000;

#[derive(Debug)]
struct Stated {
    qty: Qty,
    /// The broker's time of the execution.
    at: Option<Timestamp>,
    /// The alternative that also counts executions found later that are not newer: rows and frames
    /// may use different clocks.
    or: Option<Qty>,
    since: Mono,
    /// Since when the list disagrees, regardless of executions since.
    differs: Mono,
    reported: bool,
}

impl Stated {
    fn agrees(&self, held: Option<Qty>) -> bool {
        held.is_some() && (held == Some(self.qty) || held == self.or)
    }
}

/// The result of a comparison.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Lasting differences to report now.
    pub(super) lasting: Vec<String>,
    /// Differences given up: the list wins.
    pub(super) over: Vec<String>,
    /// A symbol whose quantity changed without a known cause.
    pub(super) unexplained: Option<Symbol>,
}

/// The last position list, and the stated positions that it has not confirmed.
#[derive(Debug, Default)]
pub(super) struct Holdings {
    /// The quantities of the list; `None` if unreadable.
    listed: BTreeMap<Symbol, Option<Qty>>,
    stated: BTreeMap<Symbol, Stated>,
    /// Recent executions of a symbol that no list is known to include yet: when each was learned, and how it changed
    /// the position; `None` if that is unknown.
    traded: BTreeMap<Symbol, VecDeque<(Mono, Option<Qty>)>>,
    /// A list has arrived since the last reset.
    known: bool,
}

/// The quantity in the list, zero if absent; `None` if unreadable.
fn held(listed: &BTreeMap<Symbol, Option<Qty>>, symbol: &Symbol) -> Option<Qty> {
    listed.get(symbol).copied().unwrap_or(Some(Qty::ZERO))
}

fn word(held: Option<Qty>) -> String {
    held.map_or_else(|| "an unknown quantity".to_owned(), |qty| qty.to_string())
}

fn sentence(symbol: &Symbol, stated: Qty, held: Option<Qty>) -> String {
    format!("{symbol}: {stated} held by the last execution, but positions list {}", word(held))
}

impl Holdings {
    /// Takes an execution from the stream. One that states no position invalidates the last stated position.
    pub(super) fn on_stream_execution(&mut self, execution: &Execution, now: Mono) {
        let symbol = execution.symbol.plain();
        let newer = self.stated.get(&symbol).is_none_or(|known| execution.at >= known.at);
        match execution.position_qty {
            Some(qty) if newer && (self.stated.len() < MOST || self.stated.contains_key(&symbol)) => {
                let differs = self.stated.get(&symbol).map_or(now, |known| known.differs);
                self.stated.insert(
                    symbol,
                    Stated { qty, at: execution.at, or: Some(qty), since: now, differs, reported: false },
                );
            }
            Some(_) => {}
            None => drop(self.stated.remove(&symbol)),
        }
    }

    /// Takes an execution that was learned, from the stream or from REST.
    pub(super) fn on_execution(&mut self, execution: &Execution, now: Mono) {
        let change = match (&execution.kind, &execution.side) {
            (ExecutionKind::Trade | ExecutionKind::Unexplained, Side::Buy) => Some(execution.qty),
            (ExecutionKind::Trade | ExecutionKind::Unexplained, Side::Sell) => Qty::ZERO.checked_sub(execution.qty),
            _ => None,
        };
        if execution.position_qty.is_none() {
            self.add(execution, change);
        }
        let traded = self.traded.entry(execution.symbol.plain()).or_default();
        traded.push_back((now, change));
        if traded.len() > MOST {
            traded.pop_front();
        }
    }

    /// Adds an execution that states no position to the last stated position; one that cannot be added invalidates it.
    fn add(&mut self, execution: &Execution, change: Option<Qty>) {
        let symbol = execution.symbol.plain();
        let Some(stated) = self.stated.get_mut(&symbol) else { return };
        let sum = |qty: Qty| change.and_then(|change| qty.checked_add(change));
        let is_newer = execution.at.is_some() && execution.at > stated.at;
        match (sum(stated.qty), is_newer) {
            (Some(qty), true) => (stated.qty, stated.or) = (qty, stated.or.and_then(sum)),
            (Some(_), false) => stated.or = stated.or.and_then(sum),
            (None, _) => drop(self.stated.remove(&symbol)),
        }
    }

    /// Compares with a new position list.
    pub(super) fn compare(&mut self, positions: &[Position], now: Mono) -> Found {
        let before = std::mem::take(&mut self.listed);
        self.listed = positions.iter().map(|position| (position.symbol.plain(), position.qty)).collect();
        self.traded.retain(|_, traded| {
            traded.retain(|(at, _)| now.since(*at) < EXPLAINED);
            !traded.is_empty()
        });
        let known = std::mem::replace(&mut self.known, true);
        let symbols: BTreeSet<Symbol> = before.keys().chain(self.listed.keys()).filter(|_| known).cloned().collect();
        let mut unexplained = None;
        for symbol in symbols {
            // An unreadable quantity may be unchanged.
            let Some((was, is)) = held(&before, &symbol).zip(held(&self.listed, &symbol)) else { continue };
            if was != is && !self.is_explained(&symbol, was, is) {
                unexplained = Some(symbol);
            }
        }
        let listed = &self.listed;
        let mut found = Found { unexplained, ..Found::default() };
        self.stated.retain(|symbol, stated| {
            let held = held(listed, symbol);
            if stated.agrees(held) {
                return false;
            }
            let lasts = now.since(stated.since);
            if lasts >= LONGEST {
                found.over.push(format!("{symbol}: positions list {}, which is taken as correct", word(held)));
                return false;
            }
            if lasts >= LAG && !std::mem::replace(&mut stated.reported, true) {
                found.lasting.push(sentence(symbol, stated.qty, held));
            }
            true
        });
        found
    }

    /// Whether a list holds just what the last one did, and what executions changed since: that is no other account's,
    /// for it names something.
    pub(super) fn expects(&self, positions: &[Position]) -> bool {
        let listed: BTreeMap<Symbol, Qty> =
            positions.iter().filter_map(|position| Some((position.symbol.plain(), position.qty?))).collect();
        let expected = |symbol: &Symbol, qty: Qty| {
            let stated = self.stated.get(symbol).is_some_and(|stated| stated.agrees(Some(qty)));
            stated || self.may_be(symbol, qty)
        };
        let symbols = self.listed.keys().chain(self.stated.keys()).chain(listed.keys());
        self.known
            && listed.len() == positions.len()
            && listed.values().any(|qty| !qty.is_zero())
            && symbols.into_iter().all(|symbol| expected(symbol, listed.get(symbol).copied().unwrap_or(Qty::ZERO)))
    }

    /// Whether this is the quantity of the last list with some of the executions known since, from the first on.
    fn may_be(&self, symbol: &Symbol, qty: Qty) -> bool {
        let Some(was) = held(&self.listed, symbol) else { return false };
        let changes = self.traded.get(symbol).into_iter().flatten();
        let mut sum = Some(was);
        was == qty
            || changes.map(|(_, change)| change).any(|change| {
                sum = sum.zip(*change).and_then(|(sum, change)| sum.checked_add(change));
                sum == Some(qty)
            })
    }

    /// Whether known executions explain a change. Lists lag, so they may include only the first of them.
    fn is_explained(&mut self, symbol: &Symbol, was: Qty, is: Qty) -> bool {
        let Some(traded) = self.traded.get_mut(symbol) else { return false };
        let mut sum = Some(was);
        for place in 0..traded.len() {
            let change = traded.get(place).and_then(|(_, change)| *change);
            sum = sum.and_then(|sum| sum.checked_add(change?));
            // A sum that cannot be computed counts as an explanation.
            if sum.is_none_or(|sum| sum == is) {
                traded.drain(..=place);
                return true;
            }
        }
        traded.clear();
        false
    }

    /// Adds the positions held before, with an unknown quantity, if unreadable rows cannot be matched to a symbol: an
    /// unreadable row does not mean that the position is gone.
    pub(super) fn with_unread(&self, mut positions: Vec<Position>, unread: &[Unread]) -> Vec<Position> {
        let is_held = |row: &Unread| positions.iter().any(|position| position.symbol.as_str() == row.row);
        if unread.iter().all(is_held) {
            return positions;
        }
        let here: BTreeSet<Symbol> = positions.iter().map(|position| position.symbol.plain()).collect();
        let gone = self.listed.keys().filter(|symbol| !here.contains(*symbol));
        positions.extend(gone.map(|symbol| Position::unread(symbol.clone())));
        positions
    }

    /// True while a stated position is unconfirmed.
    pub(super) fn is_open(&self) -> bool {
        !self.stated.is_empty()
    }

    /// True while a reported difference lasts.
    pub(super) fn is_reported(&self) -> bool {
        self.stated.values().any(|stated| stated.reported)
    }

    /// Positions according to the last executions, where the last list disagrees.
    pub(super) fn conflicts(&self) -> impl Iterator<Item = (&Symbol, Qty)> {
        self.differing().map(|(symbol, stated)| (symbol, stated.qty))
    }

    /// The same, limited to differences that have lasted longer than an answer takes.
    pub(super) fn lasting_conflicts(&self, now: Mono) -> impl Iterator<Item = (&Symbol, Qty)> {
        let lasting = move |(_, stated): &(&Symbol, &Stated)| now.since(stated.differs) >= SOON;
        self.differing().filter(lasting).map(|(symbol, stated)| (symbol, stated.qty))
    }

    /// The first of these in words, and how many more there are; a sentence without a stop.
    pub(super) fn contradiction(&self, now: Mono) -> Option<String> {
        let mut lasting = self.lasting_conflicts(now);
        let (symbol, qty) = lasting.next()?;
        let first = sentence(symbol, qty, held(&self.listed, symbol));
        Some(match lasting.count() {
            0 => first,
            more => format!("{first}, and {more} more"),
        })
    }

    fn differing(&self) -> impl Iterator<Item = (&Symbol, &Stated)> {
        self.stated.iter().filter(|(symbol, stated)| !stated.agrees(held(&self.listed, symbol)))
    }

    /// Forgets all conflicts and stated positions, as for another account.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Source;

    fn at(second: u64) -> Mono {
        Mono::from_millis(second * 1_000)
    }

    fn execution(side: Side, qty: i64, second: i64, leaves: Option<i64>) -> Execution {
        Execution {
            id: "e".into(),
            order_id: "o".into(),
            symbol: "BTC/USD".into(),
            side,
            qty: Qty::whole(qty),
            px: None,
            cum_qty: None,
            position_qty: leaves.map(Qty::whole),
            at: jiff::Timestamp::from_second(second).ok(),
            kind: ExecutionKind::Trade,
            source: Source::Stream,
        }
    }

    fn list(qty: i64) -> Vec<Position> {
        vec![Position { qty: Some(Qty::whole(qty)), ..Position::unread("BTCUSD".into()) }]
    }

    fn stated(holdings: &Holdings) -> Vec<Qty> {
        holdings.conflicts().map(|(_, qty)| qty).collect()
    }

    #[test]
    fn executions_explain_a_list_change_even_if_it_includes_only_the_first_of_them() {
        let mut holdings = Holdings::default();
        assert_eq!(holdings.compare(&list(10), at(0)).unexplained, None, "no list was known before");
        holdings.on_execution(&execution(Side::Buy, 5, 1, None), at(1));
        holdings.on_execution(&execution(Side::Sell, 3, 2, None), at(2));
        assert_eq!(holdings.compare(&list(15), at(3)).unexplained, None);
        assert_eq!(holdings.compare(&list(12), at(4)).unexplained, None);
        assert!(holdings.compare(&list(13), at(5)).unexplained.is_some(), "nothing was traded since");
        let undone = Execution { kind: ExecutionKind::Bust { of: None }, ..execution(Side::Buy, 1, 6, None) };
        holdings.on_execution(&undone, at(6));
        assert_eq!(holdings.compare(&list(90), at(7)).unexplained, None, "the busted quantity is unknown");
        // Old executions explain nothing.
        holdings.on_execution(&execution(Side::Buy, 5, 8, None), at(8));
        assert!(holdings.compare(&list(95), at(83)).unexplained.is_some());
    }

    #[test]
    fn the_latest_execution_states_the_position_until_one_comes_without_a_position() {
        let mut holdings = Holdings::default();
        holdings.compare(&list(1), at(0));
        holdings.on_stream_execution(&execution(Side::Buy, 1, 20, Some(30)), at(1));
        holdings.on_stream_execution(&execution(Side::Buy, 1, 10, Some(29)), at(2));
        assert_eq!(stated(&holdings), [Qty::whole(30)], "the older one arrived late");
        holdings.on_stream_execution(&execution(Side::Buy, 1, 20, Some(31)), at(3));
        assert_eq!(stated(&holdings), [Qty::whole(31)], "at the same time, the last one wins");
        holdings.on_stream_execution(&execution(Side::Buy, 1, 21, None), at(4));
        assert!(!holdings.is_open());
    }

    #[test]
    fn an_execution_found_later_is_added_to_the_last_stated_position() {
        let reported = || {
            let mut holdings = Holdings::default();
            holdings.compare(&list(100), at(0));
            holdings.on_stream_execution(&execution(Side::Buy, 100, 10, Some(100)), at(1));
            holdings.compare(&list(137), at(2));
            assert_eq!(stated(&holdings), [Qty::whole(100)]);
            holdings
        };
        for second in [8, 10, 12] {
            let mut holdings = reported();
            holdings.on_execution(&execution(Side::Buy, 37, second, None), at(3));
            assert_eq!(stated(&holdings), [], "whatever the row's clock: {second}");
            assert!(holdings.compare(&list(137), at(30)).lasting.is_empty() && !holdings.is_open());
        }
        let mut holdings = reported();
        holdings.on_execution(&execution(Side::Buy, 30, 12, None), at(3));
        assert_eq!(stated(&holdings), [Qty::whole(130)], "the newest execution decides");
        let mut holdings = reported();
        let undone = Execution { kind: ExecutionKind::Bust { of: None }, ..execution(Side::Buy, 1, 12, None) };
        holdings.on_execution(&undone, at(3));
        assert!(!holdings.is_open(), "the busted quantity is unknown");
    }

    #[test]
    fn a_list_that_disagrees_is_tolerated_then_reported_once_then_believed() {
        let mut holdings = Holdings::default();
        holdings.compare(&list(1), at(0));
        holdings.on_stream_execution(&execution(Side::Buy, 1, 1, Some(2)), at(10));
        let lasting = |holdings: &Holdings, millis| holdings.lasting_conflicts(Mono::from_millis(millis)).count();
        assert_eq!((lasting(&holdings, 12_999), lasting(&holdings, 13_000)), (0, 1));
        assert!(holdings.compare(&list(1), at(21)).lasting.is_empty() && !holdings.is_reported());
        let said = holdings.compare(&list(1), at(22)).lasting;
        assert_eq!(said, ["BTCUSD: 2 held by the last execution, but positions list 1"]);
        assert!(holdings.is_reported() && holdings.compare(&list(1), at(60)).lasting.is_empty(), "once");
        assert_eq!(holdings.contradiction(at(60)).as_ref(), said.first());
        let other = Execution { symbol: "MSFT".into(), ..execution(Side::Buy, 1, 1, Some(3)) };
        holdings.on_stream_execution(&other, at(60));
        assert_eq!(holdings.contradiction(at(62)).as_ref(), said.first(), "the other one may only be late");
        assert_eq!(holdings.contradiction(at(63)), Some(format!("{}, and 1 more", said[0])));
        holdings.compare(
            &[list(1), vec![Position { qty: Some(Qty::whole(3)), ..Position::unread("MSFT".into()) }]].concat(),
            at(64),
        );
        assert!(holdings.compare(&list(1), at(309)).over.is_empty());
        assert_eq!(holdings.compare(&list(1), at(310)).over, ["BTCUSD: positions list 1, which is taken as correct"]);
        assert!(!holdings.is_open());
    }

    #[test]
    fn an_execution_explains_no_other_change() {
        for (side, explained) in [(Side::Buy, 15), (Side::Sell, 5)] {
            for (is, known) in [(explained, true), (90, false)] {
                let mut holdings = Holdings::default();
                holdings.compare(&list(10), at(0));
                holdings.on_execution(&execution(side.clone(), 5, 1, None), at(1));
                assert_eq!(holdings.compare(&list(is), at(2)).unexplained.is_none(), known, "{side:?} {is}");
            }
        }
    }

    #[test]
    fn forgetting_leaves_nothing_of_another_account() {
        let mut holdings = Holdings::default();
        holdings.compare(&list(1), at(0));
        holdings.on_stream_execution(&execution(Side::Buy, 1, 1, Some(2)), at(1));
        holdings.forget();
        assert!(!holdings.is_open());
        assert_eq!(holdings.compare(&list(7), at(2)).unexplained, None, "no list was known before");
    }
}
