//! The loopback listener for the OAuth redirect: binds the registered port, limits every connection, answers with
//! constant pages.
//!
//! Owns sockets and pages; what a request means for the attempt is decided by a [`CallbackHandler`]. Requests are neither echoed
//! nor logged: the target contains `code` and `state`.

mod pages;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::http::Request;
use axum::http::header::{HOST, HeaderMap};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

use crate::link::flow::{CallbackRequest, Ignored, LONGEST_TARGET};

/// Most connections at a time. One more replaces the oldest that has not sent anything yet.
const MOST_CONNECTIONS: usize = 32;
/// Time limit for a request's header.
const HEADER_LIMIT: Duration = Duration::from_secs(5);
/// Time limit for a connection.
const VISIT_LIMIT: Duration = Duration::from_secs(10);
/// Time limit for pending answers after the end.
const GOODBYE_LIMIT: Duration = Duration::from_millis(500);
/// Longest header that is answered, in bytes. Browsers also send the cookies of every other program on localhost, up to
/// 180 of them.
const LONGEST_HEADER: usize = 256 * 1024;
/// Most bytes read of a header, enough to answer that it is too long.
const LARGEST_HEADER: usize = 384 * 1024;
/// The path in the address bar after the answer, in place of the code.
pub const DONE_PATH: &str = "/done";

/// The verdict on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The answer that the attempt waits for.
    Accepted,
    /// The same answer again, or [`DONE_PATH`] loaded again.
    Again(Stage),
    /// It is ignored, and the attempt goes on.
    Ignored(Ignored),
}

/// The stage of an attempt after its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The user has not decided yet.
    Answered,
    /// The account is linked.
    Linked,
    /// Nothing was linked.
    NotLinked,
}

/// Decides what a request means. Called from several tasks at once.
pub trait CallbackHandler: Send + Sync + 'static {
    /// Judges one request.
    fn judge(&self, request: &CallbackRequest<'_>) -> Answer;
}

/// The bound sockets of a registered redirect URI.
#[derive(Debug)]
pub struct Bound {
    /// The redirect URI, as registered.
    pub uri: String,
    pub port: u16,
    listeners: Vec<TcpListener>,
}

/// Binds the first redirect URI whose every loopback address is free.
///
/// # Errors
/// The ports tried, when none is free.
pub async fn bind(uris: &[String]) -> Result<Bound, Vec<u16>> {
    let mut tried = Vec::new();
    for uri in uris {
        let Some((port, addresses)) = addresses(uri) else { continue };
        match listen(&addresses).await {
            Ok(listeners) => return Ok(Bound { uri: uri.clone(), port, listeners }),
            Err(error) => {
                tracing::info!(port, "cannot listen for the redirect: {error}");
                tried.push(port);
            }
        }
    }
    Err(tried)
}

/// Serves until stopped; the sockets are closed before the task ends.
pub fn serve(bound: Bound, judge: Arc<dyn CallbackHandler>, stop: CancellationToken) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut visitors = Visitors::default();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = accept(&bound.listeners) => accepted,
            };
            match accepted {
                Ok(stream) => {
                    visitors.admit(stream, &judge);
                    // Let this connection be read before more of them could push it out.
                    tokio::task::yield_now().await;
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection to the redirect port: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(bound);
        visitors.say_goodbye().await;
    })
}

/// The loopback addresses that a redirect URI may be answered on.
#[expect(clippy::wildcard_enum_match_arm, reason = "a host that is not loopback has none")]
fn addresses(uri: &str) -> Option<(u16, Vec<SocketAddr>)> {
    let url = Url::parse(uri).ok()?;
    let port = url.port_or_known_default()?;
    let ips: Vec<IpAddr> = match url.host()? {
        // Both, because another program on the other address would receive the code.
        Host::Domain("localhost") => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        Host::Ipv4(ip) if ip.is_loopback() => vec![ip.into()],
        Host::Ipv6(ip) if ip.is_loopback() => vec![ip.into()],
        _ => return None,
    };
    Some((port, ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect()))
}

/// Listens on every address. One may be missing only if the machine lacks that address family.
async fn listen(addresses: &[SocketAddr]) -> std::io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in addresses {
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(error) if address.is_ipv6() && !listeners.is_empty() && !has_family(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(listeners)
}

/// False when the error says that the machine lacks this address family.
fn has_family(error: &std::io::Error) -> bool {
    #[cfg(unix)]
    let unsupported = error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error());
    #[cfg(not(unix))]
    let unsupported = error.kind() == ErrorKind::Unsupported;
    !(unsupported || error.kind() == ErrorKind::AddrNotAvailable)
}

async fn accept(listeners: &[TcpListener]) -> std::io::Result<TcpStream> {
    std::future::poll_fn(|cx| {
        for listener in listeners {
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                return Poll::Ready(accepted.map(|(stream, _)| stream));
            }
        }
        Poll::Pending
    })
    .await
}

/// The open connections, oldest first.
#[derive(Default)]
struct Visitors(VecDeque<Visitor>);

struct Visitor {
    task: JoinHandle<()>,
    heard: Arc<AtomicBool>,
}

impl Visitors {
    fn admit(&mut self, stream: TcpStream, judge: &Arc<dyn CallbackHandler>) {
        self.0.retain(|visitor| !visitor.task.is_finished());
        if self.0.len() >= MOST_CONNECTIONS {
            let silent = self.0.iter().position(|visitor| !visitor.heard.load(Ordering::Acquire));
            match silent.and_then(|at| self.0.remove(at)) {
                Some(visitor) => visitor.task.abort(),
                // All connections are being answered, which takes no time.
                None => return,
            }
        }
        let heard = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(converse(stream, Arc::clone(judge), Arc::clone(&heard)));
        self.0.push_back(Visitor { task, heard });
    }

    /// Lets pending answers be written, and closes all other connections.
    async fn say_goodbye(self) {
        let deadline = tokio::time::Instant::now() + GOODBYE_LIMIT;
        for mut visitor in self.0 {
            let heard = visitor.heard.load(Ordering::Acquire);
            if !heard || tokio::time::timeout_at(deadline, &mut visitor.task).await.is_err() {
                visitor.task.abort();
            }
        }
    }
}

async fn converse(stream: TcpStream, judge: Arc<dyn CallbackHandler>, heard: Arc<AtomicBool>) {
    let service = service_fn(move |request: Request<Incoming>| {
        heard.store(true, Ordering::Release);
        let response = respond(judge.as_ref(), &request);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .max_buf_size(LARGEST_HEADER)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Errors of a single connection do not matter.
    drop(tokio::time::timeout(VISIT_LIMIT, connection).await);
}

fn respond(judge: &dyn CallbackHandler, request: &Request<Incoming>) -> Response {
    let target = request.uri();
    if target.path_and_query().is_some_and(|target| target.as_str().len() > LONGEST_TARGET) {
        return pages::too_long();
    }
    let headers = request.headers();
    let long: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if long > LONGEST_HEADER {
        return pages::long_header();
    }
    let asked = CallbackRequest {
        method: request.method().as_str(),
        // A target with a host is for proxies.
        host: if target.authority().is_some() { None } else { only_host(headers) },
        path: target.path(),
        query: target.query(),
        sec_fetch_dest: fetch_dest(headers),
    };
    pages::page(judge.judge(&asked))
}

/// The `Host` header, if there is exactly one.
fn only_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        _ => None,
    }
}

/// The value of `Sec-Fetch-Dest`; of several, the first that is not `document`.
fn fetch_dest(headers: &HeaderMap) -> Option<&str> {
    let mut seen = None;
    for value in headers.get_all("sec-fetch-dest") {
        let text = value.to_str().unwrap_or("");
        if text != "document" {
            return Some(text);
        }
        seen = Some(text);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_means_both_families_and_nothing_means_a_wildcard() {
        let ips = |uri: &str| addresses(uri).map(|(_, list)| list.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(ips("http://localhost:7/cb").unwrap(), ["127.0.0.1:7", "[::1]:7"]);
        assert_eq!(ips("http://127.0.0.1:7/cb").unwrap(), ["127.0.0.1:7"]);
        assert_eq!(ips("http://[::1]:7/cb").unwrap(), ["[::1]:7"]);
        for uri in
            ["http://0.0.0.0:7/cb", "http://[::]:7/cb", "http://example.com:7/cb", "http://192.168.1.2:7/cb", "x"]
        {
            assert_eq!(ips(uri), None, "{uri}");
        }
    }

    #[test]
    fn a_second_host_or_destination_is_never_overlooked() {
        let mut headers = HeaderMap::new();
        assert_eq!((only_host(&headers), fetch_dest(&headers)), (None, None));
        headers.append(HOST, "localhost:7".parse().unwrap());
        headers.append("sec-fetch-dest", "document".parse().unwrap());
        assert_eq!((only_host(&headers), fetch_dest(&headers)), (Some("localhost:7"), Some("document")));
        headers.append(HOST, "localhost:7".parse().unwrap());
        headers.append("sec-fetch-dest", "iframe".parse().unwrap());
        assert_eq!((only_host(&headers), fetch_dest(&headers)), (None, Some("iframe")));
    }
}
