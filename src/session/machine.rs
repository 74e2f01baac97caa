//! The machine: phases, deadlines, what to ask next (docs/DESIGN.md 9.1).
//!
//! Listen first, snapshot second, hold what arrives meanwhile, then merge both and go live in one step. The stream is a
//! hint: audits compare with REST while it is up, and a stream that is open but silent is found out by them.

mod audit;
mod epoch;
mod figures;
mod identity;
mod missing_orders;
mod replay;
mod status;
mod stream;
mod sync;
#[cfg(test)]
pub(super) mod tests;
mod token;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use self::audit::{Audits, Unknown};
pub use self::identity::Identity;
use self::missing_orders::MissingOrders;
use self::replay::Replays;
use self::token::Confirm;
use super::backfill::Backfill;
use super::backoff::{Jitter, LONGEST_WAIT};
use super::event::{AuthForm, StreamEvent};
use super::holdings::Holdings;
use super::parts::{Part, Parts};
use super::request::limits::LimitWaits;
use super::request::route::LimitScope;
use super::request::{Reply, Request, RequestError, RequestId};
use super::resync::{Endpoint, Limits, Resync, Since};
use super::state::{ConnectionState, Epoch, Fault};
use super::timer::{Timer, Timers};

use crate::domain::blotter::{Blotter, Changes, Conflict};
use crate::domain::{Account, AccountId, Mono, Now, OrderId, Position, TradeUpdate};

/// What happens to a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Begin, or begin anew (resume from sleep, relinked): a new epoch at once.
    Connect,
    /// A person asked for it (`r`): a new epoch at once, and no wait that the broker asked for holds it up.
    Resync,
    /// What is asked waits in the queue this long, for this reason; `None` when it waits no more.
    Queued(Option<(Duration, String)>),
    /// The user paused it.
    Pause,
    /// From the stream of this epoch.
    Stream(Epoch, StreamEvent),
    /// The answer to a request.
    Reply(RequestId, Result<Box<Reply>, RequestError>),
    /// A deadline may have passed; a spurious one does nothing.
    Timeout,
}

/// What a session wants done, or reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Open a stream.
    OpenStream(Epoch, AuthForm),
    /// Close it.
    CloseStream,
    /// Ask REST.
    Request(RequestId, Request),
    /// Forget questions still queued.
    DropRequests,
    /// A person will not wait: what the broker asked for so far holds nothing up any more.
    EndWaits,
    /// The token was refused: see whether there is a newer one, and connect anew if so.
    Renew,
    /// The blotter changed; already applied.
    Changed(Changes),
    /// The blotter was emptied: the account behind the link is a new one.
    Reset,
    /// New balances.
    Account(Box<Account>),
    /// New positions.
    Positions(Vec<Position>),
    /// The connection's state changed.
    State(ConnectionState),
    /// A line for the connection history.
    Log(String),
    /// A sentence a person should read: out of step, reset account, a wait that was cut.
    Alarm(String),
    /// The same, true until [`Output::Over`].
    Fault(Fault, String),
    /// What was said of this fault is no longer true.
    Over(Fault),
}

/// Where the machine is. What the world sees of it is [`ConnectionState`].
#[derive(Debug)]
enum Phase {
    /// Paused, or not started.
    Idle,
    /// A stream is being opened, authenticated, made to listen.
    Opening,
    /// Listening; the first snapshot of this epoch is being fetched, updates are held.
    Syncing { held: Vec<TradeUpdate> },
    /// The stream is merged as it comes. Whether that is `live` depends on the parts of the snapshot.
    Live,
    /// Waiting for the next attempt.
    Backoff,
    /// The stream refused the token; the account is asked before it is believed.
    Confirming,
    /// No stream can be had; REST keeps the snapshot.
    Polling,
    /// The token is dead.
    Dead,
}

/// The time without a live connection, from the last moment that was live.
#[derive(Debug, Clone, Copy)]
struct Outage {
    since: Mono,
    /// False for the first connection of a run, which missed nothing worth a sentence.
    was_live: bool,
    /// It was told that it lasts.
    told: bool,
}

/// Why nothing is asked, and until when.
#[derive(Debug)]
struct RequestPause {
    until: Mono,
    reason: String,
}

/// Questions whose limit is remembered; those that were dropped are never answered.
const REMEMBERED: usize = 256;
/// Balances and positions of an account whose value moves.
const MARKS_EVERY: Duration = Duration::from_secs(10);
/// REST is asked this soon though the stream does not listen yet.
const EARLY: Duration = Duration::from_secs(2);
/// An outage of so many attempts is told.
const TOLD_AFTER: u32 = 3;
/// While polling, how often passes begin.
const POLL_EVERY: Duration = Duration::from_secs(6);

/// One account's session. Feed it with [`Session::handle`], drain [`Session::poll`], wake it at [`Session::deadline`].
#[derive(Debug)]
pub struct Session {
    state: ConnectionState,
    phase: Phase,
    out: VecDeque<Output>,
    timers: Timers,
    jitter: Jitter,
    epoch: Epoch,
    next_request: u64,
    form: AuthForm,
    attempt: u32,
    outage: Option<Outage>,
    resync: Option<Resync>,
    since: Since,
    pub(super) limits: Limits,
    /// Nothing is asked before this: the broker said to wait, or a question failed.
    request_pause: Option<RequestPause>,
    /// What is asked waits outside, in the queue of requests.
    queued: Option<RequestPause>,
    /// What is not asked for by itself, the broker having said so.
    waits: LimitWaits,
    /// Whose limit it is when a question under way is refused for it.
    scopes: BTreeMap<RequestId, LimitScope>,
    account: Option<AccountId>,
    /// The account that was linked; any other that answers is not shown.
    linked: Option<AccountId>,
    /// It is a paper account, which its owner can reset at the broker.
    may_be_reset: bool,
    /// Its number began with `PA` when it last answered.
    has_paper_number: bool,
    /// True once it answered, or was recognised; until then nothing else is believed of it.
    identified: bool,
    /// Another account that answered, until it is known whether it was a mistake.
    foreign: Option<identity::Foreign>,
    /// The last pass ended early, for a wait.
    cut: bool,
    /// What refuses for a request limit of its own.
    limited: BTreeSet<Endpoint>,
    /// Something on this connection named an order that was known.
    recognised: bool,
    /// When REST last answered anything with what was asked for.
    answered_at: Option<Mono>,
    /// The first question since everything was last dropped; what is older was asked with another token, perhaps.
    asked_from: u64,
    block: Option<String>,
    parts: Parts,
    holdings: Holdings,
    /// What was told and is not over.
    faults: BTreeSet<Fault>,
    /// The pass under way began before the stream listened: it is no snapshot to go live on.
    early: bool,
    /// Streams in a row that did not come to listen.
    unheard: u32,
    /// No stream is tried before this: the refusal of the last one said so.
    no_stream_before: Mono,
    /// While polling: a stream is being opened beside it.
    trying: bool,
    /// Why there is no stream, while polling.
    no_stream: String,
    /// Passes in a row that lacked something.
    incomplete: u32,
    /// Passes in a row that lacked what is asked beyond the lists.
    beyond_failed: u32,
    /// Executions recovered since the connection was lost, before the snapshot of the new one.
    recovered: usize,
    unknown: Unknown,
    missing_orders: MissingOrders,
    /// What the blotter knows up to; a pass that begins now covers everything before.
    mark: Since,
    replays: Replays,
    backfill: Backfill,
    /// What REST says otherwise, and since when.
    conflicts: HashMap<OrderId, (Mono, Conflict)>,
    refresh: Vec<(RequestId, Part)>,
    refreshed_at: Option<Mono>,
    confirm: Option<Confirm>,
    audits: Audits,
    latency: Option<Duration>,
    pictured: bool,
    holds: bool,
}

impl Session {
    /// A session at rest. `seed` feeds the jitter; the same seed and inputs give the same outputs.
    pub fn new(seed: u64) -> Self {
        Self {
            state: ConnectionState::Connecting { since: Mono::default() },
            phase: Phase::Idle,
            out: VecDeque::new(),
            timers: Timers::default(),
            jitter: Jitter::new(seed),
            epoch: Epoch::default(),
            next_request: 1,
            form: AuthForm::Authenticate,
            attempt: 0,
            outage: None,
            resync: None,
            since: Since::default(),
            limits: Limits::default(),
            request_pause: None,
            queued: None,
            waits: LimitWaits::default(),
            scopes: BTreeMap::new(),
            account: None,
            linked: None,
            may_be_reset: false,
            has_paper_number: false,
            identified: false,
            foreign: None,
            cut: false,
            limited: BTreeSet::new(),
            recognised: false,
            answered_at: None,
            asked_from: 1,
            block: None,
            parts: Parts::default(),
            holdings: Holdings::default(),
            faults: BTreeSet::new(),
            early: false,
            unheard: 0,
            no_stream_before: Mono::ZERO,
            trying: false,
            no_stream: String::new(),
            incomplete: 0,
            beyond_failed: 0,
            recovered: 0,
            unknown: Unknown::default(),
            missing_orders: MissingOrders::default(),
            mark: Since::default(),
            replays: Replays::default(),
            backfill: Backfill::default(),
            conflicts: HashMap::new(),
            refresh: Vec::new(),
            refreshed_at: None,
            confirm: None,
            audits: Audits::default(),
            latency: None,
            pictured: false,
            holds: true,
        }
    }

    /// Starts from what an earlier run knew: the broker's account id, and where its last complete pass ended.
    pub fn resume_from(
        &mut self,
        account: AccountId,
        last_fill_at: Option<Timestamp>,
        last_pass_at: Option<Timestamp>,
    ) {
        self.account = Some(account);
        self.since = Since { fills: last_fill_at, orders: last_pass_at };
    }

    /// Handles one input, merging into the blotter; then [`Session::poll`] until `None`.
    pub fn handle(&mut self, input: Input, blotter: &mut Blotter, now: Now) {
        self.mark = Since { fills: blotter.last_fill_at(), orders: blotter.last_submitted_at() };
        self.replays.known_to(blotter.last_change_at());
        match input {
            Input::Connect => {
                self.attempt = 0;
                self.begin(now);
            }
            Input::Resync => {
                (self.attempt, self.request_pause, self.queued) = (0, None, None);
                self.waits.forgive();
                self.out.push_back(Output::EndWaits);
                self.begin(now);
            }
            Input::Queued(wait) => {
                self.queued =
                    wait.map(|(after, reason)| RequestPause { until: now.mono + after.min(LONGEST_WAIT), reason });
            }
            Input::Pause => self.pause(),
            Input::Stream(epoch, event) if epoch == self.epoch => self.on_stream(event, blotter, now),
            // A stream of an older epoch tells nothing that the newer one's snapshot does not.
            Input::Stream(..) => {}
            Input::Reply(id, result) => self.on_reply(id, result, blotter, now),
            Input::Timeout => self.on_timeout(blotter, now),
        }
        self.leave_figures(blotter, now);
        self.let_through(blotter, now);
        self.update_status(now);
    }

    /// The next output.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to call with [`Input::Timeout`] next.
    pub fn deadline(&self) -> Option<Mono> {
        self.timers.next()
    }

    /// Where the connection stands.
    pub fn state(&self) -> &ConnectionState {
        &self.state
    }

    /// The stream's last measured round trip.
    pub fn latency(&self) -> Option<Duration> {
        self.latency
    }

    /// True once every order and execution of the account was merged: what is learned from now on is news.
    pub fn has_snapshot(&self) -> bool {
        self.pictured
    }

    /// True while questions to the account are answered, whatever else is missing.
    pub const fn follows(&self) -> bool {
        matches!(self.phase, Phase::Live | Phase::Polling)
    }

    /// True while REST answers, whether or not there is a stream.
    pub fn answers(&self) -> bool {
        let lost_at = self.outage.map_or(Mono::ZERO, |outage| outage.since);
        self.follows() || (self.early && self.parts.any_since(lost_at))
    }

    /// Where the next run may start from: the broker's time of the last execution, and when the last complete pass began.
    pub fn watermark(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        (self.since.fills, self.since.orders)
    }

    fn show(&mut self, state: ConnectionState) {
        if self.state != state {
            self.state = state.clone();
            self.out.push_back(Output::State(state));
        }
    }

    fn log(&mut self, text: impl Into<String>) {
        self.out.push_back(Output::Log(text.into()));
    }

    fn alarm(&mut self, text: impl Into<String>) {
        self.out.push_back(Output::Alarm(text.into()));
    }

    /// Tells of something that lasts.
    fn fault(&mut self, fault: Fault, text: impl Into<String>) {
        self.faults.insert(fault);
        self.out.push_back(Output::Fault(fault, text.into()));
    }

    /// It is over, where anything was told of it.
    fn over(&mut self, fault: Fault) {
        if self.faults.remove(&fault) {
            self.out.push_back(Output::Over(fault));
        }
    }

    fn pause(&mut self) {
        self.abandon();
        self.phase = Phase::Idle;
        self.outage = None;
        self.log("paused");
        self.show(ConnectionState::Paused);
    }

    fn fresh_id(&mut self) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        id
    }

    /// Asks REST.
    fn send(&mut self, id: RequestId, request: Request) {
        self.scopes.insert(id, request.route().limit);
        while self.scopes.len() > REMEMBERED {
            self.scopes.pop_first();
        }
        self.out.push_back(Output::Request(id, request));
    }

    /// The blotter changed.
    fn changed(&mut self, changes: Changes, blotter: &Blotter, now: Now) {
        // What the first snapshot brings, its list of positions knows.
        if matches!(self.phase, Phase::Live) {
            for execution in changes.executions.iter().filter_map(|id| blotter.execution(id)) {
                self.holdings.learned(execution, now.mono);
            }
        }
        if !changes.is_empty() {
            self.out.push_back(Output::Changed(changes));
        }
    }

    fn on_timeout(&mut self, blotter: &mut Blotter, now: Now) {
        if self.timers.due(Timer::Reconnect, now.mono) {
            if matches!(self.phase, Phase::Polling) {
                self.try_stream(now);
            } else {
                self.begin_again(now);
            }
        }
        if self.timers.due(Timer::Early, now.mono) {
            self.start_early(now);
        }
        if self.timers.due(Timer::Confirm, now.mono) {
            self.ask_to_confirm(now);
        }
        if self.timers.due(Timer::Renew, now.mono) {
            self.look_for_a_token(now);
        }
        if self.timers.due(Timer::Retry, now.mono) {
            if let Some(resync) = &mut self.resync {
                resync.unpark();
            }
            self.ask(now);
        }
        // These only wake; every input ends in both.
        let _ = self.timers.due(Timer::Figures, now.mono);
        let _ = self.timers.due(Timer::Appraise, now.mono);
        if self.timers.due(Timer::Healthy, now.mono) {
            self.attempt = 0;
        }
        if self.timers.due(Timer::Verdict, now.mono) {
            self.judge_stream(blotter, now);
        }
        if self.timers.due(Timer::Audit, now.mono) {
            self.start_pass(now);
        }
        let refresh = self.timers.due(Timer::Refresh, now.mono);
        let marks = self.timers.due(Timer::Marks, now.mono);
        if refresh || marks {
            self.ask_marks(now);
        }
    }
}
