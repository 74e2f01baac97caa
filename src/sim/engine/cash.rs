//! Cash that moves without a trade: deposits, dividends, fees. Each row is booked when created, so that cash is always
//! the sum of these rows and of the executions.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};

use super::account::Account;
use super::cash_row::{CashKind, CashRow, Entitlement};
use super::event::{Execution, Restated};
use super::order::AccountNo;
use super::{Engine, Kind, Refusal, bounds};
use crate::sim::calendar;
use crate::sim::market::Market;
use crate::sim::market::dividends::{self, Dividend};
use crate::sim::words::{AssetClass, Side};

/// The regulatory fee on sales, per dollar.
const REG_RATE: Decimal = Decimal::from_parts(278, 0, 0, false, 7);
/// The trading activity fee per share sold, and its maximum per execution.
const TAF_RATE: Decimal = Decimal::from_parts(166, 0, 0, false, 6);
const TAF_MOST: Decimal = Decimal::from_parts(830, 0, 0, false, 2);

impl Engine {
    /// Books cash by hand: a transfer, a dividend, a fee. Withdrawals and fees reduce cash whatever the sign.
    pub fn book_cash(
        &mut self,
        no: AccountNo,
        kind: CashKind,
        amount: Decimal,
        description: &str,
    ) -> Result<CashRow, Refusal> {
        self.need_account(no)?;
        bounds::money("amount", amount)?;
        if amount.is_zero() {
            return Err(Refusal::parameter("amount must not be zero"));
        }
        if kind == CashKind::Deposit && amount.is_sign_negative() {
            return Err(Refusal::parameter("the amount of a deposit must be above 0; CSW takes money out"));
        }
        let amount = match kind {
            CashKind::Withdrawal | CashKind::Fee => -amount.abs(),
            CashKind::Deposit | CashKind::Journal | CashKind::Dividend | CashKind::Interest => amount,
        };
        let row = CashRow::new(self.ids.uuid(), kind, self.stamp(), amount, description);
        self.book_row(no, row.clone());
        Ok(row)
    }

    /// Pays a dividend by hand, at once, for every position in the share; a short position is charged.
    pub fn pay_dividend(&mut self, symbol: &str, per_share: Decimal) -> Result<Vec<CashRow>, Refusal> {
        let sym = self.market.find(symbol).ok_or_else(|| Refusal::no_asset(symbol))?;
        if self.market.asset(sym).class != AssetClass::UsEquity {
            return Err(Refusal::parameter("only shares pay dividends"));
        }
        bounds::price("per_share", per_share)?;
        let symbol = self.market.asset(sym).symbol;
        let holders: Vec<(AccountNo, Decimal)> = self
            .accounts
            .iter()
            .map(|account| (account.no, account.position_qty(sym)))
            .filter(|(_, qty)| !qty.is_zero())
            .collect();
        let today = calendar::in_new_york(self.now).date();
        let dividend = Dividend { symbol, per_share, declared: today, ex: today, record: today, payable: today };
        Ok(holders.into_iter().filter_map(|(no, qty)| self.pay(no, dividend, qty)).collect())
    }

    /// Runs at 4:00: shares trade without today's dividends, and dividends due today are paid. Paper accounts get none,
    /// as at the service (docs/ALPACA.md 9.2); a price falls by the dividend.
    pub(super) fn settle_dividends(&mut self) {
        let today = self.session.date;
        for dividend in dividends::going_ex(today) {
            let Some(sym) = self.market.find(dividend.symbol) else { continue };
            self.market.get_mut(sym).go_ex(dividend.per_share);
            for account in self.accounts.iter_mut().filter(|account| account.kind == Kind::Live) {
                let qty = account.position_qty(sym);
                if !qty.is_zero() {
                    account.entitlements.push(Entitlement { dividend, qty });
                }
            }
        }
        let due: Vec<(AccountNo, Entitlement)> = self
            .accounts
            .iter_mut()
            .flat_map(|account| {
                let no = account.no;
                account.entitlements.extract_if(.., |entitled| entitled.dividend.payable <= today).map(move |e| (no, e))
            })
            .collect();
        for (no, Entitlement { dividend, qty }) in due {
            self.pay(no, dividend, qty);
        }
    }

    fn pay(&mut self, no: AccountNo, dividend: Dividend, qty: Decimal) -> Option<CashRow> {
        let Dividend { symbol, per_share, .. } = dividend;
        let amount = (qty * per_share).round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        if amount.is_zero() {
            return None;
        }
        let row = CashRow {
            sub_kind: "CDIV",
            symbol: Some(symbol),
            qty: Some(qty.normalize()),
            per_share: Some(per_share.normalize()),
            dividend: Some(dividend),
            ..CashRow::new(
                self.ids.uuid(),
                CashKind::Dividend,
                self.stamp(),
                amount,
                &format!("Cash dividend {symbol}"),
            )
        };
        self.book_row(no, row.clone());
        Some(row)
    }

    /// Ends the day: live accounts pay the fees on their sales.
    pub(super) fn charge_fees(&mut self) {
        let today = self.session.date;
        let accounts: Vec<AccountNo> =
            self.accounts.iter().filter(|account| account.kind == Kind::Live).map(|account| account.no).collect();
        for no in accounts {
            let Some(account) = self.accounts.get(usize::from(no.0)) else { continue };
            let (reg, taf) = fees_on_sales(account, &self.market, today);
            let parent = sales_of(account, &self.market, today).next().map(|newest| newest.id);
            for (sub_kind, amount, words) in [("REG", reg, "Regulatory fee"), ("TAF", taf, "Trading activity fee")] {
                if amount.is_zero() {
                    continue;
                }
                let description = format!("{words} for sales on {today}");
                let row = CashRow::new(self.ids.uuid(), CashKind::Fee, self.stamp(), -amount, &description);
                self.book_row(no, CashRow { sub_kind, date: today, parent, ..row });
            }
        }
    }
}

impl Account {
    /// All cash rows, oldest first; the first is the opening.
    pub fn cash_rows(&self) -> &[CashRow] {
        &self.cash_rows
    }

    /// Fees on today's sales that are not charged yet; none for paper accounts.
    pub fn pending_fees(&self, market: &Market, now: Timestamp) -> Decimal {
        let today = calendar::in_new_york(now).date();
        let charged = self.cash_rows.iter().rev().any(|row| row.kind == CashKind::Fee && row.date == today);
        if self.kind == Kind::Paper || charged {
            return Decimal::ZERO;
        }
        let (reg, taf) = fees_on_sales(self, market, today);
        reg + taf
    }
}

/// Valid sales of shares on `day`, newest first.
fn sales_of<'a>(account: &'a Account, market: &'a Market, day: Date) -> impl Iterator<Item = &'a Execution> {
    let is_share = move |execution: &&Execution| {
        market.find(execution.symbol).is_some_and(|sym| market.asset(sym).class == AssetClass::UsEquity)
    };
    account
        .executions()
        .iter()
        .rev()
        .take_while(move |execution| calendar::in_new_york(execution.at).date() >= day)
        .filter(|execution| execution.side == Side::Sell && execution.restated != Some(Restated::Busted))
        .filter(is_share)
}

/// Both fees on the shares sold on `day`, each rounded up to a cent.
fn fees_on_sales(account: &Account, market: &Market, day: Date) -> (Decimal, Decimal) {
    let (mut reg, mut taf) = (Decimal::ZERO, Decimal::ZERO);
    for execution in sales_of(account, market, day) {
        reg += execution.qty * execution.price * REG_RATE;
        taf += (execution.qty * TAF_RATE).min(TAF_MOST);
    }
    let up = |amount: Decimal| amount.round_dp_with_strategy(2, RoundingStrategy::AwayFromZero);
    (up(reg), up(taf))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fee_rates_are_what_they_are_called() {
        assert_eq!((REG_RATE.to_string(), TAF_RATE.to_string()), ("0.0000278".to_owned(), "0.000166".to_owned()));
        assert_eq!(TAF_MOST.to_string(), "8.30");
    }
}
