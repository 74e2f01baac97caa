//! `GET /_sim/truth`: the complete books of an account, directly from the engine, without faults or lag.

use serde_json::{Value, json};

use crate::sim::engine::Restated;
use crate::sim::engine::activity_id;
use crate::sim::server::reply::ApiError;
use crate::sim::server::state::Sim;
use crate::sim::wire::order::WireOrder;

/// The books of an account given by number or id; by default of the first paper account.
pub(super) fn truth(sim: &Sim, name: Option<&str>) -> Result<Value, ApiError> {
    let no = sim
        .hub
        .find_account(name)
        .ok_or_else(|| ApiError::not_found(format!("no account {}", name.unwrap_or_default())))?;
    sim.hub.act(&sim.clock, |engine| {
        let truth = engine.truth(no)?;
        let orders: Vec<Value> = truth
            .orders
            .iter()
            .map(|order| serde_json::to_value(WireOrder::alone(order)).unwrap_or_default())
            .collect();
        let executions: Vec<Value> = truth
            .executions
            .iter()
            .map(|execution| {
                json!({
                    "execution_id": execution.id,
                    "activity_id": activity_id(execution.at.as_millisecond(), execution.activity),
                    "order_id": execution.order_id,
                    "symbol": execution.symbol,
                    "side": execution.side.as_str(),
                    "qty": execution.qty.to_string(),
                    "price": execution.price.to_string(),
                    "cum_qty": execution.cum_qty.to_string(),
                    "at": execution.at.to_string(),
                    "restated": execution.restated.map(|restated| match restated {
                        Restated::Busted => "busted",
                        Restated::Corrected => "corrected",
                    }),
                })
            })
            .collect();
        let cash_rows: Vec<Value> = truth
            .cash_rows
            .iter()
            .map(|row| {
                json!({
                    "activity_id": activity_id(row.at.as_millisecond(), row.id),
                    "activity_type": row.kind.as_str(),
                    "net_amount": row.net_amount.to_string(),
                    "symbol": row.symbol,
                    "at": row.at.to_string(),
                })
            })
            .collect();
        let positions: Vec<Value> = truth
            .positions
            .iter()
            .map(|view| {
                let asset = engine.market().asset(view.sym);
                json!({
                    "symbol": asset.position_symbol(),
                    "qty": view.position.qty.normalize().to_string(),
                    "cost_basis": view.cost_basis.normalize().to_string(),
                    "avg_entry_price": view.avg_entry_price.normalize().to_string(),
                })
            })
            .collect();
        Ok(json!({
            "now": engine.now().to_string(),
            "account": {"id": truth.account_id, "number": truth.number},
            "cash": truth.cash.to_string(),
            "equity": truth.balances.equity.to_string(),
            "orders": orders,
            "executions": executions,
            "cash_rows": cash_rows,
            "positions": positions,
        }))
    })
}
