//! A linker with a fake broker, and a browser of plain sockets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use brokerdeck::config::{BrokerSpec, Endpoints, SecretSource, TokenStoreChoice};
use brokerdeck::domain::{BrokerId, Environment};
use brokerdeck::io::accounts::AccountAccess;
use brokerdeck::io::browser::BrowserEnvironment;
use brokerdeck::io::clock::Clock;
use brokerdeck::io::linker::{Linker, Setup};
use brokerdeck::io::links::Links;
use brokerdeck::io::tokens::Tokens;
use brokerdeck::link::progress::Sensitive;
use brokerdeck::link::{AttemptId, LinkFailure, LinkProgress, LinkRecord};
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use url::Url;

use super::fake::Fake;

/// The deadline of every wait.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) struct Fixture {
    pub fake: Fake,
    pub linker: Linker,
    setup: Setup,
    pub links: Arc<Links>,
    pub port: u16,
    pub dir: tempfile::TempDir,
    progress: mpsc::Receiver<(AttemptId, LinkProgress)>,
    attempts: u64,
}

/// A received page.
#[derive(Debug)]
pub(super) struct Page {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: String,
}

/// A waiting attempt.
#[derive(Debug)]
pub(super) struct Waiting {
    pub attempt: AttemptId,
    pub url: Url,
    pub port: Option<u16>,
    pub browser: Result<(), String>,
}

impl Waiting {
    pub(super) fn parameter(&self, name: &str) -> String {
        self.url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned()
    }

    pub(super) fn state(&self) -> String {
        self.parameter("state")
    }
}

/// A port that is free on both loopback addresses.
pub(crate) fn free_port() -> u16 {
    loop {
        let four = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = four.local_addr().unwrap().port();
        match std::net::TcpListener::bind(("::1", port)) {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {}
            _ => return port,
        }
    }
}

/// A broker at the fake's addresses.
pub(super) fn spec(fake: &Fake, id: &str, redirect_uris: Vec<String>) -> BrokerSpec {
    let endpoints = |environment, address: std::net::SocketAddr| Endpoints {
        environment,
        api_url: Url::parse(&format!("http://{address}")).unwrap(),
        stream_url: Url::parse(&format!("ws://{address}/stream")).unwrap(),
        data_url: None,
        data_stream_url: None,
    };
    let paper = endpoints(Environment::Paper, fake.paper);
    let live = endpoints(Environment::Live, fake.live);
    let (env, endpoints) = match id {
        "acme-live" => (Some(Environment::Live), vec![live]),
        "acme" => (None, vec![paper, live]),
        _ => (Some(Environment::Paper), vec![paper]),
    };
    let auth = |path: &str| Url::parse(&format!("http://{}{path}", fake.auth)).unwrap();
    BrokerSpec {
        id: BrokerId::from(id),
        name: Arc::from(format!("{id} (OAuth)")),
        endpoints,
        authorize_url: auth("/oauth/authorize"),
        token_url: auth("/oauth/token"),
        revoke_url: None,
        client_id: Some("client-1".to_owned()),
        client_secret: SecretSource::Inline("hush&=+".into()),
        redirect_uris,
        scopes: vec!["account:write".to_owned(), "trading".to_owned(), "data".to_owned()],
        pkce: true,
        env,
        ca_file: None,
    }
}

impl Fixture {
    pub(super) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let fake = Fake::start().await;
        let port = free_port();
        let uris = vec![format!("http://localhost:{port}/callback")];
        let dir = tempfile::tempdir().unwrap();
        let tokens = Arc::new(Tokens::new(TokenStoreChoice::File, dir.path()));
        let links = Arc::new(Links::in_dir(dir.path()));
        let specs = ["acme-paper", "acme-live", "acme"].map(|id| spec(&fake, id, uris.clone())).to_vec();
        let accounts = AccountAccess { specs: Arc::new(specs), links: Arc::clone(&links), tokens, read_only: false };
        let mut setup = Setup::new(&accounts, Clock::new());
        setup.around = BrowserEnvironment::default();
        change(&mut setup);
        let (sender, progress) = mpsc::channel(64);
        Self { fake, linker: Linker::new(setup.clone(), sender), setup, links, port, dir, progress, attempts: 0 }
    }

    /// Replaces the linker by one with other settings.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Setup)) {
        change(&mut self.setup);
        let (sender, progress) = mpsc::channel(64);
        (self.linker, self.progress) = (Linker::new(self.setup.clone(), sender), progress);
    }

    /// A second linker with the same settings, whose reports are discarded.
    pub(super) fn another_linker(&self) -> Linker {
        Linker::new(self.setup.clone(), mpsc::channel(1).0)
    }

    /// Starts an attempt and waits for its address.
    pub(super) async fn begin(&mut self, broker: &str) -> Waiting {
        self.start(broker, false);
        self.waiting().await
    }

    pub(super) fn start(&mut self, broker: &str, browser: bool) -> AttemptId {
        self.attempts += 1;
        let attempt = AttemptId(self.attempts);
        self.linker.begin(attempt, BrokerId::from(broker), browser);
        attempt
    }

    pub(super) async fn waiting(&mut self) -> Waiting {
        let attempt = AttemptId(self.attempts);
        match self.next().await {
            LinkProgress::Waiting { authorize_url, port, browser, .. } => {
                Waiting { attempt, url: Url::parse(authorize_url.expose()).unwrap(), port, browser }
            }
            other => panic!("{other:?}"),
        }
    }

    /// The current attempt's next report.
    pub(super) async fn next(&mut self) -> LinkProgress {
        loop {
            let news = tokio::time::timeout(TEST_TIMEOUT, self.progress.recv()).await;
            let (attempt, progress) = news.expect("a report in time").unwrap();
            if attempt == AttemptId(self.attempts) {
                return progress;
            }
        }
    }

    /// The next report that is not a note.
    pub(super) async fn next_step(&mut self) -> LinkProgress {
        loop {
            match self.next().await {
                LinkProgress::Note(_) => {}
                other => return other,
            }
        }
    }

    /// Reads reports up to the question whether to save.
    pub(super) async fn confirm(&mut self) -> LinkProgress {
        loop {
            match self.next_step().await {
                confirm @ LinkProgress::Confirm { .. } => return confirm,
                LinkProgress::Exchanging | LinkProgress::Waiting { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Reads reports up to the end, which is a failure.
    pub(super) async fn failure(&mut self) -> LinkFailure {
        loop {
            match self.next_step().await {
                LinkProgress::Failed(failure) => return failure,
                LinkProgress::Exchanging | LinkProgress::Waiting { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Links one account from the first step to the last.
    pub(super) async fn link(&mut self, broker: &str, labels: &[&str]) -> Vec<LinkRecord> {
        let waiting = self.begin(broker).await;
        let page = self.come_back(&waiting, "code=c").await;
        assert_eq!(page.status, 200, "{page:?}");
        self.confirm().await;
        self.linker.save(waiting.attempt, labels.iter().map(|label| (*label).to_owned()).collect());
        match self.next().await {
            LinkProgress::Saved { links, .. } => links,
            other => panic!("{other:?}"),
        }
    }

    /// The right answer, as sent by the browser.
    pub(super) async fn come_back(&self, waiting: &Waiting, answer: &str) -> Page {
        self.get(&format!("/callback?{answer}&state={}", waiting.state())).await
    }

    pub(super) async fn get(&self, target: &str) -> Page {
        self.raw(&format!("GET {target} HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", self.port)).await
    }

    /// Sends a request as raw text; waits until the listener closes.
    pub(super) async fn raw(&self, request: &str) -> Page {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        read(stream).await
    }

    /// Whether the port is free again.
    pub(super) async fn is_free(&self) -> bool {
        let four = tokio::net::TcpListener::bind(("127.0.0.1", self.port)).await;
        let six = tokio::net::TcpListener::bind(("::1", self.port)).await;
        let taken = |error: &std::io::Error| error.kind() == std::io::ErrorKind::AddrInUse;
        !four.err().is_some_and(|error| taken(&error)) && !six.err().is_some_and(|error| taken(&error))
    }

    pub(super) async fn token(&self, link: &LinkRecord) -> Option<String> {
        self.linker.token(&link.id).await.unwrap().map(|token| token.expose_secret().to_owned())
    }

    pub(super) fn paste(&self, waiting: &Waiting, text: &str) {
        self.linker.submit_redirect(waiting.attempt, &Sensitive::new(text));
    }
}

/// Reads an answer to its end.
pub(super) async fn read(mut stream: TcpStream) -> Page {
    let mut bytes = Vec::new();
    let all = tokio::time::timeout(TEST_TIMEOUT, stream.read_to_end(&mut bytes)).await;
    all.expect("the listener closes the connection").unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).unwrap_or(0);
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    Page { status, headers, body: body.to_owned() }
}

/// Waits until a condition holds.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = tokio::time::Instant::now() + TEST_TIMEOUT;
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "not in time: {what}");
        tokio::task::yield_now().await;
    }
}
