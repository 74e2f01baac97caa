//! `brokerdeck link`, `brokers` and `unlink` as a script uses them, against a fake broker.

use std::process::{Output, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::fake::{AccountReply, Fake, Reply};
use super::fixture::{TEST_TIMEOUT, free_port, read};
use crate::journal::acting;

pub(super) struct Script {
    fake: Fake,
    port: u16,
    pub(super) dir: tempfile::TempDir,
}

impl Script {
    pub(super) async fn new() -> Self {
        let (fake, port, dir) = (Fake::start().await, free_port(), tempfile::tempdir().unwrap());
        let oauth = format!(
            "authorize_url = \"http://{0}/oauth/authorize\"\ntoken_url = \"http://{0}/oauth/token\"\n\
             client_id = \"client-1\"\nclient_secret = \"hush-hush\"\n\
             redirect_uris = [\"http://127.0.0.1:{port}/callback\"]\n",
            fake.auth
        );
        let addresses = |address| format!("api_url = \"http://{address}\"\nstream_url = \"ws://{address}/stream\"\n");
        let config = format!(
            "[tokens]\nstore = \"file\"\n\n\
             [[brokers]]\nid = \"acme-paper\"\nname = \"Acme Paper (OAuth)\"\nenvironment = \"paper\"\n{oauth}{}\n\
             [[brokers]]\nid = \"acme-live\"\nname = \"Acme Live (OAuth)\"\nenvironment = \"live\"\n{oauth}{}",
            addresses(fake.paper),
            addresses(fake.live)
        );
        std::fs::write(dir.path().join("config.toml"), config).unwrap();
        Self { fake, port, dir }
    }

    /// With a broker that supports revocation.
    pub(super) async fn revoking() -> Self {
        let script = Self::new().await;
        let config = script.dir.path().join("config.toml");
        let revoke = format!("revoke_url = \"http://{}/oauth/revoke\"\nclient_id", script.fake.auth);
        std::fs::write(&config, std::fs::read_to_string(&config).unwrap().replace("client_id", &revoke)).unwrap();
        script
    }

    pub(super) fn revoked(&self) -> Vec<String> {
        self.fake.seen(|seen| seen.revoked.clone())
    }

    pub(super) fn codes(&self) -> Vec<String> {
        self.fake.seen(|seen| seen.exchanges.iter().map(|(_, form)| form["code"].clone()).collect())
    }

    /// The URL that the browser ends on.
    pub(super) fn redirect(&self, url: &url::Url, answer: &str) -> String {
        format!("http://127.0.0.1:{}/callback?{answer}&state={}", self.port, state(url))
    }

    /// Ends `link` by a signal at its question; returns the exit code and stderr from then on.
    #[cfg(unix)]
    pub(super) async fn interrupted_at_the_question(&self) -> (i32, String) {
        let (mut child, output, url) = self.link(&["acme-paper", "--no-browser"], Stdio::piped()).await;
        assert_eq!(self.come_back(&url, "code=c").await, 200);
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("Type y") {
            line.clear();
            tokio::time::timeout(TEST_TIMEOUT, errors.read_line(&mut line)).await.unwrap().unwrap();
        }
        let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let mut said = String::new();
        tokio::time::timeout(TEST_TIMEOUT, errors.read_to_string(&mut said)).await.unwrap().unwrap();
        drop(output);
        (child.wait().await.unwrap().code().unwrap(), said)
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_brokerdeck"));
        command
            .args(arguments)
            .arg("--config")
            .arg(self.dir.path().join("config.toml"))
            .arg("--data-dir")
            .arg(self.dir.path().join("data"))
            .args(["--log-level", "trace"])
            .env_clear()
            .env("HOME", self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(super) async fn run(&self, arguments: &[&str]) -> Output {
        tokio::time::timeout(TEST_TIMEOUT, self.command(arguments).output()).await.unwrap().unwrap()
    }

    /// Starts `link` and reads the URL.
    async fn link(&self, arguments: &[&str], stdin: Stdio) -> (Child, BufReader<ChildStdout>, url::Url) {
        let mut child = self.command(&[&["link"], arguments].concat()).stdin(stdin).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        tokio::time::timeout(TEST_TIMEOUT, output.read_line(&mut line)).await.unwrap().unwrap();
        let url = url::Url::parse(line.trim_end()).unwrap_or_else(|_| panic!("no URL: {line:?}"));
        (child, output, url)
    }

    pub(super) async fn come_back(&self, url: &url::Url, answer: &str) -> u16 {
        let target = format!("/callback?{answer}&state={}", state(url));
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", self.port);
        stream.write_all(request.as_bytes()).await.unwrap();
        read(stream).await.status
    }
}

fn state(url: &url::Url) -> String {
    url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
}

/// The exit code, the rest of stdout, and stderr.
async fn finish(mut child: Child, mut output: BufReader<ChildStdout>) -> (i32, String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    let mut errors = child.stderr.take().unwrap();
    let all = async {
        tokio::join!(async { output.read_to_string(&mut out).await.unwrap() }, async {
            errors.read_to_string(&mut err).await.unwrap()
        });
        child.wait().await.unwrap()
    };
    let status = tokio::time::timeout(TEST_TIMEOUT, all).await.unwrap();
    (status.code().unwrap(), out, err)
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_script_links_lists_and_unlinks() {
    let script = Script::new().await;
    let (child, output, url) =
        script.link(&["acme-paper", "--no-browser", "--yes", "--label", "Mine"], Stdio::null()).await;
    assert_eq!(script.come_back(&url, "code=c").await, 200);
    let (code, out, err) = finish(child, output).await;
    assert_eq!(code, 0, "{err}");
    assert_eq!(out, "linked Mine: PA3TEST0001 PAPER\n");
    assert!(err.contains("PA3TEST0001 (PAPER, ACTIVE)") && err.contains("tokens.json"), "{err}");

    let listed = script.run(&["brokers", "--json"]).await;
    let document: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let account = &document["accounts"][0];
    assert_eq!(account["account"], "Mine");
    assert_eq!((&account["environment"], &account["state"]), (&"paper".into(), &"linked".into()));
    assert_eq!(account["account_number"], "PA3TEST0001");
    let states: Vec<_> = document["brokers"].as_array().unwrap().iter().map(|row| row["state"].clone()).collect();
    assert!(states.contains(&"linked".into()) && states.contains(&"not linked".into()), "{states:?}");
    let table = text(&script.run(&["brokers"]).await.stdout);
    assert!(table.contains("Mine") && table.contains("PAPER") && table.contains("acme-live"), "{table}");

    let gone = script.run(&["unlink", "mine"]).await;
    assert!(gone.status.success() && text(&gone.stdout).contains("dashboard"), "{gone:?}");
    let none = script.run(&["unlink", "mine"]).await;
    assert_eq!(none.status.code(), Some(4));
    assert!(!script.dir.path().join("data/tokens.json").exists());
}

#[tokio::test]
async fn hostile_text_of_an_account_is_harmless_on_a_terminal() {
    let script = Script::new().await;
    script.fake.paper_account(AccountReply(
        200,
        r#"{"id":"u\u202e1","account_number":"PA\u001b]52;c;eA==\u0007\n\u202e\u009b31m\u007f\u200bX","status":"ACT\u001b[2J\u009b1m"}"#,
    ));
    let (child, output, url) = script.link(&["acme-paper", "--no-browser", "--yes"], Stdio::null()).await;
    assert_eq!(script.come_back(&url, "code=c").await, 200);
    let (code, out, err) = finish(child, output).await;
    assert_eq!((code, acting(&out), acting(&err)), (0, None, None), "{out:?} {err:?}");
    for command in [&["account"][..], &["account", "--json"], &["brokers"], &["brokers", "--json"], &["doctor"]] {
        let run = script.run(command).await;
        for shown in [text(&run.stdout), text(&run.stderr)] {
            assert_eq!(acting(&shown), None, "{command:?}: {shown:?}");
        }
    }
    let table = text(&script.run(&["account"]).await.stdout);
    let head = table.lines().next().unwrap();
    assert!(head.contains("PA␛]52;c;eA==␇␊�31m␡X") && head.contains("ACT␛[2J�1m"), "{table}");
    let json = script.run(&["account", "--json"]).await;
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (&document[0]["account_number"], &document[0]["status"]),
        (&"PA\u{1b}]52;c;eA==\u{7}\n\u{202e}\u{9b}31m\u{7f}\u{200b}X".into(), &"ACT\u{1b}[2J\u{9b}1m".into()),
        "nothing is lost"
    );
    let json = script.run(&["brokers", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(listed["accounts"][0]["account_number"], document[0]["account_number"], "nor here");
    assert_eq!(listed["accounts"][0]["status"], document[0]["status"]);
    let log = std::fs::read_to_string(script.dir.path().join("data/brokerdeck.log")).unwrap();
    assert_eq!(acting(&log), None, "{log:?}");
}

#[tokio::test]
async fn a_redirect_url_pasted_on_stdin_is_enough() {
    let script = Script::new().await;
    let (mut child, output, url) = script.link(&["acme-paper", "--no-browser", "--yes"], Stdio::piped()).await;
    let mut input = child.stdin.take().unwrap();
    // Wrapped by a terminal, in quotes, with another name of this machine.
    let pasted = format!("oops\n\"https://localhost:{}/call\nback?code=c&sta\n  te={}\"\n", script.port, state(&url));
    input.write_all(pasted.as_bytes()).await.unwrap();
    let (code, out, err) = finish(child, output).await;
    assert_eq!((code, out.as_str()), (0, "linked Acme Paper: PA3TEST0001 PAPER\n"), "{err}");
    let (mut child, output, _) = script.link(&["acme-paper", "--no-browser", "--timeout", "2s"], Stdio::piped()).await;
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"oops\n").await.unwrap();
    let (_, _, err) = finish(child, output).await;
    assert!(err.contains("not the redirect URL"), "{err}");
}

/// A program that hands the address over may end its line differently, or not at all.
#[tokio::test]
async fn a_redirect_url_on_stdin_needs_no_line_feed() {
    let script = Script::new().await;
    for (end, open) in [("\r", true), ("\r\n", true), ("", true), ("", false)] {
        let (mut child, output, url) = script.link(&["acme-paper", "--no-browser", "--yes"], Stdio::piped()).await;
        let mut input = child.stdin.take().unwrap();
        let pasted = format!("http://127.0.0.1:{}/callback?code=c&state={}{end}", script.port, state(&url));
        input.write_all(pasted.as_bytes()).await.unwrap();
        let input = Some(input).filter(|_| open);
        let (code, out, err) = finish(child, output).await;
        assert_eq!((code, out.as_str()), (0, "linked Acme Paper: PA3TEST0001 PAPER\n"), "{end:?} {open}: {err}");
        drop(input);
    }
    // Without a port only stdin can bring it, and its end is no reason to give up one that was brought.
    let taken = tokio::net::TcpListener::bind(("127.0.0.1", script.port)).await.unwrap();
    for (pasted, expected) in [("code=c&state=", 0), ("oops", 1)] {
        let (mut child, output, url) = script.link(&["acme-paper", "--no-browser", "--yes"], Stdio::piped()).await;
        let mut input = child.stdin.take().unwrap();
        let state = Some(state(&url)).filter(|_| expected == 0).unwrap_or_default();
        input.write_all(format!("{pasted}{state}").as_bytes()).await.unwrap();
        drop(input);
        let (code, _, err) = finish(child, output).await;
        assert_eq!(code, expected, "{err}");
    }
    drop(taken);
}

#[tokio::test]
async fn a_live_account_needs_the_live_word_and_no_answer_saves_nothing() {
    let script = Script::new().await;
    for (answer, code) in [("LIVE\n", 0), ("y\n", 1), ("", 1)] {
        let (mut child, output, url) = script.link(&["acme-live", "--no-browser"], Stdio::piped()).await;
        let mut input = child.stdin.take().unwrap();
        assert_eq!(script.come_back(&url, "code=c").await, 200);
        // The answer must not count as a paste, so it is sent after the question appears.
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut heard = String::new();
        while let Some(line) = tokio::time::timeout(TEST_TIMEOUT, errors.next_line()).await.unwrap().unwrap() {
            heard.push_str(&line);
            if line.contains("Type LIVE") {
                break;
            }
        }
        assert!(heard.contains("812345678 (LIVE, ACTIVE)"), "{heard}");
        input.write_all(answer.as_bytes()).await.unwrap();
        drop(input);
        let status = tokio::time::timeout(TEST_TIMEOUT, child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(code), "{answer:?}");
        drop(output);
        let saved = std::fs::read_to_string(script.dir.path().join("data/links.json")).unwrap_or_default();
        assert_eq!(saved.contains("812345678"), code == 0);
        if code == 0 {
            assert!(script.run(&["unlink", "812345678"]).await.status.success());
        }
    }
}

#[tokio::test]
async fn failures_have_their_sentence_hint_and_code() {
    let script = Script::new().await;
    let unknown = script.run(&["link", "nobody"]).await;
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("acme-paper"), "the hint lists the brokers");
    let unconfigured = script.run(&["link", "alpaca-paper"]).await;
    assert_eq!(unconfigured.status.code(), Some(2));
    assert!(text(&unconfigured.stderr).contains("client_id"));
    let late = script.run(&["link", "acme-paper", "--no-browser", "--timeout", "1s"]).await;
    assert_eq!(late.status.code(), Some(1));
    assert!(text(&late.stderr).contains("in time"));
    let held = std::net::TcpListener::bind(("127.0.0.1", script.port)).unwrap();
    let taken = script.run(&["link", "acme-paper", "--no-browser"]).await;
    assert_eq!(taken.status.code(), Some(1));
    assert!(text(&taken.stderr).contains(&script.port.to_string()), "{taken:?}");
    drop(held);
    let (child, output, url) = script.link(&["acme-paper", "--no-browser"], Stdio::null()).await;
    script.come_back(&url, "error=access_denied").await;
    let (code, _, err) = finish(child, output).await;
    assert!(code == 1 && err.contains("denied") && err.contains("hint: "), "{err}");
    script.fake.answer(Reply::Http(401, "application/json", r#"{"code":40110000,"message":"invalid_client"}"#.into()));
    let (child, output, url) = script.link(&["acme-paper", "--no-browser"], Stdio::null()).await;
    script.come_back(&url, "code=c").await;
    let (code, _, err) = finish(child, output).await;
    assert!(code == 1 && err.contains("OAuth client") && err.contains("client secret"), "{err}");
}

#[tokio::test]
async fn another_account_behind_the_link_stops_every_command() {
    let script = Script::new().await;
    let (child, output, url) = script.link(&["acme-paper", "--no-browser", "--yes"], Stdio::null()).await;
    script.come_back(&url, "code=c").await;
    assert_eq!(finish(child, output).await.0, 0);
    assert!(script.run(&["account"]).await.status.success());
    let commands = ["account", "orders", "positions", "activity"];
    for command in commands {
        // The account changes between the reply that is checked and the one that is printed.
        script.fake.paper_account(AccountReply(200, "PA3TEST0001"));
        script.fake.turns_into(AccountReply(200, "PA3TEST0009"));
        let run = script.run(&[command]).await;
        assert!(run.status.code() == Some(4) && run.stdout.is_empty(), "{command}: {run:?}");
    }
    for command in commands {
        let run = script.run(&[command]).await;
        assert_eq!(run.status.code(), Some(4), "{command}: {run:?}");
        assert!(text(&run.stderr).contains("a different account from the one linked: PA3TEST0009"), "{run:?}");
        assert!(run.stdout.is_empty(), "{run:?}");
    }
    for command in ["brokers", "doctor"] {
        let said = text(&script.run(&[command]).await.stdout);
        assert!(said.contains("the token reaches a different account than the one linked"), "{said}");
    }
    // The token is not sent to an address from a changed configuration.
    script.fake.paper_account(AccountReply(200, "PA3TEST0001"));
    let config = script.dir.path().join("config.toml");
    let moved = std::fs::read_to_string(&config).unwrap().replace(
        &format!("api_url = \"http://{}\"", script.fake.paper),
        &format!("api_url = \"http://localhost:{}\"", script.fake.paper.port()),
    );
    std::fs::write(&config, moved).unwrap();
    let bearers = script.fake.seen(|seen| seen.bearers.len());
    let run = script.run(&["account"]).await;
    assert!(run.status.code() == Some(4) && text(&run.stderr).contains("its token was not issued for"), "{run:?}");
    assert_eq!(script.fake.seen(|seen| seen.bearers.len()), bearers);
}

#[tokio::test]
async fn unreadable_balances_are_named_and_are_a_failure() {
    let script = Script::new().await;
    let (child, output, url) = script.link(&["acme-paper", "--no-browser", "--yes"], Stdio::null()).await;
    script.come_back(&url, "code=c").await;
    assert_eq!(finish(child, output).await.0, 0);
    script.fake.paper_account(AccountReply(
        200,
        r#"{"id":"id-of-PA3TEST0001","account_number":"PA3TEST0001","status":"ACTIVE","equity":"x","cash":[7]}"#,
    ));
    for words in [&["account"][..], &["account", "--json"]] {
        let run = script.run(words).await;
        let said = text(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{run:?}");
        assert!(
            said.contains("a figure cannot be read: equity") && said.contains("incomplete: 2 rows or figures"),
            "{said}"
        );
        assert!(text(&run.stdout).contains("PA3TEST0001"), "the readable figures are printed: {run:?}");
    }
    let doctor = text(&script.run(&["doctor"]).await.stdout);
    assert!(doctor.contains("equity and 1 more cannot be read"), "{doctor}");
}

#[cfg(unix)]
#[tokio::test]
async fn an_interrupt_frees_the_port_and_the_exit_code_names_the_signal() {
    let script = Script::new().await;
    let (child, output, _) = script.link(&["acme-paper", "--no-browser"], Stdio::piped()).await;
    let pid = rustix::process::Pid::from_raw(child.id().unwrap().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let (code, _, _) = finish(child, output).await;
    assert_eq!(code, 128 + 15);
    assert!(std::net::TcpListener::bind(("127.0.0.1", script.port)).is_ok());
}

/// A Secret Service that never answers may cost two seconds, and an absent one none.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_silent_bus_costs_two_seconds_and_is_named() {
    let script = Script::new().await;
    let config = script.dir.path().join("config.toml");
    let text_of_config = std::fs::read_to_string(&config).unwrap().replace("\"file\"", "\"auto\"");
    std::fs::write(&config, text_of_config).unwrap();
    let socket = script.dir.path().join("bus");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let silent = tokio::spawn(async move {
        let mut held = Vec::new();
        loop {
            held.push(listener.accept().await.unwrap());
        }
    });
    for (address, least, most) in [(socket, 2, 10), (script.dir.path().join("nowhere"), 0, 5)] {
        let mut command = script.command(&["brokers", "--json"]);
        command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", address.display()));
        let started = tokio::time::Instant::now();
        let listed = tokio::time::timeout(TEST_TIMEOUT, command.output()).await.unwrap().unwrap();
        let took = started.elapsed().as_secs();
        assert!(listed.status.success(), "{listed:?}");
        assert!((least..most).contains(&took), "{took} s");
        let document: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
        let place = document["tokens"].as_str().unwrap();
        assert!(place.contains("tokens.json") && place.contains("does not work"), "{place}");
    }
    silent.abort();
}

/// A pasted address contains the code, so it is not echoed; the echo is restored afterwards.
#[cfg(unix)]
#[tokio::test]
async fn a_paste_into_a_terminal_is_not_shown() {
    use portable_pty::{CommandBuilder, PtySize, native_pty_system};
    let script = Script::new().await;
    let pty = native_pty_system().openpty(PtySize { rows: 24, cols: 200, ..PtySize::default() }).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_brokerdeck"));
    for argument in ["link", "acme-paper", "--no-browser", "--config"] {
        command.arg(argument);
    }
    command.arg(script.dir.path().join("config.toml"));
    command.arg("--data-dir");
    command.arg(script.dir.path().join("data"));
    command.env("HOME", script.dir.path());
    let mut child = pty.slave.spawn_command(command).unwrap();
    let (mut reader, mut writer) = (pty.master.try_clone_reader().unwrap(), pty.master.take_writer().unwrap());
    let seen = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let sink = std::sync::Arc::clone(&seen);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = std::io::Read::read(&mut reader, &mut bytes) {
            sink.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    });
    let shows = async |what: &str| {
        super::fixture::eventually(what, || {
            let found = seen.lock().unwrap().contains(what);
            async move { found }
        })
        .await;
    };
    shows("press Enter.").await;
    let url = seen.lock().unwrap().lines().find(|line| line.starts_with("http://")).unwrap().trim().to_owned();
    let state = state(&url::Url::parse(&url).unwrap());
    let pasted = format!("http://127.0.0.1:{}/callback?code=canary-code&state={state}\n", script.port);
    std::io::Write::write_all(&mut writer, pasted.as_bytes()).unwrap();
    shows("Type y and Enter").await;
    std::io::Write::write_all(&mut writer, b"yes\n").unwrap();
    shows("linked Acme Paper").await;
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert!(status.success());
    let seen = seen.lock().unwrap();
    assert!(!seen.contains("canary-code"), "{seen}");
    assert!(seen.contains("yes"), "the echo is back for the answer: {seen}");
}

#[tokio::test]
async fn nothing_secret_is_left_in_any_output_or_in_the_log_at_trace_level() {
    let script = Script::new().await;
    let code_canary = "canary-code-7f3a";
    let mut shown = String::new();
    let mut states = Vec::new();
    let echo = format!(r#"{{"error":"invalid_grant","error_description":"no {code_canary} hush-hush"}}"#);
    for reply in [
        Reply::Http(400, "application/json", echo),
        Reply::Http(500, "text/html", "<html>canary-code-7f3a</html>".to_owned()),
        Reply::Http(200, "text/plain", "hush-hush canary-code-7f3a".to_owned()),
        Reply::Cut,
        super::fake::token("canary-token-51c2"),
    ] {
        script.fake.answer(reply);
        let (child, output, url) = script.link(&["acme-paper", "--no-browser", "--yes"], Stdio::null()).await;
        states.push(state(&url));
        script.come_back(&url, "error=access_denied&state=guess").await;
        script.come_back(&url, &format!("code={code_canary}")).await;
        let (_, out, err) = finish(child, output).await;
        shown.push_str(&out);
        shown.push_str(&err);
    }
    let listed = script.run(&["brokers", "--json"]).await;
    shown.push_str(&text(&listed.stdout));
    shown.push_str(&text(&listed.stderr));
    let data = script.dir.path().join("data");
    assert!(std::fs::read_to_string(data.join("tokens.json")).unwrap().contains("canary-token-51c2"));
    let log = std::fs::read_to_string(data.join("brokerdeck.log")).unwrap();
    assert!(log.contains("linking"), "the log is empty: {log}");
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "tokens.json" {
            shown.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
    let verifiers = script
        .fake
        .seen(|seen| seen.exchanges.iter().map(|(_, form)| form["code_verifier"].clone()).collect::<Vec<_>>());
    let secrets = [code_canary.to_owned(), "canary-token-51c2".to_owned(), "hush-hush".to_owned()];
    for secret in secrets.iter().chain(&states).chain(&verifiers) {
        assert!(!shown.contains(secret.as_str()), "{secret} was shown: {shown}");
    }
}
