//! The faults of one run, drawn from the seed before it starts.

mod draw;

use std::time::Duration;

use super::journal::Setting;

const DAY: Duration = Duration::from_hours(24);
const SESSION: Duration = Duration::from_mins(390);

/// How the service represents its data; constant over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// Everything passes through JSON and the decoder of the real service.
    pub(super) wire: bool,
    /// Unknown members are left out of the JSON instead of written as `null`.
    pub(super) sparse: bool,
    pub(super) stamps: Stamps,
    /// The maximum number of rows on a page, whatever was requested.
    pub(super) page_cap: usize,
    /// The nested list of open orders leaves out working legs of a done order.
    pub(super) open_hides_legs: bool,
    /// A replacing order states what its chain has executed.
    pub(super) carries: bool,
    /// A frame contains the order as it is when the frame is sent, even if several executions are reported at once.
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
    /// In REST answers it is the time of the answer.
    Restless,
    /// In REST answers it is always the time the order was created.
    Still,
}

/// A REST endpoint, with faults of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Endpoint {
    Account,
    Positions,
    Open,
    Recent,
    Fills,
    ById,
}

/// A body that is not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Null,
    Html,
    Cut,
}

/// What is wrong with an endpoint for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndpointFault {
    Forbidden,
    Server,
    Body(Body),
    /// Some rows of its lists are unreadable, the same ones in every answer.
    Rows,
    /// A 429 with an absurdly long wait.
    Limited(Duration),
    /// No answer until the client times out.
    Hang,
    /// An answer that is this late.
    Slow(Duration),
}

/// An endpoint that fails for a period.
#[derive(Debug, Clone, Copy)]
pub(super) struct FaultWindow {
    pub(super) endpoint: Endpoint,
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) fault: EndpointFault,
}

/// What else there is besides one program that watches one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum OtherPrograms {
    #[default]
    Nobody,
    /// A second program on the same account and the same journal; one of them streams.
    Instance,
    /// A second account on the same token.
    Account,
}

/// The faults of a run. Each is off in at least half of the runs, so that they occur in every combination.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub(super) reading: Reading,
    /// Percent of frames lost while the stream looks healthy.
    pub(super) drop: u64,
    /// Percent of frames sent twice.
    pub(super) duplicate: u64,
    /// Percent of frames that arrive damaged or cut short, and so unreadable.
    pub(super) garble: u64,
    /// Frames are late by up to this many milliseconds, and overtake each other.
    pub(super) reorder: u64,
    /// Percent of replies that fail with 5xx, a timeout, no network or an unreadable body.
    pub(super) fail: u64,
    /// Percent of replies that are 429.
    pub(super) limit: u64,
    /// Replies show the state of up to this many milliseconds ago.
    pub(super) stale: u64,
    /// Rows and orders become visible in lists up to this many milliseconds late, each on its own.
    pub(super) hide: u64,
    /// Busts and corrections happen, in percent of actions.
    pub(super) undo: u64,
    /// Rows of corrected executions state the corrected amounts.
    pub(super) restates: bool,
    /// Rows of busted executions vanish from the activity list.
    pub(super) vanish: bool,
    /// The broker offers replay.
    pub(super) replay: bool,
    /// Percent of replays that are cut somewhere in the middle.
    pub(super) cut_replay: u64,
    /// How many forms of authentication are refused, 0 to 3.
    pub(super) refused_forms: usize,
    /// The forms are never answered instead of refused.
    pub(super) silent_forms: bool,
    /// The local clock is wrong by this many seconds.
    pub(super) skew: i64,
    /// Brackets with legs, replaces, unknown status words.
    pub(super) brackets: bool,
    pub(super) replaces: bool,
    pub(super) strange: bool,
    /// Multi-leg orders.
    pub(super) mleg: bool,
    /// Rows of legs name the parent.
    pub(super) rows_of_parents: bool,
    /// Rows state the id of the execution.
    pub(super) named_rows: bool,
    /// Orders for an amount of money, which fill in fractions.
    pub(super) notional: bool,
    /// Executions arrive after an order was canceled.
    pub(super) after_end: bool,
    /// Several executions of an order happen at once.
    pub(super) bursts: bool,
    /// The clock of rows differs from the stream's by this many milliseconds.
    pub(super) row_skew: i64,
    /// Some rows become visible up to this many seconds late.
    pub(super) late_rows: u64,
    /// A replacing order states what its chain has executed.
    pub(super) carries: bool,
    /// Actions before the program first starts.
    pub(super) history: u64,
    pub(super) others: OtherPrograms,
    /// Endpoints that fail for a while.
    pub(super) fault_windows: Vec<FaultWindow>,
    /// While another account answers instead of the one of the token.
    pub(super) turn: Option<(Duration, Duration)>,
    /// When the faults and the trading end.
    pub(super) calm_at: Duration,
    /// Mean time between the broker's actions.
    pub(super) gap: u64,
    /// Days with a trading session of six and a half hours each; zero in an ordinary run.
    pub(super) days: u32,
    /// A period without any action, after which orders are older than every overlap.
    pub(super) lull: Option<(Duration, Duration)>,
    /// Incidents and their times.
    pub(super) incidents: Vec<(Duration, Incident)>,
}

/// How nothing is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blackout {
    /// Server errors, or a gateway's page.
    Server,
    /// The token is refused by REST; the stream is only unavailable.
    Unauthorized,
    /// There is no network.
    Network,
    /// Requests hang until the client times out.
    Hang,
}

/// One thing that happens to the connection or the program.
#[derive(Debug, Clone, Copy)]
pub(super) enum Incident {
    /// The peer closes the stream.
    Cut,
    /// The stream stops without closing; detected after 20 s.
    HalfOpen,
    /// The stream stays open but reports nothing more.
    Starve,
    /// Neither stream nor REST for this long.
    Outage(Duration),
    /// The machine sleeps.
    Sleep(Duration),
    /// The program is killed and started again after this long.
    Kill(Duration),
    /// REST and stream refuse the token for this long; then it is accepted again, or a new one is there after a relink.
    Refuse { long: Duration, relinked: bool },
    /// Opening the socket is refused with this status for this long, while REST is healthy.
    NoSocket(u16, Duration),
    /// For this long, every stream ends at most this long after it began to listen, while REST is healthy.
    ShortStreams { long: Duration, life: Duration },
    /// Nothing is answered for this long: no request, and no attempt to open a stream.
    Blackout(Blackout, Duration),
    /// The owner resets the paper account.
    Reset,
    /// The user asks for a resync.
    Connect,
}

impl Plan {
    /// True when the stream reports everything that happens, so that blaming it is a false alarm.
    pub(super) fn stream_is_honest(&self) -> bool {
        self.drop == 0
            && self.garble == 0
            && self.refused_forms == 0
            && self.undo == 0
            && self.late_rows == 0
            && self.fault_windows.is_empty()
            && self.others == OtherPrograms::Nobody
            // The stream does not report that REST states another time or sum.
            && self.reading.stamps == Stamps::Exact
            && self.reorder < 1_500
            // Within the known lag of brokers (docs/ALPACA.md 6.8).
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
                        | Incident::ShortStreams { .. }
                        | Incident::Blackout(..)
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

    /// The fault of an endpoint at a moment.
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
