use std::path::Path;

use super::*;

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/deck/config.toml"))
}

fn complaint(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

const ACME: &str = r#"
[[brokers]]
id = "acme"
name = "Acme"
environment = "both"
authorize_url = "http://127.0.0.1:9000/oauth/authorize"
token_url = "http://127.0.0.1:9000/oauth/token"
paper = { api_url = "http://127.0.0.1:9001", stream_url = "ws://127.0.0.1:9001/stream" }
live = { api_url = "http://127.0.0.1:9002", stream_url = "ws://127.0.0.1:9002/stream" }
client_id = "abc"
client_secret_env = "ACME"
"#;

#[test]
fn an_empty_file_knows_the_three_alpaca_brokers() {
    let config = parse("").unwrap();
    let ids: Vec<&str> = config.brokers.iter().map(|spec| spec.id.as_str()).collect();
    assert_eq!(ids, ["alpaca-paper", "alpaca-live", "alpaca"]);
    assert!(config.brokers[0].missing().unwrap().contains("client_id"));
    assert_eq!(config.brokers[2].endpoints.len(), 2);
    assert_eq!(config.brokers[2].env, None);
}

#[test]
fn the_example_is_complete_and_valid_with_every_line_switched_on() {
    parse(EXAMPLE).unwrap();
    let switched_on: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") || rest.starts_with("[[") => rest,
            _ => line,
        })
        .filter(|line| !line.starts_with("client_secret_env = \"BROKERDECK") && !line.starts_with("client_secret = "))
        .collect::<Vec<_>>()
        .join("\n");
    let config = parse(&switched_on).unwrap();
    assert_eq!(config.brokers.len(), 5);
    assert!(config.brokers[0].missing().is_none());
    assert_eq!(config.brokers[3].ca_file.as_deref(), Some(Path::new("/etc/deck/acme-ca.pem")));
}

#[test]
fn one_consent_can_cover_both_environments() {
    let config = parse(ACME).unwrap();
    let acme = config.broker("acme").unwrap();
    assert_eq!(acme.endpoints(Environment::Live).unwrap().api_url.port(), Some(9002));
    assert!(matches!(&acme.client_secret, SecretSource::Env(name) if name == "ACME"));
}

#[test]
fn an_unknown_key_names_file_line_and_cure() {
    let text = complaint("[ui]\nbell = true\ncolour = \"red\"\n");
    assert!(text.contains("/etc/deck/config.toml:3") && text.contains("colour") && text.contains("spelling"), "{text}");
}

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    let text =
        complaint("[tokens]\nstore = \"cloud\"\n[ui]\ntimezone = \"Mars/Base\"\n[oauth]\nscopes = [\"everything\"]\n");
    assert!(
        text.contains(":2: tokens.store") && text.contains(":4: ui.timezone") && text.contains(":6: oauth.scopes"),
        "{text}"
    );
}

#[test]
fn plain_http_is_for_loopback_only() {
    let text = complaint(&ACME.replace("http://127.0.0.1:9000/oauth/token", "http://acme.example/oauth/token"));
    assert!(text.contains("brokers.acme.token_url") && text.contains("loopback only"), "{text}");
    let text = complaint(&ACME.replace("ws://127.0.0.1:9001/stream", "ws://acme.example/stream"));
    assert!(text.contains("brokers.acme.paper.stream_url"), "{text}");
}

#[test]
fn an_api_url_with_a_path_is_refused() {
    let text = complaint(&ACME.replace("http://127.0.0.1:9001\"", "http://127.0.0.1:9001/v2\""));
    assert!(text.contains("without /v2"), "{text}");
}

#[test]
fn a_redirect_uri_must_be_loopback_with_a_port() {
    for uri in [
        "https://127.0.0.1:1/cb",
        "http://example.com:80/cb",
        "http://127.0.0.1/cb",
        "nonsense",
        "http://127.0.0.1:9/cb?x=1",
    ] {
        assert!(complaint(&format!("[oauth]\nredirect_uris = [\"{uri}\"]")).contains("oauth.redirect_uris"), "{uri}");
    }
    let kept = parse("[oauth]\nredirect_uris = [\"http://localhost:41971/CallBack/\"]").unwrap();
    assert_eq!(kept.brokers[0].redirect_uris, ["http://localhost:41971/CallBack/"]);
}

#[test]
fn two_sources_for_one_secret_are_refused_and_the_secret_is_not_shown() {
    let text = complaint("[oauth]\nclient_secret = \"hunter2\"\nclient_secret_env = \"X\"\n");
    assert!(text.contains("keep exactly one") && !text.contains("hunter2"), "{text}");
    let config = parse("[oauth]\nclient_secret = \"hunter2\"\n").unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_type_error_does_not_quote_a_secret_from_its_line() {
    let text = complaint("[oauth]\nclient_id = 5\nclient_secret = \"hunter2\"\n");
    assert!(text.contains(":2:") && !text.contains("hunter2"), "{text}");
}

#[test]
fn a_broker_of_the_file_does_not_get_the_alpaca_secret() {
    let text = format!(
        "[oauth]\nclient_id = \"mine\"\nclient_secret = \"hunter2\"\n{}",
        ACME.replace("client_id = \"abc\"\nclient_secret_env = \"ACME\"\n", "")
    );
    let config = parse(&text).unwrap();
    let acme = config.broker("acme").unwrap();
    assert!(acme.client_id.is_none() && matches!(acme.client_secret, SecretSource::None));
}
