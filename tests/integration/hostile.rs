//! Hostile input: every input of the program, fed with seeded mutations of valid data.
//!
//! `cargo test` runs tens of thousands per target. More: `BROKERDECK_FUZZ_RUNS=1000000 cargo test --release hostile`;
//! another part of the sequence: `BROKERDECK_FUZZ_SEED`. The same targets run under cargo-fuzz from `fuzz/`.

mod mutator;
mod targets;

use self::mutator::Mutator;

const RUNS: u64 = 40_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Runs a target; a failing input is printed in full, so that it can become a test.
fn run(name: &str, runs: u64, seeds: &[Vec<u8>]) {
    let (_, target) = targets::ALL.iter().find(|(known, _)| *known == name).unwrap();
    for seed in seeds {
        target(seed);
    }
    let mut mutator = Mutator::new(number("BROKERDECK_FUZZ_SEED").unwrap_or(1));
    let runs = number("BROKERDECK_FUZZ_RUNS").map_or(runs, |wanted| wanted * runs / RUNS);
    for run in 0..runs {
        let input = mutator.mutate(seeds);
        let survived = std::panic::catch_unwind(|| target(&input));
        assert!(survived.is_ok(), "{name}: run {run} failed on {:?}", String::from_utf8_lossy(&input));
    }
}

fn texts(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn fixtures() -> Vec<String> {
    vec![include_str!("../fixtures/fill.json").to_owned(), include_str!("../fixtures/mleg_fill.json").to_owned()]
}

/// The order of a frame, as a REST body.
fn order(frame: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(frame).unwrap();
    value["data"]["order"].to_string()
}

#[test]
fn frames_of_any_bytes_neither_panic_nor_count_twice() {
    let mut seeds: Vec<Vec<u8>> = fixtures().into_iter().map(String::into_bytes).collect();
    let packed = seeds.iter().map(|text| {
        let value: serde_json::Value = serde_json::from_slice(text).unwrap();
        rmp_serde::to_vec_named(&value).unwrap()
    });
    seeds.extend(packed.collect::<Vec<_>>());
    seeds.extend(texts(&[
        r#"{"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}"#,
        r#"{"stream":"listening","data":{"streams":["trade_updates"]}}"#,
        r#"[{"T":"error","code":402,"msg":"auth failed"}]"#,
        r#"{"action":"error","data":{"error_message":"invalid"}}"#,
    ]));
    run("frame", RUNS, &seeds);
}

#[test]
fn rest_bodies_of_any_bytes_neither_panic_nor_count_twice() {
    let orders: Vec<String> = fixtures().iter().map(|frame| order(frame)).collect();
    let mut seeds: Vec<Vec<u8>> = orders.iter().map(|order| order.clone().into_bytes()).collect();
    seeds.push(format!("[{}]", orders.join(",")).into_bytes());
    seeds.extend(texts(&[
        r#"[{"id":"20260101::a","activity_type":"FILL","order_id":"o1","cum_qty":"10","leaves_qty":"0","price":"1.5","qty":"10","side":"buy","symbol":"F","transaction_time":"2026-01-02T15:00:00.1Z","type":"fill"},{"id":"20260102::b","activity_type":"DIV","date":"2026-01-02","net_amount":"1.2","symbol":"F"}]"#,
        r#"{"timestamp":"2026-01-02T10:00:00-05:00","is_open":true,"next_open":"2026-01-05T09:30:00-05:00","next_close":"2026-01-02T16:00:00-05:00"}"#,
        r#"{"timestamp":[1,2],"equity":[1.5,null],"profit_loss":[0,null],"profit_loss_pct":[0,null],"base_value":1,"timeframe":"1D"}"#,
        r#"[{"symbol":"F","qty":"-3","avg_entry_price":"1.5","side":"short","market_value":"-4.5","unrealized_pl":"0","current_price":"1.5"}]"#,
        r#"{"id":"u","account_number":"PA1","status":"ACTIVE","currency":"USD","cash":"1","equity":"1.5","last_equity":"1","buying_power":"2","trading_blocked":false}"#,
    ]));
    run("rest", RUNS, &seeds);
}

/// Found by fuzzing: every snapshot busted a negative quantity once more.
#[test]
fn a_negative_executed_quantity_is_refused() {
    let body = order(&fixtures()[0]).replace(r#""filled_qty":""#, r#""filled_qty":"-1"#);
    assert!(body.contains(r#""filled_qty":"-1"#), "{body}");
    targets::rest(body.as_bytes());
}

/// Fewer runs than elsewhere, because each starts a brokerage of its own.
#[test]
fn control_requests_of_any_bytes_succeed_or_are_refused_with_a_reason() {
    let order = r#"{"symbol":"AAPL","side":"buy","type":"limit","time_in_force":"day","qty":"10","limit_price":"150","client_order_id":"a"}"#;
    let seeds: Vec<String> = [
        vec![
            format!("place {order}"),
            r#"partial_fill {"order":"a","qty":"4","price":"149.5"}"#.into(),
            r#"bust {"order":"a"}"#.into(),
            r#"fill {"order":"a"}"#.into(),
        ],
        vec![
            format!("place {order}"),
            r#"fill {"order":"a"}"#.into(),
            r#"correct {"order":"a","price":"149","qty":"3"}"#.into(),
            r#"reset {"cash":"1000","revoke":true}"#.into(),
        ],
        vec![
            r#"cash {"type":"CSD","amount":"250.55","description":"gift"}"#.into(),
            r#"price {"symbol":"AAPL","price":"199.5"}"#.into(),
            r#"dividend {"symbol":"AAPL","per_share":"0.25"}"#.into(),
        ],
        vec![
            r#"advance {"by":"5s"}"#.into(),
            r#"pace {"pace":"2"}"#.into(),
            r#"halt {"symbol":"KO"}"#.into(),
            r#"resume {"symbol":"KO"}"#.into(),
            r#"event {"order":"a","event":"stopped"}"#.into(),
        ],
        vec![
            r#"fault {"rule":"duplicate@20%*3~30s/paper","method":"GET","path":"/v2"}"#.into(),
            r#"rate_limit {"limit":100,"exhaust":"PA3SIM0001"}"#.into(),
            r#"token {"scopes":"trading data","account":"PA3SIM0002"}"#.into(),
            "clear {}".into(),
        ],
    ]
    .iter()
    .map(|lines| lines.join("\n"))
    .collect();
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    run("control", RUNS / 100, &texts(&seeds));
}

#[test]
fn no_callback_without_the_state_ends_an_attempt() {
    let seeds = texts(&[
        "GET\nlocalhost:41970\n/callback\ncode=c&state=guess\ndocument",
        "GET\nlocalhost:41970\n/callback\nerror=access_denied&state=\ndocument",
        "GET\n127.0.0.1:41970\n/callback\niss=https%3A%2F%2Fapp.alpaca.markets&code=c&state=x",
    ]);
    run("callback", RUNS, &seeds);
}

#[test]
fn no_pasted_address_without_the_state_ends_an_attempt() {
    let seeds = texts(&[
        "http://localhost:41970/callback?code=c&state=guess",
        "  http://localhost:41970/callback?error=access_denied&error_description=no&state=#x\n",
        "code=c&state=guess",
    ]);
    run("pasted", RUNS, &seeds);
}

#[test]
fn a_journal_of_any_bytes_opens_or_is_set_aside() {
    use brokerdeck::io::journal::{Batch, Journal, Record};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    let journal = Journal::open(&path).unwrap().journal;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut batch = Batch::new("paper/one".into(), jiff::Timestamp::UNIX_EPOCH);
        batch.records.push(Record::Account("account".into()));
        let order = brokerdeck::broker::alpaca::wire::order(&order(&fixtures()[0])).unwrap();
        batch.records.push(Record::Order(Box::new(order), brokerdeck::domain::Source::Stream));
        journal.append(batch).unwrap();
        journal.barrier().await.unwrap();
    });
    drop(journal);
    // Fewer runs, because each opens a file on disk.
    run("journal", RUNS / 400, &[std::fs::read(&path).unwrap(), b"not a database".to_vec(), Vec::new()]);
}

#[test]
fn a_configuration_of_any_bytes_is_accepted_or_refused_without_leaking_secrets() {
    let example = include_str!("../../config.example.toml");
    let own = format!(
        "[oauth]\nclient_id = \"id\"\nclient_secret = \"{0}\"\nredirect_uris = [\"http://127.0.0.1:41970/callback\"]\n\
         [ui]\ntheme = \"dark\"\n[keys]\n\"orders.cancel\" = \"x\"\n\
         [[brokers]]\nid = \"acme\"\nenvironment = \"paper\"\nauthorize_url = \"https://a.example/o\"\n\
         token_url = \"https://a.example/t\"\napi_url = \"https://a.example\"\nstream_url = \"wss://a.example/s\"\n\
         client_id = \"c\"\nclient_secret = \"{0}\"\nredirect_uris = [\"http://127.0.0.1:41970/callback\"]\n",
        targets::SECRET
    );
    run("config", RUNS / 2, &texts(&[example, &own]));
}

/// The settings of type string in the program's sources: table and name.
fn settings() -> std::collections::BTreeSet<(String, String)> {
    let mut table = String::new();
    let mut found = std::collections::BTreeSet::new();
    for line in include_str!("../../src/config/raw.rs").lines() {
        if let Some((_, name)) = line.split_once("pub(super) struct ") {
            table = name.trim_end_matches(" {").to_lowercase();
        } else if let Some((name, kind)) =
            line.trim().strip_prefix("pub(super) ").and_then(|line| line.split_once(": "))
            && ["Text", "String", "OneOrMany"].iter().any(|text| kind.contains(text))
        {
            found.insert((table.clone(), name.to_owned()));
        }
    }
    found
}

/// The settings of type string in a configuration.
fn mentioned(table: &str, value: &toml::Value, found: &mut std::collections::BTreeSet<(String, String)>) {
    for (name, value) in value.as_table().into_iter().flatten() {
        let inner = match (table, name.as_str()) {
            ("broker", "paper" | "live") => "addresses",
            ("file", "brokers") => "broker",
            ("file", inner) => inner,
            _ => "",
        };
        match value {
            toml::Value::Array(all) if all.iter().any(toml::Value::is_table) => {
                for value in all {
                    mentioned(inner, value, found);
                }
            }
            toml::Value::Table(_) if inner == "keys" => drop(found.insert((table.to_owned(), inner.to_owned()))),
            toml::Value::Table(_) => mentioned(inner, value, found),
            _ => drop(found.insert((table.to_owned(), name.clone()))),
        }
    }
}

#[test]
fn any_string_setting_is_accepted_or_refused_without_leaking_secrets() {
    let mut covered = std::collections::BTreeSet::new();
    let mut most = 0;
    for text in targets::complete() {
        let config = brokerdeck::config::Config::parse(&text, std::path::Path::new("config.toml"));
        assert!(config.is_ok_and(|config| config.brokers.len() == 5), "{text}");
        let mut document: toml::Value = toml::from_str(&text).unwrap();
        mentioned("file", &document, &mut covered);
        let mut all = Vec::new();
        targets::texts(&mut document, &mut all);
        most = most.max(all.len());
    }
    let missing: Vec<_> = settings().into_iter().filter(|setting| !covered.contains(setting)).collect();
    assert!(settings().len() > 30 && missing.is_empty(), "settings that are in no seed: {missing:?}");

    let odd: Vec<Vec<u8>> = texts(&[
        "",
        " ",
        "x",
        "https://app.alpaca.markets",
        "http://localhost:1/\u{202e}",
        "https://user:pass@a.example/\u{9b}?\u{1b}]52;c;eA==\u{7}#",
        "\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{200b}\u{e0041}\n\0",
        "'\"\\ unclosed",
        "both",
        "=cmd|' /C calc'!A0",
        "../../../../dev/stdin",
    ]);
    let long = ["x".repeat(10_000).into_bytes(), "\u{202e}".repeat(2_000).into_bytes()];
    let mut seeds = Vec::new();
    for which in [0, 1, 2, 4, 5, 6] {
        for place in 0..=u8::try_from(most).unwrap() {
            seeds.extend(odd.iter().chain(&long).map(|text| [&[which, place], text.as_slice()].concat()));
        }
    }
    for seed in &seeds {
        targets::setting(seed);
    }
    seeds.retain(|seed| seed.len() < 1_000);
    run("setting", RUNS / 20, &seeds);
}

#[test]
fn sanitised_text_neither_controls_a_terminal_nor_grows() {
    let seeds = texts(&[
        "AAPL",
        "a\u{1b}[31mred\u{1b}]0;title\u{7}",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "\u{202e}LPAA\u{2066}\u{200b}\u{feff}\u{e0041}漢字👩‍👩‍👧‍👦",
    ]);
    run("sanitizer", RUNS, &seeds);
}

#[test]
fn terminal_input_is_bounded_reports_yield_no_keys_and_keys_still_work_after_it() {
    let seeds = texts(&[
        "\u{1b}]11;rgb:d0d0/d0d0/d0d0\u{1b}\\q",
        "\u{1b}P>|XTerm(390)\u{1b}\\\u{1b}[?997;1n\u{1b}[A\u{1b}OP",
        "\u{1b}[200~http://localhost/?code=c\u{1b}[201~\u{1b}[<0;10;20M\u{1b}[M   ",
        "\u{1b}_Gi=1;OK\u{1b}\\\u{1b}[120:88;2:1u\u{1b}\u{1b}[[A漢\u{9b}1;5C",
    ]);
    run("terminal", RUNS, &seeds);
}
