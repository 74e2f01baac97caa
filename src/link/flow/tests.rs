//! The checks of an attempt and their order, without a socket.

mod pasted;

use std::collections::BTreeMap;

use secrecy::ExposeSecret;
use url::Url;

use super::*;
use crate::config::{Config, SecretSource};
use crate::domain::Environment;

const URI: &str = "http://localhost:41970/callback";
const DEADLINE: Mono = Mono::from_millis(300_000);
const NOW: Mono = Mono::from_millis(1_000);

fn spec(id: &str) -> BrokerSpec {
    let config = Config::empty(std::path::Path::new("config.toml")).unwrap();
    let mut spec = config.broker(id).unwrap().clone();
    spec.client_id = Some("client id+1".to_owned());
    spec.client_secret = SecretSource::None;
    spec.scopes = vec!["account:write".to_owned(), "trading".to_owned()];
    spec
}

fn flow() -> Flow {
    flow_of(&spec("alpaca-paper"))
}

fn flow_of(spec: &BrokerSpec) -> Flow {
    Flow::new(&FlowRandom { state: [7; 32], verifier: [9; 32] }, spec, URI, DEADLINE).unwrap()
}

fn parameters(flow: &Flow) -> BTreeMap<String, String> {
    Url::parse(flow.authorize_url().expose()).unwrap().query_pairs().into_owned().collect()
}

fn state(flow: &Flow) -> String {
    parameters(flow).remove("state").unwrap()
}

fn get(query: &str) -> CallbackRequest<'_> {
    CallbackRequest {
        method: "GET",
        host: Some("localhost:41970"),
        path: "/callback",
        query: Some(query),
        sec_fetch_dest: None,
    }
}

fn whole(pasted: Pasted) -> Option<CallbackVerdict> {
    match pasted {
        Pasted::Whole(verdict) => Some(verdict),
        Pasted::Beginning | Pasted::Foreign => None,
    }
}

fn ignored(verdict: &CallbackVerdict) -> Option<Ignored> {
    match verdict {
        CallbackVerdict::Ignored(why) => Some(*why),
        CallbackVerdict::Granted(_) | CallbackVerdict::Refused(_) => None,
    }
}

#[test]
fn the_authorize_url_has_every_parameter_once() {
    let flow = flow();
    let url = Url::parse(flow.authorize_url().expose()).unwrap();
    assert_eq!(url.origin(), spec("alpaca-paper").authorize_url.origin());
    let names: Vec<String> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    let found = parameters(&flow);
    assert_eq!(names.len(), found.len(), "{names:?}");
    assert_eq!(found["response_type"], "code");
    assert_eq!(found["client_id"], "client id+1");
    assert_eq!(found["redirect_uri"], URI);
    assert_eq!(found["scope"], "account:write trading");
    assert_eq!(found["env"], "paper");
    assert_eq!(found["code_challenge_method"], "S256");
    assert_eq!(URL_SAFE_NO_PAD.decode(&found["state"]).unwrap(), [7; 32]);
}

#[test]
fn spaces_are_written_as_percent_twenty_and_a_plus_sign_survives() {
    let flow = flow();
    let text = flow.authorize_url().expose();
    assert!(text.contains("scope=account%3Awrite%20trading"), "{text}");
    assert!(text.contains("client_id=client%20id%2B1"), "{text}");
}

#[test]
fn the_challenge_is_the_hash_of_the_verifier_that_the_exchange_sends() {
    let mut flow = flow();
    let challenge = parameters(&flow).remove("code_challenge").unwrap();
    let query = format!("code=c&state={}", state(&flow));
    let CallbackVerdict::Granted(grant) = flow.check_callback(&get(&query), NOW) else { panic!("not granted") };
    let verifier = grant.verifier.unwrap();
    assert!(verifier.expose_secret().len() >= 43);
    assert_eq!(super::challenge(verifier.expose_secret()), challenge);
    let example = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_eq!(super::challenge(example), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "RFC 7636, appendix B");
    assert_eq!(grant.code.expose_secret(), "c");
    assert_eq!(grant.redirect_uri, URI);
}

#[test]
fn one_consent_for_both_sends_no_env_and_pkce_can_be_switched_off() {
    let mut both = spec("alpaca");
    both.pkce = false;
    let found = parameters(&flow_of(&both));
    assert!(!found.contains_key("env") && !found.contains_key("code_challenge"), "{found:?}");
    assert_eq!(parameters(&flow_of(&spec("alpaca-live")))["env"], Environment::Live.as_str());
}

#[test]
fn two_attempts_share_no_secret() {
    let spec = spec("alpaca-paper");
    let one = Flow::new(&FlowRandom { state: [1; 32], verifier: [2; 32] }, &spec, URI, DEADLINE).unwrap();
    let mut two = Flow::new(&FlowRandom { state: [3; 32], verifier: [4; 32] }, &spec, URI, DEADLINE).unwrap();
    let query = format!("code=c&state={}", state(&one));
    assert_eq!(ignored(&two.check_callback(&get(&query), NOW)), Some(Ignored::State));
}

#[test]
fn the_checks_run_in_order() {
    let mut flow = flow();
    let good = format!("code=c&state={}", state(&flow));
    let doubled = format!("{good}&state=x");
    // Each request fails its own check and every later one, so the answer tells which check came first.
    let mut request = CallbackRequest {
        method: "POST",
        host: Some("evil.example"),
        path: "/favicon.ico",
        query: Some("state=a&state=b"),
        sec_fetch_dest: Some("image"),
    };
    assert_eq!(ignored(&flow.check_callback(&request, NOW)), Some(Ignored::Method));
    request.method = "GET";
    assert_eq!(ignored(&flow.check_callback(&request, NOW)), Some(Ignored::Host));
    request.host = Some("localhost:41970");
    assert_eq!(ignored(&flow.check_callback(&request, NOW)), Some(Ignored::Path));
    request.path = "/callback";
    assert_eq!(ignored(&flow.check_callback(&request, NOW)), Some(Ignored::FetchDest));
    request.sec_fetch_dest = Some("document");
    assert_eq!(ignored(&flow.check_callback(&request, NOW)), Some(Ignored::Doubled));
    request.query = Some(&doubled);
    assert_eq!(ignored(&flow.check_callback(&request, NOW)), Some(Ignored::Doubled));
    request.query = Some("state=wrong&error=access_denied");
    assert_eq!(ignored(&flow.check_callback(&request, NOW)), Some(Ignored::State));
    request.query = Some(&good);
    assert!(matches!(flow.check_callback(&request, NOW), CallbackVerdict::Granted(_)));
}

#[test]
fn methods_hosts_and_paths_are_compared_exactly() {
    let mut flow = flow();
    let good = format!("code=c&state={}", state(&flow));
    for method in ["get", "HEAD", "OPTIONS", "POST"] {
        let request = CallbackRequest { method, ..get(&good) };
        assert_eq!(ignored(&flow.check_callback(&request, NOW)), Some(Ignored::Method), "{method}");
    }
    for host in
        [None, Some("localhost"), Some("127.0.0.1:41970"), Some("localhost:41971"), Some("localhost:41970.evil")]
    {
        let request = CallbackRequest { host, ..get(&good) };
        assert_eq!(ignored(&flow.check_callback(&request, NOW)), Some(Ignored::Host), "{host:?}");
    }
    for path in ["/", "/callback/", "/Callback", "/%63allback", "//callback", "/callback/../callback"] {
        let request = CallbackRequest { path, ..get(&good) };
        assert_eq!(ignored(&flow.check_callback(&request, NOW)), Some(Ignored::Path), "{path}");
    }
    assert!(!flow.is_used());
}

#[test]
fn an_error_without_the_right_state_is_ignored() {
    let mut flow = flow();
    let right = state(&flow);
    let mut cut = right.clone();
    cut.pop();
    let wrong = [
        "error=access_denied".to_owned(),
        "error=access_denied&state=".to_owned(),
        format!("error=access_denied&state={cut}"),
        format!("error=access_denied&state={right}x"),
        format!("error=access_denied&state={}", right.to_lowercase()),
        String::new(),
    ];
    for query in &wrong {
        assert_eq!(ignored(&flow.check_callback(&get(query), NOW)), Some(Ignored::State), "{query}");
    }
    let good = format!("code=c&state={right}");
    assert!(matches!(flow.check_callback(&get(&good), NOW), CallbackVerdict::Granted(_)));
}

#[test]
fn a_state_counts_once() {
    let mut flow = flow();
    let good = format!("code=c&state={}", state(&flow));
    assert!(matches!(flow.check_callback(&get(&good), NOW), CallbackVerdict::Granted(_)));
    let denied = format!("error=access_denied&state={}", state(&flow));
    for query in [&good, &denied] {
        assert_eq!(ignored(&flow.check_callback(&get(query), NOW)), Some(Ignored::Used));
    }
    assert_eq!(ignored(&whole(flow.check_pasted(&format!("{URI}?{good}"), NOW)).unwrap()), Some(Ignored::Used));
}

#[test]
fn a_state_without_code_or_error_is_ignored() {
    let mut flow = flow();
    let bare = format!("code=&state={}", state(&flow));
    assert_eq!(ignored(&flow.check_callback(&get(&bare), NOW)), Some(Ignored::Empty));
    let good = format!("code=c&state={}", state(&flow));
    assert!(matches!(flow.check_callback(&get(&good), NOW), CallbackVerdict::Granted(_)));
}

#[test]
fn a_foreign_issuer_ends_the_attempt_before_its_code_is_used() {
    for (iss, fits) in [("https%3A%2F%2Fapp.alpaca.markets", true), ("https%3A%2F%2Fevil.example", false), ("x", false)]
    {
        let mut flow = flow();
        let query = format!("code=c&iss={iss}&state={}", state(&flow));
        let verdict = flow.check_callback(&get(&query), NOW);
        assert_eq!(matches!(verdict, CallbackVerdict::Granted(_)), fits, "{iss}: {verdict:?}");
        assert!(flow.is_used());
    }
}

#[test]
fn a_refusal_contains_no_secret_at_any_truncation() {
    for before in (0..240).step_by(7) {
        let mut flow = flow();
        let state = state(&flow);
        let words = "x".repeat(before);
        let query =
            format!("error=server_error&error_description={words}{state}&code=canary-of-a-code-{state}&state={state}");
        let verdict = flow.check_callback(&get(&query), NOW);
        let shown = format!("{verdict:?}");
        let part = (0..state.len() - 8).find(|at| shown.contains(state.get(*at..*at + 8).unwrap()));
        assert_eq!(part, None, "{before}: {shown}");
    }
}

#[test]
fn a_refusal_contains_the_brokers_text_sanitised() {
    let mut flow = flow();
    let query = format!("error=access_denied&error_description=no%1b[31m%E2%80%AE&state={}", state(&flow));
    let CallbackVerdict::Refused(LinkFailure::Denied { description }) = flow.check_callback(&get(&query), NOW) else {
        panic!("not denied");
    };
    assert_eq!(description.as_deref(), Some("no␛[31m"));
    let mut flow = flow_of(&spec("alpaca-paper"));
    let query = format!("error=invalid_scope&state={}", state(&flow));
    let verdict = flow.check_callback(&get(&query), NOW);
    let CallbackVerdict::Refused(LinkFailure::AuthorizeError { error, description: None }) = verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(error, "invalid_scope");
}

#[test]
fn an_error_takes_precedence_over_a_code() {
    let mut flow = flow();
    let query = format!("code=c&error=server_error&state={}", state(&flow));
    assert!(matches!(flow.check_callback(&get(&query), NOW), CallbackVerdict::Refused(_)));
}

#[test]
fn after_the_deadline_the_right_answer_is_ignored() {
    let mut flow = flow();
    let good = format!("code=c&state={}", state(&flow));
    assert_eq!(ignored(&flow.check_callback(&get(&good), DEADLINE)), Some(Ignored::Late));
    assert!(!flow.is_used());
}

#[test]
fn debug_output_contains_no_secret() {
    let mut flow = flow();
    let right = state(&flow);
    let shown = format!("{flow:?}");
    assert!(!shown.contains(&right) && !shown.contains(&URL_SAFE_NO_PAD.encode([9; 32])), "{shown}");
    let query = format!("code=the-code&state={right}");
    let shown = format!("{:?}", flow.check_callback(&get(&query), NOW));
    assert!(!shown.contains("the-code") && !shown.contains(&URL_SAFE_NO_PAD.encode([9; 32])), "{shown}");
}

/// A seeded pseudo-random generator for mutations.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(sides).unwrap()).unwrap()
    }

    fn mutate(&mut self, text: &str) -> String {
        const SPICE: [&str; 24] = [
            "&", "=", "%", "%00", "%2", "+", "#", "?", "/", ":", "@", "//", "state=", "code=", "error=", "iss=",
            "\u{0}", "\n", "é", "%C3%28", "\u{202e}", "[", "http://", "STATE",
        ];
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len() + 1);
            match self.roll(5) {
                0 if at < bytes.len() => drop(bytes.remove(at)),
                1 if at < bytes.len() => bytes[at] ^= 1 << self.roll(8),
                2 => drop(bytes.splice(at..at, SPICE[self.roll(SPICE.len())].bytes())),
                3 => {
                    let end = at + self.roll(bytes.len() - at + 1);
                    let piece = bytes[at..end].to_vec();
                    let to = self.roll(bytes.len() + 1);
                    drop(bytes.splice(to..to, piece));
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Mutates callbacks and pastes: none panics, and a callback is accepted only if a plain parse of the query finds the
/// right state exactly once. `BROKERDECK_FUZZ_RUNS` sets the number of runs.
#[test]
fn no_mutation_gets_past_the_state() {
    let runs = std::env::var("BROKERDECK_FUZZ_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(20_000_u64);
    let spec = spec("alpaca-paper");
    let mut dice = Dice(0x5EED_1234_5678_9ABC);
    let (mut flow, mut accepted) = (flow_of(&spec), 0_u64);
    let right = state(&flow);
    let seeds = [
        format!("code=c&state={right}"),
        format!("state={right}&error=access_denied&error_description=no+thanks"),
        format!("iss=https%3A%2F%2Fapp.alpaca.markets&code=c&state={right}&x=y"),
        "error=access_denied&state=wrong".to_owned(),
    ];
    for run in 0..runs {
        let seed = dice.roll(seeds.len());
        let query = dice.mutate(&seeds[seed]).replace("STATE", &right);
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let states: Vec<&String> = pairs.iter().filter(|(name, _)| name == "state").map(|(_, value)| value).collect();
        let may_count = states.len() == 1 && *states[0] == right;
        let pasted = run % 2 == 0;
        let verdict = if pasted {
            let address = format!("{URI}?{query}");
            let text = if run % 4 == 0 { dice.mutate(&address) } else { address };
            whole(flow.check_pasted(&text, NOW))
        } else {
            Some(flow.check_callback(&get(&query), NOW))
        };
        let counted = flow.is_used();
        assert_eq!(counted, verdict.is_some_and(|verdict| ignored(&verdict).is_none()), "run {run}: {query:?}");
        if counted {
            // A paste loses white space and fragment and may be mutated again, so the plain parse does not apply to it.
            // Its state has passed the same comparison.
            assert!(pasted || may_count, "run {run}: {query:?}");
            accepted += 1;
            flow = flow_of(&spec);
        }
    }
    assert!(accepted > runs / 100, "some mutations are accepted: {accepted}");
}
