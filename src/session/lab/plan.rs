//! What goes wrong in one run: drawn from the seed before it starts.

use std::time::Duration;

use super::chance::Chance;

const DAY: Duration = Duration::from_hours(24);
const SESSION: Duration = Duration::from_mins(390);

/// The faults of a run. Each is off in half of the runs, so that they meet in every combination.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// Percent of frames lost while the stream looks healthy.
    pub(super) drop: u64,
    /// Percent of frames sent twice.
    pub(super) duplicate: u64,
    /// Percent of frames that arrive damaged or cut short, so that nothing can be read from them.
    pub(super) garble: u64,
    /// Frames are late by up to this many milliseconds, and overtake each other.
    pub(super) reorder: u64,
    /// Percent of replies that fail with 5xx, timeout, no network or a body that cannot be read.
    pub(super) fail: u64,
    /// Percent of replies that are 429.
    pub(super) limit: u64,
    /// Replies show the state of up to this many milliseconds ago.
    pub(super) stale: u64,
    /// Rows and orders become visible in lists up to this many milliseconds late, each on its own.
    pub(super) hide: u64,
    /// Busts and corrections happen, in percent of actions.
    pub(super) undo: u64,
    /// Rows of undone executions vanish from the activity list.
    pub(super) vanish: bool,
    /// The broker tells events again on request.
    pub(super) replay: bool,
    /// Percent of replays that end somewhere in the middle.
    pub(super) cut_replay: u64,
    /// How many forms of authentication are refused, 0 to 3.
    pub(super) refused_forms: usize,
    /// The forms are not refused but never answered.
    pub(super) silent_forms: bool,
    /// The local clock is wrong by this many seconds.
    pub(super) skew: i64,
    /// Brackets with legs, replaces, unknown words.
    pub(super) brackets: bool,
    pub(super) replaces: bool,
    pub(super) strange: bool,
    /// When the faults and the trading end.
    pub(super) calm_at: Duration,
    /// Mean time between the broker's actions.
    pub(super) gap: u64,
    /// Days with a session of six and a half hours each; none in an ordinary run.
    pub(super) days: u32,
    /// Time without any action, after which orders are older than every overlap.
    pub(super) lull: Option<(Duration, Duration)>,
    /// What happens when.
    pub(super) incidents: Vec<(Duration, Incident)>,
}

/// One thing that happens to the connection or the program.
#[derive(Debug, Clone, Copy)]
pub(super) enum Incident {
    /// The peer closes the stream.
    Cut,
    /// The stream stops without a word; found after 20 s.
    HalfOpen,
    /// The stream stays open and says nothing any more.
    Starve,
    /// Neither stream nor REST for this long.
    Outage(Duration),
    /// The machine sleeps.
    Sleep(Duration),
    /// The program is killed and started again after this long.
    Kill(Duration),
    /// REST and stream refuse the token for this long.
    Refuse(Duration),
    /// The owner resets the paper account.
    Reset,
    /// The user asks for a resync.
    Connect,
}

impl Plan {
    pub(super) fn draw(chance: &mut Chance) -> Self {
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
        let active = chance.millis(20_000, 90_000);
        plan.gap = chance.between(300, 4_000);
        plan.calm_at = active;
        if chance.percent(45) {
            let from = Duration::from_millis(chance.below(u64::try_from(active.as_millis()).unwrap_or(1)));
            let long = chance.millis(130_000, 300_000);
            plan.lull = Some((from, from + long));
            plan.calm_at += long;
        }
        for _ in 0..chance.below(4) {
            let at = Duration::from_millis(chance.below(u64::try_from(plan.calm_at.as_millis()).unwrap_or(1)));
            let incident = match chance.below(18) {
                0..=2 => Incident::Cut,
                3..=4 => Incident::HalfOpen,
                5..=7 => Incident::Starve,
                8..=10 => Incident::Outage(chance.millis(500, 60_000)),
                11..=12 => Incident::Sleep(chance.millis(5_000, 90_000)),
                13..=14 => Incident::Kill(chance.millis(100, 60_000)),
                15 => Incident::Refuse(chance.millis(500, 10_000)),
                16 => Incident::Connect,
                _ => Incident::Reset,
            };
            plan.incidents.push((at, incident));
        }
        plan
    }

    /// Days and nights of an account that is watched all along, with a few faults and something happening every day.
    pub(super) fn of_days(days: u32, chance: &mut Chance) -> Self {
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

    /// True when the stream never fails to tell what happened, so that accusing it is a false alarm.
    pub(super) fn stream_is_honest(&self) -> bool {
        self.drop == 0
            && self.garble == 0
            && self.refused_forms == 0
            && self.undo == 0
            && self.reorder < 1_500
            // The lag that brokers are known for (API.md 6.8).
            && self.stale + self.hide < 10_000
            && !self.incidents.iter().any(|(_, incident)| {
                matches!(
                    incident,
                    Incident::Starve
                        | Incident::HalfOpen
                        | Incident::Outage(_)
                        | Incident::Sleep(_)
                        | Incident::Reset
                        | Incident::Refuse(_)
                )
            })
    }

    /// True while the broker trades.
    pub(super) fn trading(&self, at: Duration) -> bool {
        let open = self.days == 0 || at.as_secs() % DAY.as_secs() < SESSION.as_secs();
        open && at < self.calm_at && self.lull.is_none_or(|(from, to)| at < from || at >= to)
    }
}
