//! The whole client against the simulated brokerage over real sockets with faults: the screen's data equals the
//! brokerage's, each execution once.
//!
//! More seeds than the few of `cargo test`: `BROKERDECK_SOCKET_SEEDS=200 cargo test socket_seeds`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brokerdeck::accounts::Msg as AccountMsg;
use brokerdeck::app::keymap::Chord;
use brokerdeck::app::{Model, Msg};
use brokerdeck::domain::blotter::TapeEntry;
use brokerdeck::domain::execution::{ExecutionKind, Source};
use brokerdeck::domain::{Environment, LinkId};
use brokerdeck::io::accounts::AccountAccess;
use brokerdeck::io::links::Links;
use brokerdeck::io::runtime::Loop;
use brokerdeck::io::start::{self, Settings};
use brokerdeck::io::tokens::Tokens;
use brokerdeck::link::{Grantor, LinkRecord};
use brokerdeck::session::ConnectionState;
use brokerdeck::sim::server::Running;
use brokerdeck::sim::{SimOptions, server};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::linking::specs;
use super::{replay, simulator};

/// Longer than any step takes, even on a busy machine.
const TEST_TIMEOUT: Duration = Duration::from_secs(90);

/// A brokerage that trades only on request, and a program linked to its paper account.
pub(crate) struct Bench {
    pub sim: Running,
    http: reqwest::Client,
    accounts: AccountAccess,
    link: LinkRecord,
}

impl Bench {
    pub(crate) async fn open(seed: u64) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let sim = server::start(SimOptions { seed, ..simulator::options() }).await.unwrap();
        let http = reqwest::Client::new();
        let url = format!("{}/v2/account", sim.ready.paper.api_url);
        let account: Value =
            http.get(url).bearer_auth(&sim.ready.paper_token).send().await.unwrap().json().await.unwrap();
        let text = |name: &str| account[name].as_str().unwrap().to_owned();
        let specs = specs(&sim.ready);
        let link = LinkRecord {
            id: LinkId::from("paper/paper/sim"),
            broker: "paper".into(),
            environment: Environment::Paper,
            account_id: text("id").into(),
            account_number: text("account_number").into(),
            label: "Sim".into(),
            scopes: vec!["trading".into()],
            linked_at: jiff::Timestamp::UNIX_EPOCH,
            grantor: Grantor::of(&specs[3], Environment::Paper),
        };
        let (links, tokens) = (Links::memory(), Tokens::memory());
        tokens.put(&link.id, &SecretString::from(sim.ready.paper_token.clone())).await.unwrap();
        links.put(vec![link.clone()]).await.unwrap();
        let accounts = AccountAccess {
            specs: Arc::new(specs),
            links: Arc::new(links),
            tokens: Arc::new(tokens),
            read_only: false,
        };
        let bench = Self { sim, http, accounts, link };
        bench.control("rate_limit", json!({"limit": 1_000})).await;
        bench
    }

    /// The same, with the stream through another address.
    fn streaming_through(mut self, relay: &Relay) -> Self {
        let mut ready = self.sim.ready.clone();
        ready.paper.stream_url = format!("ws://{}/stream", relay.address);
        let specs = specs(&ready);
        self.link.grantor = Grantor::of(&specs[3], Environment::Paper);
        self.accounts.specs = Arc::new(specs);
        self
    }

    pub(crate) async fn control(&self, action: &str, body: Value) -> Value {
        let url = format!("{}/_sim/{action}", self.sim.ready.paper.api_url);
        let mut tries = 0;
        loop {
            // The brokerage drops connections on request, including this one.
            match self.http.post(&url).json(&body).send().await {
                Ok(answer) => {
                    assert!(answer.status().is_success(), "{action}: {}", answer.text().await.unwrap());
                    return answer.json().await.unwrap();
                }
                Err(error) => {
                    tries += 1;
                    assert!(tries < 50, "{action}: {error}");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    pub(crate) async fn truth(&self) -> Value {
        let url = format!("{}/_sim/truth", self.sim.ready.paper.api_url);
        for _ in 0..200 {
            if let Ok(answer) = self.http.get(&url).send().await
                && let Ok(truth) = answer.json().await
            {
                return truth;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the brokerage no longer returns its books")
    }

    /// A program for the account, connecting.
    pub(crate) fn program(&self, locks: Option<&Path>) -> Program {
        let settings = Settings { locks: locks.map(Path::to_owned), ..replay::settings() };
        let mut running = start::with_linking(&settings, &self.accounts).unwrap();
        running.start(vec![self.link.clone()]);
        Program { running }
    }
}

/// A forwarder to a server that counts open connections.
struct Relay {
    address: SocketAddr,
    open: Arc<AtomicUsize>,
    made: Arc<AtomicUsize>,
}

impl Relay {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, made) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (now, all) = (Arc::clone(&open), Arc::clone(&made));
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let now = Arc::clone(&now);
                now.fetch_add(1, Ordering::SeqCst);
                all.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    drop(tokio::io::copy_bidirectional(&mut near, &mut far).await);
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, open, made }
    }

    /// The connections open now, and all ever made.
    fn count(&self) -> (usize, usize) {
        (self.open.load(Ordering::SeqCst), self.made.load(Ordering::SeqCst))
    }
}

pub(crate) struct Program {
    pub running: Loop,
}

impl Program {
    /// One turn of the loop, as with a screen.
    async fn turn(&mut self) {
        let running = &mut self.running;
        let deadline = running.model.next_deadline(running.clock.now()).unwrap();
        let deadline = running.clock.instant(deadline).into();
        let msg = tokio::select! {
            biased;
            Some(msg) = running.inbox.recv() => msg,
            () = tokio::time::sleep_until(deadline) => Msg::Tick,
        };
        running.handle(msg);
        while running.model.has_work() {
            running.handle(Msg::Work);
        }
    }

    pub(crate) async fn until(&mut self, what: &str, done: impl Fn(&Model) -> bool) {
        let seen = async {
            while !done(&self.running.model) {
                self.turn().await;
            }
        };
        let ran = tokio::time::timeout(TEST_TIMEOUT, seen).await;
        let account = &self.running.model.accounts.all()[0];
        let reported: Vec<&str> = account.log.iter().map(|entry| &*entry.text).collect();
        assert!(ran.is_ok(), "not seen: {what}; the account is {:?}\n{}", account.state(), reported.join("\n"));
    }

    pub(crate) async fn live(&mut self) {
        self.until("live", |model| model.accounts.all()[0].state().is_live()).await;
    }

    /// Runs the program while awaiting something else.
    pub(crate) async fn beside<T>(&mut self, other: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            value = other => value,
            () = async { loop { self.turn().await } } => unreachable!(),
        }
    }

    pub(crate) fn resync(&mut self) {
        self.running.handle(Msg::Key(Chord::char('r')));
        let model = &self.running.model;
        let said = model.toasts.iter().any(|toast| toast.text.contains("fetching everything again"));
        assert!(said, "the key did nothing: {:?}, {:?}", model.toasts, model.top());
    }
}

/// The shown data in the terms of the books: each order's status and quantity, each execution's order, range and price.
fn shown(model: &Model) -> (BTreeMap<String, (String, String)>, Vec<String>) {
    let blotter = &model.accounts.all()[0].blotter;
    let orders = blotter.orders().map(|order| {
        (order.id.to_string(), (order.status.as_str().to_owned(), order.cum_qty.decimal().normalize().to_string()))
    });
    let mut executions: Vec<String> = blotter
        .executions()
        .map(|row| match row.kind {
            ExecutionKind::Trade => {
                let number = |value: rust_decimal::Decimal| value.normalize().to_string();
                let cum = row.cum_qty.map(|qty| number(qty.decimal())).unwrap_or_default();
                let px = row.px.map(|px| number(px.decimal())).unwrap_or_default();
                format!("{} {} to {cum} at {px}", row.order_id, number(row.qty.decimal()))
            }
            _ => format!("{row:?}"),
        })
        .collect();
    executions.sort();
    (orders.collect(), executions)
}

fn reported(truth: &Value) -> (BTreeMap<String, (String, String)>, Vec<String>) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let number = |value: &Value| text(value).parse::<rust_decimal::Decimal>().unwrap().normalize().to_string();
    let orders = truth["orders"].as_array().unwrap().iter();
    let orders = orders.map(|order| (text(&order["id"]), (text(&order["status"]), number(&order["filled_qty"]))));
    let executions = truth["executions"].as_array().unwrap().iter();
    let mut executions: Vec<String> = executions
        .map(|row| {
            let (order, qty, cum) = (text(&row["order_id"]), number(&row["qty"]), number(&row["cum_qty"]));
            format!("{order} {qty} to {cum} at {}", number(&row["price"]))
        })
        .collect();
    executions.sort();
    (orders.collect(), executions)
}

fn faults(seed: u64) -> Vec<&'static str> {
    const ALL: [&str; 11] = [
        "lose@15%",
        "duplicate@20%",
        "reorder@20%",
        "delay=150ms@10%",
        "truncate@4%",
        "data_null@5%",
        "unknown_event@5%",
        "503@15%",
        "slow=300ms@15%",
        "cut_body@8%",
        "lose_answer@8%",
    ];
    // Every seed uses another half of them.
    ALL.into_iter()
        .enumerate()
        .filter(|(place, _)| ((seed * 0x9E37_79B9) >> (place + 3)) & 1 == 1)
        .map(|(_, rule)| rule)
        .collect()
}

/// Executions between two faults of the connection.
const TURN: usize = 4;

async fn one_seed(seed: u64) {
    let bench = Bench::open(seed).await;
    let mut program = bench.program(None);
    program.live().await;
    for rule in faults(seed) {
        bench.control("fault", json!({"rule": format!("{rule}/paper")})).await;
    }
    bench.control("bot", json!({"on": true, "rate": 60})).await;
    let busy = async {
        let traded = async || bench.truth().await["executions"].as_array().unwrap().len();
        for turn in 0.. {
            let before = traded().await;
            if before >= 60 {
                break;
            }
            match (turn + seed) % 7 {
                3 => drop(bench.control("drop", json!({})).await),
                5 => drop(bench.control("refuse", json!({"for": "400ms"})).await),
                _ => {}
            }
            while traded().await < before + TURN {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        bench.control("bot", json!({"on": false})).await;
        bench.control("clear", json!({})).await;
    };
    program.beside(busy).await;
    // Nothing changes from now on; a resync, as by `r`, must bring the final state.
    bench.control("pace", json!({"pace": "0.1"})).await;
    program.resync();
    program.until("live again", |model| model.accounts.all()[0].state().is_live()).await;
    let truth = bench.truth().await;
    let wanted = reported(&truth);
    program.until("the truth", |model| shown(model) == wanted).await;
    bench.sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn socket_seeds_end_in_the_truth() {
    let count = std::env::var("BROKERDECK_SOCKET_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4_u64);
    for first in (1..=count).step_by(4) {
        let runs = (first..(first + 4).min(count + 1)).map(|seed| tokio::spawn(one_seed(seed)));
        for (seed, run) in (first..).zip(runs.collect::<Vec<_>>()) {
            assert!(run.await.is_ok(), "seed {seed}");
        }
    }
}

/// The paper account's tape lines of an order, and their sources.
fn lines(model: &Model, order: &str) -> Vec<(String, Source)> {
    let of = |line: &&TapeEntry| line.order_id.as_str() == order;
    model.accounts.all()[0].blotter.tape().iter().filter(of).map(|line| (line.event.to_string(), line.source)).collect()
}

#[tokio::test]
async fn events_of_an_outage_are_replayed_one_by_one_if_the_broker_can() {
    for offered in [true, false] {
        let bench = Bench::open(5).await;
        bench.control("sse", json!({"on": offered})).await;
        let mut program = bench.program(None);
        program.live().await;
        let body = |price: &str| json!({"symbol": "AAPL", "qty": "3", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": price});
        let first = bench.control("place", body("1.00")).await;
        let known = first["id"].as_str().unwrap().to_owned();
        program.until("the first order", |model| !lines(model, &known).is_empty()).await;
        let away = async {
            bench.control("drop", json!({})).await;
            bench.control("refuse", json!({"for": "700ms"})).await;
        };
        program.beside(away).await;
        program.until("lost", |model| !model.accounts.all()[0].state().is_live()).await;
        let second = bench.control("place", body("1.01")).await;
        let id = second["id"].as_str().unwrap().to_owned();
        bench.control("fill", json!({"order": id, "price": "1.01"})).await;
        program.live().await;
        program.until("the fill", |model| model.accounts.all()[0].blotter.executions().count() == 1).await;
        let sorted = |model: &Model| {
            let mut events: Vec<_> = lines(model, &id).into_iter().map(|(event, _)| event).collect();
            events.sort();
            events
        };
        let wanted: &[&str] = if offered { &["fill", "new", "pending_new"] } else { &["fill"] };
        program.until("every event that can be told", |model| sorted(model) == wanted).await;
        let reported = lines(&program.running.model, &id);
        assert!(reported.iter().all(|(_, source)| *source == Source::Reconcile), "marked late: {reported:?}");
        bench.sim.stop().await;
    }
}

#[tokio::test]
async fn a_second_instance_polls_with_a_reason_and_takes_over() {
    let (bench, folder) = (Bench::open(3).await, tempfile::tempdir().unwrap());
    let mut first = bench.program(Some(folder.path()));
    first.live().await;
    let mut second = bench.program(Some(folder.path()));
    second.until("polling", |model| matches!(model.accounts.all()[0].state(), ConnectionState::Polling { .. })).await;
    let reason = second.running.model.accounts.all()[0].state().reason().unwrap().to_owned();
    assert!(reason.contains("another brokerdeck"), "{reason}");
    second.until("a picture", |model| model.accounts.all()[0].session.has_snapshot()).await;

    let body = json!({"symbol": "AAPL", "qty": "3", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "1.00"});
    let order = bench.control("place", body).await;
    bench.control("fill", json!({"order": order["id"], "price": "1.00"})).await;
    let filled = |model: &Model| model.accounts.all()[0].blotter.executions().count() == 1;
    first.until("the fill", filled).await;
    second.until("the fill by asking", filled).await;

    drop(first);
    second.live().await;
    assert_eq!(second.running.model.accounts.all()[0].blotter.executions().count(), 1, "nothing is counted twice");
    bench.sim.stop().await;
}

#[tokio::test]
async fn a_second_instance_connecting_while_the_first_ends_reads_what_that_one_wrote() {
    let (bench, folder) = (Bench::open(3).await, tempfile::tempdir().unwrap());
    let mut first = bench.program(Some(folder.path()));
    first.live().await;
    let mut second = bench.program(Some(folder.path()));
    second.until("polling", |model| matches!(model.accounts.all()[0].state(), ConnectionState::Polling { .. })).await;
    drop(first);
    second.resync();
    second.live().await;
    let log = &second.running.model.accounts.all()[0].log;
    assert!(log.iter().any(|entry| entry.text.contains("the other instance released")), "{log:?}");
    bench.sim.stop().await;
}

#[tokio::test]
async fn a_relinked_account_has_one_stream() {
    let bench = Bench::open(34).await;
    let server = url::Url::parse(&bench.sim.ready.paper.api_url).unwrap().socket_addrs(|| None).unwrap()[0];
    let relay = Relay::to(server).await;
    let bench = bench.streaming_through(&relay);
    let mut program = bench.program(None);
    program.live().await;
    assert_eq!(relay.count(), (1, 1));
    for round in 2..5 {
        // As after relinking in this program: a new client, and the old one's connection dropped.
        program.running.start(vec![bench.link.clone()]);
        let again = |model: &Model| model.accounts.all()[0].state().is_live() && relay.count().1 == round;
        program.until("the new stream", again).await;
    }
    program.until("the end of the old ones", |_| relay.count().0 == 1).await;
    for round in 5..8 {
        // As after relinking in another program.
        program.running.handle(AccountMsg::Renewed { link: bench.link.clone() }.into());
        let again = |model: &Model| model.accounts.all()[0].state().is_live() && relay.count().1 == round;
        program.until("the new stream", again).await;
    }
    program.until("the end of the old ones", |_| relay.count().0 == 1).await;
    // Another program links again, and the broker goes on accepting the token from before.
    let again = LinkRecord { linked_at: jiff::Timestamp::from_second(1_000).unwrap(), ..bench.link.clone() };
    bench.accounts.links.put(vec![again.clone()]).await.unwrap();
    let followed = |model: &Model| {
        let account = &model.accounts.all()[0];
        account.link == again && account.state().is_live() && relay.count() == (1, 8)
    };
    program.until("the stream of the new link", followed).await;
    assert_eq!(program.running.model.accounts.len(), 1);
    bench.sim.stop().await;
}
