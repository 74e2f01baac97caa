//! What a handler leaves unread of a request: a little is read, so that the connection can go on; where it cannot, the answer
//! says so. A connection that closes unannounced costs clients their next request. And what a handler waits for and does not
//! come: it is answered in words.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

use super::reply::ApiError;

/// The most that is read for nothing, in bytes.
const MOST: usize = 4 << 20;
/// How long the rest of a body may take to come.
const LONGEST: Duration = Duration::from_secs(1);
/// How long a whole body may take to come to a handler that wants it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request's body, lent to a handler.
pub struct Lent {
    body: Arc<Mutex<Incoming>>,
    /// Runs from the moment at which a handler waits for it.
    limit: Option<Pin<Box<Sleep>>>,
    /// Whether it was waited for in vain.
    missed: Arc<AtomicBool>,
}

/// What is left of it, once the handler has answered.
pub struct Remainder {
    body: Arc<Mutex<Incoming>>,
    missed: Arc<AtomicBool>,
    /// Whether the client sends it only when told to, which it may not have been.
    awaits_word: bool,
}

/// Lends the body of a request to whoever answers it.
pub fn lend(request: Request<Incoming>) -> (Request<Lent>, Remainder) {
    let (parts, body) = request.into_parts();
    let awaits_word = parts.headers.contains_key(EXPECT);
    let (body, missed) = (Arc::new(Mutex::new(body)), Arc::new(AtomicBool::new(false)));
    let lent = Lent { body: Arc::clone(&body), limit: None, missed: Arc::clone(&missed) };
    (Request::from_parts(parts, lent), Remainder { body, missed, awaits_word })
}

impl Remainder {
    /// Reads what is left, or has the answer announce that the connection ends with it.
    pub async fn settle(self, mut answer: Response) -> Response {
        if self.missed.load(Ordering::Acquire) {
            // What was done without the body counts; what refused half of one did not know why.
            if !answer.status().is_success() {
                answer = ApiError::new(408, 40_810_000, "the body of the request did not come in time").into_response();
            }
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return answer;
        }
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS || is_closing(answer.headers()) || self.is_read() {
            return answer;
        }
        let read = !self.awaits_word && tokio::time::timeout(LONGEST, self.drain()).await.unwrap_or(false);
        if !read {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }

    fn is_read(&self) -> bool {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    /// True when the end was reached.
    async fn drain(&self) -> bool {
        let mut read = 0;
        loop {
            match poll_fn(|context| poll(&self.body, context)).await {
                None => return true,
                Some(Err(_)) => return false,
                Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
            }
            if read > MOST {
                return false;
            }
        }
    }
}

fn is_closing(headers: &HeaderMap) -> bool {
    headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

fn poll(body: &Mutex<Incoming>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
    Pin::new(&mut *body.lock().unwrap_or_else(PoisonError::into_inner)).poll_frame(context)
}

impl Body for Lent {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = poll(&self.body, context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
        if limit.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.missed.store(true, Ordering::Release);
        Poll::Ready(Some(Err("the body did not come in time".into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
