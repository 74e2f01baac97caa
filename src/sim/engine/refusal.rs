//! The refusals of docs/ALPACA.md 4.4: status, code, message and extra members. The only place with those texts.

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::sim::words::Status;

/// An extra member of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// A string; decimals are strings too.
    Text(String),
    /// A list of strings.
    List(Vec<String>),
}

/// A refused request; nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The HTTP status of the answer.
    pub status: u16,
    /// The eight-digit code.
    pub code: u32,
    /// The broker's message.
    pub message: String,
    /// Members besides code and message, in order.
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

    /// 422 for a parameter.
    pub fn parameter(message: impl Into<String>) -> Self {
        Self::new(422, 40_010_001, message)
    }

    /// 422 for a trading rule.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, 42_210_000, message)
    }

    /// 403 for the account's means or rights.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, 40_310_000, message)
    }

    /// A refusal with status 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, 40_410_000, message)
    }

    /// The order does not exist.
    pub fn no_order(id: impl std::fmt::Display) -> Self {
        Self::not_found(format!("order not found for {id}"))
    }

    /// There is no position in the symbol.
    pub fn no_position() -> Self {
        Self::not_found("position does not exist")
    }

    /// The symbol does not exist.
    pub fn no_asset(symbol: &str) -> Self {
        Self::unprocessable(format!("asset \"{symbol}\" not found"))
    }

    /// Insufficient buying power.
    pub fn buying_power(available: Decimal, cost_basis: Decimal) -> Self {
        Self::forbidden("insufficient buying power").with("buying_power", &available).with("cost_basis", &cost_basis)
    }

    /// Insufficient quantity, or too much of it is held by other orders.
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

    /// Insufficient crypto balance.
    pub fn balance(coin: &str, asked: Decimal, available: Decimal) -> Self {
        Self::forbidden(format!("insufficient balance for {coin} (requested: {asked}, available: {available})"))
    }

    /// It would trade with an order of the same account.
    pub fn wash_trade(existing: Uuid, reason: &str) -> Self {
        Self::forbidden("potential wash trade detected. use complex orders")
            .with("existing_order_id", &existing)
            .with("reject_reason", reason)
    }

    /// The same between two limits.
    pub fn wash_trade_limits(existing: Uuid, reason: &str, buy: Decimal, sell: Decimal) -> Self {
        Self::wash_trade(existing, reason).with("buy_limit_price", &buy).with("sell_limit_price", &sell)
    }

    /// Too many decimals in the price.
    pub fn sub_penny(name: &str, price: Decimal) -> Self {
        Self::unprocessable(format!(
            "invalid {name} {price}. sub-penny increment does not fulfill minimum pricing criteria"
        ))
    }

    /// The client order id is already used; the code depends on whether that order is done.
    pub fn duplicate_id(earlier_is_done: bool) -> Self {
        let code = if earlier_is_done { 40_010_001 } else { 42_210_000 };
        Self::new(422, code, "client_order_id must be unique")
    }

    /// Too late for the request.
    pub fn already(status: Status) -> Self {
        Self::unprocessable(format!("order is already in \"{status}\" state"))
    }
}
