//! The nouns of trading and their arithmetic, used by every other layer.
//!
//! Invariant: this module imports no other layer, reads no clock, and uses no float.

pub mod account;
pub mod activity;
pub mod blotter;
pub(crate) mod disabled_rule;
pub mod environment;
pub mod execution;
pub mod ids;
pub(crate) mod listed;
pub mod market;
pub mod money;
pub mod order;
pub mod position;
pub mod position_totals;
pub mod secrets;
pub mod text;
pub mod time;
pub mod undoing;
pub mod update;

pub use account::Account;
pub use activity::{Activity, ActivityKind};
pub use environment::Environment;
pub use execution::{Execution, Source};
pub use ids::{AccountId, BrokerId, ClientOrderId, EventId, ExecutionId, LinkId, OrderId, Symbol};
pub use money::{Money, Price, Qty};
pub use order::{Order, OrderClass, OrderStatus, OrderType, Side, TimeInForce};
pub use position::Position;
pub use position_totals::PositionTotals;
pub use text::Untrusted;
pub use time::{Mono, Now};
pub use update::{TradeEvent, TradeUpdate};
