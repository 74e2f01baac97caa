//! Company networks: the real binary behind a proxy that intercepts TLS with its own authority.

mod proxy;

use std::process::{Output, Stdio};

use brokerdeck::config::{Config, TokenStoreChoice};
use brokerdeck::domain::{Environment, LinkId};
use brokerdeck::io::links::Links;
use brokerdeck::io::tokens::Tokens;
use brokerdeck::link::{Grantor, LinkRecord};
use brokerdeck::sim::server::{self, Running};
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;

use self::proxy::Proxy;
use super::linking::{AccountReply, Fake, TEST_TIMEOUT, free_port};
use super::simulator;

const HOST: &str = "paper-api.acme.test";
/// `ann:hush-hush` in base64.
const CREDENTIALS: &str = "Basic YW5uOmh1c2gtaHVzaA==";

/// The failures of `doctor`, without the clock: a simulated brokerage has its own.
fn failures(said: &str) -> Vec<&str> {
    said.lines().filter(|line| line.starts_with("FAIL") && !line.contains("this machine's clock")).collect()
}

/// A simulated brokerage under a public host name, with a linked account.
struct Office {
    sim: Running,
    proxy: Proxy,
    dir: tempfile::TempDir,
}

impl Office {
    async fn open(credentials: Option<&str>) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let sim = server::start(simulator::options()).await.unwrap();
        let paper = url::Url::parse(&sim.ready.paper.api_url).unwrap();
        let address = paper.socket_addrs(|| None).unwrap()[0];
        let proxy = Proxy::start(&[(HOST, address)], credentials).await;
        let dir = tempfile::tempdir().unwrap();
        let port = free_port();
        let text = format!(
            "[tokens]\nstore = \"file\"\n[[brokers]]\nid = \"acme\"\nenvironment = \"paper\"\n\
             authorize_url = \"https://{HOST}/oauth/authorize\"\ntoken_url = \"https://{HOST}/oauth/token\"\n\
             api_url = \"https://{HOST}\"\nstream_url = \"wss://{HOST}/stream\"\nclient_id = \"c\"\n\
             redirect_uris = [\"http://127.0.0.1:{port}/callback\"]\n"
        );
        std::fs::write(dir.path().join("config.toml"), &text).unwrap();
        let office = Self { sim, proxy, dir };
        office.link(&Config::parse(&text, &office.dir.path().join("config.toml")).unwrap()).await;
        office
    }

    async fn link(&self, config: &Config) {
        let asked = reqwest::Client::new().get(format!("{}/v2/account", self.sim.ready.paper.api_url));
        let account: Value = asked.bearer_auth(&self.sim.ready.paper_token).send().await.unwrap().json().await.unwrap();
        let text = |name: &str| account[name].as_str().unwrap().to_owned();
        let link = LinkRecord {
            id: LinkId::from("acme/paper/sim"),
            broker: config.brokers.last().unwrap().id.clone(),
            environment: Environment::Paper,
            account_id: text("id").into(),
            account_number: text("account_number").into(),
            label: "Sim".into(),
            scopes: vec!["trading".into()],
            linked_at: jiff::Timestamp::UNIX_EPOCH,
            grantor: Grantor::of(config.brokers.last().unwrap(), Environment::Paper),
        };
        let data = self.dir.path().join("data");
        let tokens = Tokens::new(TokenStoreChoice::File, &data);
        tokens.put(&link.id, &SecretString::from(self.sim.ready.paper_token.clone())).await.unwrap();
        Links::in_dir(&data).put(vec![link]).await.unwrap();
    }

    /// The program with only these variables.
    fn command(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
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
            .envs(variables.iter().copied())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (Output, String) {
        let output = self.command(arguments, variables).output();
        let output = tokio::time::timeout(3 * TEST_TIMEOUT, output).await.unwrap().unwrap();
        let log = std::fs::read_to_string(self.dir.path().join("data/brokerdeck.log")).unwrap();
        let all = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!(all.clone() + &log).contains("hush-hush"), "the proxy's password is visible: {all}");
        assert!(!(all.clone() + &log).contains("YW5uOm"), "the proxy's credentials are visible: {all}");
        (output, all)
    }

    fn authority(&self) -> &str {
        self.proxy.authority.to_str().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rest_and_stream_go_through_the_proxy_with_its_credentials() {
    let office = Office::open(Some(CREDENTIALS)).await;
    let proxy = format!("http://ann:hush-hush@{}", office.proxy.address);
    for variable in ["HTTPS_PROXY", "all_proxy"] {
        let (output, said) =
            office.run(&["doctor"], &[(variable, &proxy), ("SSL_CERT_FILE", office.authority())]).await;
        assert_eq!(failures(&said), [""; 0], "{said}");
        assert!(
            output.status.code().is_some()
                && said.contains("REST answers")
                && said.contains("the stream is subscribed to trade updates"),
            "{said}"
        );
        let way = format!("through the proxy http://{}", office.proxy.address);
        assert!(said.contains(&way), "doctor names the route: {said}");
    }
    let heads = office.proxy.heads();
    // REST keeps its connection, and the stream opens one.
    assert!(heads.len() >= 4, "{heads:?}");
    for head in heads {
        assert!(head.starts_with(&format!("CONNECT {HOST}:443 HTTP/1.1\r\n")), "{head}");
        assert!(
            head.to_lowercase().contains(&format!("proxy-authorization: {}", CREDENTIALS.to_lowercase())),
            "{head}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_requires_credentials_is_named_with_a_hint() {
    let office = Office::open(Some(CREDENTIALS)).await;
    let proxy = format!("http://{}", office.proxy.address);
    let (output, said) =
        office.run(&["doctor"], &[("HTTPS_PROXY", &proxy), ("SSL_CERT_FILE", office.authority())]).await;
    assert_eq!(output.status.code(), Some(1), "{said}");
    let hints = said.matches("into its address, as user:password@host:port").count();
    assert_eq!(hints, 2, "REST and stream both report it: {said}");
    assert!(said.contains("so nothing is polled") && !said.contains("falls back to"), "without REST: {said}");
    assert!(!said.contains("link it again"), "the token is not at fault: {said}");
    let proxy = format!("http://ann:wrong@{}", office.proxy.address);
    let (_, said) = office.run(&["doctor"], &[("HTTPS_PROXY", &proxy), ("SSL_CERT_FILE", office.authority())]).await;
    let named = format!("the proxy http://{}: it does not accept the user name and password", office.proxy.address);
    assert_eq!(said.matches(&named).count(), 2, "REST and stream both report it: {said}");
    assert!(!said.contains("wrong"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_authority_is_named_with_a_hint() {
    let office = Office::open(None).await;
    let proxy = format!("http://{}", office.proxy.address);
    let (output, said) = office.run(&["doctor"], &[("HTTPS_PROXY", &proxy)]).await;
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("name its PEM file with SSL_CERT_FILE or ca_file").count(), 2, "{said}");
    let config = office.dir.path().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}ca_file = {:?}\n", office.proxy.authority)).unwrap();
    let (_, said) = office.run(&["doctor"], &[("HTTPS_PROXY", &proxy)]).await;
    assert_eq!(failures(&said), [""; 0], "{said}");
    // A missing file does not affect the other authorities.
    let (output, said) = office.run(&["doctor"], &[("HTTPS_PROXY", &proxy), ("SSL_CERT_FILE", "/nowhere.pem")]).await;
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("FAIL  SSL_CERT_FILE") && said.contains("the stream is subscribed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_proxy_variable_is_reported_and_not_ignored() {
    let office = Office::open(None).await;
    let (output, said) = office.run(&["doctor"], &[("HTTPS_PROXY", "ftp://somewhere")]).await;
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("FAIL  HTTPS_PROXY does not name a usable proxy"), "{said}");
    assert!(!said.contains("reached directly"), "nothing is sent directly: {said}");
    assert!(!said.contains("link it again"), "the token is not at fault: {said}");
    // Other commands refuse to start, and stream and REST of a running one refuse to connect.
    for value in ["ftp://somewhere", "http://:1", "http://ann:hush-hush@proxy:99999"] {
        for command in [&["account"][..], &["orders"], &["brokers"], &["watch"], &["link", "acme", "--no-browser"], &[]]
        {
            let (output, said) = office.run(command, &[("HTTPS_PROXY", value)]).await;
            assert_eq!(output.status.code(), Some(2), "{command:?}: {said}");
            assert!(said.contains("HTTPS_PROXY does not name a usable proxy") && said.contains("unset it"), "{said}");
        }
        // Commands without a broker and unconfigured brokers are not affected.
        let (output, said) = office.run(&["keys"], &[("HTTPS_PROXY", value)]).await;
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
    assert!(office.proxy.heads().is_empty());
    let proxy = format!("http://{}", office.proxy.address);
    let cgi = [("HTTPS_PROXY", proxy.as_str()), ("REQUEST_METHOD", "GET"), ("SSL_CERT_FILE", office.authority())];
    let (_, said) = office.run(&["doctor"], &cgi).await;
    assert!(said.contains("REST answers") && said.contains("the stream is subscribed"), "{said}");
    assert!(!said.contains("reached directly"), "REQUEST_METHOD does not disable the proxy: {said}");
    let (_, said) = office.run(&["doctor"], &[cgi[0], cgi[2], ("NO_PROXY", "<local>,a.test")]).await;
    assert!(said.contains("NO_PROXY: <local> has no effect"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_stream_goes_through_the_proxy_too() {
    let office = Office::open(Some(CREDENTIALS)).await;
    for form in ["oauth_token", "oauth_key"] {
        let body = serde_json::json!({"form": form, "answer": "refuse"});
        let asked =
            reqwest::Client::new().post(format!("{}/_sim/stream_auth", office.sim.ready.paper.api_url)).json(&body);
        assert!(asked.send().await.unwrap().status().is_success());
    }
    let proxy = format!("http://ann:hush-hush@{}", office.proxy.address);
    let variables = [("HTTPS_PROXY", proxy.as_str()), ("SSL_CERT_FILE", office.authority())];
    let mut command = office.command(&["watch", "--json"], &variables);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said = Vec::new();
    let live = async {
        loop {
            let line: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
            let state = line["state"].as_str().unwrap_or_default().to_owned();
            said.push(line);
            match state.as_str() {
                "live" => return,
                // Without an event stream the account is polled.
                "polling" => panic!("{said:?}"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(TEST_TIMEOUT, live).await.unwrap();
    child.kill().await.unwrap();
}

/// The built-in broker at its own addresses, through a proxy that leads to a test broker.
#[tokio::test(flavor = "multi_thread")]
async fn a_paper_account_with_a_live_number_needs_the_live_word() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let fake = Fake::start().await;
    let hosts = [("paper-api.alpaca.markets", fake.paper), ("api.alpaca.markets", fake.auth)];
    let proxy = Proxy::start(&hosts, None).await;
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let text = format!(
        "[tokens]\nstore = \"file\"\n[oauth]\nclient_id = \"c\"\nredirect_uris = [\"http://127.0.0.1:{port}/callback\"]\n"
    );
    std::fs::write(dir.path().join("config.toml"), text).unwrap();
    let (way, saved) = (format!("http://{}", proxy.address), dir.path().join("data/links.json"));
    for (number, answer, saves) in [
        ("PA3TEST0001", "", true),
        ("812345678", "y\n", false),
        ("812345678", "", false),
        ("812345678", "LIVE\n", true),
    ] {
        fake.paper_account(AccountReply(200, number));
        drop(std::fs::remove_file(&saved));
        let mut command = Command::new(env!("CARGO_BIN_EXE_brokerdeck"));
        let config = dir.path().join("config.toml");
        command.args(["link", "alpaca-paper", "--no-browser"]);
        command.args(["--yes"].iter().take(usize::from(answer.is_empty())));
        command.arg("--config").arg(config).arg("--data-dir").arg(dir.path().join("data"));
        command.env_clear().env("HOME", dir.path()).env("HTTPS_PROXY", &way).env("SSL_CERT_FILE", &proxy.authority);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = tokio::time::timeout(TEST_TIMEOUT, output.next_line()).await.unwrap().unwrap().unwrap();
        let url = url::Url::parse(&url).unwrap();
        assert_eq!(url.host_str(), Some("app.alpaca.markets"));
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let mut input = child.stdin.take().unwrap();
        let pasted = format!("http://localhost:{port}/callback?code=c&state={state}\n");
        input.write_all(pasted.as_bytes()).await.unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut heard = String::new();
        while let Some(line) = tokio::time::timeout(TEST_TIMEOUT, errors.next_line()).await.unwrap().unwrap() {
            heard.push_str(&line);
            if line.contains("Type LIVE") {
                input.write_all(answer.as_bytes()).await.unwrap();
                break;
            }
        }
        drop(input);
        let status = tokio::time::timeout(TEST_TIMEOUT, child.wait()).await.unwrap().unwrap();
        assert_eq!(heard.contains("does not begin with PA"), number != "PA3TEST0001", "{heard}");
        assert_eq!((status.success(), saved.exists()), (saves, saves), "{number} {answer:?}: {heard}");
    }
}
