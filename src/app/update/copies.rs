//! Copying an id, a row, or one cell of a row.

use super::notices;
use crate::accounts::{OrderKey, brief};
use crate::app::columns::{OrderColumn, PositionColumn, TapeColumn, placed_at};
use crate::app::effect::{Copied, Effect};
use crate::app::model::{Model, Pane};
use crate::domain::text::clean;

/// Copies the id of the selected row.
pub(super) fn id(model: &mut Model, effects: &mut Vec<Effect>) {
    if let Some((text, what)) = at_cursor(model) {
        effects.push(Effect::Copy { text: Copied::new(&text), what: what.to_owned() });
    }
}

fn number(model: &Model, link: &crate::domain::LinkId) -> Option<(String, &'static str)> {
    model.accounts.get(link).map(|account| (clean(&account.link.account_number).into_owned(), "account number"))
}

fn at_cursor(model: &Model) -> Option<(String, &'static str)> {
    match model.focus {
        Pane::Brokers | Pane::Account => {
            let account = model.account_at_hand().or_else(|| model.shown_account())?;
            number(model, &account.link.id)
        }
        Pane::Orders => model.selected_order().map(|key| (key.order.to_string(), "order id")),
        Pane::Positions => model.rows.positions.selected.as_ref().map(|key| (key.symbol.to_string(), "symbol")),
        Pane::Tape => {
            let (_, entry) = model.tape_line()?;
            match &entry.execution {
                Some(execution) => Some((execution.to_string(), "execution id")),
                None => Some((entry.order_id.to_string(), "order id")),
            }
        }
    }
}

/// Copies the selected or marked rows as lines of tab-separated text.
pub(super) fn rows(model: &mut Model, effects: &mut Vec<Effect>) {
    let (text, what) = match model.focus {
        Pane::Orders => {
            let keys = marked(model);
            let keys = if keys.is_empty() { model.selected_order().into_iter().collect() } else { keys };
            let lines: Vec<String> = keys.iter().filter_map(|key| order_line(model, key)).collect();
            (lines.join("\n"), if lines.len() == 1 { "row".to_owned() } else { format!("{} rows", lines.len()) })
        }
        Pane::Positions => {
            let line = model.rows.positions.selected.as_ref().and_then(|key| {
                let position = model.accounts.position(key)?;
                let figures = [
                    position.qty.map(|qty| qty.to_string()),
                    position.avg_px.map(|px| px.to_string()),
                    position.last_px.map(|px| px.to_string()),
                    position.market_value.map(|value| value.to_string()),
                    position.unrealized_pl.map(|value| value.to_string()),
                ];
                let figures = figures.map(|figure| figure.unwrap_or_else(|| "--".to_owned()));
                Some(format!("{}\t{}", position.symbol, figures.join("\t")))
            });
            (line.unwrap_or_default(), "row".to_owned())
        }
        Pane::Tape => {
            let line = model.tape_line().map(|(account, entry)| {
                let order = account.blotter.order(&entry.order_id).map(brief).unwrap_or_default();
                let at = entry.at.map_or_else(|| "--".to_owned(), |at| at.to_string());
                format!("{at}\t{}\t{order}\t{}", entry.event, entry.order_id)
            });
            (line.unwrap_or_default(), "row".to_owned())
        }
        Pane::Brokers | Pane::Account => {
            let account = model.account_at_hand().or_else(|| model.shown_account());
            let line = account.map(|account| {
                let link = &account.link;
                format!(
                    "{}\t{}\t{}\t{}",
                    clean(&link.label),
                    clean(&link.account_number),
                    link.environment,
                    account.state()
                )
            });
            (line.unwrap_or_default(), "row".to_owned())
        }
    };
    if text.is_empty() {
        return notices::toast(model, "there is nothing to copy here");
    }
    effects.push(Effect::Copy { text: Copied::new(&text), what });
}

/// The marked orders that are shown, in list order.
fn marked(model: &Model) -> Vec<OrderKey> {
    if model.marks.is_empty() {
        return Vec::new();
    }
    let list = &model.rows.orders;
    let mut rows: Vec<_> = model.marks.iter().filter_map(|key| list.index_of(&model.order_row(key)?)).collect();
    rows.sort_unstable();
    rows.into_iter().filter_map(|row| model.order_key(*list.rows.get(row)?)).collect()
}

fn order_line(model: &Model, key: &OrderKey) -> Option<String> {
    let order = model.accounts.order(key)?;
    let at = placed_at(order).map_or_else(|| "--".to_owned(), |at| at.to_string());
    let limit = order.limit_px.map_or_else(|| "--".to_owned(), |px| px.to_string());
    Some(format!(
        "{at}\t{}\t{}\t{limit}\t{}\t{}\t{}",
        brief(order),
        order.order_type,
        order.cum_qty,
        order.status,
        order.id
    ))
}

/// Every cell of the selected row, as title and exact text: what the columns round is whole here.
pub(super) fn cells(model: &Model) -> Vec<(&'static str, String)> {
    let mut cells: Vec<(&'static str, String)> = Vec::new();
    let mut put = |title, value: Option<String>| cells.extend(value.map(|value| (title, value)));
    match model.focus {
        Pane::Orders => {
            let Some(key) = &model.selected_order() else { return cells };
            let Some((account, order)) = model.accounts.get(&key.link).zip(model.accounts.order(key)) else {
                return cells;
            };
            for column in OrderColumn::ALL {
                if column == OrderColumn::ClientOrderId {
                    put("Order id", Some(order.id.to_string()));
                }
                put(column.title(), column.copied(account, order));
            }
        }
        Pane::Positions => {
            let Some(key) = &model.rows.positions.selected else { return cells };
            let Some((account, position)) = model.accounts.get(&key.link).zip(model.accounts.position(key)) else {
                return cells;
            };
            for column in PositionColumn::ALL {
                put(column.title(), column.copied(account, position));
            }
        }
        Pane::Tape => {
            let Some((account, entry)) = model.tape_line() else { return cells };
            for column in TapeColumn::ALL {
                put(column.title(), column.copied(account, entry));
            }
            put("Execution id", entry.execution.as_ref().map(ToString::to_string));
            put("Order id", Some(entry.order_id.to_string()));
        }
        Pane::Brokers | Pane::Account => {
            let Some(account) = model.account_at_hand().or_else(|| model.shown_account()) else { return cells };
            put("Account", Some(clean(&account.link.label).into_owned()));
            put("Number", Some(clean(&account.link.account_number).into_owned()));
            let figures = account.account.as_ref().map(|dated| &dated.value);
            put("Equity", figures.and_then(|figures| figures.equity).map(|value| value.to_string()));
            put("Buying power", figures.and_then(|figures| figures.buying_power).map(|value| value.to_string()));
            put("Cash", figures.and_then(|figures| figures.cash).map(|value| value.to_string()));
        }
    }
    cells
}
