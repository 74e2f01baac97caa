//! Event streams over HTTP with replay: trade events and account activities (docs/ALPACA.md 7).

mod span;
mod writer;

use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc;

use self::span::{Bounds, Span};
use self::writer::{Over, Writer};
use super::hub::Emitted;
use super::lock::lock;
use super::reply::{self, Answer, ApiError};
use super::request_filter::{Caller, RequestFilter};
use crate::sim::engine::event::EventId;

/// Frames that wait for a slow reader.
const WAITING: usize = 256;

/// An item's form on a stream; `None` where it does not belong.
type Show = fn(&Emitted) -> Option<Arc<str>>;

/// `GET /v2/events/trades`.
pub(super) async fn trades(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Query(span): Query<Span>,
) -> Answer {
    stream(request_filter, caller, &span, Emitted::data)
}

/// `GET /v2beta1/events/activities`.
pub(super) async fn activities(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Query(span): Query<Span>,
) -> Answer {
    stream(request_filter, caller, &span, Emitted::activity)
}

fn stream(request_filter: RequestFilter, caller: Caller, span: &Span, show: Show) -> Answer {
    if !lock(&request_filter.sim.policy).sse {
        return Err(ApiError { code: None, ..ApiError::not_found("Not Found") });
    }
    let bounds = Bounds::read(span)?;
    // From now on, not from when the task first runs: what happens after the answer belongs to the stream.
    let live = request_filter.sim.hub.subscribe();
    let (sender, receiver) = mpsc::channel::<std::io::Result<Bytes>>(WAITING);
    let feed = Feed { writer: Writer::new(request_filter, sender), caller, bounds, show, last: None };
    tokio::spawn(feed.run(live));
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|bytes| (bytes, receiver))
    });
    let mut response: Response = reply::typed(200, "text/event-stream", Body::from_stream(frames));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// A stream to one reader.
struct Feed {
    writer: Writer,
    caller: Caller,
    bounds: Bounds,
    show: Show,
    /// The newest item examined.
    last: Option<EventId>,
}

impl Feed {
    /// Must be created before the replay is read, so that nothing falls between the two; ids drop duplicates.
    async fn run(mut self, mut live: Receiver<Arc<Emitted>>) {
        // The end of the stream is all there is to report.
        drop(self.tell(&mut live).await);
        self.writer.finish().await;
    }

    async fn tell(&mut self, live: &mut Receiver<Arc<Emitted>>) -> Result<(), Over> {
        self.writer.comment("welcome").await?;
        if self.bounds.replays() {
            self.replay().await?;
        }
        self.follow(live).await
    }

    async fn replay(&mut self) -> Result<(), Over> {
        // Up to the present, including what the engine has not been asked for yet.
        let sim = Arc::clone(&self.writer.request_filter.sim);
        sim.hub.act(&sim.clock, |_| ());
        let (kept, gone) = sim.hub.log_of(self.caller.account);
        if gone.is_some_and(|(id, at)| self.bounds.reaches_back_to(id, at)) {
            self.writer.comment("older events are not kept").await?;
        }
        for event in kept {
            self.pass(&event).await?;
        }
        Ok(())
    }

    async fn follow(&mut self, live: &mut Receiver<Arc<Emitted>>) -> Result<(), Over> {
        let sim = Arc::clone(&self.writer.request_filter.sim);
        let mut kill = sim.kill.subscribe();
        loop {
            let event = tokio::select! {
                biased;
                _ = kill.changed() => return Err(Over),
                () = sim.shutdown.cancelled() => return Err(Over),
                () = self.writer.closed() => return Err(Over),
                event = live.recv() => event,
                () = reach(&sim.clock, self.bounds.ends_at()) => {
                    // The stream may end only when everything up to its end has happened.
                    sim.hub.act(&sim.clock, |_| ());
                    loop {
                        match live.try_recv() {
                            Ok(event) => self.pass(&event).await?,
                            Err(TryRecvError::Lagged(count)) => self.writer.dropped(count).await?,
                            Err(TryRecvError::Empty | TryRecvError::Closed) => return Err(Over),
                        }
                    }
                }
            };
            tokio::select! {
                biased;
                _ = kill.changed() => return Err(Over),
                () = sim.shutdown.cancelled() => return Err(Over),
                () = sim.thaw() => {}
            }
            match event {
                Ok(event) => self.pass(&event).await?,
                Err(RecvError::Lagged(count)) => self.writer.dropped(count).await?,
                Err(RecvError::Closed) => return Err(Over),
            }
        }
    }

    async fn pass(&mut self, event: &Emitted) -> Result<(), Over> {
        if event.account != self.caller.account || self.last.is_some_and(|last| event.id <= last) {
            return Ok(());
        }
        self.last = Some(event.id);
        if self.bounds.is_past(event.id, event.at) {
            return Err(Over);
        }
        if self.bounds.begins_by(event.id, event.at)
            && let Some(data) = (self.show)(event)
        {
            self.writer.event(&data, &event.what()).await?;
        }
        if self.bounds.ends_with(event.id) { Err(Over) } else { Ok(()) }
    }
}

async fn reach(clock: &super::clock::SimClock, end: Option<jiff::Timestamp>) {
    match end {
        Some(end) => clock.reach(end).await,
        None => std::future::pending().await,
    }
}
