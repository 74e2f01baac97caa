//! Event streams over HTTP with replay: trade events and account activities (API.md 7).

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::gate::{Caller, Gate};
use super::hub::Emitted;
use super::reply::{self, Answer, ApiError};
use super::state::{Sim, lock};
use crate::sim::engine::event::EventId;
use crate::sim::faults::Fault;

/// Frames waiting for a slow reader.
const WAITING: usize = 256;

/// The query of both streams.
#[derive(Debug, Default, Deserialize)]
pub struct Span {
    since: Option<String>,
    until: Option<String>,
    since_id: Option<String>,
    until_id: Option<String>,
}

/// Where a stream begins and ends.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    since_id: Option<EventId>,
    until_id: Option<EventId>,
}

impl Bounds {
    fn read(span: &Span) -> Result<Self, ApiError> {
        let invalid = |name: &str| ApiError::new(400, 40_010_000, format!("invalid {name}"));
        let moment = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| parse_moment(text).ok_or_else(|| invalid(name))).transpose()
        };
        let id = |name: &str, text: &Option<String>| {
            text.as_deref().map(|text| EventId::parse(text).ok_or_else(|| invalid(name))).transpose()
        };
        let bounds = Self {
            since: moment("since", &span.since)?,
            until: moment("until", &span.until)?,
            since_id: id("since_id", &span.since_id)?,
            until_id: id("until_id", &span.until_id)?,
        };
        let both = bounds.since.is_some() && bounds.since_id.is_some();
        let loose = (bounds.until.is_some() && bounds.since.is_none())
            || (bounds.until_id.is_some() && bounds.since_id.is_none());
        if both || loose {
            return Err(ApiError::new(400, 40_010_000, "invalid combination of since, until, since_id and until_id"));
        }
        Ok(bounds)
    }

    fn replays(&self) -> bool {
        self.since.is_some() || self.since_id.is_some()
    }

    fn ends(&self) -> bool {
        self.until.is_some() || self.until_id.is_some()
    }

    fn begins_by(&self, event: &Emitted) -> bool {
        self.since.is_none_or(|since| event.at >= since) && self.since_id.is_none_or(|id| event.id > id)
    }

    fn is_past(&self, event: &Emitted) -> bool {
        self.until.is_some_and(|until| event.at > until) || self.until_id.is_some_and(|id| event.id > id)
    }
}

fn parse_moment(text: &str) -> Option<Timestamp> {
    let date = || text.parse::<Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    text.parse().ok().or_else(|| date().map(|zoned| zoned.timestamp()))
}

/// What a stream shows of an event; nothing for events that do not concern it.
type Show = fn(&Emitted) -> Option<Arc<str>>;

/// `GET /v2/events/trades`.
pub async fn trades(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Query(span): Query<Span>,
) -> Answer {
    stream(&gate, caller, &span, |event| Some(event.data()))
}

/// `GET /v2beta1/events/activities`.
pub async fn activities(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Query(span): Query<Span>,
) -> Answer {
    stream(&gate, caller, &span, Emitted::activity)
}

fn stream(gate: &Gate, caller: Caller, span: &Span, show: Show) -> Answer {
    if !lock(&gate.sim.policy).sse {
        return Err(ApiError { code: None, ..ApiError::not_found("Not Found") });
    }
    let bounds = Bounds::read(span)?;
    let (sender, receiver) = mpsc::channel::<Bytes>(WAITING);
    tokio::spawn(feed(gate.clone(), caller, bounds, show, sender));
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|bytes| (Ok::<_, std::convert::Infallible>(bytes), receiver))
    });
    let mut response: Response = reply::typed(200, "text/event-stream", Body::from_stream(frames));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

async fn feed(gate: Gate, caller: Caller, bounds: Bounds, show: Show, sender: mpsc::Sender<Bytes>) {
    let sim = &gate.sim;
    // Subscribed before the replay is read, so that nothing falls between the two; ids drop what is in both.
    let mut live = sim.hub.subscribe();
    let mut last = None;
    let hello = Bytes::from_static(b": welcome\n\n");
    if sender.send(hello).await.is_err() {
        return;
    }
    if bounds.replays() {
        for event in sim.hub.log_of(caller.account) {
            if bounds.is_past(&event) {
                return;
            }
            if bounds.begins_by(&event) && !emit(&gate, &event, show, &sender).await {
                return;
            }
            last = Some(event.id);
        }
    }
    // An end that has passed already ends the stream; one to come ends it when it is reached.
    if bounds.until.is_some_and(|until| sim.clock.now() > until) {
        return;
    }
    let mut kill = sim.kill.subscribe();
    loop {
        let end = bounds.until.map(|until| tokio::time::Instant::now() + sim.clock.until(until));
        let event = tokio::select! {
            event = live.recv() => event,
            _ = kill.changed() => return,
            () = sim.shutdown.cancelled() => return,
            () = sender.closed() => return,
            () = sleep_until(end), if bounds.ends() => return,
        };
        let event = match event {
            Ok(event) => event,
            Err(RecvError::Lagged(count)) => {
                let comment = format!(": you are reading too slowly, dropped {count} messages\n\n");
                if sender.send(Bytes::from(comment)).await.is_err() {
                    return;
                }
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        if event.account != caller.account || last.is_some_and(|last| event.id <= last) {
            continue;
        }
        if bounds.is_past(&event) || !emit(&gate, &event, show, &sender).await {
            return;
        }
    }
}

async fn sleep_until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Sends one event through the faults of frames; false when the stream is over.
async fn emit(gate: &Gate, event: &Emitted, show: Show, sender: &mpsc::Sender<Bytes>) -> bool {
    let Some(data) = show(event) else { return true };
    let sim: &Sim = &gate.sim;
    let mut copies = 1;
    for fault in lock(&sim.faults).on_frame(gate.origin, &event.what(), sim.clock.real()) {
        match fault {
            Fault::Drop => return false,
            Fault::Starve | Fault::Lose => copies = 0,
            Fault::Duplicate => copies += 1,
            _ => {}
        }
    }
    for _ in 0..copies {
        if sender.send(Bytes::from(format!("data: {data}\n\n"))).await.is_err() {
            return false;
        }
    }
    true
}
