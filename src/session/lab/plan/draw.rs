//! Drawing a plan from the seed.

use std::sync::OnceLock;
use std::time::Duration;

use super::{Ailment, Body, Company, DAY, Endpoint, Incident, Plan, Reading, Spell, Stamps};
use crate::session::lab::chance::Chance;

/// What the world can do and the program does not bear yet; `BROKERDECK_LAB_ON` names what is to happen all the same.
const NOT_YET: &[&str] = &["late_rows"];

fn on(name: &str) -> bool {
    static ASKED: OnceLock<String> = OnceLock::new();
    let asked = ASKED.get_or_init(|| std::env::var("BROKERDECK_LAB_ON").unwrap_or_default());
    !NOT_YET.contains(&name) || asked.split(',').any(|asked| asked == name || asked == "all")
}

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
        plan.draw_spells(chance);
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
                15 => Incident::Refuse(chance.millis(500, 10_000)),
                16 => Incident::Connect,
                17..=18 => {
                    let status = *chance.pick(&[404, 429, 502]);
                    let long = chance.millis(2_000, 120_000);
                    if on("no_socket") { Incident::NoSocket(status, long) } else { Incident::Cut }
                }
                _ => Incident::Reset,
            };
            self.incidents.push((at, incident));
        }
    }

    /// How this service reads its own rules.
    fn draw_readings(&mut self, chance: &mut Chance) {
        let mut some = |name: &str, often: u64| chance.percent(often) && on(name);
        let wire = some("wire", 40);
        let sparse = some("wire", 50);
        let hides = some("hides", 30);
        let cap = some("page_cap", 25);
        self.carries = some("carries", 50);
        self.mleg = some("mleg", 30);
        self.rows_of_parents = some("mleg", 50);
        self.named_rows = some("wire", 15);
        self.notional = some("notional", 25);
        self.after_end = some("after_end", 30);
        let skewed = some("row_skew", 30);
        let late = some("late_rows", 12);
        let long_history = some("history", 12);
        let stamped = some("stamps", 40);
        self.row_skew = i64::try_from(chance.below(10_000)).unwrap_or(0) - 5_000;
        self.row_skew *= i64::from(skewed);
        self.late_rows = chance.between(60, 1_200) * u64::from(late);
        self.history = if long_history { chance.between(30, 90) } else { chance.below(12) };
        let stamps = match chance.below(4) {
            0 => Stamps::Millis,
            1 if on("seconds") => Stamps::Seconds,
            2 if on("frozen") => Stamps::Frozen,
            3 if on("restless") => Stamps::Restless,
            _ => Stamps::Exact,
        };
        self.reading = Reading {
            wire,
            sparse,
            stamps: if stamped { stamps } else { Stamps::Exact },
            page_cap: if cap { usize::try_from(chance.between(1, 4)).unwrap_or(1) } else { usize::MAX },
            open_hides_legs: hides,
            carries: self.carries,
        };
        // Whether a span was executed again after an undoing is told by times alone, so they must tell it.
        if self.row_skew != 0 || self.reading.stamps == Stamps::Seconds {
            self.undo = 0;
        }
        self.company = match chance.below(12) {
            0 if on("company") => Company::Instance,
            1 if on("company") => Company::Account,
            _ => Company::Nobody,
        };
    }

    fn draw_spells(&mut self, chance: &mut Chance) {
        if !chance.percent(30) {
            return;
        }
        let all =
            [Endpoint::Account, Endpoint::Positions, Endpoint::Open, Endpoint::Recent, Endpoint::Fills, Endpoint::ById];
        for _ in 0..chance.between(1, 3) {
            let from = Duration::from_millis(chance.below(millis(self.calm_at)));
            let ailment = match chance.below(8) {
                0..=1 => Ailment::Forbidden,
                2..=3 => Ailment::Server,
                4 => Ailment::Body(Body::Null),
                5 => Ailment::Body(Body::Html),
                6 => Ailment::Body(Body::Cut),
                _ => Ailment::Limited(*chance.pick(&[Duration::from_hours(1), Duration::from_mins(5)])),
            };
            let to = from + chance.millis(5_000, 200_000);
            let spell = Spell { endpoint: *chance.pick(&all), from, to, ailment };
            if on("spells") {
                self.spells.push(spell);
            }
        }
        let end = self.spells.iter().map(|spell| spell.to).max().unwrap_or_default();
        if end > self.calm_at {
            self.calm_at = end;
            // As much happens as in a shorter run, so that no run takes much longer than another.
            self.gap = self.gap.max(millis(end) / 120);
        }
    }

    /// Days and nights of an account that is watched all along, with a few faults and something happening every day.
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
