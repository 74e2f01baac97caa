//! The session's state machine: phases, deadlines and the next request (docs/DESIGN.md 9.1).
//!
//! Subscribe first, fetch the snapshot second, hold updates meanwhile, then merge both and go live in one step. The
//! stream is a hint: audits compare it with REST while it is up, which also detects a stream that is open but silent.

mod audit;
mod broker_time;
mod doubted_orders;
mod epoch;
mod figures;
mod identity;
mod missing_orders;
mod probe;
mod proof;
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
use self::doubted_orders::DoubtedOrders;
pub use self::identity::Identity;
use self::missing_orders::MissingOrders;
use self::probe::Probes;
use self::proof::Proofs;
use self::replay::Replays;
use self::stream::Failures;
use self::token::{Confirm, Refused};
use super::backfill::Backfill;
use super::backoff::{Jitter, LONGEST_WAIT};
use super::event::{AuthForm, StreamEvent};
use super::half_read::HalfRead;
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

/// An event for a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Connect, or reconnect (after sleep, after a relink): starts a new epoch at once.
    Connect,
    /// The user asked to resync (`r`): starts a new epoch at once and ends every wait that the broker asked for.
    Resync,
    /// Requests wait in the queue for this long, for this reason; `None` once they no longer wait.
    Queued(Option<(Duration, String)>),
    /// The user paused the session.
    Pause,
    /// An event from the stream of this epoch.
    Stream(Epoch, StreamEvent),
    /// The answer to a request.
    Reply(RequestId, Result<Box<Reply>, RequestError>),
    /// The account, fetched outside the session to check which one answers: only its id counts.
    IdentityCheck(Box<Reply>),
    /// A deadline may have passed; a spurious timeout does nothing.
    Timeout,
}

/// What a session asks its caller to do, or reports.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Open a stream.
    OpenStream(Epoch, AuthForm),
    /// Close the stream.
    CloseStream,
    /// Send a REST request.
    Request(RequestId, Request),
    /// Drop the requests that are still queued.
    DropRequests,
    /// The user asked to resync: end every wait that the broker has asked for so far.
    EndWaits,
    /// The token was refused: look for a newer one and reconnect with it.
    Renew,
    /// The blotter changed; the change is already applied.
    Changed(Changes),
    /// The blotter was emptied, because the account was reset at the broker.
    Reset,
    /// New balances.
    Account(Box<Account>),
    /// New positions.
    Positions(Vec<Position>),
    /// The connection's state changed.
    State(ConnectionState),
    /// A line for the connection history.
    Log(String),
    /// A message for the user, such as out of step or account reset.
    Alarm(String),
    /// The same, for a condition that lasts until [`Output::Over`].
    Fault(Fault, String),
    /// This fault is over.
    Over(Fault),
}

/// The machine's phase. Callers see [`ConnectionState`] instead.
#[derive(Debug)]
enum Phase {
    /// Paused, or not started.
    Idle,
    /// Opening a stream, authenticating, subscribing.
    Opening,
    /// Listening; fetching the first snapshot of this epoch and holding updates meanwhile.
    Syncing { held: Vec<TradeUpdate> },
    /// Merging updates as they arrive. The state shown is `live` only if every part of the snapshot is current.
    Live,
    /// Waiting for the next attempt.
    Backoff,
    /// The stream refused the token; the account endpoint is asked before that is believed.
    Confirming,
    /// No stream is available; REST keeps the snapshot current.
    Polling,
    /// The token no longer works for the linked account; it is only probed.
    Dead,
}

/// A period without a live connection.
#[derive(Debug, Clone, Copy)]
struct Outage {
    since: Mono,
    /// False for the first connection of a run, which missed nothing worth reporting.
    was_live: bool,
    /// The outage was reported.
    reported: bool,
}

/// Why no requests are sent, and until when.
#[derive(Debug)]
struct RequestPause {
    until: Mono,
    reason: String,
}

/// Maximum size of `scopes`: requests that were dropped are never answered, so their entries would pile up.
const REMEMBERED: usize = 256;
/// Interval between requests for balances and positions while the account holds something.
const MARKS_EVERY: Duration = Duration::from_secs(10);
/// REST is queried after this long even if the stream is not listening yet.
const EARLY: Duration = Duration::from_secs(2);
/// An outage is reported after this many attempts.
const REPORTED_AFTER: u32 = 3;
/// Interval between passes while polling.
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
    /// No requests before this: the broker asked to wait.
    request_pause: Option<RequestPause>,
    /// Requests wait outside, in the caller's queue.
    queued: Option<RequestPause>,
    /// Endpoints that wait by themselves after a 429.
    waits: LimitWaits,
    /// Which limit applies if a request in flight is refused with a 429.
    scopes: BTreeMap<RequestId, LimitScope>,
    account: Option<AccountId>,
    /// The account that was linked; answers from any other account are not shown.
    linked: Option<AccountId>,
    /// The linked account is a paper account, which its owner can reset at the broker.
    may_be_reset: bool,
    /// The account number began with `PA` in the last answer.
    has_paper_number: bool,
    /// True once the linked account answered or was recognised; until then no other answer is trusted.
    identified: bool,
    /// Another account that answered, until it is clear whether that was a mistake.
    foreign: Option<identity::Foreign>,
    /// The last pass was cut short because of a long wait.
    cut: bool,
    /// Endpoints that answered 429 when last requested; a pass requests them last.
    limited: BTreeSet<Endpoint>,
    /// An answer or update on this connection named a known order.
    recognised: bool,
    /// When REST last gave a good answer to a current request (see `asked_from`).
    answered_at: Option<Mono>,
    /// The first request id since requests were last dropped; older ones may have been sent with another token.
    asked_from: u64,
    block: Option<String>,
    parts: Parts,
    holdings: Holdings,
    /// Faults that were reported and are not over.
    faults: BTreeSet<Fault>,
    /// The pass in progress began before the stream was listening, so its snapshot cannot be used to go live.
    early: bool,
    /// Streams that could not be opened or did not last.
    failures: Failures,
    /// No stream is tried before this: the last refusal asked to wait, or several did not last.
    no_stream_before: Mono,
    /// While polling: a stream is being opened as well.
    trying: bool,
    /// Why there is no stream, while polling.
    no_stream: String,
    /// Consecutive incomplete passes.
    incomplete: u32,
    /// Consecutive passes in which a request beyond the lists failed.
    beyond_failed: u32,
    /// Executions recovered after the connection was lost and before the new snapshot.
    recovered: usize,
    unknown: Unknown,
    missing_orders: MissingOrders,
    /// The newest times in the blotter; a complete pass that begins now covers everything before them.
    mark: Since,
    /// By its clock, which may be wrong.
    broker_time: Option<Timestamp>,
    replays: Replays,
    backfill: Backfill,
    /// Contradictions between REST and the blotter, and when each was first seen.
    conflicts: HashMap<OrderId, (Mono, Conflict)>,
    refresh: Vec<(RequestId, Part)>,
    refreshed_at: Option<Mono>,
    proofs: Proofs,
    doubted: DoubtedOrders,
    probes: Probes,
    half_read: HalfRead,
    confirm: Option<Confirm>,
    /// What the account endpoint has refused, also in a check that ended with its stream.
    refused: Option<Refused>,
    audits: Audits,
    latency: Option<Duration>,
    snapshot_merged: bool,
    holds: bool,
}

impl Session {
    /// An idle session. `seed` feeds the jitter: the same seed and inputs give the same outputs.
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
            failures: Failures::default(),
            no_stream_before: Mono::ZERO,
            trying: false,
            no_stream: String::new(),
            incomplete: 0,
            beyond_failed: 0,
            recovered: 0,
            unknown: Unknown::default(),
            missing_orders: MissingOrders::default(),
            mark: Since::default(),
            broker_time: None,
            replays: Replays::default(),
            backfill: Backfill::default(),
            conflicts: HashMap::new(),
            refresh: Vec::new(),
            refreshed_at: None,
            proofs: Proofs::default(),
            doubted: DoubtedOrders::default(),
            probes: Probes::default(),
            half_read: HalfRead::default(),
            confirm: None,
            refused: None,
            audits: Audits::default(),
            latency: None,
            snapshot_merged: false,
            holds: true,
        }
    }

    /// Restores what an earlier run knew: the broker's account id and the watermark of its last complete pass.
    pub fn resume_from(
        &mut self,
        account: AccountId,
        last_fill_at: Option<Timestamp>,
        last_pass_at: Option<Timestamp>,
    ) {
        self.account = Some(account);
        self.since = Since { fills: last_fill_at, orders: last_pass_at };
    }

    /// Handles one input and merges what it brings into the blotter; call [`Session::poll`] afterwards
    /// until it returns `None`.
    pub fn handle(&mut self, input: Input, blotter: &mut Blotter, now: Now) {
        blotter.set_latest(self.latest(now));
        self.mark = Since { fills: blotter.last_fill_at(), orders: blotter.last_submitted_at() };
        self.replays.known_to(blotter.last_change_at());
        match input {
            Input::Connect => {
                (self.attempt, self.failures) = (0, Failures::default());
                self.begin(now);
            }
            Input::Resync => {
                (self.attempt, self.failures) = (0, Failures::default());
                (self.request_pause, self.queued) = (None, None);
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
            // The snapshot of the newer epoch covers whatever an older stream still reports.
            Input::Stream(..) => {}
            Input::Reply(id, result) => self.on_reply(id, result, blotter, now),
            Input::IdentityCheck(reply) => self.on_identity_check(&reply, now),
            Input::Timeout => self.on_timeout(blotter, now),
        }
        self.leave_figures(blotter, now);
        self.settle_held(blotter, now);
        self.merge_held_early(blotter, now);
        self.probe(now);
        self.update_status(now);
    }

    /// The next output.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to call [`Session::handle`] with [`Input::Timeout`] next.
    pub fn deadline(&self) -> Option<Mono> {
        self.timers.next()
    }

    /// The connection's state.
    pub fn state(&self) -> &ConnectionState {
        &self.state
    }

    /// True once every order and execution of the account was merged; later changes are news.
    pub fn has_snapshot(&self) -> bool {
        self.snapshot_merged
    }

    /// True while the session follows the account by stream or by polling, even if parts are missing.
    pub const fn follows(&self) -> bool {
        matches!(self.phase, Phase::Live | Phase::Polling)
    }

    /// True while REST answers, with or without a stream.
    pub fn answers(&self) -> bool {
        let lost_at = self.outage.map_or(Mono::ZERO, |outage| outage.since);
        self.follows() || (self.early && self.parts.any_since(lost_at))
    }

    /// The watermark for the next run: the broker's times of the last execution and the last submission known to
    /// the last complete pass.
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

    /// Reports a condition that lasts until [`Self::over`].
    fn fault(&mut self, fault: Fault, text: impl Into<String>) {
        self.faults.insert(fault);
        self.out.push_back(Output::Fault(fault, text.into()));
    }

    /// Ends a fault, if it was reported.
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

    /// Sends a REST request.
    fn send(&mut self, id: RequestId, request: Request) {
        self.scopes.insert(id, request.route().limit);
        while self.scopes.len() > REMEMBERED {
            self.scopes.pop_first();
        }
        self.out.push_back(Output::Request(id, request));
    }

    /// Reports a change of the blotter.
    fn changed(&mut self, changes: Changes, blotter: &Blotter, now: Now) {
        // The first snapshot's position list already includes the executions that it brings.
        if matches!(self.phase, Phase::Live | Phase::Polling) {
            for execution in changes.executions.iter().filter_map(|id| blotter.execution(id)) {
                self.holdings.on_execution(execution, now.mono);
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
        // These only wake the session: every input ends in `leave_figures`, `probe` and `update_status`.
        let _ = self.timers.due(Timer::Figures, now.mono);
        let _ = self.timers.due(Timer::Held, now.mono);
        let _ = self.timers.due(Timer::Appraise, now.mono);
        let _ = self.timers.due(Timer::Probe, now.mono);
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
