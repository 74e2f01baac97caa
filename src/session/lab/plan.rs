//! What goes wrong in one run: drawn from the seed before it starts.

mod draw;

use std::time::Duration;

use super::broker::Body;
use super::journal::Setting;

const DAY: Duration = Duration::from_hours(24);
const SESSION: Duration = Duration::from_mins(390);

/// How the service writes what it knows; constant over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// Everything goes through JSON and the decoder of the real service.
    pub(super) wire: bool,
    /// What is not known is left out of the JSON, not written as `null`.
    pub(super) sparse: bool,
    pub(super) stamps: Stamps,
    /// The most rows a page holds, whatever was asked for.
    pub(super) page_cap: usize,
    /// Open orders, nested, leave out what still works of an order that is done itself.
    pub(super) open_hides_legs: bool,
    /// A replacement states what its chain has executed.
    pub(super) carries: bool,
    /// The order in a frame is as it stands when the frame is sent, also where several executions are told at once.
    pub(super) orders_as_sent: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            wire: false,
            sparse: false,
            stamps: Stamps::Exact,
            page_cap: usize::MAX,
            open_hides_legs: false,
            carries: false,
            orders_as_sent: false,
        }
    }
}

/// What the service writes into `updated_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stamps {
    /// The moment of each change.
    #[default]
    Exact,
    /// REST rounds it down to milliseconds.
    Millis,
    /// REST rounds it down to seconds.
    Seconds,
    /// Only executions move it.
    Frozen,
    /// In answers of REST it is the moment of the answer.
    Restless,
    /// In answers of REST it is the moment at which the order was made, for good.
    Still,
}

/// What REST is asked for, each with troubles of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Endpoint {
    Account,
    Positions,
    Open,
    Recent,
    Fills,
    ById,
}

/// What is wrong with an endpoint for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndpointFault {
    Forbidden,
    Server,
    /// An answer that is none.
    Body(Body),
    /// Some rows of its lists cannot be read, the same ones in every answer.
    Rows,
    /// 429, with a wait that nobody should believe.
    Limited(Duration),
    /// No answer, until the client has waited long enough.
    Hang,
    /// An answer that is late by this.
    Slow(Duration),
}

/// An endpoint that fails from one moment to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct FaultWindow {
    pub(super) endpoint: Endpoint,
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) fault: EndpointFault,
}

/// Who is there besides the one program that watches the one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum OtherPrograms {
    #[default]
    Nobody,
    /// A second program on the same account and the same journal; one of both streams.
    Instance,
    /// A second account on the same token.
    Account,
}

/// The faults of a run. Each is off in half of the runs or more, so that they meet in every combination.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub(super) reading: Reading,
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
    /// Rows of corrected executions state what these are now.
    pub(super) restates: bool,
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
    /// Several legs at one price.
    pub(super) mleg: bool,
    /// Rows of legs name the parent.
    pub(super) rows_of_parents: bool,
    /// Rows state the execution's id.
    pub(super) named_rows: bool,
    /// Orders for an amount of money, which fill in fractions.
    pub(super) notional: bool,
    /// Executions come after an order was canceled.
    pub(super) after_end: bool,
    /// Several executions of an order happen at once.
    pub(super) bursts: bool,
    /// The clock of the rows is off from the stream's by this many milliseconds.
    pub(super) row_skew: i64,
    /// Some rows become visible up to this many seconds late.
    pub(super) late_rows: u64,
    /// A replacement states what its chain has executed.
    pub(super) carries: bool,
    /// Actions before the program starts for the first time.
    pub(super) history: u64,
    pub(super) others: OtherPrograms,
    /// Endpoints that fail, each for a while.
    pub(super) fault_windows: Vec<FaultWindow>,
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
    /// REST and stream refuse the token for this long; then it is accepted again, or somebody has linked the account anew.
    Refuse { long: Duration, relinked: bool },
    /// The socket is refused with this status for this long, while REST is healthy.
    NoSocket(u16, Duration),
    /// The owner resets the paper account.
    Reset,
    /// The user asks for a resync.
    Connect,
}

impl Plan {
    /// True when the stream never fails to tell what happened, so that accusing it is a false alarm.
    pub(super) fn stream_is_honest(&self) -> bool {
        self.drop == 0
            && self.garble == 0
            && self.refused_forms == 0
            && self.undo == 0
            && self.late_rows == 0
            && self.fault_windows.is_empty()
            && self.others == OtherPrograms::Nobody
            // What REST states with another time, or another sum, is told by nobody.
            && self.reading.stamps == Stamps::Exact
            && self.reorder < 1_500
            // The lag that brokers are known for (docs/ALPACA.md 6.8).
            && self.stale + self.hide < 10_000
            && !self.incidents.iter().any(|(_, incident)| {
                matches!(
                    incident,
                    Incident::Starve
                        | Incident::HalfOpen
                        | Incident::Outage(_)
                        | Incident::Sleep(_)
                        | Incident::Reset
                        | Incident::Refuse { .. }
                        | Incident::NoSocket(..)
                )
            })
    }

    /// When the first program starts.
    pub(super) fn begins_at(&self) -> Duration {
        Duration::from_secs(10) + Duration::from_millis(self.history * 400)
    }

    pub(super) fn setting(&self) -> Setting {
        let programs = match self.others {
            OtherPrograms::Nobody => vec![0],
            OtherPrograms::Instance => vec![0, 0],
            OtherPrograms::Account => vec![0, 1],
        };
        Setting { programs, begins_at: self.begins_at(), calm_at: self.begins_at() + self.calm_at }
    }

    /// What ails an endpoint at a moment.
    pub(super) fn fault(&self, endpoint: Endpoint, at: Duration) -> Option<EndpointFault> {
        let window = self
            .fault_windows
            .iter()
            .find(|window| window.endpoint == endpoint && window.from <= at && at < window.to)?;
        Some(window.fault)
    }

    /// True while the broker trades.
    pub(super) fn trading(&self, at: Duration) -> bool {
        let open = self.days == 0 || at.as_secs() % DAY.as_secs() < SESSION.as_secs();
        open && at < self.calm_at && self.lull.is_none_or(|(from, to)| at < from || at >= to)
    }
}
