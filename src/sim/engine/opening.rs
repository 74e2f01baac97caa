//! Generates history: days of trading by the bot, and months of equity before those.

use jiff::{SignedDuration, Timestamp, ToSpan};
use rust_decimal::Decimal;

use super::bot::Bot;
use super::{AccountNo, Engine, EngineOptions, NewOrder, Side, TimeInForce};
use crate::sim::calendar;
use crate::sim::dice::Dice;

/// Milliseconds between quotes while generating history.
const PAST_STEP_MILLIS: i64 = 30_000;
/// Trading days that the bot has traded before today.
const PAST_DAYS: usize = 2;
/// Daily equity points before those.
const CURVE_DAYS: usize = 300;

impl Engine {
    /// A brokerage at `options.start` with some days of history by its `bot`, which trades on from there. The history
    /// comes first in the output.
    pub fn with_past(options: EngineOptions, mut bot: Bot) -> Self {
        let (start, step_millis, seed) = (options.start, options.step_millis, options.seed);
        let mut day = calendar::in_new_york(start).date();
        for _ in 0..PAST_DAYS {
            day = calendar::previous_trading_day(day);
        }
        let begin = calendar::session(day).map_or(start, |session| session.open_at.min(start));
        let mut engine = Self::new(EngineOptions { start: begin, step_millis: PAST_STEP_MILLIS, ..options });
        engine.invent_curves(seed);
        engine.invent_holdings(bot.account());
        bot.begin_leisurely(begin);
        engine.bot = Some(bot);
        engine.advance_to(start);
        engine.options.step_millis = step_millis;
        engine.next_step = start;
        if let Some(bot) = &mut engine.bot {
            bot.begin(start);
        }
        engine
    }

    /// A few positions for the accounts on which no bot trades.
    fn invent_holdings(&mut self, traded: AccountNo) {
        let accounts: Vec<AccountNo> =
            self.accounts.iter().map(|account| account.no).filter(|no| *no != traded).collect();
        for no in accounts {
            let mut dice = Dice::new(self.options.seed, 6_000 + u64::from(no.0));
            for symbol in ["KO", "AAPL", "SPY"] {
                let Some(sym) = self.market.find(symbol) else { continue };
                let price = self.market.get(sym).last.price;
                let money = Decimal::from(dice.between(1_500, 5_000));
                let qty = money.checked_div(price).unwrap_or_default().trunc().max(Decimal::ONE);
                let above = (price * Decimal::new(dice.between(106, 115), 2)).round_dp(2);
                // A refusal is impossible for a new account, and would do no harm.
                drop(self.place(no, &NewOrder::market(symbol, Side::Buy, qty)));
                let soon = self.now.checked_add(SignedDuration::from_mins(3)).unwrap_or(self.now);
                self.advance_to(soon);
                let rest = NewOrder::limit(symbol, Side::Sell, qty, above);
                drop(self.place(no, &NewOrder { time_in_force: TimeInForce::Gtc, ..rest }));
            }
        }
    }

    /// Months of daily equity for every account, computed backwards from its opening cash.
    fn invent_curves(&mut self, seed: u64) {
        let first = calendar::in_new_york(self.now).date();
        for account in &mut self.accounts {
            let mut dice = Dice::new(seed, 5_000 + u64::from(account.no.0));
            let (mut day, mut equity) = (first, account.cash);
            for _ in 0..CURVE_DAYS {
                day = calendar::previous_trading_day(day);
                if let Some(session) = calendar::session(day) {
                    account.daily.push((session.close_at, equity));
                }
                // Half a percent a day, with a slight tilt so that the curve rises towards today.
                let change = Decimal::new(dice.normal() * 5 + 300, 6);
                equity = (equity * (Decimal::ONE - change)).round_dp(2);
            }
            account.daily.reverse();
            account.opening_equity = equity;
            let created_at = account.daily.first().map_or(account.created_at, |(at, _)| days_before(*at));
            account.open_with(account.opening_cash, created_at);
        }
        self.tell_openings();
    }
}

fn days_before(at: Timestamp) -> Timestamp {
    at.checked_sub(100.hours()).unwrap_or(at)
}
