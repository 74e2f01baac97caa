//! One account's books: cash, positions, what its orders hold, its executions. Invariant: cash and positions are
//! always the sum of the rows of money and of the standing executions, to the last digit.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::activity::{Place, Row};
use super::cash::{CashKind, CashRow, Entitlement};
use super::event::Execution;
use super::order::AccountNo;
use super::position::Position;
use super::slot::Ix;
use super::words::{AssetClass, Side};
use crate::sim::dice::uuid_of;
use crate::sim::market::{Market, Sym};

/// Which kind of account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Play money.
    Paper,
    /// Simulated, but spoken of as real money.
    Live,
}

/// What the owner may change of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configurations {
    /// New orders are refused.
    pub suspend_trade: bool,
    /// Short sales are refused.
    pub no_shorting: bool,
    /// Fractional orders are taken.
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

/// Working orders of one side of one asset, for the checks between orders of one account.
#[derive(Debug, Clone, Default)]
pub(super) struct Interest {
    /// Plain limit orders by price key.
    pub limits: BTreeSet<(i64, Ix)>,
    /// Plain market and stop orders.
    pub others: BTreeSet<Ix>,
    /// Those that open a position.
    pub opening: BTreeSet<Ix>,
    /// Those that close one and hold units for it.
    pub closing: BTreeSet<Ix>,
}

/// One account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its place.
    pub no: AccountNo,
    /// Changes with a reset.
    pub id: Uuid,
    /// As the owner sees it.
    pub number: String,
    /// Paper or live.
    pub kind: Kind,
    /// Opened.
    pub created_at: Timestamp,
    /// Money.
    pub cash: Decimal,
    /// Money at the beginning.
    pub opening_cash: Decimal,
    /// Equity when it was opened: the opening cash, unless a past was made for it.
    pub opening_equity: Decimal,
    /// What the owner set.
    pub configurations: Configurations,
    /// Equity at the last close.
    pub last_equity: Decimal,
    /// Maintenance margin at the last close.
    pub last_maintenance_margin: Decimal,
    /// The day of that close.
    pub balance_asof: Date,
    pub(super) positions: BTreeMap<Sym, Position>,
    pub(super) executions: Vec<Execution>,
    pub(super) cash_rows: Vec<CashRow>,
    pub(super) entitlements: Vec<Entitlement>,
    /// Executions and rows of money by millisecond and id, as the activities sort them.
    pub(super) activities: BTreeSet<Place>,
    pub(super) held_margin: Decimal,
    pub(super) held_qty: BTreeMap<Sym, Decimal>,
    pub(super) interest: BTreeMap<(Sym, Side), Interest>,
    /// Every order, in the order of submission.
    pub(super) orders: Vec<Ix>,
    pub(super) open: BTreeSet<Ix>,
    /// Equity at each close.
    pub(super) daily: Vec<(Timestamp, Decimal)>,
    /// Equity each minute, the newest ones.
    pub(super) minutely: VecDeque<(Timestamp, Decimal)>,
}

/// An account's figures at current prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balances {
    /// Cash.
    pub cash: Decimal,
    /// Cash plus positions.
    pub equity: Decimal,
    /// Value of what is owned.
    pub long_market_value: Decimal,
    /// Value of what is owed; negative.
    pub short_market_value: Decimal,
    /// Margin that positions and orders need to be opened.
    pub initial_margin: Decimal,
    /// Margin that positions need to be kept.
    pub maintenance_margin: Decimal,
    /// For marginable assets.
    pub buying_power: Decimal,
    /// For assets that must be paid in full.
    pub non_marginable_buying_power: Decimal,
    /// The account's multiplier.
    pub multiplier: u8,
}

/// A position at current prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionView {
    /// The asset's place.
    pub sym: Sym,
    /// Units and costs.
    pub position: Position,
    /// Not promised to orders; signed like the position.
    pub qty_available: Decimal,
    /// Average cost of a unit.
    pub avg_entry_price: Decimal,
    /// The last price.
    pub current_price: Decimal,
    /// Yesterday's close.
    pub lastday_price: Decimal,
    /// Signed value.
    pub market_value: Decimal,
    /// Signed cost.
    pub cost_basis: Decimal,
    /// Profit since the entry.
    pub unrealized_pl: Decimal,
    /// Profit since yesterday's close, or the entry if later.
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

    /// Enters what the account is opened with as its first row: a journal entry on paper, else a deposit.
    pub(super) fn open_with(&mut self, cash: Decimal, at: Timestamp) {
        let kind = if self.kind == Kind::Paper { CashKind::Journal } else { CashKind::Deposit };
        self.created_at = at;
        self.cash_rows.clear();
        self.activities.clear();
        self.cash = Decimal::ZERO;
        let id = uuid_of(&format!("{} is opened", self.id));
        self.book_row(CashRow::new(id, kind, at, cash, ""));
    }

    /// Books money that moves without a trade.
    pub(super) fn book_row(&mut self, row: CashRow) {
        self.cash += row.net_amount;
        let place = u32::try_from(self.cash_rows.len()).unwrap_or(u32::MAX);
        self.list(row.at, row.id, Row::Cash(place));
        self.cash_rows.push(row);
    }

    /// Signed units held.
    pub fn position_qty(&self, sym: Sym) -> Decimal {
        self.positions.get(&sym).map_or(Decimal::ZERO, |position| position.qty)
    }

    /// Units promised to closing orders.
    pub fn held_qty(&self, sym: Sym) -> Decimal {
        self.held_qty.get(&sym).copied().unwrap_or_default()
    }

    /// The standing executions and the undone ones, oldest first.
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
            // A fee can leave a cost without units; nothing of it remains when the position is gone.
            (position.cost, position.cost_today) = (Decimal::ZERO, Decimal::ZERO);
        }
    }

    /// Rebuilds cash and positions from the executions, after one of them was restated.
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

    /// Money that one unit of `value` in this asset ties up.
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
