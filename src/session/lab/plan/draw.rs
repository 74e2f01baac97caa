//! Draws a plan from the seed.

use std::time::Duration;

use super::{
    Blackout, Body, DAY, Endpoint, EndpointFault, FaultWindow, Incident, OtherPrograms, Plan, Reading, Stamps,
};
use crate::session::lab::chance::Chance;

/// How long the account stays silent after another one has answered: longer than any answer is held.
const SILENT_AFTER: Duration = Duration::from_secs(155);

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(1).max(1)
}

impl Plan {
    pub(in crate::session::lab) fn draw(chance: &mut Chance) -> Self {
        let mut often = |high: u64| if chance.percent(50) { chance.between(1, high) } else { 0 };
        let mut plan = Self {
            drop: often(30),
            duplicate: often(30),
            garble: often(15),
            reorder: often(6_000),
            fail: often(25),
            limit: often(6),
            stale: often(9_000),
            hide: often(9_000),
            undo: often(12),
            ..Self::default()
        };
        plan.vanish = chance.percent(20);
        plan.refused_forms = if chance.percent(12) { usize::try_from(chance.between(1, 3)).unwrap_or(1) } else { 0 };
        plan.silent_forms = chance.percent(50);
        plan.skew = if chance.percent(30) { i64::try_from(chance.below(7_200)).unwrap_or(0) - 3_600 } else { 0 };
        plan.replay = chance.percent(50);
        plan.cut_replay = if chance.percent(50) { chance.between(1, 60) } else { 0 };
        plan.brackets = chance.percent(40);
        plan.replaces = chance.percent(40);
        plan.strange = chance.percent(25);
        plan.draw_times(chance);
        plan.draw_incidents(chance);
        plan.draw_readings(chance);
        plan.draw_fault_windows(chance);
        plan.restates = chance.percent(50);
        plan
    }

    fn draw_times(&mut self, chance: &mut Chance) {
        let active = chance.millis(20_000, 90_000);
        self.gap = chance.between(300, 4_000);
        self.calm_at = active;
        if chance.percent(45) {
            let from = Duration::from_millis(chance.below(millis(active)));
            let long = chance.millis(130_000, 300_000);
            self.lull = Some((from, from + long));
            self.calm_at += long;
        }
    }

    fn draw_incidents(&mut self, chance: &mut Chance) {
        for _ in 0..chance.below(4) {
            let at = Duration::from_millis(chance.below(millis(self.calm_at)));
            let incident = match chance.below(20) {
                0..=2 => Incident::Cut,
                3..=4 => Incident::HalfOpen,
                5..=7 => Incident::Starve,
                8..=10 => Incident::Outage(chance.millis(500, 60_000)),
                11..=12 => Incident::Sleep(chance.millis(5_000, 90_000)),
                13..=14 => Incident::Kill(chance.millis(100, 60_000)),
                15 => self.draw_refusal(at, chance),
                16 => Incident::Connect,
                17..=18 => {
                    let status = *chance.pick(&[404, 429, 502]);
                    let long = chance.millis(2_000, 120_000);
                    Incident::NoSocket(status, long)
                }
                _ => Incident::Reset,
            };
            self.incidents.push((at, incident));
        }
    }

    /// Most refusals end before the token counts as dead.
    fn draw_refusal(&mut self, at: Duration, chance: &mut Chance) -> Incident {
        let long = match chance.below(4) {
            0 => chance.millis(10_000, 55_000),
            1 => chance.millis(55_000, 300_000),
            _ => chance.millis(500, 10_000),
        };
        self.lengthen(at + long);
        Incident::Refuse { long, relinked: chance.percent(50) }
    }

    /// Extends the faults. The gap grows too, so that no run takes much longer than another.
    fn lengthen(&mut self, end: Duration) {
        if end > self.calm_at {
            self.calm_at = end;
            self.gap = self.gap.max(millis(end) / 120);
        }
    }

    /// Draws how this service interprets its documents.
    fn draw_readings(&mut self, chance: &mut Chance) {
        let mut some = |often: u64| chance.percent(often);
        let wire = some(40);
        let sparse = some(50);
        let hides = some(30);
        let cap = some(25);
        self.carries = some(50);
        self.mleg = some(30);
        self.rows_of_parents = some(50);
        self.named_rows = some(15);
        self.notional = some(25);
        self.after_end = some(30);
        let skewed = some(30);
        let late = some(12);
        let long_history = some(12);
        let stamped = some(40);
        self.row_skew = i64::try_from(chance.below(10_000)).unwrap_or(0) - 5_000;
        self.row_skew *= i64::from(skewed);
        self.late_rows = chance.between(60, 1_200) * u64::from(late);
        self.history = if long_history { chance.between(30, 90) } else { chance.below(12) };
        let stamps = match chance.below(5) {
            0 => Stamps::Millis,
            1 => Stamps::Seconds,
            2 => Stamps::Frozen,
            3 => Stamps::Restless,
            _ => Stamps::Still,
        };
        self.reading = Reading {
            wire,
            sparse,
            stamps: if stamped { stamps } else { Stamps::Exact },
            page_cap: if cap { usize::try_from(chance.between(1, 4)).unwrap_or(1) } else { usize::MAX },
            open_hides_legs: hides,
            carries: self.carries,
            orders_as_sent: false,
        };
        // Only times show that a quantity was executed again after a bust, so the times must be exact. And after an
        // unreported bust, the sums may agree while a row is still hidden.
        if self.row_skew != 0 || self.late_rows > 0 || self.reading.stamps == Stamps::Seconds {
            self.undo = 0;
        }
        self.others = match chance.below(12) {
            0 => OtherPrograms::Instance,
            1 => OtherPrograms::Account,
            _ => OtherPrograms::Nobody,
        };
        if self.others == OtherPrograms::Instance && chance.percent(30) {
            // No time shows which of them knows the newer state.
            self.reading.stamps = Stamps::Still;
        }
        if self.reading.stamps == Stamps::Still {
            // If no time ever moves, an unreported bust looks like a stale answer.
            self.undo = 0;
        }
        self.bursts = chance.percent(30);
        // Only rows show the separate executions then, so all of them must be listed, on time, and every frame must
        // arrive; and after a bust, two executions of the same range would look like its correction.
        let listed = self.hide == 0 && self.late_rows == 0 && self.row_skew == 0 && !cap && !self.replay;
        let listed = listed && self.drop == 0 && self.garble == 0;
        self.reading.orders_as_sent = chance.percent(60) && self.undo == 0 && listed;
    }

    fn draw_fault_windows(&mut self, chance: &mut Chance) {
        if !chance.percent(30) {
            return;
        }
        let all =
            [Endpoint::Account, Endpoint::Positions, Endpoint::Open, Endpoint::Recent, Endpoint::Fills, Endpoint::ById];
        for _ in 0..chance.between(1, 3) {
            let from = Duration::from_millis(chance.below(millis(self.calm_at)));
            let fault = match chance.below(12) {
                0..=1 => EndpointFault::Forbidden,
                2..=3 => EndpointFault::Server,
                4 => EndpointFault::Body(Body::Null),
                5 => EndpointFault::Body(Body::Html),
                6 => EndpointFault::Body(Body::Cut),
                7 => EndpointFault::Rows,
                8..=9 => EndpointFault::Hang,
                10 => EndpointFault::Slow(chance.millis(2_000, 14_000)),
                _ => EndpointFault::Limited(*chance.pick(&[Duration::from_hours(1), Duration::from_mins(5)])),
            };
            let to = from + chance.millis(5_000, 200_000);
            let window = FaultWindow { endpoint: *chance.pick(&all), from, to, fault };
            self.fault_windows.push(window);
        }
        let end = self.fault_windows.iter().map(|window| window.to).max().unwrap_or_default();
        self.lengthen(end);
    }

    /// In some runs the token reaches another account for a while. The account itself is silent meanwhile, or from the
    /// end of it on, for longer than any answer is held: after it, nothing shows which answers were the other's.
    pub(in crate::session::lab) fn draw_turn(&mut self, chance: &mut Chance) {
        if !chance.percent(20) {
            return;
        }
        self.incidents.retain(|(_, incident)| !matches!(incident, Incident::Reset));
        let from = Duration::from_millis(chance.below(millis(self.calm_at)));
        let to = from + chance.millis(3_000, 50_000);
        let fault = match chance.below(5) {
            0 => EndpointFault::Forbidden,
            1 => EndpointFault::Server,
            2 => EndpointFault::Hang,
            3 => EndpointFault::Body(Body::Html),
            _ => EndpointFault::Limited(Duration::from_secs(30)),
        };
        // A request that is on its way when the other account goes is not answered by the linked one either. A slow
        // account would answer it afterwards.
        let slow = |window: &FaultWindow| matches!(window.fault, EndpointFault::Slow(_));
        self.fault_windows.retain(|window| window.endpoint != Endpoint::Account || !slow(window));
        let silent_from = *chance.pick(&[from, to.saturating_sub(Duration::from_secs(2))]);
        let silent = FaultWindow { endpoint: Endpoint::Account, from: silent_from, to: to + SILENT_AFTER, fault };
        self.fault_windows.insert(0, silent);
        self.turn = Some((from, to));
        self.lengthen(to + SILENT_AFTER);
    }

    /// In some runs streams keep ending soon after they listen, or nothing is answered for a while.
    pub(in crate::session::lab) fn draw_outages(&mut self, chance: &mut Chance) {
        let (short, black) = (chance.percent(15), chance.percent(15));
        if (short || black) && chance.percent(50) {
            // No other faults, so that the time for which updates are missed can be judged.
            (self.fail, self.limit, self.late_rows) = (0, 0, 0);
            (self.reading.page_cap, self.lull) = (usize::MAX, None);
            self.fault_windows.clear();
            self.incidents.clear();
        }
        let at = Duration::from_millis(chance.below(millis(self.calm_at)));
        if short {
            let life = *chance.pick(&[200, 2_000, 8_000, 30_000]);
            let long = chance.millis(10_000, 400_000);
            self.incidents.push((at, Incident::ShortStreams { long, life: Duration::from_millis(life) }));
            self.lengthen(at + long);
        }
        if black {
            let kinds = [Blackout::Server, Blackout::Server, Blackout::Unauthorized, Blackout::Network, Blackout::Hang];
            let kind = *chance.pick(&kinds);
            let most = if kind == Blackout::Unauthorized { 50_000 } else { 200_000 };
            let long = chance.millis(5_000, most);
            self.incidents.push((at, Incident::Blackout(kind, long)));
            self.lengthen(at + long);
        }
    }

    /// Several days of an account that is watched all the time, with a few faults and incidents every day.
    pub(in crate::session::lab) fn of_days(days: u32, chance: &mut Chance) -> Self {
        let mut plan = Self {
            drop: 2,
            duplicate: 3,
            garble: 1,
            reorder: 1_500,
            fail: 2,
            limit: 1,
            stale: 2_000,
            hide: 4_000,
            undo: 1,
            replay: true,
            cut_replay: 20,
            brackets: true,
            replaces: true,
            history: chance.below(12),
            gap: 60_000,
            days,
            calm_at: DAY * days,
            ..Self::default()
        };
        for day in 0..days {
            for _ in 0..3 {
                let at = DAY * day + Duration::from_millis(chance.below(86_400_000));
                let incident = match chance.below(8) {
                    0 => Incident::Cut,
                    1 => Incident::HalfOpen,
                    2 => Incident::Starve,
                    3..=4 => Incident::Outage(chance.millis(500, 3_600_000)),
                    5 => Incident::Sleep(chance.millis(600_000, 36_000_000)),
                    6 => Incident::Kill(chance.millis(100, 7_200_000)),
                    _ => Incident::Connect,
                };
                plan.incidents.push((at, incident));
            }
        }
        plan
    }
}
