//! The environment variables that name a proxy and its exemptions, and their errors.
//!
//! Invariant: no other variable has an effect. The library's own reading ignores every proxy when `REQUEST_METHOD` is
//! set, and supports fewer forms of `NO_PROXY`.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::IpAddr;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use url::{Host, Url};

/// The variables that name a proxy, in order of precedence. Plain HTTP is used on loopback only, so `HTTP_PROXY` is not
/// among them.
const VARIABLES: [[&str; 2]; 2] = [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]];
/// The schemes of supported proxies.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
/// The variables that name the exemptions.
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];
/// The hint for an unusable variable.
pub const CURE: &str = "write it like http://user:password@host:port, or unset it";
const ENCODING: &str = "a character of its user name or password needs percent-encoding";

/// The variable in effect, when it does not name a usable proxy. Its value may contain a password and is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unusable {
    variable: &'static str,
    why: &'static str,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not name a usable proxy: {}", self.variable, self.why)
    }
}

/// The policy that the variables define.
pub(super) struct Policy {
    pub(super) proxy: Option<Intercept>,
    pub(super) unusable: Option<Unusable>,
    pub(super) exempt: Exempt,
}

impl Policy {
    pub(super) fn read(read: impl Fn(&str) -> Option<OsString>) -> Self {
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| read(name).map(|value| (name, value)));
        let counting = VARIABLES.into_iter().filter_map(first).find(|(_, value)| !value.is_empty());
        let exempt = first(NO_PROXY).map(|(_, value)| value).unwrap_or_default();
        Self {
            proxy: counting.as_ref().and_then(|(_, value)| proxy(value.to_str()?)),
            unusable: counting.and_then(|(variable, value)| fault(&value).map(|why| Unusable { variable, why })),
            exempt: Exempt::of(&exempt.to_string_lossy()),
        }
    }
}

fn proxy(text: &str) -> Option<Intercept> {
    // The library compares the SOCKS schemes by case.
    let text = match text.split_once("://") {
        Some((scheme, rest)) => format!("{}://{rest}", scheme.to_ascii_lowercase()),
        None => text.to_owned(),
    };
    Matcher::builder().all(text).build().intercept(&Uri::from_static("https://example.com/"))
}

/// The addresses that bypass the proxy.
#[derive(Debug, Default)]
pub(super) struct Exempt {
    /// Hosts, domains, addresses and networks as the library expects them, some for one port only.
    entries: Vec<(String, Option<u16>)>,
    /// Entries that are none of these.
    pub(super) meaningless: Vec<String>,
}

impl Exempt {
    fn of(text: &str) -> Self {
        let mut found = Self::default();
        for entry in
            text.split(|ch: char| matches!(ch, ',' | ';') || ch.is_whitespace()).filter(|part| !part.is_empty())
        {
            match understood(entry) {
                Some(entry) => found.entries.push(entry),
                // A proxy's address, put here by mistake, may have a password before the `@`.
                None => found.meaningless.push(entry.rsplit_once('@').map_or(entry, |(_, host)| host).to_owned()),
            }
        }
        found
    }

    pub(super) fn covers(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        let here = self.entries.iter().filter(|(_, only)| only.is_none() || *only == port);
        let names = here.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(",");
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let Ok(target) = Uri::builder().scheme("https").authority(host).path_and_query("/").build() else {
            return false;
        };
        let rest = Matcher::builder().all("http://proxy".to_owned()).no(names).build();
        rest.intercept(&target).is_none()
    }
}

/// An entry as the library expects it, and the port it is restricted to.
fn understood(entry: &str) -> Option<(String, Option<u16>)> {
    if entry.parse::<IpAddr>().is_ok() {
        return Some((entry.to_owned(), None));
    }
    if let Some((address, length)) = entry.split_once('/') {
        let longest = if address.parse::<IpAddr>().ok()?.is_ipv4() { 32 } else { 128 };
        return (length.parse::<u8>().ok()? <= longest).then(|| (entry.to_owned(), None));
    }
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) if !entry.ends_with(']') => (name, Some(port.parse().ok()?)),
        _ => (entry, None),
    };
    if name == "*" {
        return Some((name.to_owned(), port));
    }
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    if address.parse::<IpAddr>().is_ok() {
        return Some((address.to_owned(), port));
    }
    let name = name.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(name);
    let name = name.strip_suffix('.').unwrap_or(name);
    let (dot, bare) = name.strip_prefix('.').map_or(("", name), |bare| (".", bare));
    match Host::parse(bare).ok()? {
        Host::Domain(ascii) if !ascii.contains('*') => Some((format!("{dot}{ascii}"), port)),
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

fn fault(value: &OsStr) -> Option<&'static str> {
    let Some(text) = value.to_str() else { return Some("it is not text") };
    if let Some((scheme, _)) = text.split_once("://")
        && !SCHEMES.contains(&scheme.to_ascii_lowercase().as_str())
    {
        return Some("it is neither http, https, socks4, socks4a, socks5 nor socks5h");
    }
    let place = text.split_once("://").map_or(text, |(_, place)| place);
    if place.rsplit_once('@').is_some_and(|(user, _)| user.contains(['/', '?', '#'])) {
        return Some(ENCODING);
    }
    let Some(proxy) = proxy(text) else { return Some("it is not an address") };
    let host = proxy.uri().host().unwrap_or_default();
    let port = proxy.uri().authority().and_then(|authority| authority.as_str().strip_prefix(host)).unwrap_or_default();
    if host.trim_matches(['[', ']']).is_empty() {
        Some("it has no host")
    } else if !port.trim_start_matches(':').is_empty() && proxy.uri().port_u16().is_none_or(|port| port == 0) {
        Some("its port is not between 1 and 65535")
    } else if proxy.uri().scheme_str().is_some_and(|scheme| scheme.starts_with("socks4")) && text.contains('@') {
        // The library has no field for the user id; a proxy that requires one would refuse without saying why.
        Some("no user name and password can be sent with SOCKS 4; remove them, or write socks5h://")
    } else if proxy.raw_auth().is_some_and(|(user, password)| user.len().max(password.len()) > 255) {
        Some("its user name or password is longer than the 255 bytes that SOCKS 5 allows")
    } else if text.contains('@') && proxy.basic_auth().is_none() && proxy.raw_auth().is_none() {
        Some(ENCODING)
    } else {
        None
    }
}
