//! The token endpoint: the request, sent once, and every kind of response.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use brokerdeck::domain::Environment;
use brokerdeck::link::{LinkFailure, LinkProgress};
use rustls::crypto::hash::HashAlgorithm;

use super::fake::{AccountReply, Reply, token};
use super::fixture::Fixture;

type Fits = fn(&LinkFailure) -> bool;

fn json(status: u16, body: &str) -> Reply {
    Reply::Http(status, "application/json", body.to_owned())
}

async fn fail_with(fixture: &mut Fixture, reply: Reply) -> LinkFailure {
    fixture.fake.answer(reply);
    let waiting = fixture.begin("acme-paper").await;
    assert_eq!(fixture.come_back(&waiting, "code=the-code").await.status, 200);
    fixture.failure().await
}

#[tokio::test]
async fn all_fields_are_sent_in_the_body_once() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=a%2Bb%26c").await;
    fixture.confirm().await;
    let (kind, form) = fixture.fake.seen(|seen| seen.exchanges[0].clone());
    assert_eq!(kind, "application/x-www-form-urlencoded");
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "a+b&c");
    assert_eq!(form["client_id"], "client-1");
    assert_eq!(form["client_secret"], "hush&=+");
    assert_eq!(form["redirect_uri"], waiting.parameter("redirect_uri"));
    let provider = rustls::crypto::ring::default_provider();
    let suite = provider.cipher_suites.iter().find_map(|suite| {
        let hash = suite.tls13()?.common.hash_provider;
        (hash.algorithm() == HashAlgorithm::SHA256).then_some(hash)
    });
    let digest = suite.unwrap().hash(form["code_verifier"].as_bytes());
    assert_eq!(URL_SAFE_NO_PAD.encode(digest.as_ref()), waiting.parameter("code_challenge"));
    assert_eq!(form.len(), 6, "{form:?}");
}

#[tokio::test]
async fn errors_of_every_format_are_classified() {
    let mut fixture = Fixture::new().await;
    let client: Fits = |failure| matches!(failure, LinkFailure::BadClient { .. });
    let code: Fits = |failure| matches!(failure, LinkFailure::BadCode { .. });
    let broker: Fits = |failure| matches!(failure, LinkFailure::Broker { .. });
    let network: Fits = |failure| matches!(failure, LinkFailure::Network { .. });
    let html = |status| Reply::Http(status, "text/html", "<html><title>x</title></html>".to_owned());
    let cases: [(Reply, Fits); 12] = [
        (json(401, r#"{"error":"invalid_client","error_description":"unknown"}"#), client),
        (json(401, r#"{"code":40110000,"message":"invalid_client"}"#), client),
        (json(400, r#"{"error":"invalid_grant"}"#), code),
        (json(400, r#"{"code":40010000,"message":"invalid_grant"}"#), code),
        (json(500, r#"{"message":"internal server error"}"#), broker),
        (html(502), broker),
        (html(200), broker),
        (Reply::Http(503, "text/plain", "try later".to_owned()), broker),
        (json(307, ""), broker),
        (json(200, r#"{"access_token":"x","token_type":"mac"}"#), broker),
        (json(200, &format!(r#"{{"access_token":"x","pad":"{}"}}"#, "y".repeat(70_000))), broker),
        (Reply::Cut, network),
    ];
    for (at, (reply, fits)) in cases.into_iter().enumerate() {
        let failure = fail_with(&mut fixture, reply).await;
        assert!(fits(&failure), "case {at}: {failure:?}");
        assert_eq!(fixture.fake.seen(|seen| seen.exchanges.len()), at + 1, "a code is sent only once");
    }
    assert!(fixture.links.list().await.unwrap().links.is_empty());
}

#[tokio::test]
async fn a_hostile_error_neither_controls_the_screen_nor_contains_a_secret() {
    let mut fixture = Fixture::new().await;
    let body = r#"{"error":"invalid_grant","error_description":"\u001b[2J\u202ecode=the-code secret=hush&=+"}"#;
    let LinkFailure::BadCode { message } = fail_with(&mut fixture, json(400, body)).await else {
        panic!("another kind")
    };
    assert!(!message.contains(['\x1b', '\u{202e}']), "{message}");
    assert!(!message.contains("the-code") && !message.contains("hush"), "{message}");
}

#[tokio::test]
async fn an_unreachable_token_endpoint_is_a_network_failure() {
    let port = super::fixture::free_port();
    let url = format!("http://127.0.0.1:{port}/oauth/token").parse().unwrap();
    let mut fixture = Fixture::with(|setup| setup.specs[0].token_url = url).await;
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=c").await;
    assert!(matches!(fixture.failure().await, LinkFailure::Network { .. }));
}

#[tokio::test]
async fn a_missing_client_or_secret_is_reported_before_the_start() {
    let mut fixture = Fixture::with(|setup| {
        setup.specs[0].client_id = None;
        setup.specs[1].client_secret = brokerdeck::config::SecretSource::Env("BROKERDECK_TEST_UNSET".to_owned());
    })
    .await;
    fixture.start("acme-paper", false);
    assert!(matches!(fixture.failure().await, LinkFailure::NotConfigured { message } if message.contains("client_id")));
    fixture.start("acme-live", false);
    assert!(
        matches!(fixture.failure().await, LinkFailure::NotConfigured { message } if message.contains("client_secret_env"))
    );
    fixture.start("nobody", false);
    assert!(matches!(fixture.failure().await, LinkFailure::NotConfigured { message } if message.contains("nobody")));
}

#[tokio::test]
async fn the_account_is_shown_before_anything_is_saved() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-live").await;
    assert_eq!(waiting.parameter("env"), "live");
    fixture.come_back(&waiting, "code=c").await;
    let LinkProgress::Confirm { accounts, scopes } = fixture.confirm().await else { unreachable!() };
    assert_eq!(accounts.len(), 1);
    assert_eq!((accounts[0].environment, &*accounts[0].account_number), (Environment::Live, "812345678"));
    assert_eq!((&*accounts[0].status, &accounts[0].replaces), ("ACTIVE", &None));
    assert_eq!(scopes.iter().map(|scope| &**scope).collect::<Vec<_>>(), ["account:write", "trading"]);
    assert!(fixture.links.list().await.unwrap().links.is_empty());
    assert!(!fixture.dir.path().join("tokens.json").exists());
    assert_eq!(fixture.fake.seen(|seen| seen.bearers.clone()), ["Bearer token-one"], "the other host is never asked");
}

#[tokio::test]
async fn unstated_scopes_are_the_requested_ones() {
    let mut fixture = Fixture::new().await;
    fixture.fake.answer(json(200, r#"{"access_token":"t"}"#));
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=c").await;
    let LinkProgress::Confirm { scopes, .. } = fixture.confirm().await else { unreachable!() };
    assert_eq!(scopes.len(), 3);
}

#[tokio::test]
async fn one_consent_may_find_accounts_of_one_or_both_environments() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme").await;
    assert!(waiting.url.query_pairs().all(|(name, _)| name != "env"));
    fixture.come_back(&waiting, "code=c").await;
    let LinkProgress::Confirm { accounts, .. } = fixture.confirm().await else { unreachable!() };
    assert_eq!(
        accounts.iter().map(|found| found.environment).collect::<Vec<_>>(),
        [Environment::Paper, Environment::Live]
    );
    fixture.fake.live_account(AccountReply(403, ""));
    let waiting = fixture.begin("acme").await;
    fixture.come_back(&waiting, "code=c").await;
    let LinkProgress::Confirm { accounts, .. } = fixture.confirm().await else { unreachable!() };
    assert_eq!(accounts.len(), 1);
    fixture.fake.paper_account(AccountReply(401, ""));
    let waiting = fixture.begin("acme").await;
    fixture.come_back(&waiting, "code=c").await;
    assert!(matches!(fixture.failure().await, LinkFailure::WrongEnvironment { .. }));
}

#[tokio::test]
async fn a_token_for_the_other_environment_is_refused_with_a_reason() {
    let mut fixture = Fixture::new().await;
    fixture.fake.answer(token("paper-only"));
    fixture.fake.live_account(AccountReply(401, ""));
    let waiting = fixture.begin("acme-live").await;
    fixture.come_back(&waiting, "code=c").await;
    let LinkFailure::WrongEnvironment { wanted, message } = fixture.failure().await else { panic!("another kind") };
    assert_eq!(wanted, Environment::Live);
    assert!(message.contains("401"), "{message}");
}
