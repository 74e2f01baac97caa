//! Linking against the simulated brokerage: the real pages, the real token endpoint, plain and over TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use brokerdeck::config::{BrokerSpec, Config};
use brokerdeck::io::accounts::AccountAccess;
use brokerdeck::io::browser::BrowserEnvironment;
use brokerdeck::io::clock::Clock;
use brokerdeck::io::linker::{Linker, Setup};
use brokerdeck::io::links::Links;
use brokerdeck::io::tokens::Tokens;
use brokerdeck::link::{AttemptId, FoundAccount, LinkFailure, LinkProgress, LinkRecord, RedirectNote};
use brokerdeck::sim::options::{Frames, Ready, SimOptions};
use brokerdeck::sim::server::{Running, start};
use secrecy::ExposeSecret;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::fixture::{TEST_TIMEOUT, free_port, read};

struct Fixture {
    sim: Running,
    linker: Linker,
    progress: mpsc::Receiver<(AttemptId, LinkProgress)>,
    attempt: u64,
}

/// The simulated brokerage from a configuration file, through the real parser.
pub(crate) fn specs(ready: &Ready) -> Vec<BrokerSpec> {
    let ca_file = ready.ca_file.as_ref().map_or_else(String::new, |path| format!("ca_file = \"{path}\"\n"));
    let common = format!(
        "authorize_url = \"{}\"\ntoken_url = \"{}\"\nclient_id = \"{}\"\nclient_secret = \"{}\"\n\
         redirect_uris = [\"{}\"]\n{ca_file}",
        ready.authorize_url, ready.token_url, ready.client_id, ready.client_secret, ready.redirect_uris[0]
    );
    let (paper, live) = (&ready.paper, &ready.live);
    let one = |id: &str, environment: &str, at: &brokerdeck::sim::options::ReadyEndpoints| {
        format!(
            "[[brokers]]\nid = \"{id}\"\nenvironment = \"{environment}\"\napi_url = \"{}\"\nstream_url = \"{}\"\n{common}\n",
            at.api_url, at.stream_url
        )
    };
    let both = format!(
        "[[brokers]]\nid = \"both\"\nenvironment = \"both\"\n{common}\
         paper = {{ api_url = \"{}\", stream_url = \"{}\" }}\nlive = {{ api_url = \"{}\", stream_url = \"{}\" }}\n",
        paper.api_url, paper.stream_url, live.api_url, live.stream_url
    );
    let text = one("paper", "paper", paper) + &one("live", "live", live) + &both;
    let config = Config::parse(&text, std::path::Path::new("/config.toml")).unwrap();
    config.brokers
}

impl Fixture {
    async fn new(tls: bool) -> Self {
        let options = SimOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: 7,
            pace: rust_decimal::Decimal::ONE,
            rate: None,
            tls,
            frames: Frames::Faithful,
            faults: None,
            scenario: None,
            idle: true,
            incarnation: 0,
            redirect_uris: vec![format!("http://127.0.0.1:{}/callback", free_port())],
        };
        let sim = start(options).await.unwrap();
        let (tokens, links) = (Arc::new(Tokens::memory()), Arc::new(Links::memory()));
        let mut setup = Setup::new(
            &AccountAccess { specs: Arc::new(specs(&sim.ready)), links, tokens, read_only: false },
            Clock::new(),
        );
        setup.around = BrowserEnvironment::default();
        setup.may_approve = true;
        let (sender, progress) = mpsc::channel(64);
        Self { sim, linker: Linker::new(setup, sender), progress, attempt: 0 }
    }

    async fn next(&mut self) -> LinkProgress {
        loop {
            let (attempt, progress) = tokio::time::timeout(TEST_TIMEOUT, self.progress.recv()).await.unwrap().unwrap();
            if attempt == AttemptId(self.attempt) && !matches!(progress, LinkProgress::Exchanging) {
                return progress;
            }
        }
    }

    /// Presses Allow and reads reports up to the question or the failure.
    async fn approve(&mut self, broker: &str) -> Result<Vec<FoundAccount>, LinkFailure> {
        self.attempt += 1;
        self.linker.begin(AttemptId(self.attempt), broker.into(), false);
        assert!(matches!(self.next().await, LinkProgress::Waiting { port: Some(_), .. }));
        self.linker.approve_in_demo(AttemptId(self.attempt));
        match self.next().await {
            LinkProgress::Confirm { accounts, .. } => Ok(accounts),
            LinkProgress::Failed(failure) => Err(failure),
            other => panic!("{other:?}"),
        }
    }

    async fn save(&mut self) -> Vec<LinkRecord> {
        self.linker.save(AttemptId(self.attempt), Vec::new());
        match self.next().await {
            LinkProgress::Saved { links, .. } => links,
            other => panic!("{other:?}"),
        }
    }

    /// Sets the brokerage's fault for the next login.
    async fn control(&self, action: &str, body: &str) {
        let api: url::Url = self.sim.ready.paper.api_url.parse().unwrap();
        let port = api.port().unwrap();
        let request = format!(
            "POST /_sim/{action} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let page = read(stream).await;
        assert_eq!(page.status, 200, "{action} {body}: {page:?}");
    }

    async fn link(&mut self, broker: &str) -> Vec<LinkRecord> {
        self.approve(broker).await.unwrap();
        self.save().await
    }
}

#[tokio::test]
async fn paper_live_and_both_are_linked_through_the_real_pages() {
    let mut fixture = Fixture::new(false).await;
    let paper = fixture.link("paper").await;
    let live = fixture.link("live").await;
    assert!(paper[0].account_number.starts_with("PA"), "{paper:?}");
    assert!(!live[0].account_number.starts_with("PA"), "{live:?}");
    assert_eq!(paper[0].scopes.len(), 3);
    let both = fixture.approve("both").await.unwrap();
    assert_eq!(both.len(), 2);
    assert_eq!(both[1].replaces.as_ref(), Some(&live[0].id), "the same live account, through either entry");
    fixture.sim.stop().await;
}

#[tokio::test]
async fn a_second_paper_account_is_a_second_link() {
    let mut fixture = Fixture::new(false).await;
    let first = fixture.link("paper").await.remove(0);
    let second = fixture.link("paper").await.remove(0);
    assert_ne!(first.account_number, second.account_number);
    assert_eq!((&*first.label, &*second.label), ("paper", "paper 2"));
    let tokens = [fixture.linker.token(&first.id).await.unwrap(), fixture.linker.token(&second.id).await.unwrap()];
    let [one, two] = tokens.map(|token| token.unwrap().expose_secret().to_owned());
    assert_ne!(one, two, "one token for each account");
    fixture.sim.stop().await;
}

#[tokio::test]
async fn everything_works_over_tls_with_a_certificate_authority_of_its_own() {
    let mut fixture = Fixture::new(true).await;
    assert!(fixture.sim.ready.token_url.starts_with("https://"));
    let links = fixture.link("both").await;
    assert_eq!(links.len(), 2);
    fixture.sim.stop().await;
}

#[tokio::test]
async fn a_server_with_another_authoritys_certificate_is_not_trusted() {
    let mut fixture = Fixture::new(true).await;
    let mut specs = specs(&fixture.sim.ready);
    for spec in &mut specs {
        spec.ca_file = None;
    }
    let (tokens, links) = (Arc::new(Tokens::memory()), Arc::new(Links::memory()));
    let mut setup =
        Setup::new(&AccountAccess { specs: Arc::new(specs), links, tokens, read_only: false }, Clock::new());
    setup.around = BrowserEnvironment::default();
    let (sender, progress) = mpsc::channel(64);
    fixture.linker = Linker::new(setup, sender);
    fixture.progress = progress;
    fixture.attempt += 1;
    fixture.linker.begin(AttemptId(fixture.attempt), "paper".into(), false);
    let LinkProgress::Waiting { authorize_url, .. } = fixture.next().await else { panic!("not waiting") };
    let url = url::Url::parse(authorize_url.expose()).unwrap();
    let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let back = format!("{}?code=c&state={}", value("redirect_uri"), value("state"));
    fixture.linker.submit_redirect(AttemptId(fixture.attempt), &brokerdeck::link::progress::Sensitive::new(back));
    assert!(matches!(fixture.next().await, LinkProgress::Failed(LinkFailure::Network { .. })));
    fixture.sim.stop().await;
}

#[tokio::test]
async fn every_fault_of_the_consent_page_is_handled() {
    let mut fixture = Fixture::new(false).await;
    fixture.control("authorize", r#"{"next":"deny"}"#).await;
    let failure = fixture.approve("paper").await.unwrap_err();
    assert!(matches!(failure, LinkFailure::Denied { description: Some(_) }), "{failure:?}");
    fixture.control("authorize", r#"{"next":"deny_without_words"}"#).await;
    let failure = fixture.approve("paper").await.unwrap_err();
    assert!(matches!(failure, LinkFailure::Denied { description: None }), "{failure:?}");
    for trick in [r#"{"next":"wrong_state"}"#, r#"{"next":"no_state"}"#] {
        fixture.control("authorize", trick).await;
        fixture.attempt += 1;
        fixture.linker.begin(AttemptId(fixture.attempt), "paper".into(), false);
        assert!(matches!(fixture.next().await, LinkProgress::Waiting { .. }));
        fixture.linker.approve_in_demo(AttemptId(fixture.attempt));
        assert_eq!(fixture.next().await, LinkProgress::Note(RedirectNote::WrongState), "{trick}");
        // The attempt continues, and the user's second try succeeds.
        fixture.linker.approve_in_demo(AttemptId(fixture.attempt));
        assert!(matches!(fixture.next().await, LinkProgress::Confirm { .. }), "{trick}");
    }
    fixture.sim.stop().await;
}

#[tokio::test]
async fn every_error_format_of_the_token_endpoint_is_classified() {
    let mut fixture = Fixture::new(false).await;
    for spec in ["oauth", "alpaca", "text"] {
        fixture.control("token_endpoint", &format!(r#"{{"errors":"{spec}"}}"#)).await;
        let mut specs = specs(&fixture.sim.ready);
        for spec in &mut specs {
            spec.client_secret = brokerdeck::config::SecretSource::Inline("wrong".into());
        }
        let (tokens, links) = (Arc::new(Tokens::memory()), Arc::new(Links::memory()));
        let mut setup =
            Setup::new(&AccountAccess { specs: Arc::new(specs), links, tokens, read_only: false }, Clock::new());
        setup.around = BrowserEnvironment::default();
        setup.may_approve = true;
        let (sender, progress) = mpsc::channel(64);
        fixture.linker.settle().await;
        fixture.linker = Linker::new(setup, sender);
        fixture.progress = progress;
        let failure = fixture.approve("paper").await.unwrap_err();
        assert!(matches!(failure, LinkFailure::BadClient { .. }), "{spec}: {failure:?}");
    }
    fixture.control("token_endpoint", r#"{"errors":"html"}"#).await;
    let failure = fixture.approve("paper").await.unwrap_err();
    assert!(matches!(failure, LinkFailure::Broker { .. }), "{failure:?}");
    fixture.sim.stop().await;
}
