//! Compares with the truth: during the run, when the state becomes `live`, and at the end.

use std::time::Duration;

use super::{OtherPrograms, Simulation, broker_time};
use crate::domain::TradeUpdate;
use crate::session::event::StreamEvent;
use crate::session::lab::oracle::{self, Behind};
use crate::session::lab::plan::{EndpointFault, FaultWindow};
use crate::session::machine::Input;
use crate::session::state::ConnectionState;

/// How much longer everything may take if requests keep failing, or if a page holds one or two rows or there are many
/// orders, so that a pass takes a minute.
const SLOW_ALLOWANCE: Duration = Duration::from_secs(100);
/// Pages hold five rows here, and orders that are in no list are requested one by one.
const MANY: usize = 200;

impl Simulation {
    /// Checks that everything is correct by now.
    pub(super) fn judge(&mut self) -> Result<(), String> {
        for program in 0..self.programs.len() {
            self.judge_program(program)?;
        }
        Ok(())
    }

    fn judge_program(&mut self, number: usize) -> Result<(), String> {
        let now = self.clocks();
        let program = &self.programs[number];
        let broker = &self.brokers[program.broker];
        let Some(session) = &program.session else { return Err("the program did not start again".to_owned()) };
        let state = session.state();
        let elsewhere = self.owners[program.broker].is_some_and(|owner| owner != number);
        // A polling program sometimes tries to open a stream.
        let expected: &[&str] = match (self.plan.refused_forms, elsewhere) {
            (3.., _) | (_, true) => &["polling", "connecting"],
            _ => &["live"],
        };
        if !expected.contains(&state.word()) {
            return Err(format!("it ends {state}, expected {expected:?}"));
        }
        let since = program.since.ok_or("no pass was ever complete")?;
        oracle::settled(broker, &program.blotter, since)?;
        let shown = program.shown.positions.as_ref().ok_or("no positions are known")?;
        let truth = broker.positions_at(broker_time(self.now));
        let differ = shown.len() != truth.len()
            || shown.iter().zip(&truth).any(|(shown, truth)| (&shown.symbol, shown.qty) != (&truth.symbol, truth.qty));
        if differ {
            return Err(format!("positions are {shown:?}, expected {truth:?}"));
        }
        if program.shown.account.as_ref().map(|account| &account.id) != Some(&broker.id()) {
            return Err("the account shown is another one".to_owned());
        }
        if self.writes(number) {
            self.journal.agrees(number, &program.blotter, now)?;
        }
        let Some(mut file) = self.journal.reread(number) else { return Ok(()) };
        if self.plan.others == OtherPrograms::Instance {
            oracle::orders_are_true(broker, &file, since).map_err(|what| format!("read back, {what}"))?;
            // Each program infers its own record of an unreported bust; the states of the orders decide.
            let now = broker_time(self.now);
            let orders: Vec<_> = broker.orders.iter().filter_map(|held| broker.stated(held, now)).collect();
            file.apply_snapshot(&orders, &[]);
        }
        oracle::settled(broker, &file, since).map_err(|what| format!("read back, {what}"))
    }

    /// Applies the whole truth twice: the second time must change nothing. The first may add history
    /// from before the start.
    pub(super) fn repeat_truth(&mut self) -> Result<(), String> {
        if self.plan.vanish || self.plan.undo > 0 || self.plan.others == OtherPrograms::Instance {
            return Ok(());
        }
        for program in &mut self.programs {
            let broker = &self.brokers[program.broker];
            let now = broker_time(self.now);
            let orders: Vec<_> = broker.orders.iter().filter_map(|held| broker.stated(held, now)).collect();
            let rows: Vec<_> = broker.fills.iter().map(|fill| fill.row.clone()).collect();
            program.blotter.apply_snapshot(&orders, &rows);
            let second = program.blotter.apply_snapshot(&orders, &rows);
            if !second.is_empty() {
                return Err(format!("the truth told again changes something: {second:?}"));
            }
        }
        Ok(())
    }

    /// Checks what every program shows.
    pub(super) fn look(&mut self) {
        for number in 0..self.programs.len() {
            let Some(live_since) = self.programs[number].live_since else { continue };
            if self.now < self.programs[number].asleep_until {
                continue;
            }
            let behind = self.behind(number, live_since).map_or(Ok(()), |look| oracle::behind(&look));
            if let Err(what) = behind {
                self.fail(|| what);
            }
            let now = self.clocks();
            if self.writes(number)
                && let Err(what) = self.journal.agrees(number, &self.programs[number].blotter, now)
            {
                self.fail(|| what);
            }
        }
    }

    /// One check; `None` while another account answers than the one shown.
    pub(super) fn behind(&self, number: usize, live_since: Duration) -> Option<Behind<'_>> {
        let program = &self.programs[number];
        let broker = &self.brokers[program.broker];
        let since = program.since.filter(|_| self.is_known(number))?;
        let late = |window: &FaultWindow| matches!(window.fault, EndpointFault::Hang | EndpointFault::Slow(_));
        let slow = self.plan.fail + self.plan.limit > 0
            || self.plan.reading.page_cap <= 2
            || broker.orders.len() > MANY
            || self.plan.fault_windows.iter().any(late);
        Some(Behind {
            broker,
            blotter: &program.blotter,
            shown: &program.shown,
            now: broker_time(self.now),
            live_since: broker_time(live_since),
            followed_since: broker_time(program.followed_since.unwrap_or(live_since)),
            since,
            allowance: if slow { SLOW_ALLOWANCE } else { Duration::ZERO },
            unread: program.unread.iter().map(|(at, place)| (broker_time(*at), *place)).collect(),
        })
    }

    /// The state has changed.
    pub(super) fn word_changed(&mut self, number: usize, state: &ConnectionState) {
        let was = self.programs[number].live_since;
        self.programs[number].live_since = state.is_live().then_some(was.unwrap_or(self.now));
        if !state.is_live() || was.is_some() {
            return;
        }
        self.programs[number].unread.clear();
        // What REST may not have known yet when it was queried.
        let unsure = Duration::from_millis(self.plan.stale + self.plan.hide + 100);
        let asked = self.programs[number].listening_since.saturating_sub(unsure);
        let early = std::mem::take(&mut self.programs[number].early);
        let Some(look) = self.behind(number, self.now) else { return };
        let mut found = oracle::at_live(&look, broker_time(asked));
        for update in &early {
            found = found.and_then(|()| {
                oracle::reflects(look.broker, look.blotter, update)
                    .map_err(|what| format!("a held update is lost: {what}"))
            });
        }
        if let Err(what) = found {
            self.fail(|| what);
        }
    }

    /// Records what the stream reports; returns an update that must be shown at once.
    pub(super) fn note_told(&mut self, number: usize, input: &Input) -> Option<TradeUpdate> {
        let now = self.now;
        let program = &mut self.programs[number];
        let Input::Stream(epoch, event) = input else { return None };
        if program.line.is_none_or(|line| line.epoch != *epoch) {
            let broker = program.broker;
            if let StreamEvent::Update(update) = event {
                self.lost(broker, update);
            }
            return None;
        }
        match event {
            StreamEvent::Listening { .. } => {
                (program.listening_since, program.followed_since) = (now, None);
                self.forget_early(number);
                None
            }
            StreamEvent::Update(update) if program.live_since.is_some() => Some((**update).clone()),
            StreamEvent::Update(update) => {
                program.early.push((**update).clone());
                None
            }
            _ => None,
        }
    }

    /// The snapshot that these updates waited for never arrived.
    pub(super) fn forget_early(&mut self, number: usize) {
        let broker = self.programs[number].broker;
        for update in std::mem::take(&mut self.programs[number].early) {
            self.lost(broker, &update);
        }
    }

    /// Checks that each execution reported by the stream is shown as soon as it was read.
    pub(super) fn must_be_shown(&mut self, number: usize, update: &TradeUpdate) {
        let program = &self.programs[number];
        let broker = &self.brokers[program.broker];
        if self.is_known(number) && program.live_since.is_some() {
            let reflected = oracle::reflects(broker, &program.blotter, update);
            if let Err(what) = reflected {
                self.fail(|| what);
            }
        }
    }
}
