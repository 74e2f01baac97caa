//! The network between session and broker: frames, connections, and the incidents of a run.

use std::cmp::Reverse;
use std::time::Duration;

use super::outages::closed_by;
use super::program::StreamState;
use super::{Event, OVERLAP, PROBED, Simulation, Timed, broker_time};
use crate::domain::TradeUpdate;
use crate::domain::blotter::Blotter;
use crate::domain::update::TradeEvent;
use crate::session::event::{AuthForm, Closed, StreamEvent};
use crate::session::lab::plan::Incident;
use crate::session::machine::Input;
use crate::session::state::Epoch;

impl Simulation {
    pub(super) fn apply_incident(&mut self, incident: Incident) {
        self.note(|| format!("!! {incident:?}"));
        self.note_trouble(incident);
        match incident {
            Incident::Outage(long) => self.down_until = self.down_until.max(self.now + long),
            Incident::Refuse { long, relinked } => {
                self.refuse_until = self.refuse_until.max(self.now + long);
                self.relinked |= relinked;
                if long > Duration::from_secs(10) && !self.relinked {
                    self.probed_by = self.refuse_until + PROBED;
                }
            }
            Incident::NoSocket(status, long) => self.no_socket = (status, self.now + long),
            Incident::Reset => self.reset(),
            _ => {}
        }
        let count = self.programs.len() as u64;
        let chosen = if count > 1 { usize::try_from(self.chance.below(count)).unwrap_or(0) } else { 0 };
        for program in 0..self.programs.len() {
            if program == chosen || !incident.is_of_a_program() {
                self.apply_to_program(program, incident);
            }
        }
    }

    pub(super) fn apply_to_program(&mut self, program: usize, incident: Incident) {
        let line = self.programs[program].line.map(|line| line.epoch);
        match incident {
            Incident::Cut | Incident::NoSocket(..) | Incident::ShortStreams { .. } | Incident::Blackout(..) => {
                self.close(program, line, Duration::ZERO, Closed::Lost { message: "reset".to_owned() });
            }
            Incident::HalfOpen => {
                self.mute(program);
                self.close(program, line, Duration::from_secs(20), Closed::Silent);
            }
            Incident::Starve => self.mute(program),
            Incident::Outage(_) => {
                self.mute(program);
                let found = self.chance.millis(0, 20_000);
                self.close(program, line, found, Closed::Silent);
            }
            Incident::Sleep(long) => self.sleep(program, long),
            Incident::Kill(after) => {
                self.die(program);
                self.at(self.now + after, Event::Start(program));
            }
            Incident::Refuse { .. } => {
                let refused = Closed::AuthRefused { message: "unauthorized".to_owned() };
                self.close(program, line, Duration::ZERO, refused);
            }
            Incident::Connect => self.input(program, Input::Resync),
            Incident::Reset => {}
        }
    }

    fn reset(&mut self) {
        self.brokers[0].reset(broker_time(self.now));
        // The broker never sends pending updates of the old account.
        let programs = &self.programs;
        self.events.retain(|Reverse(timed)| match &timed.event {
            Event::Stream(program, _, event) => {
                programs[*program].broker != 0 || !matches!(**event, StreamEvent::Update(_))
            }
            _ => true,
        });
    }

    /// Nothing is handled until the program wakes up; frames in transit are lost.
    fn sleep(&mut self, program: usize, long: Duration) {
        self.mute(program);
        let until = self.now + long;
        self.programs[program].asleep_until = self.programs[program].asleep_until.max(until);
        self.discard(program, |event, at| matches!(event, Event::Stream(..)) && at <= until);
        let held: Vec<Timed> = std::mem::take(&mut self.events).into_iter().map(|Reverse(timed)| timed).collect();
        for mut timed in held {
            if matches!(timed.event, Event::Reply(of, ..) | Event::Subscribed(of, _) | Event::Freed(of) if of == program)
            {
                timed.at = timed.at.max(until);
            }
            self.events.push(Reverse(timed));
        }
        self.at(until, Event::WakeUp(program));
    }

    /// The program is killed.
    fn die(&mut self, program: usize) {
        let dead = &mut self.programs[program];
        dead.under_way.clear();
        dead.limited_until = Duration::ZERO;
        dead.limited.clear();
        dead.session = None;
        dead.line = None;
        dead.elsewhere = false;
        (dead.live_since, dead.followed_since) = (None, None);
        dead.asleep_until = Duration::ZERO;
        self.discard(program, |_, _| true);
        self.forget_early(program);
        let lost = self.journal.die(program, self.clocks());
        self.programs[program].lost |= lost;
        let broker = self.programs[program].broker;
        if self.owners[broker] == Some(program) {
            // Only the journal survives.
            self.owners[broker] = None;
            let dead = &mut self.programs[program];
            (dead.blotter, dead.account, dead.mark) = (Blotter::default(), None, (None, None));
            let heirs = (0..self.programs.len()).filter(|at| *at != program && self.programs[*at].broker == broker);
            for heir in heirs.collect::<Vec<_>>() {
                let noticed = self.chance.millis(100, 2_000);
                self.at((self.now + noticed).max(self.programs[heir].asleep_until), Event::Freed(heir));
            }
        }
    }

    /// Takes over the stream when the other program releases the account, and resumes from what that one wrote.
    pub(super) fn take_over(&mut self, program: usize) {
        let broker = self.programs[program].broker;
        let waits = self.programs[program].session.is_some() && self.programs[program].elsewhere;
        if !waits || self.owners[broker].is_some() {
            return;
        }
        self.programs[program].elsewhere = false;
        self.recall(program);
        self.input(program, Input::Connect);
    }

    /// Drops events in transit to a program.
    fn discard(&mut self, program: usize, which: impl Fn(&Event, Duration) -> bool) {
        let events = std::mem::take(&mut self.events);
        for Reverse(timed) in events {
            let to_it = match &timed.event {
                Event::Stream(of, ..)
                | Event::Subscribed(of, _)
                | Event::Asked(of, _)
                | Event::Reply(of, ..)
                | Event::Start(of)
                | Event::WakeUp(of)
                | Event::Freed(of) => *of == program,
                Event::Act(_) | Event::Incident(_) | Event::Look | Event::Again(_) | Event::Recovered(_) => false,
            };
            if !to_it || !which(&timed.event, timed.at) {
                self.events.push(Reverse(timed));
            } else if let Event::Stream(_, _, event) = timed.event
                && let StreamEvent::Update(update) = *event
            {
                self.lost(self.programs[program].broker, &update);
            }
        }
    }

    /// The stream stays open but delivers nothing more.
    fn mute(&mut self, program: usize) {
        if let Some(line) = &mut self.programs[program].line {
            line.mute = true;
        }
    }

    fn close(&mut self, program: usize, epoch: Option<Epoch>, after: Duration, how: Closed) {
        if let Some(epoch) = epoch {
            self.mute(program);
            self.at(self.now + after, Event::Stream(program, epoch, Box::new(StreamEvent::Closed(how))));
        }
    }

    /// The broker sends an update on every stream of the account.
    pub(super) fn tell(&mut self, broker: usize, update: &TradeUpdate) {
        for program in 0..self.programs.len() {
            if self.programs[program].broker == broker && !self.send(program, update) {
                self.lost(broker, update);
            }
        }
    }

    /// A frame never reached the blotter.
    pub(super) fn lost(&mut self, broker: usize, update: &TradeUpdate) {
        let broker = &mut self.brokers[broker];
        let Some(place) = broker.index.get(&update.order.id) else { return };
        if matches!(update.event, TradeEvent::TradeBust | TradeEvent::TradeCorrect) {
            broker.orders[*place].undoing_lost = true;
        }
        for execution in &update.executions {
            let Some(fill) = broker.by_execution.get(&execution.id) else { continue };
            let fill = &mut broker.fills[*fill];
            let seen_until = execution.at.and_then(|at| at.checked_add(OVERLAP).ok());
            if fill.after_end && seen_until.is_some_and(|until| until < fill.listed_at) {
                fill.out_of_sight = true;
                broker.orders[*place].out_of_sight = true;
            }
        }
    }

    /// Sends an update through the faulty network; false when it is lost.
    fn send(&mut self, program: usize, update: &TradeUpdate) -> bool {
        let Some(line) = self.programs[program].line.filter(|line| line.subscribed && !line.mute) else { return false };
        let id = update.order.id.clone();
        if self.chance.percent(self.plan.drop) {
            self.note(|| format!("   dropped {} of {id}", update.event));
            return false;
        }
        if self.chance.percent(self.plan.garble) {
            let at = self.now + self.chance.millis(5, 60);
            self.note(|| format!("   damaged {} of {id}", update.event));
            let text = format!("{{\"stream\":\"trade_updates\",\"data\":{{\"event\":\"{}", update.event);
            let event = Box::new(StreamEvent::Unknown { text });
            self.at(at.max(line.last), Event::Stream(program, line.epoch, event));
            let broker = self.programs[program].broker;
            let lags = self.plan.stale + self.plan.hide > 0;
            if let Some(place) = self.brokers[broker].index.get(&id).copied().filter(|_| !lags) {
                self.programs[program].unread.push((self.now, place));
            }
            return false;
        }
        let copies = if self.chance.percent(self.plan.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let mut at = self.now + self.chance.millis(5, 60);
            if self.plan.reorder > 0 && self.chance.percent(40) {
                at += Duration::from_millis(self.chance.below(self.plan.reorder));
            } else {
                // Without a fault, frames keep their order.
                at = at.max(line.last);
                if let Some(line) = &mut self.programs[program].line {
                    line.last = at;
                }
            }
            let event = StreamEvent::Update(Box::new(update.clone()));
            self.at(at, Event::Stream(program, line.epoch, Box::new(event)));
        }
        true
    }

    pub(super) fn connect(&mut self, program: usize, epoch: Epoch, form: AuthForm) {
        self.programs[program].line = None;
        let opened = self.now + self.chance.millis(20, 400);
        let refused = match form {
            AuthForm::Authenticate => self.plan.refused_forms > 0,
            AuthForm::AuthKey => self.plan.refused_forms > 1,
            AuthForm::Sse => self.plan.refused_forms > 2,
        };
        let broker = self.programs[program].broker;
        if self.owners[broker].is_none() && self.programs[program].elsewhere {
            self.at(self.now, Event::Freed(program));
            return;
        }
        let owner = *self.owners[broker].get_or_insert(program);
        self.programs[program].elsewhere = owner != program;
        let (status, until) = self.no_socket;
        let end = if owner != program {
            Some((opened, Closed::Elsewhere))
        } else if self.now < self.down_until {
            Some((opened, Closed::unreachable("no network".to_owned())))
        } else if self.now < self.refuse_until {
            Some((opened, Closed::AuthRefused { message: "unauthorized".to_owned() }))
        } else if let Some(kind) = self.blackout() {
            Some(closed_by(kind, opened))
        } else if self.now < until {
            Some((opened, Closed::refused(status, "no upgrade".to_owned())))
        } else if refused && self.plan.silent_forms {
            Some((opened + Duration::from_secs(10), Closed::AuthSilent))
        } else if refused {
            Some((opened, Closed::AuthRefused { message: "unauthorized".to_owned() }))
        } else {
            None
        };
        if let Some((at, closed)) = end {
            self.at(at, Event::Stream(program, epoch, Box::new(StreamEvent::Closed(closed))));
            return;
        }
        self.open(program, epoch, form, opened);
    }

    fn open(&mut self, program: usize, epoch: Epoch, form: AuthForm, opened: Duration) {
        self.at(opened, Event::Stream(program, epoch, Box::new(StreamEvent::Opened)));
        let authorized = StreamEvent::Authorized { form, message: None };
        self.at(opened, Event::Stream(program, epoch, Box::new(authorized)));
        // The broker starts to send updates at a moment between the subscription and its acknowledgement.
        let subscribed = opened + self.chance.millis(1, 150);
        self.at(subscribed, Event::Subscribed(program, epoch));
        let acknowledged = subscribed + self.chance.millis(1, 60);
        let listening = StreamEvent::Listening { trade_updates: true };
        self.at(acknowledged, Event::Stream(program, epoch, Box::new(listening)));
        if let Some(life) = self.short_life() {
            let closed = Closed::Lost { message: "the broker closed the stream".to_owned() };
            self.at(acknowledged + life, Event::Stream(program, epoch, Box::new(StreamEvent::Closed(closed))));
        }
        self.programs[program].line = Some(StreamState { epoch, subscribed: false, mute: false, last: acknowledged });
    }
}
