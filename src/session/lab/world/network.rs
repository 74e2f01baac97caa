//! The network between session and broker: what becomes of frames, connections and questions, and the incidents of a run.

use std::cmp::Reverse;
use std::time::Duration;

use super::{Event, Line, Timed, World, broker_time};
use crate::domain::TradeUpdate;
use crate::domain::blotter::Blotter;
use crate::session::event::{AuthForm, Closed, StreamEvent};
use crate::session::lab::plan::Incident;
use crate::session::machine::Input;
use crate::session::request::{Reply, Request, RequestError, RequestErrorKind, RequestId};
use crate::session::state::Epoch;

impl World {
    pub(super) fn suffer(&mut self, incident: Incident) {
        self.note(|| format!("!! {incident:?}"));
        let line = self.line.as_ref().map(|line| line.epoch);
        match incident {
            Incident::Cut => self.close(line, Duration::ZERO, Closed::Lost { message: "reset".to_owned() }),
            Incident::HalfOpen => {
                self.mute();
                self.close(line, Duration::from_secs(20), Closed::Silent);
            }
            Incident::Starve => self.mute(),
            Incident::Outage(long) => {
                self.down_until = self.down_until.max(self.now + long);
                self.mute();
                let found = self.chance.millis(0, 20_000);
                self.close(line, found, Closed::Silent);
            }
            Incident::Sleep(long) => {
                // Nothing is handled until then; what was on its way is lost.
                self.mute();
                self.events
                    .retain(|Reverse(timed)| !matches!(timed.event, Event::Stream(..)) || timed.at > self.now + long);
                let until = self.now + long;
                self.asleep_until = self.asleep_until.max(until);
                let held: Vec<Timed> =
                    std::mem::take(&mut self.events).into_iter().map(|Reverse(timed)| timed).collect();
                for mut timed in held {
                    if matches!(timed.event, Event::Reply(..) | Event::Subscribed(_)) {
                        timed.at = timed.at.max(until);
                    }
                    self.events.push(Reverse(timed));
                }
                self.at(until, Event::WakeUp);
            }
            Incident::Kill(after) => {
                self.under_way.clear();
                self.limited_until = Duration::ZERO;
                self.session = None;
                self.line = None;
                self.blotter = Blotter::default();
                self.events.retain(|Reverse(timed)| {
                    matches!(timed.event, Event::Act | Event::Incident(_)) || timed.at <= self.now
                });
                self.events.retain(|Reverse(timed)| !matches!(timed.event, Event::Start));
                self.at(self.now + after, Event::Start);
            }
            Incident::Refuse(long) => {
                self.refuse_until = self.refuse_until.max(self.now + long);
                self.close(line, Duration::ZERO, Closed::AuthRefused { message: "unauthorized".to_owned() });
            }
            Incident::Reset => {
                self.broker.reset(broker_time(self.now));
                // What the broker had not sent yet of the old account it never sends.
                self.events.retain(|Reverse(timed)| {
                    !matches!(&timed.event, Event::Stream(_, event) if matches!(**event, StreamEvent::Update(_)))
                });
            }
            Incident::Connect => self.input(Input::Connect),
        }
    }

    /// The stream stays open and says nothing any more.
    fn mute(&mut self) {
        if let Some(line) = &mut self.line {
            line.mute = true;
        }
    }

    fn close(&mut self, epoch: Option<Epoch>, after: Duration, how: Closed) {
        if let Some(epoch) = epoch {
            self.mute();
            self.at(self.now + after, Event::Stream(epoch, Box::new(StreamEvent::Closed(how))));
        }
    }

    /// The broker tells of an update; the network does with it what it does.
    #[expect(clippy::needless_pass_by_value, reason = "the network takes it, and may lose it")]
    pub(super) fn send(&mut self, update: TradeUpdate) {
        let Some(line) = self.line.filter(|line| line.subscribed && !line.mute) else { return };
        if self.chance.percent(self.plan.drop) {
            let id = update.order.id.clone();
            self.note(|| format!("   dropped {} of {id}", update.event));
            return;
        }
        if self.chance.percent(self.plan.garble) {
            let at = self.now + self.chance.millis(5, 60);
            let id = update.order.id.clone();
            self.note(|| format!("   damaged {} of {id}", update.event));
            let text = format!("{{\"stream\":\"trade_updates\",\"data\":{{\"event\":\"{}", update.event);
            self.at(at.max(line.last), Event::Stream(line.epoch, Box::new(StreamEvent::Unknown { text })));
            return;
        }
        let copies = if self.chance.percent(self.plan.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let mut at = self.now + self.chance.millis(5, 60);
            if self.plan.reorder > 0 && self.chance.percent(40) {
                at += Duration::from_millis(self.chance.below(self.plan.reorder));
            } else {
                // Without a fault frames keep their order.
                at = at.max(line.last);
                if let Some(line) = &mut self.line {
                    line.last = at;
                }
            }
            self.at(at, Event::Stream(line.epoch, Box::new(StreamEvent::Update(Box::new(update.clone())))));
        }
    }

    pub(super) fn connect(&mut self, epoch: Epoch, form: AuthForm) {
        self.line = None;
        let opened = self.now + self.chance.millis(20, 400);
        let refused = match form {
            AuthForm::Authenticate => self.plan.refused_forms > 0,
            AuthForm::AuthKey => self.plan.refused_forms > 1,
            AuthForm::Sse => self.plan.refused_forms > 2,
        };
        let end = if self.now < self.down_until {
            Some((opened, Closed::Connect { status: None, message: "no network".to_owned() }))
        } else if self.now < self.refuse_until {
            Some((opened, Closed::AuthRefused { message: "unauthorized".to_owned() }))
        } else if refused && self.plan.silent_forms {
            Some((opened + Duration::from_secs(10), Closed::AuthSilent))
        } else if refused {
            Some((opened, Closed::AuthRefused { message: "unauthorized".to_owned() }))
        } else {
            None
        };
        if let Some((at, closed)) = end {
            self.at(at, Event::Stream(epoch, Box::new(StreamEvent::Closed(closed))));
            return;
        }
        self.line = Some(Line { epoch, subscribed: false, mute: false, last: self.now });
        self.at(opened, Event::Stream(epoch, Box::new(StreamEvent::Opened)));
        self.at(opened, Event::Stream(epoch, Box::new(StreamEvent::Authorized { form, message: None })));
        // The broker sends updates from a moment between our asking and its acknowledgement on.
        let subscribed = opened + self.chance.millis(1, 150);
        self.at(subscribed, Event::Subscribed(epoch));
        let acknowledged = subscribed + self.chance.millis(1, 60);
        let listening = StreamEvent::Listening { trade_updates: true };
        self.at(acknowledged, Event::Stream(epoch, Box::new(listening)));
        if let Some(line) = &mut self.line {
            line.last = acknowledged;
        }
    }

    pub(super) fn ask(&mut self, id: RequestId, request: &Request) {
        if self.now < self.limited_until {
            self.wrong = Some(format!("{request:?} was asked before the wait after a 429 had ended"));
        }
        let answered = self.now + self.chance.millis(10, if self.calm() { 200 } else { 1_500 });
        let result = self.result(request, answered);
        self.under_way.insert(id);
        self.at(answered, Event::Reply(id, Box::new(result)));
    }

    fn result(&mut self, request: &Request, answered: Duration) -> Result<Box<Reply>, RequestError> {
        let error = |kind, message: &str| RequestError {
            kind,
            status: None,
            code: None,
            message: message.to_owned(),
            extra: None,
            request_id: None,
        };
        if self.now < self.down_until {
            return Err(error(RequestErrorKind::Network, "no network"));
        }
        if self.now < self.refuse_until {
            return Err(error(RequestErrorKind::Unauthorized, "unauthorized"));
        }
        let mut stale = 0;
        if !self.calm() {
            if self.chance.percent(self.plan.limit) {
                let retry_after = Some(self.chance.millis(500, 15_000));
                return Err(error(RequestErrorKind::RateLimited { retry_after }, "too many requests"));
            }
            if self.chance.percent(self.plan.fail) {
                let kinds = [
                    RequestErrorKind::Server,
                    RequestErrorKind::Timeout,
                    RequestErrorKind::Network,
                    RequestErrorKind::Decode,
                ];
                return Err(error(self.chance.pick(&kinds).clone(), "failed"));
            }
        }
        if matches!(request, Request::Replay { .. }) && !self.plan.replay {
            return Err(error(RequestErrorKind::NotFound, "Not Found"));
        }
        if self.plan.stale > 0 && !self.calm() {
            stale = self.chance.below(self.plan.stale);
        }
        // The answer is made somewhere on the way.
        let on_the_way = self.now + answered.checked_sub(self.now).unwrap() / 2;
        let moment = broker_time(on_the_way) - Duration::from_millis(stale);
        let mut reply =
            self.broker.answer(request, moment).ok_or_else(|| error(RequestErrorKind::NotFound, "order not found"))?;
        if let Reply::Replay(updates) = &mut reply
            && self.chance.percent(self.plan.cut_replay)
        {
            let most = u64::try_from(updates.len()).unwrap_or(0) + 1;
            updates.truncate(usize::try_from(self.chance.below(most)).unwrap_or(0));
        }
        Ok(Box::new(reply))
    }
}
