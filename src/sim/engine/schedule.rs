//! The scheduler: the loop that advances simulated time from deadline to deadline.

use std::cmp::Reverse;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

use super::Engine;
use super::slot::Ix;
use crate::sim::calendar::{self, Phase};

/// Minutes of equity kept: a week.
const MINUTES_KEPT: usize = 10_080;

/// A task that becomes due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// The venue accepts the order.
    Activate(Ix),
    /// The venue answers a cancel.
    Cancel(Ix),
    /// The venue answers a replacement; the order is the new one.
    Replace(Ix),
}

/// The kinds of deadlines, in the order in which they are served at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Task,
    Expiry,
    Phase,
    Step,
    Minute,
    Bot,
}

/// A New York day, kept because every execution asks for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Today {
    from: Timestamp,
    until: Timestamp,
    pub date: Date,
    /// The settlement date of shares traded today.
    pub settles: Date,
}

impl Today {
    pub(super) fn of(at: Timestamp) -> Self {
        let date = calendar::in_new_york(at).date();
        let midnight = |day| calendar::instant(day, Time::midnight());
        let until = date.tomorrow().map_or(Timestamp::MAX, midnight);
        Self { from: midnight(date), until, date, settles: calendar::next_trading_day(date) }
    }
}

impl Engine {
    /// The day of an instant in New York, which is nearly always the current one.
    pub(super) fn today_at(&mut self, at: Timestamp) -> Today {
        if at < self.today.from || at >= self.today.until {
            self.today = Today::of(at);
        }
        self.today
    }

    /// Advances simulated time to `to`; a time in the past changes nothing.
    pub fn advance_to(&mut self, to: Timestamp) {
        while let Some((at, due)) = self.next_due()
            && at <= to
        {
            self.now = self.now.max(at);
            match due {
                Due::Task => self.run_task(),
                Due::Expiry => self.run_expiry(),
                Due::Phase => self.change_phase(at),
                Due::Step => self.run_step(),
                Due::Minute => self.run_minute(),
                Due::Bot => self.run_bot(),
            }
        }
        self.now = self.now.max(to);
    }

    /// When the next scheduled event is due.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.next_due().map(|(at, _)| at)
    }

    /// Schedules `task` some milliseconds from now, as a venue would answer.
    pub(super) fn soon(&mut self, task: Task, low_micros: i64, high_micros: i64) {
        let delay = SignedDuration::from_micros(self.luck.between(low_micros, high_micros));
        let at = self.last_stamp.max(self.now).checked_add(delay).unwrap_or(self.now);
        self.task_count += 1;
        self.tasks.push(Reverse((at, self.task_count, task)));
    }

    fn next_due(&self) -> Option<(Timestamp, Due)> {
        [
            self.tasks.peek().map(|Reverse((at, _, _))| (*at, Due::Task)),
            self.expiries.first().map(|(at, _)| (*at, Due::Expiry)),
            Some((self.next_phase, Due::Phase)),
            Some((self.next_step, Due::Step)),
            Some((self.next_minute, Due::Minute)),
            self.bot.as_ref().map(|bot| (bot.next_at(), Due::Bot)),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn run_task(&mut self) {
        let Some(Reverse((_, _, task))) = self.tasks.pop() else { return };
        match task {
            Task::Activate(ix) => self.activate(ix),
            Task::Cancel(ix) => self.answer_cancel(ix),
            Task::Replace(ix) => self.answer_replace(ix),
        }
    }

    fn run_expiry(&mut self) {
        let Some((_, ix)) = self.expiries.pop_first() else { return };
        self.expire(ix);
    }

    /// The calendar's next change: sessions open and close, and a forced phase ends.
    fn change_phase(&mut self, at: Timestamp) {
        self.forced = None;
        if at >= self.session.post_at {
            self.charge_fees();
            self.session = calendar::session_at(at);
        }
        self.closing = calendar::next_close(at);
        self.next_phase = self.session.next_change(at).unwrap_or(self.session.post_at);
        if at == self.session.pre_at {
            self.begin_day();
        }
        if at == self.session.open_at {
            self.open_session();
        } else if at == self.session.close_at {
            self.close_session();
        } else {
            self.wake_waiting();
        }
    }

    /// Forces a market phase until the calendar next changes it.
    pub fn force_phase(&mut self, phase: Phase) {
        let before = self.phase();
        self.forced = Some(phase);
        match (before, phase) {
            (Phase::Regular, Phase::Regular) => {}
            (_, Phase::Regular) => self.open_session(),
            (Phase::Regular, _) => {
                self.close_session();
                let cut = self.session.close_at.max(self.now);
                self.expire_day_orders(cut);
            }
            _ => self.wake_waiting(),
        }
    }

    fn run_step(&mut self) {
        let phase = self.phase();
        let millis = match phase {
            Phase::Regular => self.options.step_millis,
            Phase::Pre | Phase::Post => self.options.step_millis * 4,
            Phase::Closed => self.options.step_millis * 10,
        }
        .max(1);
        let passed = self.now.duration_since(self.last_step).as_millis();
        let passed = i64::try_from(passed).unwrap_or(millis).clamp(1, 600_000);
        self.last_step = self.now;
        self.next_step = self.now.checked_add(SignedDuration::from_millis(millis)).unwrap_or(Timestamp::MAX);
        for sym in self.market.syms() {
            if self.market.trades_in(sym, phase) {
                self.market.step(sym, self.now, phase, passed);
                self.match_asset(sym);
            }
        }
        self.match_multilegs();
    }

    /// The bot acts like any client; it is moved out of the engine meanwhile, so that it can borrow the engine.
    fn run_bot(&mut self) {
        if let Some(mut bot) = self.bot.take() {
            bot.act(self);
            self.bot = Some(bot);
        }
    }

    fn run_minute(&mut self) {
        self.next_minute = self.now.checked_add(SignedDuration::from_secs(60)).unwrap_or(Timestamp::MAX);
        let now = self.now;
        let market = &self.market;
        for account in &mut self.accounts {
            let equity = account.balances(market).equity;
            if account.minutely.len() == MINUTES_KEPT {
                account.minutely.pop_front();
            }
            account.minutely.push_back((now, equity));
        }
    }

    /// Runs at 4:00: yesterday's close becomes the reference.
    fn begin_day(&mut self) {
        self.market.begin_day(self.session.date);
        let market = &self.market;
        for account in &mut self.accounts {
            for (sym, position) in &mut account.positions {
                position.begin_day(market.get(*sym).previous_close, market.asset(*sym).multiplier);
            }
            if let Some((_, equity)) = account.daily.last() {
                account.last_equity = *equity;
            }
        }
        self.settle_dividends();
    }

    fn close_session(&mut self) {
        self.closing_auction();
        let (now, date) = (self.now, self.session.date);
        let market = &self.market;
        for account in &mut self.accounts {
            let balances = account.balances(market);
            // After a manual close the calendar closes again; the later figure counts.
            let again = account.daily.last().is_some_and(|(at, _)| calendar::in_new_york(*at).date() == date);
            if again {
                account.daily.pop();
            }
            account.daily.push((now, balances.equity));
            account.last_maintenance_margin = balances.maintenance_margin;
            account.balance_asof = date;
        }
    }
}
