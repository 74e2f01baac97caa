//! Outgoing connections: direct, or through the proxy that the environment names.
//!
//! Owns the policy of all HTTP clients and opens all other sockets, so that REST, websocket and event stream take the
//! same route. A proxy's credentials are sent only to the proxy and appear nowhere else.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::Uri;
use hyper::service::Service;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV4, SocksV5};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::service::TowerToHyperService;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use self::variables::Policy;
pub use self::variables::{CURE, Unusable};
use self::words::Refusal;
pub use self::words::{along, chain, failure, hint, unsent};
use crate::config::is_loopback;
use crate::domain::Untrusted;

/// The longest response to `CONNECT` read, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024;

/// The timeout for opening a tunnel, and the connect timeout of every HTTP client: only a connection that is given up
/// before the request times out can be blamed on the proxy.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// The route to an address.
#[derive(Clone)]
enum Way {
    Direct,
    Proxy(Intercept),
    /// No route: the named proxy is unusable, and a direct connection would bypass it.
    Nowhere(Unusable),
}

/// The route to an address.
#[derive(Clone)]
pub struct Route(Way);

impl Route {
    /// The route to this address by the process's variables `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`. Loopback is
    /// never reached through a proxy.
    pub fn to(url: &Url) -> Self {
        static OF_PROCESS: OnceLock<Policy> = OnceLock::new();
        Self::by(OF_PROCESS.get_or_init(|| Policy::read(|name| std::env::var_os(name))), url)
    }

    fn by(policy: &Policy, url: &Url) -> Self {
        if is_loopback(url) || policy.exempt.covers(url) {
            return Self(Way::Direct);
        }
        Self(match (&policy.proxy, policy.unusable) {
            (_, Some(unusable)) => Way::Nowhere(unusable),
            (Some(proxy), None) => Way::Proxy(proxy.clone()),
            (None, None) => Way::Direct,
        })
    }

    /// Why there is no route.
    pub const fn unusable(&self) -> Option<Unusable> {
        match self.0 {
            Way::Nowhere(unusable) => Some(unusable),
            Way::Direct | Way::Proxy(_) => None,
        }
    }
}

/// The variable in effect, when it does not name a usable proxy.
pub fn unusable_variable() -> Option<Unusable> {
    Policy::read(|name| std::env::var_os(name)).unusable
}

/// The entries of `NO_PROXY` that cannot be understood; empty without a proxy.
pub fn meaningless_exemptions() -> Vec<String> {
    let policy = Policy::read(|name| std::env::var_os(name));
    if policy.proxy.is_some() { policy.exempt.meaningless } else { Vec::new() }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Way::Direct => f.write_str("directly"),
            Way::Proxy(proxy) => write!(f, "through {}", name(proxy)),
            Way::Nowhere(unusable) => write!(f, "nowhere, because {unusable}"),
        }
    }
}

/// Without the proxy's credentials.
impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({self})")
    }
}

/// The policy of all HTTP clients: no redirects, no retries, TLS except on loopback, and the environment's proxy.
///
/// # Errors
/// A sentence, when the address is neither `https` nor loopback, or when its proxy is unusable.
pub fn http(url: &Url, tls: &ClientConfig) -> Result<reqwest::ClientBuilder, Untrusted> {
    http_by(Route::to(url), url, tls)
}

fn http_by(route: Route, url: &Url, tls: &ClientConfig) -> Result<reqwest::ClientBuilder, Untrusted> {
    let loopback = is_loopback(url);
    if url.scheme() != "https" && !(loopback && url.scheme() == "http") {
        return Err("the address is neither https nor loopback".into());
    }
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .https_only(!loopback)
        .connect_timeout(HANDSHAKE)
        .user_agent(concat!("brokerdeck/", env!("CARGO_PKG_VERSION")));
    // Set either way, because the library would read the variables by its own rules.
    match route.0 {
        Way::Direct => Ok(builder.no_proxy()),
        Way::Proxy(proxy) => Ok(builder.proxy(for_http(&proxy, url)?)),
        Way::Nowhere(unusable) => Err(nowhere(unusable)),
    }
}

/// The proxy in the HTTP client's type, for requests to this address.
fn for_http(proxy: &Intercept, url: &Url) -> Result<reqwest::Proxy, Untrusted> {
    let unusable = || Untrusted::from(format!("{}: its address cannot be used", name(proxy)));
    let scheme = match proxy.uri().scheme_str().unwrap_or("http") {
        // The client would look up an IPv6 address as if it were a name, and with these schemes sends it as it is.
        "socks4" if is_literal(url) => "socks4a",
        "socks5" if is_literal(url) => "socks5h",
        scheme => scheme,
    };
    let mut address = Url::parse(&format!("{scheme}://{}", authority_of(proxy))).map_err(|_| unusable())?;
    if let Some((user, password)) = proxy.raw_auth() {
        address.set_username(user).map_err(|()| unusable())?;
        address.set_password(Some(password)).map_err(|()| unusable())?;
    }
    let made = reqwest::Proxy::all(address).map_err(|_| unusable())?;
    Ok(match proxy.basic_auth() {
        Some(credentials) => made.custom_http_auth(credentials.clone()),
        None => made,
    })
}

/// A byte stream to a peer, direct or tunneled.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens a connection to the address's host and port, without TLS to the peer.
///
/// # Errors
/// A sentence, which names the proxy when the proxy caused the failure.
pub async fn open(url: &Url, tls: &Arc<ClientConfig>) -> Result<Box<dyn Io>, Untrusted> {
    through(&Route::to(url), url, tls).await
}

async fn through(route: &Route, url: &Url, tls: &Arc<ClientConfig>) -> Result<Box<dyn Io>, Untrusted> {
    let proxy = match &route.0 {
        Way::Proxy(proxy) => proxy,
        Way::Direct => {
            let direct = connect(&authority(url)).await;
            return direct.map(|socket| Box::new(socket) as Box<dyn Io>).map_err(|error| chain("", &error));
        }
        Way::Nowhere(unusable) => return Err(nowhere(*unusable)),
    };
    let failed = |what: Untrusted| Untrusted::from(format!("{}: {what}", name(proxy)));
    let opened = tokio::time::timeout(HANDSHAKE, shake_hands(proxy, url, tls)).await;
    opened.unwrap_or_else(|_| Err(Refusal::Silent.to(url))).map_err(failed)
}

/// Connects to the proxy and opens a tunnel.
async fn shake_hands(proxy: &Intercept, url: &Url, tls: &Arc<ClientConfig>) -> Result<Box<dyn Io>, Untrusted> {
    let socket = async || connect(&authority_of(proxy)).await.map_err(|error| words::unreachable(&error));
    match proxy.uri().scheme_str() {
        Some("https") => {
            let host = proxy.uri().host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let host = ServerName::try_from(host).map_err(|error| chain("", &error))?;
            let socket = TlsConnector::from(Arc::clone(tls)).connect(host, socket().await?).await;
            tunnel(socket.map_err(|error| chain("", &error))?, url, proxy).await
        }
        Some("http") => tunnel(socket().await?, url, proxy).await,
        _ => socks(url, proxy).await,
    }
}

fn nowhere(unusable: Unusable) -> Untrusted {
    format!("{unusable}; {CURE}").into()
}

async fn connect(authority: &str) -> std::io::Result<TcpStream> {
    let socket = TcpStream::connect(authority).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Opens a tunnel through an HTTP proxy.
async fn tunnel(mut socket: impl Io + 'static, url: &Url, proxy: &Intercept) -> Result<Box<dyn Io>, Untrusted> {
    let target = authority(url);
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    request.extend_from_slice(concat!("User-Agent: brokerdeck/", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes());
    if let Some(credentials) = proxy.basic_auth() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(credentials.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    socket.write_all(&request).await.map_err(|error| chain("", &error))?;
    let mut answer = Vec::new();
    // No byte of the peer is consumed here, because it sends nothing before the client does. A refusing proxy may send
    // a body, which is ignored.
    while !answer.windows(4).any(|part| part == b"\r\n\r\n") {
        let before = answer.len();
        let read = (&mut socket).take(1024).read_buf(&mut answer).await.map_err(|error| chain("", &error))?;
        if read == 0 || before + read > LONGEST_ANSWER {
            return Err(Refusal::Nonsense.to(url));
        }
    }
    let head = String::from_utf8_lossy(&answer);
    let line = head.lines().next().unwrap_or_default();
    match line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)) {
        Some(status) if status.starts_with('2') => Ok(Box::new(socket)),
        Some("407") => Err(Refusal::Credentials { given: proxy.basic_auth().is_some() }.to(url)),
        Some(status) => Err(status.parse().map_or(Refusal::Nonsense, |status| Refusal::Status(Some(status))).to(url)),
        None => Err(Refusal::Nonsense.to(url)),
    }
}

/// Opens a tunnel through a SOCKS proxy.
async fn socks(url: &Url, proxy: &Intercept) -> Result<Box<dyn Io>, Untrusted> {
    let unusable = |_| Untrusted::from("the address cannot be sent to it");
    let target = match proxy.uri().scheme_str() {
        Some("socks4" | "socks5") if is_literal(url) => authority(url),
        Some(scheme @ ("socks4" | "socks5")) => resolved(url, scheme).await?,
        _ => authority(url),
    };
    let target = Uri::builder().scheme("https").authority(target).path_and_query("/").build();
    let target = target.map_err(unusable)?;
    // The connector uses only the proxy's host and port.
    let place = Uri::builder().scheme("http").authority(authority_of(proxy)).path_and_query("/").build();
    let place = place.map_err(unusable)?;
    let mut plain = HttpConnector::new();
    plain.set_nodelay(true);
    let opened = if matches!(proxy.uri().scheme_str(), Some("socks4" | "socks4a")) {
        let connector = SocksV4::new(place, plain);
        TowerToHyperService::new(connector).call(target).await
    } else {
        let mut connector = SocksV5::new(place, plain);
        if let Some((user, password)) = proxy.raw_auth() {
            connector = connector.with_auth(user.to_owned(), password.to_owned());
        }
        TowerToHyperService::new(connector).call(target).await
    };
    let error = match opened {
        Ok(socket) => return Ok(Box::new(socket.into_inner())),
        Err(error) => error,
    };
    match Refusal::of(&error.to_string(), proxy) {
        // The connector does not pass the reason on.
        Some(refusal @ Refusal::Unreachable) => {
            let again = connect(&authority_of(proxy)).await;
            Err(again.map_or_else(|error| words::unreachable(&error), |_| refusal.to(url)))
        }
        Some(refusal) => Err(refusal.to(url)),
        None => Err(chain("", &error)),
    }
}

/// Whether the host is an address and not a name, so that no name has to be resolved.
fn is_literal(url: &Url) -> bool {
    matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)))
}

/// The address of a peer whose name this machine resolves; SOCKS 4 has no IPv6. The connector's own lookup blocks the
/// thread, and its error does not say that a lookup failed.
async fn resolved(url: &Url, scheme: &str) -> Result<String, Untrusted> {
    let place = authority(url);
    let mut found = tokio::net::lookup_host(place.as_str()).await.map_err(|_| Refusal::Name.to(url))?;
    let usable = found.find(|address| scheme == "socks5" || address.is_ipv4());
    usable.map(|address| address.to_string()).ok_or_else(|| Refusal::Name.to(url))
}

/// Host and port of an address, always with a port.
fn authority(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(443);
    format!("{}:{port}", url.host_str().unwrap_or_default())
}

fn authority_of(proxy: &Intercept) -> String {
    let uri = proxy.uri();
    let known = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => 1080,
    };
    format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(known))
}

/// The proxy's name, without its credentials.
fn name(proxy: &Intercept) -> String {
    let scheme = proxy.uri().scheme_str().unwrap_or("http");
    format!("the proxy {scheme}://{}", authority_of(proxy))
}

mod variables;
mod words;

#[cfg(test)]
mod tests;
