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
fn an_unknown_key_names_file_line_and_hint() {
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
    assert!(text.contains("brokers.token_url") && text.contains("loopback only"), "{text}");
    let text = complaint(&ACME.replace("ws://127.0.0.1:9001/stream", "ws://acme.example/stream"));
    assert!(text.contains("brokers.paper.stream_url"), "{text}");
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

/// Every value of the example in turn becomes a secret, in quotes and without, and is pasted where it does not belong.
#[test]
fn no_problem_repeats_a_value() {
    let lines: Vec<&str> = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") || rest.starts_with("[[") => rest,
            _ => line,
        })
        .filter(|line| !line.starts_with("client_secret_env = \"BROKERDECK") && !line.starts_with("client_secret = "))
        .collect();
    let secrets = [
        "4815162342",
        "\"zq-CANARY 48:15\"",
        "zqCANARY48",
        "\"http://u:zqCANARY@127.0.0.1:1/x\"",
        "48.15162342",
        "2048-15-16",
    ];
    let shown = |text: &str| ["CANARY", "4815162342", "48.15", "2048-15"].iter().any(|part| text.contains(part));
    let mut refused = 0;
    for (place, line) in lines.iter().enumerate() {
        let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains('#')) else { continue };
        for secret in secrets {
            for wrong in [
                format!("{key} = {secret}"),
                format!("{key} = [{secret}]"),
                format!("{key} = {{ x = {secret} }}"),
                format!("{secret} = {key}"),
                format!("{key} {secret}"),
            ] {
                let mut lines = lines.clone();
                lines[place] = &wrong;
                if let Err(error) = parse(&lines.join("\n")) {
                    refused += 1;
                    assert!(!shown(&error.to_string()), "{wrong}: {error}");
                }
            }
        }
    }
    assert!(refused > 500, "{refused} of them were refused");
}

#[test]
fn a_secret_where_its_source_belongs_is_refused_where_it_can_be_known_and_never_printed() {
    let text = complaint("[oauth]\nclient_secret_env = \"48-15/CANARY\"\n");
    assert!(text.contains(":2:") && text.contains("not the name of an environment variable"), "{text}");
    for source in ["client_secret_env = \"CANARY\"", "client_secret_command = \"CANARY\""] {
        let config = parse(&format!("[oauth]\n{source}\n")).unwrap();
        assert!(!format!("{config:?}").contains("CANARY"), "{source}");
    }
}

#[test]
fn a_type_error_names_the_expected_and_the_found_type() {
    let text = complaint("[oauth]\nclient_secret = 4815162342\n");
    assert!(text.contains(":2: expected a string, found integer"), "{text}");
    let text = complaint("[trading]\nlive = \"hunter2, expected a boolean\"\n");
    assert!(text.contains("found string") && !text.contains("hunter2"), "{text}");
    let text = complaint("[oauth]\nclient_secret_command = 7\n");
    assert!(text.contains("a list of them"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_write_is_refused_and_a_secret_that_others_may_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    let load = |text: &str, mode: u32| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        Config::load(&path)
    };
    let (secret, plain) = ("[oauth]\nclient_secret = \"hunter2\"\n", "[ui]\nbell = true\n");
    for mode in [0o644, 0o640, 0o604] {
        let warnings = load(secret, mode).unwrap().warnings;
        assert!(
            warnings.len() == 1 && warnings[0].contains("chmod 600") && !warnings[0].contains("hunter2"),
            "{warnings:?}"
        );
        assert!(load(plain, mode).unwrap().warnings.is_empty());
    }
    assert!(load(secret, 0o600).unwrap().warnings.is_empty());
    for mode in [0o666, 0o660, 0o602, 0o620] {
        for text in [secret, plain] {
            let error = load(text, mode).unwrap_err().to_string();
            assert!(error.contains("other users can write to it") && error.contains("chmod go-w"), "{error}");
        }
    }
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.toml");
    std::fs::write(&path, "#".repeat(2 * 1024 * 1024)).unwrap();
    assert!(Config::load(&path).unwrap_err().to_string().contains("larger than 1 MiB"));
}

#[test]
fn alpacas_own_hosts_are_refused_in_the_wrong_environment() {
    let one = |environment: &str, api: &str, stream: &str| {
        format!(
            "[[brokers]]\nid = \"mine\"\nenvironment = \"{environment}\"\nauthorize_url = \"https://a.example/authorize\"\n\
             token_url = \"https://a.example/token\"\napi_url = \"https://{api}\"\nstream_url = \"wss://{stream}/stream\"\n"
        )
    };
    let (paper, live) = ("paper-api.alpaca.markets", "api.alpaca.markets");
    for (environment, api, stream, key) in [
        ("paper", live, paper, "api_url"),
        ("paper", paper, live, "stream_url"),
        ("live", paper, live, "api_url"),
        ("live", live, paper, "stream_url"),
        ("paper", "API.Alpaca.Markets.", paper, "api_url"),
        ("paper", "api.alpaca.markets:8443", paper, "api_url"),
    ] {
        let text = complaint(&one(environment, api, stream));
        assert!(text.contains(&format!("brokers.{key}: ")) && text.contains("correct the address"), "{text}");
        assert!(text.contains(if key == "api_url" { ":6:" } else { ":7:" }), "{text}");
    }
    assert!(parse(&one("paper", paper, paper)).is_ok() && parse(&one("live", live, live)).is_ok());
    for host in [
        "broker-api.alpaca.markets",
        "Broker-API.sandbox.alpaca.markets.",
        "data.alpaca.markets:443",
        "data.sandbox.alpaca.markets",
        "stream.data.alpaca.markets",
        "stream.data.sandbox.alpaca.markets",
        "authx.alpaca.markets",
        "authx.sandbox.alpaca.markets.",
        "app.alpaca.markets",
    ] {
        let text = complaint(&one("paper", host, host));
        assert!(text.matches("this is Alpaca's host for ").count() == 2, "{text}");
        assert!(text.contains("paper-api.alpaca.markets trades PAPER"), "{text}");
    }
    // What a host of its domain is that nobody has described is for the user to say.
    for host in ["api.next.alpaca.markets", "paper-api.sandbox.alpaca.markets", "data.alpaca.markets.example"] {
        assert!(parse(&one("paper", host, host)).is_ok(), "{host}");
    }
}

#[test]
fn both_environments_swapped_or_at_one_address_are_refused() {
    let both = |paper: &str, live: &str| {
        format!(
            "[[brokers]]\nid = \"mine\"\nenvironment = \"both\"\nauthorize_url = \"https://a.example/authorize\"\n\
             token_url = \"https://a.example/token\"\npaper = {{ api_url = \"https://{paper}\", stream_url = \"wss://{paper}/s\" }}\n\
             live = {{ api_url = \"https://{live}\", stream_url = \"wss://{live}/s\" }}\n"
        )
    };
    let swapped = complaint(&both("api.alpaca.markets", "paper-api.alpaca.markets"));
    assert_eq!(swapped.lines().count(), 4, "{swapped}");
    let one = complaint(&both("api.acme.example", "API.acme.example:443"));
    assert!(one.contains("not both") && one.contains("also a"), "{one}");
    assert!(parse(&both("paper.acme.example", "live.acme.example")).is_ok());
    // REST of the one and the stream of the other.
    let crossed = both("paper.acme.example", "live.acme.example").replace("wss://live.acme", "wss://paper.acme");
    assert!(complaint(&crossed).contains("not both"));
    // Two tables that disagree about one address.
    let second = both("x.example", "y.example").replace("\"mine\"", "\"other\"");
    let text = complaint(&(both("paper.acme.example", "x.example") + &second));
    assert!(text.contains("brokers.other: one of its PAPER addresses is also a LIVE address"), "{text}");
}

#[test]
fn a_broker_of_the_file_has_a_callback_path_of_its_own() {
    let config = parse(ACME).unwrap();
    assert_eq!(config.broker("acme").unwrap().redirect_uris, ["http://localhost:41970/callback/acme"]);
    assert_eq!(config.broker("alpaca").unwrap().redirect_uris, ["http://localhost:41970/callback"]);
    let config = parse(&ACME.replace("client_id", "redirect_uris = [\"http://127.0.0.1:7/x\"]\nclient_id")).unwrap();
    assert_eq!(config.broker("acme").unwrap().redirect_uris, ["http://127.0.0.1:7/x"]);
}

#[test]
fn an_empty_secret_is_a_problem_and_none_at_all_is_a_public_client() {
    for secret in ["", "  ", "\\t\\n"] {
        let text = complaint(&format!("[oauth]\nclient_id = \"a\"\nclient_secret = \"{secret}\"\n"));
        assert!(text.contains(":3: oauth.client_secret: the secret is empty"), "{text}");
        let acme = ACME.replace("client_secret_env = \"ACME\"", &format!("client_secret = \"{secret}\""));
        assert!(complaint(&acme).contains("the secret is empty"));
    }
    assert!(parse("[oauth]\nclient_id = \"a\"\n").unwrap().brokers[0].missing().is_none());
}

#[test]
fn every_command_is_checked_and_has_an_example_of_its_own() {
    for (table, key, example) in
        [("oauth", "client_secret_command", "pass show"), ("ui", "notify_command", "notify-send")]
    {
        for value in
            ["[]", "[\"\"]", "[\" \"]", "\"\"", "\"''\"", "[\"a\\u0000b\"]", "[\"a\", \"b\\u0000\"]", "\"a '\""]
        {
            let text = complaint(&format!("[{table}]\n{key} = {value}\n"));
            assert!(text.contains(&format!(":2: {table}.{key}: ")) && text.contains(example), "{value}: {text}");
        }
        assert!(parse(&format!("[{table}]\n{key} = [\"a\", \"\"]\n")).is_ok(), "an argument may be empty");
    }
}
