//! The refusals of docs/ALPACA.md 4.4: status, code, words and extra members. The only place with those words.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::words::Status;

/// An extra member of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// A string; decimals are strings too.
    Text(String),
    /// A list of strings.
    List(Vec<String>),
}

/// A request refused; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The eight-digit code.
    pub code: u32,
    /// The broker's words.
    pub message: String,
    /// Members beside code and message, in order.
    pub extra: Vec<(&'static str, Member)>,
}

impl Refusal {
    fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), extra: Vec::new() }
    }

    fn with<T: std::fmt::Display + ?Sized>(mut self, name: &'static str, value: &T) -> Self {
        self.extra.push((name, Member::Text(format!("{value}"))));
        self
    }

    /// 422 of a parameter rule.
    pub fn parameter(message: impl Into<String>) -> Self {
        Self::new(422, 40_010_001, message)
    }

    /// 422 of a rule of trading.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, 42_210_000, message)
    }

    /// 403 of the account's means or rights.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, 40_310_000, message)
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, 40_410_000, message)
    }

    /// No such order.
    pub fn no_order(id: impl std::fmt::Display) -> Self {
        Self::not_found(format!("order not found for {id}"))
    }

    /// Flat in that symbol.
    pub fn no_position() -> Self {
        Self::not_found("position does not exist")
    }

    /// No such symbol.
    pub fn no_asset(symbol: &str) -> Self {
        Self::unprocessable(format!("asset \"{symbol}\" not found"))
    }

    /// Too dear.
    pub fn buying_power(available: Decimal, cost_basis: Decimal) -> Self {
        Self::forbidden("insufficient buying power").with("buying_power", &available).with("cost_basis", &cost_basis)
    }

    /// Too little of it, or too much of it promised to other orders.
    pub fn quantity(symbol: &str, asked: Decimal, existing: Decimal, held: Decimal, related: &[Uuid]) -> Self {
        let available = existing - held;
        let mut refusal = Self::forbidden(format!(
            "insufficient qty available for order (requested: {asked}, available: {available})"
        ))
        .with("available", &available)
        .with("existing_qty", &existing)
        .with("held_for_orders", &held)
        .with("symbol", symbol);
        if !related.is_empty() {
            let ids = related.iter().map(Uuid::to_string).collect();
            refusal.extra.push(("related_orders", Member::List(ids)));
        }
        refusal
    }

    /// Too few coins.
    pub fn balance(coin: &str, asked: Decimal, available: Decimal) -> Self {
        Self::forbidden(format!("insufficient balance for {coin} (requested: {asked}, available: {available})"))
    }

    /// Would trade with an order of the same account.
    pub fn wash_trade(existing: Uuid, reason: &str) -> Self {
        Self::forbidden("potential wash trade detected. use complex orders")
            .with("existing_order_id", &existing)
            .with("reject_reason", reason)
    }

    /// The same between two limits.
    pub fn wash_trade_limits(existing: Uuid, reason: &str, buy: Decimal, sell: Decimal) -> Self {
        Self::wash_trade(existing, reason).with("buy_limit_price", &buy).with("sell_limit_price", &sell)
    }

    /// More decimals than the price may have.
    pub fn sub_penny(name: &str, price: Decimal) -> Self {
        Self::unprocessable(format!(
            "invalid {name} {price}. sub-penny increment does not fulfill minimum pricing criteria"
        ))
    }

    /// A client order id used before; the code tells whether that order is done.
    pub fn duplicate_id(earlier_is_done: bool) -> Self {
        let code = if earlier_is_done { 40_010_001 } else { 42_210_000 };
        Self::new(422, code, "client_order_id must be unique")
    }

    /// Too late for what was asked.
    pub fn already(status: Status) -> Self {
        Self::unprocessable(format!("order is already in \"{status}\" state"))
    }
}
