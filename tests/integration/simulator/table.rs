//! The tables of docs/SIMULATOR.md match the brokerage for every endpoint, stream and message, and name all of the
//! service's description, if that is available.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;

/// The table rows that start with a code span: its text, and the next column.
fn rows(heading: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SIMULATOR.md")).unwrap();
    let (_, after) = text.split_once(heading).unwrap_or_else(|| panic!("no table after {heading:?}"));
    let table = after.lines().skip_while(|line| !line.starts_with("| ")).take_while(|line| line.starts_with('|'));
    let cells = table.filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
    cells.map(|(what, said)| (what.to_owned(), said.to_owned())).collect()
}

/// Method and path of each row, and the next column.
fn operations(heading: &str) -> BTreeMap<(String, String), String> {
    let rows = rows(heading);
    let split = rows.iter().flat_map(|(what, said)| {
        let (methods, path) = what.rsplit_once(' ').unwrap();
        methods.split(' ').map(move |method| ((method.to_owned(), path.to_owned()), said.clone()))
    });
    split.collect()
}

const TRADING: &str = "Every endpoint of the Trading API's specification";
const DATA: &str = "Every endpoint of the Market Data API's specification";
const STREAMS: &str = "Every stream";
const MESSAGES: &str = "Every message of the streams";

/// A file of the service, which is not part of this project; `None`, with a note, when it is not available.
fn description(name: &str) -> Option<String> {
    let beside: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/alpaca/data").join(name);
    let text = std::fs::read_to_string(&beside).ok();
    if text.is_none() {
        eprintln!("SKIPPED: {name} is not at hand");
    }
    text
}

fn documented(name: &str) -> Option<BTreeSet<(String, String)>> {
    let spec: Value = serde_json::from_str(&description(name)?).unwrap();
    let methods = ["get", "post", "put", "patch", "delete"];
    let of_path = |(path, item): (&String, &Value)| -> Vec<(String, String)> {
        let found = methods.iter().filter(|method| item.get(**method).is_some());
        found.map(|method| (method.to_uppercase(), path.clone())).collect()
    };
    Some(spec["paths"].as_object().unwrap().iter().flat_map(of_path).collect())
}

fn differences(listed: &BTreeSet<(String, String)>, documented: &BTreeSet<(String, String)>) -> String {
    format!(
        "not in the table: {:?}; not documented: {:?}",
        documented.difference(listed).collect::<Vec<_>>(),
        listed.difference(documented).collect::<Vec<_>>()
    )
}

#[test]
fn the_tables_name_every_documented_endpoint() {
    for (heading, file) in [(TRADING, "openapi/trading-api.json"), (DATA, "openapi/market-data-api.json")] {
        let listed: BTreeSet<_> = operations(heading).into_keys().collect();
        assert!(listed.len() > 40, "{heading}: {}", listed.len());
        if let Some(documented) = documented(file) {
            assert!(listed == documented, "{heading}: {}", differences(&listed, &documented));
        }
    }
}

#[tokio::test]
async fn every_endpoint_does_what_its_table_says() {
    let fixture = Fixture::open().await;
    fixture.control("rate_limit", json!({"limit": 1_000_000})).await;
    for (heading, origin) in [(TRADING, &fixture.ready().paper), (DATA, &fixture.ready().data)] {
        for ((method, template), said) in operations(heading) {
            let path = [
                ("{symbol}", "AAPL"),
                ("{underlying_symbol}", "SPY"),
                ("{loc}", "us"),
                ("{ticktype}", "trade"),
                ("{market_type}", "stocks"),
                ("{market}", "NYSE"),
                ("{activity_type}", "FILL"),
            ]
            .iter()
            .fold(template.clone(), |path, (name, value)| path.replace(name, value));
            let path = path.split('{').next().unwrap().to_owned()
                + if path.contains('{') { "00000000-0000-4000-8000-000000000000" } else { "" }
                + path.split_once('}').map_or("", |(_, rest)| rest);
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let request = fixture.http.request(method.clone(), format!("{}{path}", origin.api_url));
            let answer = request.bearer_auth(&fixture.ready().paper_token).send().await.unwrap();
            let status = answer.status();
            // Endless streams are not read.
            let streams = answer.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
            let body = if streams { Value::Null } else { answer.json::<Value>().await.unwrap_or_default() };
            let words = body["message"].as_str().unwrap_or_default();
            if let Some(sentence) = said.strip_prefix("501: ") {
                assert_eq!((status.as_u16(), words), (501, sentence), "{method} {path}");
            } else {
                assert!(said.starts_with("served"), "{method} {template} is neither served nor refused: {said}");
                let there = status != StatusCode::NOT_IMPLEMENTED && status != StatusCode::METHOD_NOT_ALLOWED;
                assert!(there && !words.starts_with("endpoint not found"), "{method} {path}: {status} {body}");
                assert!(!status.is_server_error(), "{method} {path}: {status} {body}");
            }
        }
    }
}

#[tokio::test]
async fn every_stream_opens_where_its_table_says() {
    let fixture = Fixture::open().await;
    let listed = rows(STREAMS);
    for (path, said) in &listed {
        let stream =
            if path == "/stream" { &fixture.ready().paper.stream_url } else { &fixture.ready().data.stream_url };
        let url = Url::parse(stream).unwrap().join(path).unwrap();
        let mut socket = fixture.socket(url.as_str()).await;
        let keys = json!({"action": "auth", "key": fixture.ready().key_id, "secret": fixture.ready().secret_key});
        socket.say(&keys).await;
        let mut reported = socket.raw().await.unwrap().into_data();
        if path != "/stream" {
            reported = socket.raw().await.unwrap().into_data();
        }
        let reported: Value =
            serde_json::from_slice(&reported).ok().or_else(|| rmp_serde::from_slice(&reported).ok()).unwrap();
        let good = reported["data"]["status"] == "authorized" || reported[0]["msg"] == "authenticated";
        let expected = if said.starts_with("409") { reported[0]["code"] == 409 } else { good };
        assert!(expected, "{path} is {said}, and said {reported}");
    }
    if let Some(text) = description("asyncapi/alpaca-asyncapi-thirdparty.yml") {
        let urls =
            text.lines().filter_map(|line| line.trim().strip_prefix("url: ")).filter(|url| !url.starts_with("http"));
        let paths: BTreeSet<&str> = urls.map(|url| url.find('/').and_then(|at| url.get(at..)).unwrap_or("")).collect();
        let missing: Vec<_> = paths.iter().filter(|path| !listed.contains_key(**path)).collect();
        assert!(paths.len() > 7 && missing.is_empty(), "not in the table: {missing:?} of {paths:?}");
    }
}

#[test]
fn the_table_names_every_message_of_the_streams() {
    let listed: BTreeSet<String> = rows(MESSAGES).into_keys().collect();
    assert!(listed.len() > 20, "{listed:?}");
    let Some(text) = description("asyncapi/alpaca-asyncapi-thirdparty.yml") else { return };
    let (_, messages) = text.split_once("\n  messages:\n").unwrap();
    let (messages, _) = messages.split_once("\n  schemas:\n").unwrap();
    let name = |line: &str| Some(line.strip_prefix("    ")?.strip_suffix(':')?.to_owned());
    let documented: BTreeSet<String> =
        messages.lines().filter_map(name).filter(|name| name.starts_with(|ch: char| ch.is_ascii_uppercase())).collect();
    assert_eq!(documented, listed);
}

/// The values of every query parameter with a closed list in the service's description.
fn choices(name: &str) -> Option<Vec<(String, String, Vec<String>)>> {
    let spec: Value = serde_json::from_str(&description(name)?).unwrap();
    let follow = |value: &Value| -> Value {
        let mut value = value.clone();
        while let Some(place) = value["$ref"].as_str() {
            value = spec.pointer(place.strip_prefix('#').unwrap()).unwrap().clone();
        }
        value
    };
    let mut found = Vec::new();
    for (path, item) in spec["paths"].as_object().unwrap() {
        let parameters = [&item["parameters"], &item["get"]["parameters"]];
        for parameter in parameters.into_iter().filter_map(Value::as_array).flatten().map(&follow) {
            let schema = follow(&parameter["schema"]);
            let values = schema["enum"].as_array().cloned().or(follow(&schema["items"])["enum"].as_array().cloned());
            if let Some(values) = values.filter(|_| parameter["in"] == "query") {
                let values = values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect();
                found.push((path.clone(), parameter["name"].as_str().unwrap().to_owned(), values));
            }
        }
    }
    Some(found)
}

#[tokio::test]
async fn no_documented_value_of_a_parameter_is_called_invalid() {
    let fixture = Fixture::open().await;
    fixture.control("rate_limit", json!({"limit": 1_000_000})).await;
    let mut wrong = Vec::new();
    let files = [
        ("openapi/trading-api.json", &fixture.ready().paper, TRADING),
        ("openapi/market-data-api.json", &fixture.ready().data, DATA),
    ];
    for (file, origin, heading) in files {
        let served = operations(heading);
        for (template, name, values) in choices(file).unwrap_or_default() {
            let says = served.get(&("GET".to_owned(), template.clone())).cloned().unwrap_or_default();
            if !says.starts_with("served") {
                continue;
            }
            let path =
                template.replace("{symbol}", "AAPL").replace("{underlying_symbol}", "SPY").replace("{loc}", "us");
            let path =
                path.replace("{ticktype}", "trade").replace("{activity_type}", "FILL").replace("{market}", "NYSE");
            // Other required parameters are added.
            let symbols = if path.contains("/options/") { "SPY" } else { "AAPL" };
            let others =
                [("symbols", symbols), ("timeframe", "1Day"), ("since", "2026-01-01"), ("until", "2026-02-01")];
            for value in values {
                let request =
                    fixture.http.get(format!("{}{path}", origin.api_url)).bearer_auth(&fixture.ready().paper_token);
                let answer = request.query(&others).query(&[(&name, &value)]).send().await.unwrap();
                let status = answer.status();
                if status.is_success()
                    && answer.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream")
                {
                    continue;
                }
                let body = answer.text().await.unwrap();
                let refused = matches!(status.as_u16(), 400 | 422) && (body.contains(&name) || body.contains(&value));
                if refused || status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
                    wrong.push(format!("{path}?{name}={value}: {status} {body}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn orders_of_every_class_are_listed_and_an_unsupported_class_has_none() {
    let fixture = Fixture::open().await;
    let order = json!({"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "limit_price": "1", "time_in_force": "day"});
    fixture.control("place", order).await;
    let list = async |query: &str| {
        let request = fixture.http.get(format!("{}/v2/orders?asset_class={query}", fixture.ready().paper.api_url));
        let answer = request.bearer_auth(&fixture.ready().paper_token).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap().as_array().map(Vec::len))
    };
    for (query, count) in
        [("all", 1), ("us_equity", 1), ("ipo,us_equity", 1), ("crypto", 0), ("treasury", 0), ("ipo,all", 1)]
    {
        assert_eq!(list(query).await, (200, Some(count)), "{query}");
    }
    assert_eq!(list("shells").await, (422, None));
    let market = async |query: &str| {
        let request = fixture.http.get(format!("{}/v3/clock?markets={query}", fixture.ready().paper.api_url));
        request.bearer_auth(&fixture.ready().paper_token).send().await.unwrap().status().as_u16()
    };
    assert_eq!((market("NYSE,IEX").await, market("NYSE,LSE").await, market("MOON").await), (200, 501, 400));
}
