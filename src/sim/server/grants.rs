//! Authorization: OAuth clients, codes, tokens, key pairs, and the request budget of each account.
//!
//! None of the secrets need protection: every value is derived from the seed and valid only in this process.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::sim::dice::uuid_of;
use crate::sim::engine::order::AccountNo;

/// Requests per minute and account, by default.
const USUAL_LIMIT: u32 = 200;
/// Lifetime of a code, in simulated time.
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// The window of the request budget.
const WINDOW: Duration = Duration::from_mins(1);

/// All scopes.
pub(super) const SCOPES: [&str; 3] = ["account:write", "trading", "data"];

/// The granted scopes; a set of [`SCOPES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Scopes(u8);

impl Scopes {
    /// All scopes.
    pub(super) const ALL: Self = Self(0b111);

    /// Parses a space-delimited list; the first unknown word is the error.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        text.split_whitespace().try_fold(Self::default(), |scopes, word| {
            let bit = SCOPES.iter().position(|scope| *scope == word).ok_or_else(|| word.to_owned())?;
            Ok(Self(scopes.0 | 1 << bit))
        })
    }

    /// Whether the scope was granted.
    pub(super) fn has(self, scope: &str) -> bool {
        SCOPES.iter().position(|known| *known == scope).is_some_and(|bit| self.0 & 1 << bit != 0)
    }

    /// The granted scopes.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        SCOPES.into_iter().filter(move |scope| self.has(scope))
    }

    /// As in a token answer.
    pub(super) fn text(self) -> String {
        self.names().collect::<Vec<_>>().join(" ")
    }
}

/// The access of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    /// The paper account it reaches.
    pub paper: Option<AccountNo>,
    /// The live account it reaches.
    pub live: Option<AccountNo>,
    /// The scopes.
    pub scopes: Scopes,
}

impl Grant {
    /// Whether it reaches the account.
    pub(super) fn reaches(&self, account: AccountNo) -> bool {
        self.paper == Some(account) || self.live == Some(account)
    }
}

/// A registered OAuth application.
#[derive(Debug, Clone)]
pub(super) struct Client {
    /// Its identifier.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// Its name on the consent page.
    pub name: String,
    /// Its redirect URIs, matched byte for byte.
    pub redirect_uris: Vec<String>,
}

/// A key pair for clients without OAuth.
#[derive(Debug, Clone)]
pub(super) struct KeyPair {
    /// The identifier.
    pub id: String,
    /// The secret.
    pub secret: String,
    /// Its access.
    pub grant: Grant,
}

#[derive(Debug, Clone)]
struct Code {
    client_id: String,
    redirect_uri: String,
    challenge: Option<Challenge>,
    grant: Grant,
    issued: Timestamp,
}

/// A PKCE challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// Whether the method is `S256`; otherwise `plain`.
    pub hashed: bool,
    /// The challenge.
    pub value: String,
}

/// Why a token request fails, by RFC 6749.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenError {
    /// Unknown client, wrong secret, wrong content type.
    InvalidClient,
    /// The code is unknown, used, expired, another client's, or for another redirect URI or verifier.
    InvalidGrant,
    /// A field is missing or repeated.
    InvalidRequest,
    /// Not `authorization_code`.
    UnsupportedGrantType,
}

impl TokenError {
    /// The error code of the standard.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }

    /// The HTTP status.
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::InvalidClient => 401,
            Self::InvalidGrant | Self::InvalidRequest | Self::UnsupportedGrantType => 400,
        }
    }
}

/// The fields of a token request.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokenRequest<'a> {
    /// `client_id`
    pub client_id: &'a str,
    /// `client_secret`
    pub client_secret: &'a str,
    /// `code`
    pub code: &'a str,
    /// `redirect_uri`
    pub redirect_uri: &'a str,
    /// `code_verifier`, if sent
    pub verifier: Option<&'a str>,
}

/// The request budget after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    /// Requests per window.
    pub limit: u32,
    /// Requests left in the window.
    pub remaining: u32,
    /// Real time until the next window.
    pub resets_after: Duration,
    /// Whether this request exceeded the budget.
    pub exceeded: bool,
}

/// Every client, code, token and key pair.
#[derive(Debug)]
pub(super) struct Grants {
    /// Registered applications.
    pub clients: Vec<Client>,
    /// Key pairs.
    pub keys: Vec<KeyPair>,
    /// Requests per minute and account.
    pub limit: u32,
    codes: HashMap<String, Code>,
    spent: HashSet<String>,
    tokens: HashMap<String, Grant>,
    /// Tokens issued by an earlier run with the same seed, so that a restart does not unlink its clients.
    earlier: HashMap<String, Grant>,
    serials: HashMap<(Option<AccountNo>, Option<AccountNo>, Scopes), u32>,
    seed: u64,
    windows: HashMap<AccountNo, (Duration, u32)>,
    dice: ChaCha8Rng,
}

impl Grants {
    /// No registrations; values are derived from the seed.
    pub(super) fn new(seed: u64) -> Self {
        Self {
            clients: Vec::new(),
            keys: Vec::new(),
            limit: USUAL_LIMIT,
            codes: HashMap::new(),
            spent: HashSet::new(),
            tokens: HashMap::new(),
            earlier: earlier(seed),
            serials: HashMap::new(),
            seed,
            windows: HashMap::new(),
            dice: ChaCha8Rng::seed_from_u64(seed ^ 0x6772_616e_7473),
        }
    }

    /// A new identifier in the form of a UUID.
    pub(super) fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.dice.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// New characters from an alphabet.
    pub(super) fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        let mut pick = || {
            let index = usize::try_from(self.dice.next_u32()).unwrap_or(0) % letters.len().max(1);
            letters.get(index).copied().unwrap_or('0')
        };
        (0..length).map(|_| pick()).collect()
    }

    /// The client with an identifier.
    pub(super) fn client(&self, id: &str) -> Option<&Client> {
        self.clients.iter().find(|client| client.id == id)
    }

    /// Issues a code for a consent.
    pub(super) fn issue_code(
        &mut self,
        client_id: &str,
        redirect_uri: &str,
        challenge: Option<Challenge>,
        grant: Grant,
        now: Timestamp,
    ) -> String {
        let code = self.uuid().to_string();
        let (client_id, redirect_uri) = (client_id.to_owned(), redirect_uri.to_owned());
        self.codes.insert(code.clone(), Code { client_id, redirect_uri, challenge, grant, issued: now });
        code
    }

    /// Issues a token.
    pub(super) fn issue_token(&mut self, grant: Grant) -> String {
        let serial = self.serials.entry((grant.paper, grant.live, grant.scopes)).or_default();
        let token = token_of(self.seed, grant, *serial);
        *serial += 1;
        self.earlier.remove(&token);
        self.tokens.insert(token.clone(), grant);
        token
    }

    /// Exchanges a code for a token. The first attempt with the right client spends the code.
    pub(super) fn exchange(
        &mut self,
        request: TokenRequest<'_>,
        now: Timestamp,
    ) -> Result<(String, Scopes), TokenError> {
        let known = self.client(request.client_id).is_some_and(|client| client.secret == request.client_secret);
        if !known {
            return Err(TokenError::InvalidClient);
        }
        let code = self.codes.remove(request.code).ok_or(TokenError::InvalidGrant)?;
        self.spent.insert(request.code.to_owned());
        let verified = code.challenge.as_ref().is_none_or(|challenge| challenge.answered_by(request.verifier));
        let fits = code.client_id == request.client_id
            && code.redirect_uri == request.redirect_uri
            && now.duration_since(code.issued) <= CODE_LIFE
            && verified;
        if !fits {
            return Err(TokenError::InvalidGrant);
        }
        Ok((self.issue_token(code.grant), code.grant.scopes))
    }

    /// The access of a token.
    pub(super) fn token(&self, token: &str) -> Option<Grant> {
        self.tokens.get(token).or_else(|| self.earlier.get(token)).copied()
    }

    /// The access of a key pair.
    pub(super) fn key_pair(&self, id: &str, secret: &str) -> Option<Grant> {
        self.keys.iter().find(|pair| pair.id == id && pair.secret == secret).map(|pair| pair.grant)
    }

    /// Revokes a token; false when it is unknown.
    pub(super) fn revoke(&mut self, token: &str) -> bool {
        let earlier = self.earlier.remove(token).is_some();
        self.tokens.remove(token).is_some() || earlier
    }

    /// Revokes every token that reaches an account, or all tokens.
    pub(super) fn revoke_all(&mut self, account: Option<AccountNo>) -> usize {
        let before = self.tokens.len();
        self.earlier.retain(|_, grant| account.is_some_and(|account| !grant.reaches(account)));
        self.tokens.retain(|_, grant| account.is_some_and(|account| !grant.reaches(account)));
        before - self.tokens.len()
    }

    /// Revokes every key pair that reaches an account.
    pub(super) fn revoke_keys(&mut self, account: AccountNo) {
        self.keys.retain(|pair| !pair.grant.reaches(account));
    }

    /// Counts a request against its account's budget.
    pub(super) fn count(&mut self, account: AccountNo, now: Duration) -> Budget {
        let (start, used) = self.windows.entry(account).or_insert((now, 0));
        if now.saturating_sub(*start) >= WINDOW {
            (*start, *used) = (now, 0);
        }
        *used = used.saturating_add(1);
        Budget {
            limit: self.limit,
            remaining: self.limit.saturating_sub(*used),
            resets_after: WINDOW.saturating_sub(now.saturating_sub(*start)),
            exceeded: *used > self.limit,
        }
    }

    /// Resets every account to the default budget.
    pub(super) fn refresh(&mut self) {
        self.limit = USUAL_LIMIT;
        self.windows.clear();
    }

    /// Uses up an account's budget for the rest of its window.
    pub(super) fn exhaust(&mut self, account: AccountNo, now: Duration) {
        self.count(account, now);
        let limit = self.limit;
        if let Some((_, used)) = self.windows.get_mut(&account) {
            *used = limit;
        }
    }
}

/// A token is opaque, but the same seed gives the same tokens in the same order.
fn token_of(seed: u64, grant: Grant, serial: u32) -> String {
    let account = |account: Option<AccountNo>| account.map_or(-1, |account| i64::from(account.0));
    let text = format!("token {seed} {} {} {} {serial}", account(grant.paper), account(grant.live), grant.scopes.0);
    uuid_of(&text).to_string()
}

/// Tokens that an earlier run may have issued: the first few for every grant of the consent page.
fn earlier(seed: u64) -> HashMap<String, Grant> {
    let mut known = HashMap::new();
    for paper in [None, Some(AccountNo(0)), Some(AccountNo(1))] {
        for live in [None, Some(AccountNo(2))] {
            for scopes in (0..8).map(Scopes) {
                let grant = Grant { paper, live, scopes };
                known.extend((0..8).map(|serial| (token_of(seed, grant, serial), grant)));
            }
        }
    }
    known
}

impl Challenge {
    fn answered_by(&self, verifier: Option<&str>) -> bool {
        let Some(verifier) = verifier else { return false };
        if !self.hashed {
            return verifier == self.value;
        }
        URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == self.value
    }
}
