//! How connections leave this machine: directly, or through the proxy that the environment names.
//!
//! Owns the one policy of every HTTP client and the opening of every other socket, so that REST, websocket and event
//! stream go the same way. A proxy's credentials are sent to the proxy and stand nowhere else.

use std::fmt;
use std::sync::{Arc, OnceLock};

use hyper::Uri;
use hyper::service::Service;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV4, SocksV5};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::service::TowerToHyperService;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

pub use self::variables::{CURE, Unusable};
use crate::config::is_loopback;
use crate::domain::Untrusted;

/// The longest answer to `CONNECT` that is read, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024;
/// What a proxy wants that answers 407.
const WANTS_CREDENTIALS: &str =
    "it wants a user name and a password; write them into its address, http://user:password@host:port";

/// The way to an address.
#[derive(Clone)]
enum Way {
    Direct,
    Proxy(Intercept),
    /// Through a proxy that nothing can be done with: nowhere, for what should not go directly must not.
    Nowhere(Unusable),
}

/// The way to an address.
#[derive(Clone)]
pub struct Route(Way);

/// What the variables say: the HTTP client reads them by the same code.
struct Policy {
    matcher: Matcher,
    /// What is left to a proxy, if there were one.
    left: Matcher,
    unusable: Option<Unusable>,
}

impl Route {
    /// The way to this address by the variables of the process: `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`. This machine is
    /// never reached through a proxy.
    pub fn to(url: &Url) -> Self {
        static OF_PROCESS: OnceLock<Policy> = OnceLock::new();
        let policy = OF_PROCESS.get_or_init(|| {
            let no = ["NO_PROXY", "no_proxy"].into_iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
            Policy {
                matcher: Matcher::from_system(),
                left: Matcher::builder().all("http://proxy".to_owned()).no(no).build(),
                unusable: variables::unusable(|name| std::env::var_os(name)),
            }
        });
        Self::by(policy, url)
    }

    fn by(policy: &Policy, url: &Url) -> Self {
        if is_loopback(url) {
            return Self(Way::Direct);
        }
        // A websocket's address is that of the HTTP request it begins with.
        let scheme = if matches!(url.scheme(), "https" | "wss") { "https" } else { "http" };
        let Ok(target) = Uri::builder().scheme(scheme).authority(authority(url)).path_and_query("/").build() else {
            return Self(Way::Direct);
        };
        match policy.unusable {
            Some(unusable) if policy.left.intercept(&target).is_some() => Self(Way::Nowhere(unusable)),
            _ => Self(policy.matcher.intercept(&target).map_or(Way::Direct, Way::Proxy)),
        }
    }

    /// Why this leads nowhere.
    pub const fn unusable(&self) -> Option<Unusable> {
        match self.0 {
            Way::Nowhere(unusable) => Some(unusable),
            Way::Direct | Way::Proxy(_) => None,
        }
    }
}

/// The variable that counts, when it names no proxy.
pub fn unusable_variable() -> Option<Unusable> {
    variables::unusable(|name| std::env::var_os(name))
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Way::Direct => f.write_str("directly"),
            Way::Proxy(proxy) => write!(f, "through {}", name(proxy)),
            Way::Nowhere(unusable) => write!(f, "not at all, because {unusable}"),
        }
    }
}

/// Redacted: what a proxy is told may be secret.
impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({self})")
    }
}

/// What every HTTP client has in common: no redirect is followed, nothing is sent twice, and only loopback is reached
/// without TLS, or without the proxy of the environment.
///
/// # Errors
/// A sentence, when the address is neither `https` nor loopback, and when the way to it is through no usable proxy.
pub fn http(url: &Url, tls: &ClientConfig) -> Result<reqwest::ClientBuilder, Untrusted> {
    let loopback = is_loopback(url);
    if url.scheme() != "https" && !(loopback && url.scheme() == "http") {
        return Err("the address is neither https nor loopback".into());
    }
    if let Some(unusable) = Route::to(url).unusable() {
        return Err(nowhere(unusable));
    }
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .http1_only()
        .https_only(!loopback)
        .user_agent(concat!("brokerdeck/", env!("CARGO_PKG_VERSION")));
    Ok(if loopback { builder.no_proxy() } else { builder })
}

/// A socket that carries bytes to its peer, whatever lies between.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens a connection to the address's host and port, without TLS of its own.
///
/// # Errors
/// A sentence that names the proxy when it was the proxy's fault.
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
    let opened: Result<Box<dyn Io>, Untrusted> = match proxy.uri().scheme_str() {
        Some("https") => {
            let socket = connect(&authority_of(proxy)).await.map_err(|error| failed(chain("", &error)))?;
            let host = proxy.uri().host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let host = ServerName::try_from(host).map_err(|error| failed(chain("", &error)))?;
            let socket = TlsConnector::from(Arc::clone(tls)).connect(host, socket).await;
            let socket = socket.map_err(|error| failed(chain("", &error)))?;
            tunnel(socket, url, proxy).await
        }
        Some("http") => {
            let socket = connect(&authority_of(proxy)).await.map_err(|error| failed(chain("", &error)))?;
            tunnel(socket, url, proxy).await
        }
        _ => socks(url, proxy).await,
    };
    opened.map_err(failed)
}

fn nowhere(unusable: Unusable) -> Untrusted {
    format!("{unusable}; {CURE}").into()
}

async fn connect(authority: &str) -> std::io::Result<TcpStream> {
    let socket = TcpStream::connect(authority).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Asks an HTTP proxy for a tunnel.
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
    // The peer behind a tunnel speaks only when spoken to, so nothing of it can be read here by mistake.
    while !answer.ends_with(b"\r\n\r\n") {
        let before = answer.len();
        let read = (&mut socket).take(1024).read_buf(&mut answer).await.map_err(|error| chain("", &error))?;
        if read == 0 || before + read > LONGEST_ANSWER {
            return Err("no answer to CONNECT that makes sense".into());
        }
    }
    let head = String::from_utf8_lossy(&answer);
    let line = head.lines().next().unwrap_or_default();
    match line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)) {
        Some(status) if status.starts_with('2') => Ok(Box::new(socket)),
        Some("407") if proxy.basic_auth().is_none() => Err(WANTS_CREDENTIALS.into()),
        Some("407") => Err("it does not accept the user name and password of its address".into()),
        Some(status) if status.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(format!("it refuses the connection (status {status})").into())
        }
        _ => Err("no answer to CONNECT that makes sense".into()),
    }
}

/// Asks a SOCKS proxy for a tunnel.
async fn socks(url: &Url, proxy: &Intercept) -> Result<Box<dyn Io>, Untrusted> {
    let unusable = |_| Untrusted::from("the address cannot be written for it");
    let target = Uri::builder().scheme("https").authority(authority(url)).path_and_query("/").build();
    let target = target.map_err(unusable)?;
    let local_names = matches!(proxy.uri().scheme_str(), Some("socks4" | "socks5"));
    // The connector knows the proxy by its host and port alone.
    let place = Uri::builder().scheme("http").authority(authority_of(proxy)).path_and_query("/").build();
    let place = place.map_err(unusable)?;
    let mut plain = HttpConnector::new();
    plain.set_nodelay(true);
    let socket = if matches!(proxy.uri().scheme_str(), Some("socks4" | "socks4a")) {
        let connector = SocksV4::new(place, plain).local_dns(local_names);
        TowerToHyperService::new(connector).call(target).await.map_err(|error| chain("", &error))?
    } else {
        let mut connector = SocksV5::new(place, plain).local_dns(local_names);
        if let Some((user, password)) = proxy.raw_auth() {
            connector = connector.with_auth(user.to_owned(), password.to_owned());
        }
        TowerToHyperService::new(connector).call(target).await.map_err(|error| chain("", &error))?
    };
    Ok(Box::new(socket.into_inner()))
}

/// Host and port of an address, the port always written.
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

/// The proxy without what it is told.
fn name(proxy: &Intercept) -> String {
    let scheme = proxy.uri().scheme_str().unwrap_or("http");
    format!("the proxy {scheme}://{}", authority_of(proxy))
}

/// An error and its causes as one sentence, after what was being done; with the cure where there is one. Its URL must have
/// been taken out.
pub fn chain(doing: &str, error: &dyn std::error::Error) -> Untrusted {
    let mut text = if doing.is_empty() { error.to_string() } else { format!("{doing}: {error}") };
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    // The cure takes the place of the chain: it must be whole wherever the sentence is cut.
    let cure = if text.contains("UnknownIssuer") {
        "nobody trusted here signed the certificate; add the authority of your company or broker to the system's store, \
         or name its PEM file with SSL_CERT_FILE or ca_file"
    } else if text.contains("proxy authorization required") {
        WANTS_CREDENTIALS
    } else {
        return text.into();
    };
    (if doing.is_empty() { cure.to_owned() } else { format!("{doing}: {cure}") }).into()
}

mod variables;

#[cfg(test)]
mod tests;
