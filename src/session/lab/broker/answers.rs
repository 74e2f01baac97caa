//! REST answers from a replica that lags behind.

use super::{Activity, Broker, Decimal, Held, State, Symbol, TradeUpdate, wire};
use crate::domain::money::{Money, Price, Qty};
use crate::domain::order::{Order, Raw};
use crate::domain::{Account, AccountId, ActivityKind, Position};
use crate::session::lab::plan::Stamps;
use crate::session::request::{ActivitiesQuery, OrderFilter, OrdersQuery, Reply, Request};
use jiff::Timestamp;

impl Broker {
    pub(in crate::session::lab) fn answer(&self, request: &Request, moment: Timestamp) -> Option<Reply> {
        Some(match request {
            Request::Account => Reply::Account(Box::new(self.account_at(moment))),
            Request::Positions => Reply::Positions(self.positions_at(moment)),
            Request::Orders(query) => Reply::Orders(self.list(query, moment)),
            Request::Order(id) => {
                let held = &self.orders[*self.index.get(id)?];
                let (order, mut legs) = self.with_legs(held, moment)?;
                legs.insert(0, order);
                Reply::Order(legs)
            }
            Request::Activities(query) => Reply::Activities(self.rows(query, moment)),
            Request::Replay { since, .. } => Reply::Replay(self.events(*since, moment)),
            _ => return None,
        })
    }

    fn events(&self, since: Timestamp, moment: Timestamp) -> Vec<TradeUpdate> {
        self.replayed(since, moment)
    }

    /// An order as REST states it at that moment, with the timestamps that this service writes.
    pub(in crate::session::lab) fn stated(&self, held: &Held, moment: Timestamp) -> Option<Order> {
        let state = &held.states[held.number_at(moment)?];
        let mut order = self.of_state(state).clone();
        if self.reading.stamps == Stamps::Restless {
            order.updated_at = Some(moment.max(state.since));
        }
        Some(order)
    }

    fn of_state<'a>(&self, state: &'a State) -> &'a Order {
        state.rest.get_or_init(|| self.written(&state.order))
    }

    /// Whether REST shows that an order's last state is newer than the earlier ones: by its time, or because only a
    /// later state is possible. A time in whole seconds may be any moment of its second. If an order states exactly
    /// what its predecessor executed, only its own rows show which of them executed it.
    pub(in crate::session::lab) fn is_told_apart(&self, held: &Held) -> bool {
        let order = held.now();
        let before =
            order.replaces.as_ref().and_then(|id| self.index.get(id)).and_then(|place| self.orders.get(*place));
        if before.is_some_and(|before| order.cum_qty.is_positive() && before.now().cum_qty == order.cum_qty) {
            return false;
        }
        let [.., before, last] = held.states.as_slice() else { return true };
        if self.reading.stamps == Stamps::Still {
            // It is older than anything that the stream reported before.
            return false;
        }
        let at = |state| self.of_state(state).updated_at.unwrap_or_default();
        let (earlier, later) = (at(before), at(last));
        self.reading.stamps == Stamps::Restless
            || last.order.status.is_terminal() && !before.order.status.is_terminal()
            || last.order.cum_qty > before.order.cum_qty
            || earlier.as_second() < later.as_second()
            || earlier < later && earlier.subsec_nanosecond() != 0
    }

    fn written(&self, order: &Order) -> Order {
        let mut order = order.clone();
        let unit = match self.reading.stamps {
            Stamps::Millis => 1_000_000,
            Stamps::Seconds => 1_000_000_000,
            Stamps::Exact | Stamps::Frozen | Stamps::Restless | Stamps::Still => 1,
        };
        if self.reading.stamps == Stamps::Still {
            order.updated_at = order.created_at.or(order.submitted_at);
        }
        if unit > 1 {
            for at in [
                &mut order.updated_at,
                &mut order.filled_at,
                &mut order.canceled_at,
                &mut order.expired_at,
                &mut order.failed_at,
                &mut order.replaced_at,
            ] {
                let coarse = at.map(|at| at.as_nanosecond() / unit * unit);
                *at = coarse.and_then(|nanos| Timestamp::from_nanosecond(nanos).ok());
            }
        }
        if self.reading.wire { wire::order(&order, self.reading.sparse) } else { order }
    }

    /// An order with its legs named, and the legs.
    fn with_legs(&self, held: &Held, moment: Timestamp) -> Option<(Order, Vec<Order>)> {
        let mut order = self.stated(held, moment)?;
        let legs: Vec<Order> = held.legs.iter().filter_map(|leg| self.stated(&self.orders[*leg], moment)).collect();
        order.legs = legs.iter().map(|leg| leg.id.clone()).collect();
        Some((order, legs))
    }

    fn list(&self, query: &OrdersQuery, moment: Timestamp) -> Vec<Order> {
        let from = query.before_order_id.as_ref().and_then(|id| self.index.get(id)).copied().unwrap_or(usize::MAX);
        let most = usize::from(query.limit).min(self.reading.page_cap);
        let (mut found, mut rows) = (Vec::new(), 0);
        let older = &self.orders[..from.min(self.orders.len())];
        let places: Box<dyn Iterator<Item = &Held>> =
            if query.ascending { Box::new(older.iter()) } else { Box::new(older.iter().rev()) };
        for held in places {
            let listed = held.states[0].since + held.listed_after <= moment;
            let submitted = held.states[0].order.submitted_at;
            let inside = query.after.is_none_or(|after| submitted > Some(after))
                && query.until.is_none_or(|until| submitted < Some(until));
            if !listed || !inside || (query.nested && held.parent.is_some()) {
                continue;
            }
            let Some(number) = held.number_at(moment) else { continue };
            let works = |held: &Held| {
                held.number_at(moment).is_some_and(|number| held.states[number].order.status.is_working())
            };
            // Some services leave out the working legs of a done order (docs/ALPACA.md 5.11 D).
            let legs_count = query.nested && !self.reading.open_hides_legs;
            let open = held.states[number].order.status.is_working()
                || legs_count && held.legs.iter().any(|leg| works(&self.orders[*leg]));
            match query.filter {
                OrderFilter::Open if !open => continue,
                OrderFilter::Closed if open => continue,
                _ => {}
            }
            if query.nested {
                let Some((order, legs)) = self.with_legs(held, moment) else { continue };
                found.push(order);
                found.extend(legs);
            } else {
                found.extend(self.stated(held, moment));
            }
            rows += 1;
            if rows >= most {
                break;
            }
        }
        found
    }

    fn rows(&self, query: &ActivitiesQuery, moment: Timestamp) -> Vec<Activity> {
        let listed = |fill: &&super::Fill| {
            fill.listed_at <= moment
                && fill.gone_at.is_none_or(|gone| gone > moment)
                && query.after.is_none_or(|after| fill.execution.at > Some(after))
                && query.order.as_ref().is_none_or(
                    |order| matches!(&fill.row.kind, ActivityKind::Fill { order_id, .. } if order_id == order),
                )
        };
        let mut rows: Vec<&Activity> = self.fills.iter().filter(listed).map(|fill| &fill.row).collect();
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        if !query.ascending {
            rows.reverse();
        }
        let beyond = |row: &&&Activity| match &query.page_token {
            Some(token) if query.ascending => row.id > *token,
            Some(token) => row.id < *token,
            None => true,
        };
        let most = usize::from(query.page_size).min(self.reading.page_cap);
        rows.iter().filter(beyond).take(most).map(|row| (*row).clone()).collect()
    }

    pub(in crate::session::lab) fn positions_at(&self, moment: Timestamp) -> Vec<Position> {
        let held = self.positions.iter().rev().find(|(since, _)| *since <= moment).or(self.positions.first());
        let listed = |symbol: &Symbol, qty: &Decimal| {
            let position = position(symbol, *qty, moment);
            if self.reading.wire { wire::position(&position) } else { position }
        };
        held.into_iter().flat_map(|(_, held)| held).map(|(symbol, qty)| listed(symbol, qty)).collect()
    }

    /// Positions after this many changes; the first state is no positions.
    pub(in crate::session::lab) fn held_after(&self, changes: usize) -> Vec<Position> {
        let held = self.positions.get(changes.saturating_sub(1));
        held.into_iter().flat_map(|(at, held)| held.iter().map(|(symbol, qty)| position(symbol, *qty, *at))).collect()
    }

    /// The number of position changes up to a moment.
    pub(in crate::session::lab) fn changes_at(&self, moment: Timestamp) -> usize {
        self.positions.partition_point(|(since, _)| *since <= moment)
    }

    pub(in crate::session::lab) fn account_at(&self, moment: Timestamp) -> Account {
        let changes = i64::try_from(self.changes_at(moment)).unwrap_or(0);
        let account = account(self.name, self.account, changes, moment);
        if self.reading.wire { wire::account(&account) } else { account }
    }

    /// The current account.
    pub(in crate::session::lab) fn id(&self) -> AccountId {
        account_id(self.name, self.account)
    }
}

pub(in crate::session::lab) fn account_id(name: &str, number: u32) -> AccountId {
    format!("account-{name}{number}").into()
}

/// Each figure states when it was true: equity is the second, cash the number of position changes.
fn account(name: &str, number: u32, changes: i64, moment: Timestamp) -> Account {
    Account {
        id: account_id(name, number),
        number: None,
        status: "ACTIVE".into(),
        currency: None,
        equity: Some(Money::whole(moment.as_second())),
        last_equity: None,
        cash: Some(Money::whole(changes)),
        buying_power: None,
        non_marginable_buying_power: None,
        long_market_value: None,
        short_market_value: None,
        initial_margin: None,
        maintenance_margin: None,
        multiplier: None,
        trading_blocked: false,
        account_blocked: false,
        transfers_blocked: false,
        trade_suspended_by_user: false,
        shorting_enabled: true,
        created_at: None,
        raw: Raw::default(),
    }
}

/// Its price is the second in which it was true.
fn position(symbol: &Symbol, qty: Decimal, moment: Timestamp) -> Position {
    let last_px = Some(Price::whole(moment.as_second()));
    Position { qty: Some(Qty::new(qty)), last_px, ..Position::unread(symbol.clone()) }
}
