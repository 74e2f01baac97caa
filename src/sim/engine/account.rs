//! One account's books: cash, positions, holds of its orders, executions.
//!
//! Invariant: cash and positions are always exactly the sum of the cash rows and the valid executions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::cash_row::{CashKind, CashRow, Entitlement};
use super::event::Execution;
use super::order::AccountNo;
use super::position::Position;
use super::slot::Ix;
use crate::sim::dice::uuid_of;
use crate::sim::market::{Market, Sym};
use crate::sim::words::{AssetClass, Side};

/// The kind of account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Paper,
    /// Live: simulated, but presented as real money.
    Live,
}

/// Settings that the owner may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configurations {
    /// New orders are refused.
    pub suspend_trade: bool,
    /// Short sales are refused.
    pub no_shorting: bool,
    /// Fractional orders are allowed.
    pub fractional_trading: bool,
    /// 1, 2 or 4.
    pub max_margin_multiplier: u8,
    /// 0 to 3.
    pub max_options_trading_level: u8,
    /// `all` or `none`.
    pub trade_confirm_email: &'static str,
    /// Kept and returned, without effect here.
    pub ptp_no_exception_entry: bool,
    /// Kept and returned, without effect here.
    pub disable_overnight_trading: bool,
}

impl Default for Configurations {
    fn default() -> Self {
        Self {
            suspend_trade: false,
            no_shorting: false,
            fractional_trading: true,
            max_margin_multiplier: 2,
            max_options_trading_level: 3,
            trade_confirm_email: "all",
            ptp_no_exception_entry: false,
            disable_overnight_trading: false,
        }
    }
}

/// The kind of an entry in the index of activities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Row {
    Fill(u32),
    /// The fee of a crypto execution.
    CoinFee(u32),
    /// Cash that moved without a trade.
    Cash(u32),
}

/// The sort key of an activity: milliseconds, the uuid part of its id, and its kind.
pub(super) type Place = (i64, Uuid, Row);

/// Working orders of one side in one asset, for checks between orders of an account.
#[derive(Debug, Clone, Default)]
pub(super) struct Interest {
    /// Plain limit orders by price key.
    pub limits: BTreeSet<(i64, Ix)>,
    /// Plain market and stop orders.
    pub others: BTreeSet<Ix>,
    /// Orders that open a position.
    pub opening: BTreeSet<Ix>,
    /// Orders that close a position, and hold units for it.
    pub closing: BTreeSet<Ix>,
}

/// One account.
#[derive(Debug, Clone)]
pub struct Account {
    pub no: AccountNo,
    /// Its id; a reset changes it.
    pub id: Uuid,
    /// The account number shown to its owner.
    pub number: String,
    /// Paper or live.
    pub kind: Kind,
    /// When it was opened.
    pub created_at: Timestamp,
    pub cash: Decimal,
    /// Cash at the opening.
    pub opening_cash: Decimal,
    /// Equity at the opening: the opening cash, unless history was generated.
    pub opening_equity: Decimal,
    /// The owner's settings.
    pub configurations: Configurations,
    /// Equity at the last close.
    pub last_equity: Decimal,
    /// Maintenance margin at the last close.
    pub last_maintenance_margin: Decimal,
    /// The day of the last close.
    pub balance_asof: Date,
    pub(super) positions: BTreeMap<Sym, Position>,
    pub(super) executions: Vec<Execution>,
    pub(super) cash_rows: Vec<CashRow>,
    pub(super) entitlements: Vec<Entitlement>,
    /// Executions and cash rows, by millisecond and id, in the order of the activities.
    pub(super) activities: BTreeSet<Place>,
    pub(super) held_margin: Decimal,
    pub(super) held_qty: BTreeMap<Sym, Decimal>,
    pub(super) interest: BTreeMap<(Sym, Side), Interest>,
    /// All orders, in the order of submission.
    pub(super) orders: Vec<Ix>,
    pub(super) open: BTreeSet<Ix>,
    /// Equity at each close.
    pub(super) daily: Vec<(Timestamp, Decimal)>,
    /// Equity per minute, the newest ones.
    pub(super) minutely: VecDeque<(Timestamp, Decimal)>,
}

/// An account's figures at current prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balances {
    pub cash: Decimal,
    /// Cash plus positions.
    pub equity: Decimal,
    /// Value of long positions.
    pub long_market_value: Decimal,
    /// Value of short positions; negative.
    pub short_market_value: Decimal,
    /// Initial margin of positions and orders.
    pub initial_margin: Decimal,
    /// Maintenance margin of positions.
    pub maintenance_margin: Decimal,
    /// Buying power for marginable assets.
    pub buying_power: Decimal,
    /// Buying power for non-marginable assets.
    pub non_marginable_buying_power: Decimal,
    /// The account's multiplier.
    pub multiplier: u8,
}

/// A position at current prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionView {
    pub sym: Sym,
    /// Quantity and cost.
    pub position: Position,
    /// Quantity not held by orders; signed like the position.
    pub qty_available: Decimal,
    /// Average cost per unit.
    pub avg_entry_price: Decimal,
    /// The last price.
    pub current_price: Decimal,
    /// Yesterday's close.
    pub lastday_price: Decimal,
    /// Market value, signed.
    pub market_value: Decimal,
    /// Cost basis, signed.
    pub cost_basis: Decimal,
    /// Profit or loss since the entry.
    pub unrealized_pl: Decimal,
    /// Profit or loss since yesterday's close, or since the entry if later.
    pub unrealized_intraday_pl: Decimal,
}

impl Account {
    pub(super) fn new(
        no: AccountNo,
        id: Uuid,
        number: String,
        kind: Kind,
        cash: Decimal,
        now: Timestamp,
        day: Date,
    ) -> Self {
        let mut account = Self {
            no,
            id,
            number,
            kind,
            created_at: now,
            cash: Decimal::ZERO,
            opening_cash: cash,
            opening_equity: cash,
            configurations: Configurations::default(),
            last_equity: cash,
            last_maintenance_margin: Decimal::ZERO,
            balance_asof: day,
            positions: BTreeMap::new(),
            executions: Vec::new(),
            cash_rows: Vec::new(),
            entitlements: Vec::new(),
            activities: BTreeSet::new(),
            held_margin: Decimal::ZERO,
            held_qty: BTreeMap::new(),
            interest: BTreeMap::new(),
            orders: Vec::new(),
            open: BTreeSet::new(),
            daily: Vec::new(),
            minutely: VecDeque::new(),
        };
        account.open_with(cash, now);
        account
    }

    /// Enters the opening cash as the first row: a journal entry on paper, else a deposit.
    pub(super) fn open_with(&mut self, cash: Decimal, at: Timestamp) {
        let kind = if self.kind == Kind::Paper { CashKind::Journal } else { CashKind::Deposit };
        self.created_at = at;
        self.cash_rows.clear();
        self.activities.clear();
        self.cash = Decimal::ZERO;
        let id = uuid_of(&format!("{} is opened", self.id));
        self.book_row(CashRow::new(id, kind, at, cash, ""));
    }

    /// Books cash that moves without a trade.
    pub(super) fn book_row(&mut self, row: CashRow) {
        self.cash += row.net_amount;
        let place = u32::try_from(self.cash_rows.len()).unwrap_or(u32::MAX);
        self.list(row.at, row.id, Row::Cash(place));
        self.cash_rows.push(row);
    }

    /// Enters an activity into the index.
    pub(super) fn list(&mut self, at: Timestamp, id: Uuid, row: Row) {
        self.activities.insert((at.as_millisecond(), id, row));
    }

    /// The quantity held, signed.
    pub fn position_qty(&self, sym: Sym) -> Decimal {
        self.positions.get(&sym).map_or(Decimal::ZERO, |position| position.qty)
    }

    /// The quantity held by closing orders.
    pub fn held_qty(&self, sym: Sym) -> Decimal {
        self.held_qty.get(&sym).copied().unwrap_or_default()
    }

    /// The executions, valid and busted, oldest first.
    pub fn executions(&self) -> &[Execution] {
        &self.executions
    }

    /// Books a fill.
    pub(super) fn book(&mut self, sym: Sym, execution: &Execution, multiplier: Decimal) {
        let amount = execution.qty * execution.price * multiplier;
        let position = self.positions.entry(sym).or_default();
        match execution.side {
            Side::Buy => {
                self.cash -= amount;
                position.trade(execution.qty, execution.price * multiplier);
                position.deduct(execution.fee_qty);
            }
            Side::Sell => {
                self.cash += amount - execution.fee;
                position.trade(-execution.qty, execution.price * multiplier);
            }
        }
        if position.qty.is_zero() {
            // A fee can leave a cost without quantity; drop it with the position.
            (position.cost, position.cost_today) = (Decimal::ZERO, Decimal::ZERO);
        }
    }

    /// Recomputes cash and positions from the executions, after one was restated.
    pub(super) fn rebook(&mut self, market: &Market) {
        let executions = std::mem::take(&mut self.executions);
        self.cash = self.cash_rows.iter().map(|row| row.net_amount).sum();
        self.positions.clear();
        for execution in executions.iter().filter(|e| e.restated != Some(super::event::Restated::Busted)) {
            if let Some(sym) = market.find(execution.symbol) {
                self.book(sym, execution, market.asset(sym).multiplier);
            }
        }
        self.executions = executions;
    }

    /// The margin requirement of one unit of `value` in this asset.
    pub(super) fn margin_rate(&self, market: &Market, sym: Sym) -> Decimal {
        if market.asset(sym).marginable { self.per_multiplier() } else { Decimal::ONE }
    }

    fn per_multiplier(&self) -> Decimal {
        match self.configurations.max_margin_multiplier {
            0 | 1 => Decimal::ONE,
            2 => Decimal::new(5, 1),
            _ => Decimal::new(25, 2),
        }
    }

    /// The figures at current prices.
    pub fn balances(&self, market: &Market) -> Balances {
        let (mut long, mut short, mut initial, mut maintenance) =
            (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
        for (sym, position) in self.positions.iter().filter(|(_, position)| !position.qty.is_zero()) {
            let asset = market.asset(*sym);
            let value = position.qty * market.get(*sym).last.price * asset.multiplier;
            if value.is_sign_negative() {
                short += value;
            } else {
                long += value;
            }
            initial += value.abs() * self.margin_rate(market, *sym);
            let keep = match (asset.marginable, value.is_sign_negative()) {
                (true, false) => Decimal::new(30, 2),
                (true, true) => Decimal::new(35, 2),
                (false, _) if asset.class == AssetClass::UsEquity => Decimal::ONE,
                (false, _) => Decimal::ZERO,
            };
            maintenance += value.abs() * keep;
        }
        let equity = self.cash + long + short;
        let initial_margin = initial + self.held_margin;
        let excess = (equity - initial_margin).max(Decimal::ZERO);
        let multiplier = self.configurations.max_margin_multiplier.max(1);
        Balances {
            cash: self.cash,
            equity,
            long_market_value: long,
            short_market_value: short,
            initial_margin,
            maintenance_margin: maintenance,
            buying_power: (excess * Decimal::from(multiplier)).normalize(),
            non_marginable_buying_power: excess.min(self.cash).max(Decimal::ZERO).normalize(),
            multiplier,
        }
    }

    /// Positions that are not flat, at current prices.
    pub fn positions(&self, market: &Market) -> Vec<PositionView> {
        let held = self.positions.iter().filter(|(_, position)| !position.qty.is_zero());
        held.map(|(sym, position)| self.view(market, *sym, position)).collect()
    }

    /// The position in one asset, unless flat.
    pub fn position(&self, market: &Market, sym: Sym) -> Option<PositionView> {
        let position = self.positions.get(&sym).filter(|position| !position.qty.is_zero())?;
        Some(self.view(market, sym, position))
    }

    fn view(&self, market: &Market, sym: Sym, position: &Position) -> PositionView {
        let instrument = market.get(sym);
        let multiplier = instrument.asset.multiplier;
        let market_value = (position.qty * instrument.last.price * multiplier).normalize();
        let held = self.held_qty(sym);
        PositionView {
            sym,
            position: *position,
            qty_available: position.qty - if position.qty.is_sign_negative() { -held } else { held },
            avg_entry_price: position.avg_entry_price(multiplier),
            current_price: instrument.last.price,
            lastday_price: instrument.previous_close,
            market_value,
            cost_basis: position.cost.normalize(),
            unrealized_pl: (market_value - position.cost).normalize(),
            unrealized_intraday_pl: (market_value - position.cost_today).normalize(),
        }
    }
}
