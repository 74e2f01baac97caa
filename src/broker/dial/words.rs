//! Sentences and hints for failed connections.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Intercept;
use rustls::ClientConfig;
use url::Url;

use super::{Route, Way, name};
use crate::domain::Untrusted;

/// The reason of a SOCKS proxy whose rules forbid the connection.
const NOT_ALLOWED: &str = "connection not allowed";
/// The advice when nothing answers at a proxy's address.
const RUNS: &str = "check its host and port, and that it is running";
const UNTRUSTED: &str = "the certificate's issuer is not trusted on this machine";

/// The hint for a failure worded by this file; it agrees with any advice in the sentence itself.
pub fn hint(said: &str) -> &'static str {
    let is_of_proxy = |refusal: &Refusal| said.contains(&refusal.to_string());
    let refusals = [
        Refusal::Credentials { given: false },
        Refusal::Credentials { given: true },
        Refusal::Login,
        Refusal::NoLogin,
        Refusal::Status(None),
        Refusal::Nonsense,
        Refusal::NoSocks,
        Refusal::Identity,
        Refusal::NoIpv6,
        Refusal::Silent,
        Refusal::Name,
        Refusal::Unreachable,
    ];
    if said.contains(UNTRUSTED) {
        "get the issuer's PEM file from whoever runs the network or the broker, for SSL_CERT_FILE or ca_file"
    } else if refusals.iter().any(is_of_proxy) {
        "correct the proxy (HTTPS_PROXY, ALL_PROXY), or add the host to NO_PROXY if it can be reached directly"
    } else {
        "check the network, and HTTPS_PROXY or ALL_PROXY if a proxy is required"
    }
}

/// How a proxy failed to open a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It requires credentials (status 407); `given` says whether any were sent.
    Credentials { given: bool },
    /// It refused with this status; `None` when the status is unknown.
    Status(Option<u16>),
    /// It does not accept the credentials that were sent; of a SOCKS proxy.
    Login,
    /// Credentials were offered, and it takes none; of a SOCKS proxy.
    NoLogin,
    /// It refused for this reason; of a SOCKS proxy.
    Declined(&'static str),
    /// Its response is invalid.
    Nonsense,
    /// Its response is not SOCKS, or there was none.
    NoSocks,
    /// It requires a user id, which the library cannot send with SOCKS 4.
    Identity,
    /// The peer has an IPv6 address, which SOCKS 4 cannot name.
    NoIpv6,
    /// No connection to it can be opened.
    Unreachable,
    /// It did not complete its response in time.
    Silent,
    /// Its scheme leaves host names to this machine, which cannot resolve the peer's.
    Name,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials { given: false } => f.write_str(
                "it wants a user name and a password; write them into its address, as user:password@host:port",
            ),
            Self::Login => f.write_str("it does not accept the user name and password of its address"),
            Self::NoLogin => f.write_str("it takes no user name and password; remove them from its address"),
            Self::Declined(reason) => write!(f, "it does not open a tunnel ({reason})"),
            Self::NoSocks => f.write_str("it does not answer like a SOCKS proxy of this version"),
            Self::Identity => f.write_str("it wants to know the user, which cannot be sent with SOCKS 4"),
            Self::NoIpv6 => f.write_str("SOCKS 4 reaches no IPv6 address"),
            Self::Unreachable => f.write_str("it cannot be reached"),
            Self::Credentials { given: true } => {
                f.write_str("it does not accept the user name and password of its address (basic authentication)")
            }
            Self::Status(Some(status)) => write!(f, "it does not open a tunnel (status {status})"),
            Self::Status(None) => f.write_str("it does not open a tunnel"),
            Self::Nonsense => f.write_str("its answer to CONNECT is malformed"),
            Self::Silent => f.write_str("it does not open a tunnel in time"),
            Self::Name => f.write_str("this machine cannot resolve the host name, as this kind of proxy needs"),
        }
    }
}

impl Refusal {
    /// The sentence for a refused tunnel to this address, with advice.
    pub(super) fn to(self, url: &Url) -> Untrusted {
        let host = url.host_str().unwrap_or_default();
        match self {
            // Probably a captive portal.
            Self::Status(Some(200..400 | 511)) => {
                format!("{self}; if this network asks you to sign in, do that in a browser first")
            }
            Self::Declined(NOT_ALLOWED) => format!("{self}; ask whoever runs it to let {host} through"),
            Self::Status(Some(429 | 500..)) | Self::Silent | Self::Declined(_) => {
                format!("{self}; it is down or cannot reach {host}: try again later, or ask whoever runs it")
            }
            Self::Status(Some(_)) => format!("{self}; ask whoever runs it to let {host} through"),
            // The HTTP client does not report the status, or whether the response was HTTP.
            Self::Status(None) => {
                format!("{self}; check that it is a working HTTP proxy and lets {host} through")
            }
            Self::Name => {
                format!("{self}; write socks5h:// or socks4a:// in its address, so that the proxy resolves {host}")
            }
            Self::NoSocks => format!("{self}; check the scheme and the port of its address"),
            Self::Identity => format!("{self}; write socks5h:// in its address if it offers SOCKS 5"),
            Self::NoIpv6 => {
                format!("{self} ({host}); write socks5h:// in its address if it offers SOCKS 5, or use a host name")
            }
            Self::Unreachable => format!("{self}; {RUNS}"),
            Self::Credentials { .. } | Self::Login | Self::NoLogin | Self::Nonsense => self.to_string(),
        }
        .into()
    }

    /// The refusal that an error text of the HTTP client or SOCKS connector means; they do not pass the proxy's response
    /// on.
    pub(super) fn of(text: &str, proxy: &Intercept) -> Option<Self> {
        if let Some(refusal) = Self::of_socks(text, proxy) {
            Some(refusal)
        } else if text.contains("proxy authorization required") {
            Some(Self::Credentials { given: proxy.basic_auth().is_some() })
        } else if text.contains("tunnel error: unsuccessful") {
            Some(Self::Status(None))
        } else if text.contains("proxy response headers too long") || text.contains("tunnel error: unexpected end") {
            Some(Self::Nonsense)
        } else if text.contains("error resolving for socks proxy") {
            Some(Self::Name)
        } else if text.contains("operation timed out") {
            Some(Self::Silent)
        } else if text.contains("tcp connect error") || text.contains("dns error") {
            Some(Self::Unreachable)
        } else {
            None
        }
    }

    fn of_socks(text: &str, proxy: &Intercept) -> Option<Self> {
        const REASONS: [&str; 9] = [
            NOT_ALLOWED,
            "general server failure",
            "network unreachable",
            "host unreachable",
            "connection refused",
            "ttl expired",
            "command not supported",
            "address type not supported",
            "server failed to execute command",
        ];
        let (_, said) = text.rsplit_once("SOCKS error: ")?;
        let refusal = match said {
            "server does not support user/pass authentication" if proxy.raw_auth().is_some() => Self::NoLogin,
            // The connector says this whenever a method is refused, even if it offered no password.
            "server does not support user/pass authentication" => Self::Credentials { given: false },
            "credentials not accepted" => Self::Login,
            "failed parsing server response"
            | "server implements authentication incorrectly"
            | "io error during SOCKS handshake" => Self::NoSocks,
            "server ident service failed" | "server ident service did not recognise client identifier" => {
                Self::Identity
            }
            "IPV6 is not supported" => Self::NoIpv6,
            "failed to create underlying connection" => Self::Unreachable,
            _ => Self::Declined(REASONS.into_iter().find(|reason| *reason == said)?),
        };
        Some(refusal)
    }
}

/// One sentence on why a request to this address failed, prefixed with `doing`. It names the proxy when that may be the
/// cause, and contains no address.
pub fn failure(url: &Url, doing: &str, error: reqwest::Error) -> Untrusted {
    let connecting = error.is_connect();
    #[expect(clippy::disallowed_methods, reason = "this file turns these errors into text")]
    let error = error.without_url();
    match Route::to(url).0 {
        Way::Proxy(proxy) if connecting => through(&proxy, url, doing, &error),
        Way::Proxy(_) | Way::Direct | Way::Nowhere(_) => chain(doing, &error),
    }
}

/// [`failure`] for a request without a response. The HTTP client does not pass on the status of a proxy's refusal, on
/// which the advice depends, or why a SOCKS proxy cannot be reached; in these cases the tunnel is tried once more, as for
/// a stream.
pub async fn unsent(url: &Url, tls: &ClientConfig, doing: &str, error: reqwest::Error) -> Untrusted {
    match Route::to(url).0 {
        Way::Proxy(proxy) if error.is_connect() => {
            #[expect(clippy::disallowed_methods, reason = "this file turns these errors into text")]
            let error = error.without_url();
            asked(&proxy, url, tls, doing, &error).await
        }
        Way::Proxy(_) | Way::Direct | Way::Nowhere(_) => failure(url, doing, error),
    }
}

/// [`unsent`] for a connection through a proxy.
pub(super) async fn asked(
    proxy: &Intercept,
    url: &Url,
    tls: &ClientConfig,
    doing: &str,
    error: &(impl Error + Sync),
) -> Untrusted {
    if matches!(Refusal::of(&raw(error), proxy), Some(Refusal::Status(None) | Refusal::Unreachable)) {
        let route = Route(Way::Proxy(proxy.clone()));
        if let Err(said) = super::through(&route, url, &Arc::new(tls.clone())).await {
            return after(doing, &said.to_string());
        }
    }
    through(proxy, url, doing, error)
}

/// The sentence for a proxy to which this error prevents a connection.
pub(super) fn unreachable(error: &std::io::Error) -> Untrusted {
    format!("{} ({}); {RUNS}", Refusal::Unreachable, chain("", error)).into()
}

/// A failure on the route to this address, naming the proxy if there is one.
pub fn along(url: &Url, what: &str) -> Untrusted {
    match Route::to(url).0 {
        Way::Proxy(proxy) => format!("through {}: {what}", name(&proxy)).into(),
        Way::Direct | Way::Nowhere(_) => what.into(),
    }
}

/// [`failure`] for a connection through a proxy.
pub(super) fn through(proxy: &Intercept, url: &Url, doing: &str, error: &dyn Error) -> Untrusted {
    let place = name(proxy);
    match Refusal::of(&raw(error), proxy) {
        Some(refusal) => after(doing, &format!("{place}: {}", refusal.to(url))),
        None if doing.is_empty() => chain(&format!("through {place}"), error),
        None => chain(&format!("{doing} through {place}"), error),
    }
}

/// An error and its causes as one sentence, prefixed with `doing`, with advice where there is some. For errors of HTTP
/// requests use [`failure`].
pub fn chain(doing: &str, error: &dyn Error) -> Untrusted {
    // The advice replaces the chain, so that truncation does not cut it off.
    if raw(error).contains("UnknownIssuer") {
        let hint = "add the authority of your company or broker to the system's store, or name its PEM file with \
                    SSL_CERT_FILE or ca_file";
        return after(doing, &format!("{UNTRUSTED}; {hint}"));
    }
    let mut text = String::new();
    for said in causes(error) {
        let words = plain(&said);
        if !words.is_empty() && !text.contains(&words) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&words);
        }
    }
    after(doing, if text.is_empty() { "it failed" } else { &text })
}

fn after(doing: &str, what: &str) -> Untrusted {
    if doing.is_empty() { what.into() } else { format!("{doing}: {what}").into() }
}

/// The messages of an error and its causes, outermost first.
fn causes(error: &dyn Error) -> Vec<String> {
    let mut said = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        said.push(cause.to_string());
        source = cause.source();
    }
    said
}

/// The full text of an error and its causes.
fn raw(error: &dyn Error) -> String {
    causes(error).join(": ")
}

/// A library's message without the parts for programmers: layers, names, links to a manual.
fn plain(words: &str) -> String {
    let mut words = words;
    for layer in [
        "error sending request",
        "client error (Connect)",
        "client error (SendRequest)",
        "IO error",
        "tunnel error",
        "io error establishing tunnel",
    ] {
        words = words.strip_prefix(layer).map_or(words, |rest| rest.strip_prefix(": ").unwrap_or(rest));
    }
    let words =
        words.find("http://").or_else(|| words.find("https://")).and_then(|at| words.get(..at)).unwrap_or(words);
    let words = words.trim_end_matches([' ', ':', '(']);
    if words.contains("close_notify") {
        "the other side closed the connection".to_owned()
    } else if words.contains("InvalidContentType") {
        "the server there does not speak TLS".to_owned()
    } else {
        words.to_owned()
    }
}
