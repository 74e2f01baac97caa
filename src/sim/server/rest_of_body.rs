//! Handles the unread part of a request body: a little of it is read, so that the connection can be reused; otherwise
//! the answer announces the close. A connection closed without that costs clients their next request. A body that does
//! not arrive in time is answered with an error.

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

/// Most bytes read and discarded.
const MOST: usize = 4 << 20;
/// Time limit for the rest of a body.
const LONGEST: Duration = Duration::from_secs(1);
/// Time limit for a whole body that a handler wants.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// A request's body, handed to the handler.
pub(super) struct BodyHandle {
    body: Arc<Mutex<Incoming>>,
    /// Time limit, starting when a handler waits for the body.
    limit: Option<Pin<Box<Sleep>>>,
    /// Whether the time limit was exceeded.
    missed: Arc<AtomicBool>,
}

/// The unread part, after the handler has answered.
pub(super) struct RestOfBody {
    body: Arc<Mutex<Incoming>>,
    missed: Arc<AtomicBool>,
    /// Whether the client sends it only after `100 Continue`, which it may not have received.
    awaits_word: bool,
}

/// Hands the body of a request to its handler.
pub(super) fn lend(request: Request<Incoming>) -> (Request<BodyHandle>, RestOfBody) {
    let (parts, body) = request.into_parts();
    let awaits_word = parts.headers.contains_key(EXPECT);
    let (body, missed) = (Arc::new(Mutex::new(body)), Arc::new(AtomicBool::new(false)));
    let lent = BodyHandle { body: Arc::clone(&body), limit: None, missed: Arc::clone(&missed) };
    (Request::from_parts(parts, lent), RestOfBody { body, missed, awaits_word })
}

impl RestOfBody {
    /// Reads the rest, or makes the answer announce the close.
    pub(super) async fn settle(self, mut answer: Response) -> Response {
        if self.missed.load(Ordering::Acquire) {
            // A success without the body stands; an error caused by a partial body is replaced.
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

    /// Whether the end was reached.
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

impl Body for BodyHandle {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = poll(&self.body, context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit.get_or_insert_with(|| Box::pin(tokio::time::sleep(READ_TIMEOUT)));
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
