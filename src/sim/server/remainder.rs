//! What a handler leaves unread of a request: a little is read, so that the connection can go on; where it cannot, the answer
//! says so. A connection that closes unannounced costs clients their next request.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use hyper::Request;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

/// The most that is read for nothing, in bytes.
const MOST: usize = 4 << 20;
/// How long the rest of a body may take to come.
const LONGEST: Duration = Duration::from_secs(1);

/// A request's body, lent to a handler.
pub struct Lent(Arc<Mutex<Incoming>>);

/// What is left of it, once the handler has answered.
pub struct Remainder {
    body: Arc<Mutex<Incoming>>,
    /// Whether the client sends it only when told to, which it may not have been.
    awaits_word: bool,
}

/// Lends the body of a request to whoever answers it.
pub fn lend(request: Request<Incoming>) -> (Request<Lent>, Remainder) {
    let (parts, body) = request.into_parts();
    let awaits_word = parts.headers.contains_key(EXPECT);
    let body = Arc::new(Mutex::new(body));
    (Request::from_parts(parts, Lent(Arc::clone(&body))), Remainder { body, awaits_word })
}

impl Remainder {
    /// Reads what is left, or has the answer announce that the connection ends with it.
    pub async fn settle(self, mut answer: Response) -> Response {
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
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        poll(&self.0, context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
