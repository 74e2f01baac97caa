//! Queries: orders with every filter, the clock, and the complete books. Changes nothing.

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::cash_row::CashRow;
use super::event::Execution;
use super::order::{AccountNo, Order, OrderFilter, OrderId, StatusFilter};
use super::slot::Ix;
use super::{Account, Balances, Engine, PositionView, Refusal};
use crate::sim::calendar::{self, Phase};
use crate::sim::market::Sym;

/// The market clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockView {
    /// The current time.
    pub timestamp: Timestamp,
    /// Whether regular hours are on.
    pub is_open: bool,
    /// The phase of the market.
    pub phase: Phase,
    /// When the phase changes.
    pub phase_until: Timestamp,
    /// The next open after now.
    pub next_open: Timestamp,
    /// The next close after now.
    pub next_close: Timestamp,
    /// Whether today is a trading day.
    pub is_market_day: bool,
}

/// The complete books of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// The account's id.
    pub account_id: Uuid,
    pub number: String,
    /// Every order, in the order of submission.
    pub orders: Vec<Order>,
    /// Every execution, oldest first; busted ones are marked.
    pub executions: Vec<Execution>,
    /// Cash that moved without a trade, oldest first.
    pub cash_rows: Vec<CashRow>,
    /// Positions that are not flat.
    pub positions: Vec<PositionView>,
    pub cash: Decimal,
    /// All other figures.
    pub balances: Balances,
}

impl Engine {
    /// The account itself.
    pub fn account(&self, no: AccountNo) -> Result<&Account, Refusal> {
        self.need_account(no)
    }

    /// Its figures at current prices.
    pub fn balances(&self, no: AccountNo) -> Result<Balances, Refusal> {
        Ok(self.need_account(no)?.balances(&self.market))
    }

    /// Positions that are not flat.
    pub fn positions(&self, no: AccountNo) -> Result<Vec<PositionView>, Refusal> {
        Ok(self.need_account(no)?.positions(&self.market))
    }

    /// The position in one asset, by symbol or asset id.
    pub fn position(&self, no: AccountNo, symbol: &str) -> Result<PositionView, Refusal> {
        let sym = self.market.find(symbol).ok_or_else(Refusal::no_position)?;
        self.need_account(no)?.position(&self.market, sym).ok_or_else(Refusal::no_position)
    }

    /// One order.
    pub fn order(&self, no: AccountNo, id: OrderId) -> Result<&Order, Refusal> {
        Ok(&self.slot(self.find_order(no, id)?).order)
    }

    /// One order by the client's id.
    pub fn order_by_client_id(&self, no: AccountNo, id: &str) -> Result<&Order, Refusal> {
        let found = self.by_client.get(usize::from(no.0)).and_then(|known| known.get(id)).copied();
        found.map(|ix| &self.slot(ix).order).ok_or_else(|| Refusal::no_order(id))
    }

    /// The legs of an order, with replaced ones represented by their latest replacement.
    pub fn legs(&self, order: &Order) -> Vec<&Order> {
        order.legs.iter().filter_map(|id| self.by_id.get(id)).map(|ix| &self.slot(*ix).order).collect()
    }

    /// The orders that match a filter, sorted by submission. With `nested`, legs are left out: use [`Self::legs`].
    pub fn orders(&self, no: AccountNo, filter: &OrderFilter) -> Result<Vec<&Order>, Refusal> {
        let account = self.need_account(no)?;
        let limit = filter.limit.min(self.readings.page());
        let cursor = |id: Option<OrderId>| id.map(|id| self.find_order(no, id)).transpose();
        let (before, after) = (cursor(filter.before_order_id)?, cursor(filter.after_order_id)?);
        let wanted = |ix: Ix| {
            let order = &self.slot(ix).order;
            let status = match filter.status {
                StatusFilter::Open => !order.status.is_terminal(),
                StatusFilter::Closed => order.status.is_terminal(),
                StatusFilter::All => true,
            };
            status
                && filter.after.is_none_or(|after| order.submitted_at > after)
                && filter.until.is_none_or(|until| order.submitted_at < until)
                && before.is_none_or(|before| ix < before)
                && after.is_none_or(|after| ix > after)
                && filter.side.is_none_or(|side| order.side == side)
                && (filter.symbols.is_empty() || filter.symbols.iter().any(|symbol| same_symbol(symbol, order.symbol)))
                && filter
                    .asset_classes
                    .as_ref()
                    .is_none_or(|wanted| order.asset_class.is_some_and(|class| wanted.contains(&class)))
                && !(filter.nested && order.parent.is_some())
                // The legs of a multi-leg order are always nested.
                && order.ratio_qty.is_none()
        };
        // Open orders have an index, because they are few among many.
        let open = filter.status == StatusFilter::Open;
        let all = &account.orders;
        let from =
            all.partition_point(|ix| filter.after.is_some_and(|after| self.slot(*ix).order.submitted_at <= after));
        let to = all.partition_point(|ix| filter.until.is_none_or(|until| self.slot(*ix).order.submitted_at < until));
        let window = all.get(from..to.max(from)).unwrap_or_default();
        let found: Vec<Ix> = match (open, filter.ascending) {
            (true, true) => account.open.iter().copied().filter(|ix| wanted(*ix)).take(limit).collect(),
            (true, false) => account.open.iter().rev().copied().filter(|ix| wanted(*ix)).take(limit).collect(),
            (false, true) => window.iter().copied().filter(|ix| wanted(*ix)).take(limit).collect(),
            (false, false) => window.iter().rev().copied().filter(|ix| wanted(*ix)).take(limit).collect(),
        };
        Ok(found.into_iter().map(|ix| &self.slot(ix).order).collect())
    }

    /// The market clock, as set by hand or by the calendar.
    pub fn clock(&self) -> ClockView {
        let (next_open, next_close) = (calendar::next_open(self.now), calendar::next_close(self.now));
        let phase = self.phase();
        ClockView {
            timestamp: self.now,
            is_open: phase == Phase::Regular,
            phase,
            phase_until: self.session.next_change(self.now).unwrap_or(next_open.pre_at),
            next_open: next_open.open_at,
            next_close: next_close.close_at,
            is_market_day: calendar::is_trading_day(calendar::in_new_york(self.now).date()),
        }
    }

    /// The complete books of an account, to compare clients with.
    pub fn truth(&self, no: AccountNo) -> Result<Truth, Refusal> {
        let account = self.need_account(no)?;
        let balances = account.balances(&self.market);
        Ok(Truth {
            account_id: account.id,
            number: account.number.clone(),
            orders: account.orders.iter().map(|ix| self.slot(*ix).order.clone()).collect(),
            executions: account.executions.clone(),
            cash_rows: account.cash_rows.clone(),
            positions: account.positions(&self.market),
            cash: account.cash,
            balances,
        })
    }

    /// An asset, by symbol or id.
    pub fn find_asset(&self, name: &str) -> Option<Sym> {
        self.market.find(name)
    }
}

fn same_symbol(asked: &str, symbol: &str) -> bool {
    asked == symbol || (symbol.contains('/') && asked == symbol.replace('/', ""))
}
