//! The account that answers for a while in place of the linked one.

use super::{Simulation, broker_time};
use crate::domain::{Account, Position};
use crate::session::lab::broker::Broker;
use crate::session::lab::chance::Chance;
use crate::session::lab::plan::Reading;
use crate::session::request::{Reply, Request};

/// The symbol of the other account's position.
const SYMBOL: &str = "STRANGE";

/// The other account, which trades whenever it answers.
pub(super) struct OtherAccount {
    broker: Broker,
    /// Of its own, so that the other runs stay as they are.
    chance: Chance,
}

impl OtherAccount {
    pub(super) fn new(reading: Reading) -> Self {
        Self { broker: Broker::new("x", reading, broker_time(std::time::Duration::ZERO)), chance: Chance::new(1) }
    }

    pub(super) fn is_of(&self, account: &Account) -> bool {
        account.id == self.broker.id()
    }
}

/// True for positions of the other account.
pub(super) fn is_other_accounts(positions: &[Position]) -> bool {
    positions.iter().any(|position| position.symbol.as_str() == SYMBOL)
}

impl Simulation {
    /// True while the token reaches the other account.
    pub(super) fn is_turned(&self) -> bool {
        self.plan.turn.is_some_and(|(from, to)| from <= self.now && self.now < to)
    }

    /// The other account's answer; `None` for what it does not know.
    pub(super) fn other_answers(&mut self, request: &Request) -> Option<Reply> {
        let now = broker_time(self.now);
        for _ in 0..3 {
            self.other_account.broker.act(&self.plan, &mut self.other_account.chance, now);
        }
        match request {
            Request::Positions => Some(Reply::Positions(vec![Position::unread(SYMBOL.into())])),
            request => self.other_account.broker.answer(request, now),
        }
    }
}
