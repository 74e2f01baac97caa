//! One OAuth attempt: its secrets, its authorize URL, and the checks of the redirect.
//!
//! Owns `state` and the PKCE verifier. Opens no socket or browser and reads no clock: random bytes and time are
//! arguments.
//!
//! Invariant: until `state` matches, nothing that arrives changes the attempt; a matching `state` counts once.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

use super::paste::{Found, Pieces, State};
use super::progress::{LinkFailure, Sensitive};
use crate::config::BrokerSpec;
use crate::domain::Mono;
use crate::domain::secrets::Redactor;
use crate::domain::text::sanitize_to;

/// Longest request target that is parsed, in bytes.
pub const LONGEST_TARGET: usize = 8 * 1024;
/// Longest text from the broker that is kept, in characters.
const LONGEST_WORDS: usize = 200;
/// The parameters of an answer (RFC 6749 4.1.2, RFC 9207); none may be repeated.
const KNOWN: [&str; 6] = ["state", "code", "iss", "error", "error_description", "error_uri"];

/// The random bytes of one attempt; 256 bits each.
pub struct FlowRandom {
    /// The random bytes of `state`.
    pub state: [u8; 32],
    /// For the PKCE verifier.
    pub verifier: [u8; 32],
}

/// A request that reached the callback address.
#[derive(Debug, Clone, Copy)]
pub struct CallbackRequest<'a> {
    /// The method, unchanged.
    pub method: &'a str,
    /// The `Host` header; `None` when it is missing, repeated or not text, or when the target contains a host itself.
    pub host: Option<&'a str>,
    /// The path, unchanged and still percent-encoded.
    pub path: &'a str,
    /// The query, unchanged.
    pub query: Option<&'a str>,
    /// The `Sec-Fetch-Dest` header, if sent.
    pub sec_fetch_dest: Option<&'a str>,
}

/// Why a request is ignored, in the order of the checks. An ignored request does not change the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    /// Not `GET`.
    Method,
    /// Another `Host` than the registered one, as in DNS rebinding.
    Host,
    /// Another path, such as a favicon or a probe.
    Path,
    /// Requested by a script, an image or a frame, and not by a browser tab.
    FetchDest,
    /// A known parameter is repeated.
    Doubled,
    /// `state` is missing or wrong.
    State,
    /// The right `state`, but neither `error` nor `code`.
    Empty,
    /// The right `state` again, after it was used.
    Used,
    /// The attempt's time is over.
    Late,
}

/// The verdict on a request or a pasted text.
#[derive(Debug)]
pub enum CallbackVerdict {
    /// Ignored: answer it and keep waiting.
    Ignored(Ignored),
    /// The broker granted a code.
    Granted(Grant),
    /// The broker answered with an error; the attempt is over.
    Refused(LinkFailure),
}

/// What a pasted text is.
#[derive(Debug)]
pub enum Pasted {
    /// The redirect URL.
    Whole(CallbackVerdict),
    /// The start of it; the next paste continues it.
    Beginning,
    /// Something else.
    Foreign,
}

/// What the token request needs from the attempt; returned once.
#[derive(Debug)]
pub struct Grant {
    /// The authorization code.
    pub code: SecretString,
    /// The PKCE verifier, when a challenge was sent.
    pub verifier: Option<SecretString>,
    /// The redirect URI of the authorize request, unchanged.
    pub redirect_uri: String,
}

/// One linking attempt, from the authorize URL to its outcome.
#[derive(Debug)]
pub struct Flow {
    redirect: Redirect,
    issuers: [url::Origin; 2],
    state: SecretString,
    verifier: Option<SecretString>,
    authorize_url: Sensitive,
    deadline: Mono,
    used: bool,
    pieces: Pieces,
}

/// The parsed redirect URI.
#[derive(Debug)]
struct Redirect {
    text: String,
    url: Url,
    host: String,
}

impl Flow {
    /// Prepares an attempt for this redirect URI, which must be exactly one of the registered ones.
    ///
    /// # Errors
    /// A sentence, when the configuration does not give an authorize URL.
    pub fn new(random: &FlowRandom, spec: &BrokerSpec, redirect_uri: &str, deadline: Mono) -> Result<Self, String> {
        let client_id = spec.client_id.clone().ok_or_else(|| "no OAuth app is configured".to_owned())?;
        let redirect = Redirect::new(redirect_uri)?;
        let state = URL_SAFE_NO_PAD.encode(random.state);
        let verifier = spec.pkce.then(|| URL_SAFE_NO_PAD.encode(random.verifier));
        let authorize_url = authorize_url(spec, &client_id, &redirect.text, &state, verifier.as_deref());
        Ok(Self {
            redirect,
            issuers: [spec.authorize_url.origin(), spec.token_url.origin()],
            state: SecretString::from(state),
            verifier: verifier.map(SecretString::from),
            authorize_url: Sensitive::new(authorize_url),
            deadline,
            used: false,
            pieces: Pieces::default(),
        })
    }

    /// The authorize URL for the user.
    pub fn authorize_url(&self) -> &Sensitive {
        &self.authorize_url
    }

    /// When the attempt times out.
    pub fn deadline(&self) -> Mono {
        self.deadline
    }

    /// Whether the right answer has come.
    pub fn is_used(&self) -> bool {
        self.used
    }

    /// The path of the registered redirect URI.
    pub fn path(&self) -> &str {
        self.redirect.url.path()
    }

    /// Whether the request's host is the registered one, so that it may get a page.
    pub fn is_ours(&self, host: Option<&str>) -> bool {
        host == Some(self.redirect.host.as_str())
    }

    /// Checks a request to the callback address, in the order of docs/DESIGN.md 5.
    pub fn check_callback(&mut self, request: &CallbackRequest<'_>, now: Mono) -> CallbackVerdict {
        let ignored = if request.method != "GET" {
            Some(Ignored::Method)
        } else if !self.is_ours(request.host) {
            Some(Ignored::Host)
        } else if request.path != self.redirect.url.path() {
            Some(Ignored::Path)
        } else if request.sec_fetch_dest.is_some_and(|dest| dest != "document") {
            Some(Ignored::FetchDest)
        } else {
            None
        };
        match ignored {
            Some(ignored) => CallbackVerdict::Ignored(ignored),
            None => self.check_answer(request.query.unwrap_or_default(), now),
        }
    }

    /// Checks a pasted redirect URL, which may come in pieces, with the same parser and the same `state`.
    pub fn check_pasted(&mut self, text: &str, now: Mono) -> Pasted {
        let known = &self.state;
        let found = self.pieces.add(text, &self.redirect.url, |query| state_of(query, known));
        match found {
            Found::Whole(query) => Pasted::Whole(self.check_answer(&query, now)),
            Found::Beginning => Pasted::Beginning,
            Found::Foreign => Pasted::Foreign,
        }
    }

    fn check_answer(&mut self, query: &str, now: Mono) -> CallbackVerdict {
        let mut answer = Answer::default();
        if query.len() > LONGEST_TARGET || !answer.read(query) {
            return CallbackVerdict::Ignored(Ignored::Doubled);
        }
        let state = answer.state.as_deref().unwrap_or_default();
        if !bool::from(state.as_bytes().ct_eq(self.state.expose_secret().as_bytes())) {
            return CallbackVerdict::Ignored(Ignored::State);
        }
        if self.used {
            return CallbackVerdict::Ignored(Ignored::Used);
        }
        if now >= self.deadline {
            return CallbackVerdict::Ignored(Ignored::Late);
        }
        let code = answer.code.filter(|code| !code.is_empty());
        if answer.iss.is_none() && answer.error.is_none() && code.is_none() {
            return CallbackVerdict::Ignored(Ignored::Empty);
        }
        self.used = true;
        // No issuer is configured, so the accepted ones are the two servers that this attempt contacts anyway.
        if answer.iss.is_some_and(|iss| !self.is_issuer(&iss)) {
            let message = "the answer names a different authorization server from the one that was asked".to_owned();
            return CallbackVerdict::Refused(LinkFailure::Broker { message });
        }
        if let Some(error) = answer.error {
            let code = code.map(|code| SecretString::from(code.into_owned()));
            let secrets = [Some(&self.state), self.verifier.as_ref(), code.as_ref()];
            let secrets = Redactor::of(secrets.into_iter().flatten());
            return CallbackVerdict::Refused(refusal(&error, answer.error_description.as_deref(), &secrets));
        }
        match code {
            Some(code) => CallbackVerdict::Granted(Grant {
                code: SecretString::from(code.into_owned()),
                verifier: self.verifier.take(),
                redirect_uri: self.redirect.text.clone(),
            }),
            None => CallbackVerdict::Refused(LinkFailure::Broker {
                message: "the broker's answer has neither a code nor an error".to_owned(),
            }),
        }
    }

    fn is_issuer(&self, iss: &str) -> bool {
        Url::parse(iss).is_ok_and(|url| self.issuers.contains(&url.origin()))
    }
}

impl Redirect {
    fn new(text: &str) -> Result<Self, String> {
        let unusable = || format!("{:?} is not a usable redirect URI", sanitize_to(text, LONGEST_WORDS));
        let url = Url::parse(text).map_err(|_| unusable())?;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(unusable()),
        };
        Ok(Self { text: text.to_owned(), url, host })
    }
}

/// Compares a query's `state` with this attempt's. Repeated parameters are checked later.
fn state_of(query: &str, known: &SecretString) -> State {
    let known = known.expose_secret().as_bytes();
    let state = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "state");
    match state {
        Some((_, state)) if bool::from(state.as_bytes().ct_eq(known)) => State::Right,
        Some((_, state)) if state.len() >= known.len() => State::Wrong,
        _ => State::Short,
    }
}

/// The known parameters of an answer.
#[derive(Default)]
struct Answer<'a> {
    state: Option<Cow<'a, str>>,
    code: Option<Cow<'a, str>>,
    iss: Option<Cow<'a, str>>,
    error: Option<Cow<'a, str>>,
    error_description: Option<Cow<'a, str>>,
    error_uri: Option<Cow<'a, str>>,
}

impl<'a> Answer<'a> {
    /// Parses a query; `false` when a known parameter is repeated.
    fn read(&mut self, query: &'a str) -> bool {
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let [state, code, iss, error, error_description, error_uri] = KNOWN;
            let slot = match &*name {
                known if known == state => &mut self.state,
                known if known == code => &mut self.code,
                known if known == iss => &mut self.iss,
                known if known == error => &mut self.error,
                known if known == error_description => &mut self.error_description,
                known if known == error_uri => &mut self.error_uri,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return false;
            }
        }
        true
    }
}

/// Removes the secrets from a server's text, in case it repeats what it was sent.
fn refusal(error: &str, description: Option<&str>, secrets: &Redactor) -> LinkFailure {
    let words = |text: &str| secrets.words(&text.into(), LONGEST_WORDS);
    let description = description.map(words).filter(|text| !text.is_empty());
    if error == "access_denied" {
        LinkFailure::Denied { description }
    } else {
        LinkFailure::AuthorizeError { error: words(error), description }
    }
}

/// The authorization request (RFC 6749 4.1.1) with PKCE (RFC 7636 4.3).
fn authorize_url(
    spec: &BrokerSpec,
    client_id: &str,
    redirect_uri: &str,
    state: &str,
    verifier: Option<&str>,
) -> String {
    let mut url = spec.authorize_url.clone();
    {
        let mut query = url.query_pairs_mut();
        query.append_pair("response_type", "code").append_pair("client_id", client_id).append_pair("state", state);
        if let Some(verifier) = verifier {
            query.append_pair("code_challenge", &challenge(verifier)).append_pair("code_challenge_method", "S256");
        }
        query.append_pair("redirect_uri", redirect_uri);
        if !spec.scopes.is_empty() {
            query.append_pair("scope", &spec.scopes.join(" "));
        }
        if let Some(env) = spec.env {
            query.append_pair("env", env.as_str());
        }
    }
    // The encoder writes a space as `+`, which is right in a form only; Alpaca documents `%20` (docs/ALPACA.md 2.2). A plus
    // sign of a value is already `%2B` here.
    let query = url.query().map(|query| query.replace('+', "%20"));
    url.set_query(query.as_deref());
    url.into()
}

/// The PKCE challenge of a verifier by the method S256.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

#[cfg(test)]
mod tests;
