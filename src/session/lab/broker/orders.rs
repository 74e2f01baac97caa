//! Orders are placed, change state, and replace each other.

use super::{Broker, Chance, Duration, Held, OnceCell, Plan, Qty, SYMBOLS, State, Timestamp, TradeEvent, TradeUpdate};
use crate::domain::OrderId;
use crate::domain::money::{Money, Price};
use crate::domain::order::{Order, OrderClass, OrderStatus, OrderType, Raw, Side, TimeInForce};

impl Broker {
    pub(super) fn place(&mut self, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Vec<TradeUpdate> {
        if plan.mleg && chance.percent(25) {
            return vec![self.place_legs(plan, chance, now)];
        }
        let count = if chance.percent(15) { chance.between(2, 6) } else { 1 };
        let mut frames = Vec::new();
        for _ in 0..count {
            let mut order = self.blank(chance, OrderStatus::PendingNew, now);
            if plan.notional && chance.percent(30) {
                (order.qty, order.notional) = (None, Some(Money::whole(100)));
                (order.order_type, order.limit_px) = (OrderType::Market, None);
            }
            let bracket = plan.brackets && chance.percent(30);
            if bracket {
                order.class = OrderClass::Bracket;
            }
            let place = self.enter(order, None, plan, chance, now);
            frames.push(self.frame(place, TradeEvent::PendingNew, Vec::new(), now));
            for _ in 0..if bracket { 2 } else { 0 } {
                let mut leg = self.blank(chance, OrderStatus::Held, now);
                leg.class = OrderClass::Bracket;
                self.enter(leg, Some(place), plan, chance, now);
            }
        }
        frames
    }

    /// Several options at one net price: the parent has no symbol, and its quantity counts units.
    fn place_legs(&mut self, plan: &Plan, chance: &mut Chance, now: Timestamp) -> TradeUpdate {
        let units = i64::try_from(chance.between(1, 6)).unwrap_or(1);
        let mut parent = self.blank(chance, OrderStatus::PendingNew, now);
        parent.symbol = "".into();
        parent.side = Side::None;
        (parent.class, parent.qty) = (OrderClass::Mleg, Some(Qty::whole(units)));
        let place = self.enter(parent, None, plan, chance, now);
        self.orders[place].units = true;
        for (symbol, side) in [("AAPL261218P00200000", Side::Buy), ("AAPL261218C00380000", Side::Sell)] {
            let ratio = i64::try_from(chance.between(1, 3)).unwrap_or(1);
            let mut leg = self.blank(chance, OrderStatus::PendingNew, now);
            (leg.symbol, leg.side) = (symbol.into(), side);
            (leg.class, leg.order_type, leg.limit_px) = (OrderClass::Mleg, OrderType::None, None);
            leg.qty = Some(Qty::whole(units * ratio));
            let leg = self.enter(leg, Some(place), plan, chance, now);
            self.orders[leg].ratio = ratio;
        }
        self.frame(place, TradeEvent::PendingNew, Vec::new(), now)
    }

    fn blank(&mut self, chance: &mut Chance, status: OrderStatus, now: Timestamp) -> Order {
        let id = OrderId::from(self.fresh("o"));
        let side = if chance.percent(50) { Side::Buy } else { Side::Sell };
        let symbol: &str = chance.pick::<&str>(SYMBOLS);
        let qty = i64::try_from(chance.between(1, 9) * 10).ok().map(Qty::whole);
        blank(&id, symbol, side, qty, status, now)
    }

    fn enter(
        &mut self,
        order: Order,
        parent: Option<usize>,
        plan: &Plan,
        chance: &mut Chance,
        now: Timestamp,
    ) -> usize {
        let listed_after = Duration::from_millis(if plan.hide > 0 { chance.below(plan.hide) } else { 0 });
        let place = self.orders.len();
        self.index.insert(order.id.clone(), place);
        if let Some(parent) = parent {
            self.orders[parent].legs.push(place);
        }
        self.orders.push(Held {
            highest: order.cum_qty,
            inherited: order.cum_qty,
            states: vec![State { since: now, order, rest: OnceCell::new() }],
            listed_after,
            parent,
            legs: Vec::new(),
            units: false,
            ratio: 1,
            undone: false,
            undone_late: false,
            undoing_lost: false,
            out_of_sight: false,
        });
        place
    }

    pub(super) fn advance(
        &mut self,
        place: usize,
        plan: &Plan,
        chance: &mut Chance,
        now: Timestamp,
    ) -> Vec<TradeUpdate> {
        use OrderStatus as S;
        let order = self.orders[place].now();
        let (status, untouched) = (order.status.clone(), order.cum_qty == self.orders[place].inherited);
        let units = self.orders[place].units;
        #[expect(clippy::match_same_arms, reason = "each row is an independent chance")]
        let event = match (&status, chance.below(20)) {
            (S::Held | S::PendingNew, 0) if untouched => (TradeEvent::Rejected, S::Rejected),
            (S::Held | S::PendingNew, 1) => (TradeEvent::Accepted, S::Accepted),
            (S::Held | S::PendingNew | S::Accepted, _) => (TradeEvent::New, S::New),
            (S::PendingCancel, 0..=2) => (TradeEvent::CancelRejected, S::New),
            (S::PendingCancel, 3..=12) => (TradeEvent::Canceled, S::Canceled),
            (_, 0) => (TradeEvent::Expired, S::Expired),
            (_, 1..=2) => (TradeEvent::PendingCancel, S::PendingCancel),
            (_, 3) => (TradeEvent::Canceled, S::Canceled),
            (_, 4) if plan.strange => (TradeEvent::from_word("pondering"), S::from_word("pondering")),
            (_, 5) if plan.replaces && !units => return self.replace(place, plan, chance, now),
            // Partially filled orders are replaced more often, because only they distinguish the two readings.
            (S::PartiallyFilled, 6..=7) if plan.replaces && !units => return self.replace(place, plan, chance, now),
            _ if units => return self.fill_legs(place, plan, chance, now).into_iter().collect(),
            _ => return self.fills(place, plan, chance, now),
        };
        let legs = if units { self.orders[place].legs.clone() } else { Vec::new() };
        for place in std::iter::once(place).chain(legs) {
            self.change(place, now, |order| {
                order.status = event.1.clone();
                match order.status {
                    S::Canceled => order.canceled_at = Some(now),
                    S::Expired => order.expired_at = Some(now),
                    S::Rejected => order.failed_at = Some(now),
                    _ => {}
                }
            });
        }
        vec![self.frame(place, event.0, Vec::new(), now)]
    }

    /// Replaces an order by another one for the remaining quantity. Whether the new order states what the chain has
    /// executed is not documented (docs/ALPACA.md 5.11 D); the plan draws one of the two readings.
    fn replace(&mut self, place: usize, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Vec<TradeUpdate> {
        let old = self.orders[place].now().clone();
        let mut order = self.blank(chance, OrderStatus::New, now);
        (order.symbol, order.side) = (old.symbol.clone(), old.side.clone());
        order.replaces = Some(old.id.clone());
        order.limit_px = Some(Price::whole(11));
        (order.qty, order.notional) = (old.qty, old.notional);
        if plan.carries {
            (order.cum_qty, order.avg_px) = (old.cum_qty, old.avg_px);
        } else {
            order.qty = old.qty.and_then(|qty| qty.checked_sub(old.cum_qty));
        }
        let new_id = order.id.clone();
        let new = self.enter(order, None, plan, chance, now);
        self.change(place, now, |order| {
            order.status = OrderStatus::Replaced;
            order.replaced_at = Some(now);
            order.replaced_by = Some(new_id);
        });
        vec![
            self.frame(place, TradeEvent::Replaced, Vec::new(), now),
            self.frame(new, TradeEvent::New, Vec::new(), now),
        ]
    }
}

fn blank(id: &OrderId, symbol: &str, side: Side, qty: Option<Qty>, status: OrderStatus, now: Timestamp) -> Order {
    Order {
        id: id.clone(),
        client_order_id: None,
        symbol: symbol.into(),
        asset_class: None,
        side,
        order_type: OrderType::Limit,
        tif: TimeInForce::Day,
        class: OrderClass::Simple,
        qty,
        notional: None,
        cum_qty: Qty::ZERO,
        avg_px: None,
        limit_px: Some(Price::whole(10)),
        stop_px: None,
        trail_px: None,
        trail_percent: None,
        hwm: None,
        status,
        extended_hours: false,
        created_at: Some(now),
        updated_at: Some(now),
        submitted_at: Some(now),
        filled_at: None,
        expired_at: None,
        expires_at: None,
        canceled_at: None,
        failed_at: None,
        replaced_at: None,
        replaced_by: None,
        replaces: None,
        group_id: None,
        group_role: None,
        legs: Vec::new(),
        raw: Raw::default(),
    }
}
