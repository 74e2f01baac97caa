//! The journal in the whole program: several instances, kills at any moment, and locks held by other programs.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brokerdeck::config::TokenStoreChoice;
use brokerdeck::domain::{Environment, LinkId};
use brokerdeck::io::accounts::AccountAccess;
use brokerdeck::io::journal::{AccountLock, Range, Reader};
use brokerdeck::io::links::Links;
use brokerdeck::io::runtime::headless::Headless;
use brokerdeck::io::tokens::Tokens;
use brokerdeck::link::{Grantor, LinkRecord};
use brokerdeck::session::ConnectionState;
use brokerdeck::sim::server::Running;
use brokerdeck::sim::{SimOptions, server};
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::linking::specs;
use super::{pty, simulator};

/// Longer than any step takes, even on a busy machine.
const TEST_TIMEOUT: Duration = Duration::from_secs(90);

/// A brokerage that trades only on request, and a home with its paper account linked.
pub(super) struct Home {
    pub(super) sim: Running,
    http: reqwest::Client,
    pub(super) dir: tempfile::TempDir,
    link: LinkRecord,
}

impl Home {
    pub(super) async fn open(seed: u64) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let sim = server::start(SimOptions { seed, ..simulator::options() }).await.unwrap();
        let http = reqwest::Client::new();
        let url = format!("{}/v2/account", sim.ready.paper.api_url);
        let account: Value =
            http.get(url).bearer_auth(&sim.ready.paper_token).send().await.unwrap().json().await.unwrap();
        let text = |name: &str| account[name].as_str().unwrap().to_owned();
        let link = LinkRecord {
            id: LinkId::from("paper/paper/sim"),
            broker: "paper".into(),
            environment: Environment::Paper,
            account_id: text("id").into(),
            account_number: text("account_number").into(),
            label: "Sim".into(),
            scopes: vec!["trading".into()],
            linked_at: jiff::Timestamp::UNIX_EPOCH,
            grantor: specs(&sim.ready)
                .iter()
                .find(|spec| spec.id.as_str() == "paper")
                .and_then(|spec| Grantor::of(spec, Environment::Paper)),
        };
        let home = Self { sim, http, dir: tempfile::tempdir().unwrap(), link };
        Links::in_dir(&home.data()).put(vec![home.link.clone()]).await.unwrap();
        let token = SecretString::from(home.sim.ready.paper_token.clone());
        home.tokens().put(&home.link.id, &token).await.unwrap();
        let ready = &home.sim.ready;
        let config = format!(
            "[tokens]\nstore = \"file\"\n[[brokers]]\nid = \"paper\"\nname = \"Paper\"\nenvironment = \"paper\"\n\
             authorize_url = \"{}\"\ntoken_url = \"{}\"\napi_url = \"{}\"\nstream_url = \"{}\"\nclient_id = \"{}\"\n\
             client_secret = \"{}\"\nredirect_uris = [\"{}\"]\n",
            ready.authorize_url,
            ready.token_url,
            ready.paper.api_url,
            ready.paper.stream_url,
            ready.client_id,
            ready.client_secret,
            ready.redirect_uris[0]
        );
        std::fs::write(home.dir.path().join("config.toml"), config).unwrap();
        home.control("rate_limit", json!({"limit": 1_000})).await;
        home
    }

    pub(super) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.data().join("journal.sqlite")
    }

    fn tokens(&self) -> Tokens {
        Tokens::new(TokenStoreChoice::File, &self.data())
    }

    pub(super) async fn control(&self, action: &str, body: Value) -> Value {
        let url = format!("{}/_sim/{action}", self.sim.ready.paper.api_url);
        let answer = self.http.post(&url).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{action}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    /// An order, filled in two parts.
    pub(super) async fn trade(&self) {
        let body = json!({"symbol": "AAPL", "qty": "10", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "1.00"});
        let order = self.control("place", body).await;
        self.control("fill", json!({"order": order["id"], "price": "1.00", "qty": "4"})).await;
        self.control("fill", json!({"order": order["id"], "price": "1.00"})).await;
    }

    /// The sizes of each order's executions, by the brokerage.
    pub(super) async fn truth(&self) -> BTreeMap<String, Vec<Decimal>> {
        let url = format!("{}/_sim/truth", self.sim.ready.paper.api_url);
        let truth: Value = self.http.get(&url).send().await.unwrap().json().await.unwrap();
        let rows = truth["executions"].as_array().unwrap().iter();
        by_order(rows.map(|row| (text_of(&row["order_id"]), text_of(&row["qty"]).parse().unwrap())))
    }

    /// The same, by the journal.
    pub(super) fn journaled(&self) -> BTreeMap<String, Vec<Decimal>> {
        let mut rows = Vec::new();
        let reader = Reader::open(&self.journal()).unwrap();
        reader
            .executions(&Range::default(), |_, row| rows.push((row.order_id.to_string(), row.qty.decimal())))
            .unwrap();
        by_order(rows.into_iter())
    }

    /// A program for the account with this journal, connecting.
    fn program(&self) -> Headless {
        let (links, tokens) = (Arc::new(Links::in_dir(&self.data())), Arc::new(self.tokens()));
        let accounts = AccountAccess { specs: Arc::new(specs(&self.sim.ready)), links, tokens, read_only: false };
        let mut running = Headless::new(&accounts, Some(self.data()));
        running.start_remembering(self.journal(), vec![self.link.clone()]);
        running
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_brokerdeck"));
        command
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data())
            .arg("--config")
            .arg(self.dir.path().join("config.toml"))
            .env_clear()
            .env("HOME", self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// What the last [`Self::watch`] writes to standard error.
    fn notes(&self) -> PathBuf {
        self.dir.path().join("notes")
    }

    fn watch(&self) -> Watch {
        let mut command = self.command(&["watch", "--json"]);
        let notes = std::fs::File::create(self.notes()).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(notes).spawn().unwrap();
        let lines = Arc::new((Mutex::new(Vec::new()), tokio::sync::Notify::new()));
        let out = std::io::BufReader::new(child.stdout.take().unwrap());
        let reader = {
            let lines = Arc::clone(&lines);
            std::thread::spawn(move || {
                for line in out.lines().map_while(Result::ok) {
                    assert_eq!(acting(&line), None, "{line:?}");
                    // A kill may leave a partial line.
                    if let Ok(value) = serde_json::from_str::<Value>(&line) {
                        lines.0.lock().unwrap().push(value);
                        lines.1.notify_one();
                    }
                }
                lines.1.notify_one();
            })
        };
        Watch { child, lines, reader: Some(reader) }
    }
}

/// The first character that would control a terminal or reverse text.
pub(super) fn acting(text: &str) -> Option<char> {
    let acts = |ch: char| {
        (ch.is_control() && ch != '\n')
            || matches!(u32::from(ch), 0x200B..=0x200F | 0x2028..=0x202E | 0xFEFF | 0xE_0000..)
    };
    text.chars().find(|ch| acts(*ch))
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn by_order(rows: impl Iterator<Item = (String, Decimal)>) -> BTreeMap<String, Vec<Decimal>> {
    let mut found: BTreeMap<String, Vec<Decimal>> = BTreeMap::new();
    for (order, qty) in rows {
        found.entry(order).or_default().push(qty.normalize());
    }
    for sizes in found.values_mut() {
        sizes.sort();
    }
    found
}

fn count(executions: &BTreeMap<String, Vec<Decimal>>) -> usize {
    executions.values().map(Vec::len).sum()
}

/// A running `watch`.
struct Watch {
    child: Child,
    lines: Arc<(Mutex<Vec<Value>>, tokio::sync::Notify)>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Watch {
    async fn until(&self, what: &str, done: impl Fn(&[Value]) -> bool) {
        let waited = tokio::time::timeout(TEST_TIMEOUT, async {
            while !done(&self.lines.0.lock().unwrap()) {
                self.lines.1.notified().await;
            }
        });
        assert!(waited.await.is_ok(), "not printed: {what}; printed: {:#?}", self.lines.0.lock().unwrap());
    }

    async fn live(&self) {
        self.until("live", |lines| lines.iter().any(|line| line["state"] == "live")).await;
    }

    /// Kills it, and returns its lines.
    fn kill(mut self) -> Vec<Value> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        std::mem::take(&mut *self.lines.0.lock().unwrap())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The executions in the lines.
fn executions(lines: &[Value]) -> BTreeMap<String, Vec<Decimal>> {
    let rows = lines.iter().filter(|line| line["execution_id"].is_string());
    by_order(rows.map(|line| (text_of(&line["order"]["id"]), text_of(&line["qty"]).parse().unwrap())))
}

/// Another program with the journal's write lock.
pub(super) fn lock(path: &Path) -> rusqlite::Connection {
    let other = rusqlite::Connection::open(path).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

/// How long a frame or a line waits for the disk (docs/DESIGN.md 9.6).
pub(super) const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// Simulates a disk that hangs: an empty file whose lock is held takes the journal's place. To open it fails after two
/// seconds' wait for the lock, and nothing is written until the returned connection is dropped.
pub(super) fn hang(home: &Home) -> rusqlite::Connection {
    let held = home.data().join("held.sqlite");
    let other = rusqlite::Connection::open(&held).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    std::fs::rename(&held, home.journal()).unwrap();
    for part in ["-wal", "-shm"] {
        drop(std::fs::remove_file(home.data().join(format!("journal.sqlite{part}"))));
    }
    other
}

/// Ends the hanging, and waits until the journal has everything.
pub(super) async fn release(home: &Home, hung: rusqlite::Connection) {
    let tables: i64 = hung.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 0, "nothing is on disk so far");
    drop(hung);
    let truth = home.truth().await;
    assert!(
        pty::terminal::until(|| Reader::open(&home.journal()).is_ok() && home.journaled() == truth),
        "the journal does not have everything"
    );
}

async fn until(running: &mut Headless, what: &str, done: impl Fn(&Headless) -> bool) {
    let ran = tokio::time::timeout(TEST_TIMEOUT, running.run(&mut |running: &Headless| !done(running))).await;
    assert!(ran.is_ok(), "not seen: {what}; the account is {:?}", running.accounts.all()[0].state());
}

/// `BROKERDECK_KILLS=100 cargo test a_watch_killed` kills more often.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_killed_repeatedly_prints_each_execution_once_and_reports_gaps() {
    let kills = std::env::var("BROKERDECK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(5_usize);
    let home = Home::open(21).await;
    home.trade().await;
    let history = home.truth().await;
    let mut reported = Vec::new();
    for round in 0..=kills {
        let truth = home.truth().await;
        let missed = count(&truth) - count(&history) - count(&executions(&reported));
        let watch = home.watch();
        watch.live().await;
        watch.until("what was missed", |lines| count(&executions(lines)) >= missed).await;
        if round == kills {
            reported.extend(watch.kill());
            break;
        }
        let held = (round % 3 == 1).then(|| lock(&home.journal()));
        home.trade().await;
        // Killed after all lines, after some, or at a random moment.
        match round % 4 {
            0 => watch.until("the fills", |lines| count(&executions(lines)) >= missed + 2).await,
            1 => watch.until("a fill", |lines| count(&executions(lines)) > missed).await,
            _ => {}
        }
        let lines = watch.kill();
        drop(held);
        let first = lines.iter().find(|line| line["type"] == "connection").unwrap();
        assert_eq!(
            first["reason"].as_str().is_some_and(|words| words.contains("not watched since")),
            round > 0,
            "{first}"
        );
        reported.extend(lines);
        home.trade().await;
    }
    let mut truth = home.truth().await;
    truth.retain(|order, _| !history.contains_key(order));
    assert_eq!(executions(&reported), truth, "each once");
    for line in reported.iter().filter(|line| line["type"] == "trade_update") {
        assert!(line["order"].is_object(), "{line}");
        assert!(line["source"] == "stream" || line["source"] == "reconcile", "{line}");
    }
    assert_eq!(home.journaled(), home.truth().await, "the journal has them all");
    home.sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_text_of_an_order_is_harmless_on_a_terminal_and_complete_in_json() {
    let home = Home::open(24).await;
    let hostile = "a\u{1b}]52;c;eA==\u{7}\n\u{9b}31m\u{7f}\u{202e}\u{200b}\u{e0041}\u{feff}é";
    let watch = home.watch();
    watch.live().await;
    let body = json!({"symbol": "AAPL", "qty": "10", "side": "buy", "type": "limit", "time_in_force": "day",
        "limit_price": "1.00", "client_order_id": hostile});
    let url = format!("{}/v2/orders", home.sim.ready.paper.api_url);
    let order = home.http.post(url).bearer_auth(&home.sim.ready.paper_token).json(&body).send().await.unwrap();
    let order: Value = order.error_for_status().unwrap().json().await.unwrap();
    home.control("fill", json!({"order": order["id"], "price": "1.00"})).await;
    let filled = |lines: &[Value]| lines.iter().any(|line| line["event"] == "fill");
    watch.until("the fill", filled).await;
    let run = |arguments: &[&str]| {
        let done = home.command(arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        for shown in [&done.stdout, &done.stderr] {
            let shown = String::from_utf8(shown.clone()).unwrap();
            assert_eq!(acting(&shown), None, "{arguments:?}: {shown:?}");
        }
        String::from_utf8(done.stdout).unwrap()
    };
    // On disk before the line was printed.
    let exported = run(&["export", "orders", "--format", "jsonl"]);
    let reported = watch.kill();
    let last = reported.iter().rfind(|line| line["event"] == "fill").unwrap();
    assert_eq!(last["order"]["client_order_id"], hostile, "watch");
    let document: Value = serde_json::from_str(&run(&["orders", "--status", "all", "--json"])).unwrap();
    assert_eq!(document[0]["client_order_id"], hostile, "orders");
    let line: Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
    assert_eq!(line["client_order_id"], hostile, "export");
    for command in [&["orders", "--status", "all"][..], &["activity"], &["export", "orders"], &["export", "executions"]]
    {
        assert!(run(command).contains("AAPL"), "{command:?}");
    }
    home.sim.stop().await;
}

#[tokio::test]
async fn a_program_that_only_polls_keeps_the_journal_too() {
    let home = Home::open(22).await;
    // Another instance streams the account without writing.
    let lock = AccountLock::try_take(&home.data(), &home.link.id).unwrap().unwrap();
    let mut beside = home.program();
    until(&mut beside, "polling", |running| {
        let account = &running.accounts.all()[0];
        matches!(account.state(), ConnectionState::Polling { .. }) && account.session.has_snapshot()
    })
    .await;
    home.trade().await;
    until(&mut beside, "the fills by polling", |running| running.accounts.all()[0].blotter.executions().count() == 2)
        .await;
    assert_eq!(home.journaled(), home.truth().await);
    let known: Option<String> = rusqlite::Connection::open(home.journal())
        .unwrap()
        .query_row("SELECT account_id FROM accounts", [], |row| row.get(0))
        .unwrap();
    assert_eq!(known.as_deref(), Some(home.link.account_id.as_str()));
    drop(lock);
    assert_eq!(beside.finish(), None);
    home.sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_and_another_instance_write_each_execution_once() {
    let home = Home::open(23).await;
    let watch = home.watch();
    watch.live().await;
    let mut beside = home.program();
    until(&mut beside, "a picture", |running| running.accounts.all()[0].session.has_snapshot()).await;
    for round in 1..=4 {
        home.trade().await;
        until(&mut beside, "the fills", |running| running.accounts.all()[0].blotter.executions().count() == round * 2)
            .await;
    }
    watch.until("the fills", |lines| executions(lines).len() == 4).await;
    // Executions that the other instance has learned meanwhile are not printed twice.
    drop(watch.kill());
    home.trade().await;
    until(&mut beside, "the last fills", |running| running.accounts.all()[0].blotter.executions().count() == 10).await;
    let again = home.watch();
    again.until("what was missed", |lines| !executions(lines).is_empty()).await;
    again
        .until("a stream or its lack", |lines| {
            lines.iter().any(|line| line["state"] == "polling" || line["state"] == "live")
        })
        .await;
    let reported = again.kill();
    assert_eq!(executions(&reported).len(), 1, "{reported:#?}");
    assert!(reported.iter().filter(|line| line["execution_id"].is_string()).all(|line| line["source"] == "reconcile"));
    assert_eq!(beside.finish(), None);
    assert_eq!(home.journaled(), home.truth().await);
    home.sim.stop().await;
}

#[tokio::test]
async fn a_held_lock_is_reported_once_and_everything_shown_is_saved_after_it() {
    let home = Home::open(24).await;
    let mut running = home.program();
    until(&mut running, "live", |running| running.accounts.all()[0].state().is_live()).await;
    let other = lock(&home.journal());
    for round in 1..=4 {
        home.trade().await;
        until(&mut running, "the fills", |running| running.accounts.all()[0].blotter.executions().count() == round * 2)
            .await;
    }
    until(&mut running, "the fault", |running| running.accounts.is_unsaved()).await;
    let said: Vec<&String> = running.troubles.iter().map(|entry| &entry.text).collect();
    assert!(matches!(&said[..], [one] if one.contains("another program holds its lock")), "{said:?}");
    other.execute_batch("COMMIT").unwrap();
    until(&mut running, "the end of the fault", |running| !running.accounts.is_unsaved()).await;
    assert_eq!(home.journaled(), home.truth().await, "everything shown is saved without another message");
    assert_eq!(running.troubles.len(), 1, "said once");
    assert_eq!(running.finish(), None);
    home.sim.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_disk_hangs_a_watch_prints_after_half_a_second_having_said_that_it_is_not_saved() {
    let home = Home::open(29).await;
    let watch = home.watch();
    watch.live().await;
    let notes = || std::fs::read_to_string(home.notes()).unwrap();
    let began = tokio::time::Instant::now();
    let hung = hang(&home);
    home.trade().await;
    watch.until("the fills, while the disk hangs", |lines| count(&executions(lines)) == 2).await;
    let took = began.elapsed();
    // Written before the lines, so it is there by now.
    assert!(notes().contains("the journal cannot be written (the disk does not answer)"), "{:?}", notes());
    assert!(took >= HALF_A_SECOND, "printed after {took:?}, before the disk had its time");
    release(&home, hung).await;
    let over = || notes().contains("resolved: the journal cannot be written");
    assert!(pty::terminal::until(over), "{:?}", notes());
    // The disk answers: a line is printed when its execution is on disk.
    home.trade().await;
    watch.until("more fills", |lines| count(&executions(lines)) == 4).await;
    assert_eq!(home.journaled(), home.truth().await, "before the lines");
    home.sim.stop().await;
}

#[tokio::test]
async fn a_program_that_ends_while_the_journal_is_locked_reports_what_is_missing() {
    let home = Home::open(25).await;
    let mut running = home.program();
    until(&mut running, "live", |running| running.accounts.all()[0].state().is_live()).await;
    let other = lock(&home.journal());
    home.trade().await;
    until(&mut running, "the fills", |running| running.accounts.all()[0].blotter.executions().count() == 2).await;
    let words = running.finish().unwrap();
    assert!(words.contains("another program holds its lock"), "{words}");
    drop(other);
    home.sim.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_watch_with_a_stopped_reader_keeps_journaling_and_prints_the_rest_in_the_next_run() {
    use std::os::unix::process::ExitStatusExt;
    let home = Home::open(26).await;
    let mut child = home.command(&["watch", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    let live = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        while !line.contains(r#""state":"live""#) {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "it ends before it is live");
        }
        out
    });
    let out = live.await.unwrap();
    // More than the pipe holds.
    for _ in 0..40 {
        home.trade().await;
    }
    let truth = home.truth().await;
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    let journaled = tokio::time::timeout(TEST_TIMEOUT, async {
        while home.journaled() != truth {
            looks.tick().await;
        }
    });
    assert!(journaled.await.is_ok(), "{} of {} are journaled", count(&home.journaled()), count(&truth));
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    let status = tokio::time::timeout(TEST_TIMEOUT, ended).await.expect("it ends").unwrap();
    assert_eq!((status.code(), status.signal()), (Some(143), None));
    let mut reported: Vec<Value> = out.lines().filter_map(|line| serde_json::from_str(&line.unwrap()).ok()).collect();
    let before = count(&executions(&reported));
    assert!(before < count(&truth), "the pipe took everything");
    let watch = home.watch();
    // The line being written may be incomplete.
    let all = |lines: &[Value]| before + count(&executions(lines)) + 1 >= count(&truth);
    watch.until("the rest", all).await;
    reported.extend(watch.kill());
    let reported = executions(&reported);
    assert!(reported.iter().all(|(order, sizes)| truth[order].len() >= sizes.len()), "each once: {reported:?}");
    home.sim.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_journal_removed_while_in_use_is_reported_and_the_new_one_has_everything() {
    let home = Home::open(25).await;
    let mut running = home.program();
    until(&mut running, "live", |running| running.accounts.all()[0].state().is_live()).await;
    home.trade().await;
    until(&mut running, "the fills", |running| running.accounts.all()[0].blotter.executions().count() == 2).await;
    for part in ["", "-wal", "-shm"] {
        std::fs::remove_file(home.data().join(format!("journal.sqlite{part}"))).unwrap();
    }
    home.trade().await;
    until(&mut running, "the fills", |running| running.accounts.all()[0].blotter.executions().count() == 4).await;
    let reported =
        |running: &Headless| running.troubles.iter().any(|entry| entry.text.contains("was removed or replaced"));
    until(&mut running, "a word", reported).await;
    assert_eq!(home.journaled(), home.truth().await, "also what the removed one had");
    let known: Option<String> = rusqlite::Connection::open(home.journal())
        .unwrap()
        .query_row("SELECT account_id FROM accounts", [], |row| row.get(0))
        .unwrap();
    assert_eq!(known.as_deref(), Some(home.link.account_id.as_str()));
    assert_eq!(running.finish(), None);
    home.sim.stop().await;
}
