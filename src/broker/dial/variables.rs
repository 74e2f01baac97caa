//! The variables that name a proxy, and what is wrong with one that names none.

use std::ffi::{OsStr, OsString};
use std::fmt;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// The variables that name a proxy for what leaves this machine, in the order they are looked at. Plain HTTP never
/// leaves it, so `HTTP_PROXY` is not among them.
const VARIABLES: [[&str; 2]; 2] = [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]];
/// The kinds of proxies.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
/// What helps.
pub const CURE: &str = "write it like http://user:password@host:port, or unset it";

/// A variable that names no proxy although it is the one that counts. What it holds may be a password and is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unusable {
    variable: &'static str,
    why: &'static str,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} names no usable proxy: {}", self.variable, self.why)
    }
}

/// The variable that counts, when it names no proxy.
pub(super) fn unusable(read: impl Fn(&str) -> Option<OsString>) -> Option<Unusable> {
    let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| read(name).map(|value| (name, value)));
    let (variable, value) = VARIABLES.into_iter().filter_map(first).find(|(_, value)| !value.is_empty())?;
    fault(&value).map(|why| Unusable { variable, why })
}

fn fault(value: &OsStr) -> Option<&'static str> {
    let Some(text) = value.to_str() else { return Some("it is no text") };
    if let Some((scheme, _)) = text.split_once("://")
        && !SCHEMES.contains(&scheme.to_ascii_lowercase().as_str())
    {
        return Some("it is neither http, https, socks4, socks4a, socks5 nor socks5h");
    }
    let matcher = Matcher::builder().all(text.to_owned()).build();
    let Some(proxy) = matcher.intercept(&Uri::from_static("https://example.com/")) else {
        return Some("it is no address");
    };
    let host = proxy.uri().host().unwrap_or_default();
    let port = proxy.uri().authority().and_then(|authority| authority.as_str().strip_prefix(host)).unwrap_or_default();
    if host.trim_matches(['[', ']']).is_empty() {
        Some("it has no host")
    } else if !port.trim_start_matches(':').is_empty() && proxy.uri().port_u16().is_none_or(|port| port == 0) {
        Some("its port is not between 1 and 65535")
    } else if text.contains('@') && proxy.basic_auth().is_none() && proxy.raw_auth().is_none() {
        Some("a character of its user name or password needs percent-encoding")
    } else {
        None
    }
}
