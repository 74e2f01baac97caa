//! Server-sent events at `/v2/events/trades` (docs/ALPACA.md 7.1): the last form of the stream before polling, and the
//! replay of events missed while there was no stream.
//!
//! Liveness relies on TCP keep-alive, because there are no pings and a quiet account is silent for hours.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::events::{EventSender, LONGEST_MESSAGE, StreamTarget};
use super::failure::refused;
use super::headers::retry_after;
use super::http::{bearer, http_client, read};
use super::wire;
use crate::broker::dial;
use crate::domain::execution::Source;
use crate::domain::{TradeUpdate, Untrusted};
use crate::session::{AuthForm, Closed, StreamEvent};

/// The media type of an event stream.
pub(super) const MEDIA_TYPE: &str = "text/event-stream";
/// A replay counts as complete after this silence, because the broker keeps a replay without an end open.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn run(target: &StreamTarget, out: &EventSender) -> Closed {
    let opened = tokio::select! {
        biased;
        () = out.stop.cancelled() => return Closed::Asked,
        opened = timeout(out.timeouts.answer, open(target, out)) => opened,
    };
    let response = match opened {
        Ok(Ok(response)) => response,
        Ok(Err(closed)) => return closed,
        Err(_) => return Closed::AuthSilent,
    };
    match listen(response, out).await {
        Ok(()) => Closed::Lost { message: "the event stream ended".to_owned() },
        Err(closed) => closed,
    }
}

async fn open(target: &StreamTarget, out: &EventSender) -> Result<Response, Closed> {
    let fail = |said: Untrusted| Closed::unreachable(out.words(&said));
    let client = http_client(&target.api_url, &target.tls).map_err(fail)?;
    let request = client
        .get(address(&target.api_url).map_err(|error| fail(error.into()))?)
        .header(AUTHORIZATION, bearer(&out.token).map_err(fail)?)
        .header(ACCEPT, HeaderValue::from_static(MEDIA_TYPE))
        .header(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let response = match request.send().await {
        Ok(response) => response,
        Err(error) => return Err(fail(dial::unsent(&target.api_url, &target.tls, "", error).await)),
    };
    let (status, headers) = (response.status(), response.headers().clone());
    if status.is_success() {
        return if is_stream(&headers) {
            Ok(response)
        } else {
            Err(Closed::AuthRefused { message: "the broker offers no event stream".to_owned() })
        };
    }
    let body = read(response, 64 * 1024).await.unwrap_or_default();
    let message = out.words(&refused(status, &headers, &body).message);
    let retry_after = retry_after(&headers);
    Err(match status.as_u16() {
        // Rate limited or timed out: the same request may succeed later.
        408 | 425 | 429 => Closed::Connect { status: Some(status.as_u16()), message, retry_after },
        // Other client errors concern this form: it is not offered, or not for this token.
        300..=499 => Closed::AuthRefused { message: format!("{message} (status {})", status.as_u16()) },
        code => Closed::Connect { status: Some(code), message, retry_after },
    })
}

fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with(MEDIA_TYPE)
}

/// Reads the events of a response until it ends, pauses, takes longer than `whole` or exceeds `limit` bytes; `None`
/// when it is not an event stream.
///
/// Events come in order, so a truncated replay lacks the newest ones.
pub(super) async fn replay(mut response: Response, whole: Duration, limit: usize) -> Option<Vec<TradeUpdate>> {
    if !is_stream(response.headers()) {
        return None;
    }
    let end = Instant::now() + whole;
    let mut left = limit;
    let mut parser = Parser::default();
    let mut updates = Vec::new();
    while let Ok(Ok(Some(chunk))) = timeout_at(end.min(Instant::now() + PAUSE), response.chunk()).await {
        for byte in &chunk {
            match parser.push(*byte) {
                Some(Item::Event(data)) => updates.extend(replayed(&data)),
                Some(Item::Comment(text)) if Comment::of(&text) != Comment::Beat => return Some(updates),
                Some(Item::TooLong) => return Some(updates),
                Some(Item::Comment(_)) | None => {}
            }
        }
        left = match left.checked_sub(chunk.len()) {
            Some(left) => left,
            None => break,
        };
    }
    Some(updates)
}

/// One event of a replay. An unreadable one is dropped, because REST reports the same facts.
fn replayed(data: &[u8]) -> Option<TradeUpdate> {
    let (wire::Frame::Update(mut update) | wire::Frame::Partial { mut update, .. }) = wire::message(data) else {
        return None;
    };
    for execution in &mut update.executions {
        execution.source = Source::Reconcile;
    }
    Some(*update)
}

fn address(origin: &Url) -> Result<Url, String> {
    let mut url = origin.clone();
    url.set_query(None);
    match url.path_segments_mut() {
        Ok(mut segments) => segments.pop_if_empty().extend(["v2", "events", "trades"]),
        Err(()) => return Err("the address has no path".to_owned()),
    };
    Ok(url)
}

async fn listen(mut response: Response, out: &EventSender) -> Result<(), Closed> {
    out.send(StreamEvent::Opened).await?;
    out.send(StreamEvent::Authorized { form: AuthForm::Sse, message: None }).await?;
    out.send(StreamEvent::Listening { trade_updates: true }).await?;
    let mut parser = Parser::default();
    loop {
        let chunk = tokio::select! {
            biased;
            () = out.stop.cancelled() => return Err(Closed::Asked),
            chunk = response.chunk() => chunk,
        };
        let chunk = match chunk {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(()),
            Err(error) => {
                let message = out.words(&dial::failure(response.url(), "the connection failed", error));
                return Err(Closed::Lost { message });
            }
        };
        for byte in chunk {
            match parser.push(byte) {
                None => {}
                Some(Item::Event(data)) => event(&data, out).await?,
                Some(Item::Comment(text)) => comment(&text, out)?,
                Some(Item::TooLong) => {
                    let message = "an event of more than 1 MiB was not read".to_owned();
                    return Err(Closed::Lost { message });
                }
            }
        }
    }
}

async fn event(data: &[u8], out: &EventSender) -> Result<(), Closed> {
    match wire::message(data) {
        wire::Frame::Update(update) => out.send(StreamEvent::Update(update)).await,
        wire::Frame::Partial { update, text } => out.partial(update, &text).await,
        wire::Frame::Error { message } => Err(Closed::BrokerError { message: out.words(&message) }),
        wire::Frame::Unknown { text } => out.unknown(&text).await,
        wire::Frame::Empty | wire::Frame::Authorization { .. } | wire::Frame::Listening { .. } => Ok(()),
    }
}

/// The meaning of a comment.
#[derive(Debug, PartialEq, Eq)]
enum Comment {
    /// A heartbeat, or another comment without meaning.
    Beat,
    /// Events were dropped (docs/ALPACA.md 7.2).
    Dropped,
    /// An error at the broker.
    Error,
}

impl Comment {
    fn of(text: &[u8]) -> Self {
        let lower = String::from_utf8_lossy(text).to_ascii_lowercase();
        if lower.contains("dropped") || lower.contains("too slowly") {
            Self::Dropped
        } else if lower.contains("error") {
            Self::Error
        } else {
            Self::Beat
        }
    }
}

fn comment(text: &[u8], out: &EventSender) -> Result<(), Closed> {
    let words = || out.words(&String::from_utf8_lossy(text).into_owned().into());
    match Comment::of(text) {
        Comment::Beat => Ok(()),
        Comment::Dropped => Err(Closed::Lost { message: format!("the broker dropped events: {}", words()) }),
        Comment::Error => Err(Closed::BrokerError { message: words() }),
    }
}

/// One item of an event stream.
#[derive(Debug, PartialEq, Eq)]
enum Item {
    /// The data of one event, its lines joined.
    Event(Vec<u8>),
    /// A comment line without its colon.
    Comment(Vec<u8>),
    /// A line or event past the limit; what follows cannot be parsed reliably.
    TooLong,
}

/// Splits a byte stream into events. Lines end in LF, CR or both; an event ends at an empty line.
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    after_cr: bool,
}

impl Parser {
    fn push(&mut self, byte: u8) -> Option<Item> {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        match byte {
            b'\n' if after_cr => None,
            b'\n' | b'\r' => self.line_ended(),
            _ if self.line.len() + self.data.as_ref().map_or(0, Vec::len) >= LONGEST_MESSAGE => Some(Item::TooLong),
            _ => {
                self.line.push(byte);
                None
            }
        }
    }

    fn line_ended(&mut self) -> Option<Item> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line);
        if line.is_empty() {
            return self.data.take().map(Item::Event);
        }
        if let Some(text) = line.strip_prefix(b":") {
            return Some(Item::Comment(text.to_vec()));
        }
        // Other fields (`id`, `event`, `retry`) add nothing to the data.
        let value = match line.strip_prefix(b"data") {
            Some([]) => Some(&[][..]),
            Some([b':', b' ', value @ ..] | [b':', value @ ..]) => Some(value),
            _ => None,
        };
        if let Some(value) = value {
            match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<Item> {
        let mut parser = Parser::default();
        text.bytes().filter_map(|byte| parser.push(byte)).collect()
    }

    fn event(data: &str) -> Item {
        Item::Event(data.as_bytes().to_vec())
    }

    #[test]
    fn events_end_at_an_empty_line_with_any_line_ending() {
        for end in ["\n", "\r\n", "\r"] {
            let text = "id: 1\nevent: x\ndata: {\"a\":\ndata: 1}\n\n: beat\ndata:two\n\ndata\n\n".replace('\n', end);
            let want = vec![event("{\"a\":\n1}"), Item::Comment(b" beat".to_vec()), event("two"), event("")];
            assert_eq!(items(&text), want, "{end:?}");
        }
    }

    #[test]
    fn a_truncated_event_is_dropped() {
        assert_eq!(items("data: {\"a\":1}\n"), vec![]);
        assert_eq!(items("data: {\"a\""), vec![]);
    }

    #[test]
    fn an_endless_line_fails_at_the_limit() {
        let mut parser = Parser::default();
        let first = (0..=LONGEST_MESSAGE).find_map(|_| parser.push(b'x'));
        assert_eq!(first, Some(Item::TooLong));
    }

    #[test]
    fn comments_about_dropped_events_end_the_stream() {
        assert_eq!(Comment::of(b" heartbeat"), Comment::Beat);
        assert_eq!(Comment::of(b" you are reading too slowly, dropped 10000 messages"), Comment::Dropped);
        assert_eq!(Comment::of(b" internal server error"), Comment::Error);
    }
}
