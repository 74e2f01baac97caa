//! Invariants for arbitrary input, one function per input. Shared by `cargo test`, which feeds mutations, and by the
//! cargo-fuzz targets in `fuzz/`.

use std::path::Path;

use brokerdeck::app::keymap::Keymap;
use brokerdeck::broker::alpaca::wire::{self, Frame};
use brokerdeck::config::Config;
use brokerdeck::domain::blotter::Blotter;
use brokerdeck::domain::text::sanitize_to;
use brokerdeck::domain::{Mono, TradeUpdate};
use brokerdeck::io::input::InputEvent;
use brokerdeck::io::input::decoder::Decoder;
use brokerdeck::io::journal::{Journal, JournalError};
use brokerdeck::link::flow::{CallbackRequest, CallbackVerdict, Flow, FlowRandom, Pasted};
use brokerdeck::sim::server::ControlServer;

/// Takes any bytes, and panics when an invariant is violated.
pub(super) type Target = fn(&[u8]);

/// Every target by name.
pub(super) const ALL: [(&str, Target); 10] = [
    ("frame", frame),
    ("rest", rest),
    ("callback", callback),
    ("pasted", pasted),
    ("journal", journal),
    ("config", config),
    ("setting", setting),
    ("sanitizer", sanitizer),
    ("control", control),
    ("terminal", terminal),
];

/// The secret of the configuration seeds; no problem found in a file may repeat it.
pub(super) const SECRET: &str = "zqCANARYqz";

/// A message of the stream: merges without a panic, and a second time without a change.
pub(super) fn frame(bytes: &[u8]) {
    match wire::frame(bytes) {
        Frame::Update(update) | Frame::Partial { update, .. } => merged(&update),
        Frame::Error { message } => harmless(&message.to_string()),
        Frame::Unknown { text } => harmless(&text.to_string()),
        Frame::Empty | Frame::Authorization { .. } | Frame::Listening { .. } => {}
    }
}

fn merged(update: &TradeUpdate) {
    let mut blotter = Blotter::default();
    drop(blotter.apply_update(update));
    let rows = blotter.executions().count();
    let again = blotter.apply_update(update);
    assert!(again.executions.is_empty() && again.tape.is_empty(), "a duplicate was counted: {again:?}");
    assert_eq!(blotter.executions().count(), rows);
}

/// A REST body, decoded as every type; lists merge as a snapshot.
pub(super) fn rest(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    drop(wire::account(text));
    drop(wire::clock(text));
    drop(wire::history(text));
    drop(wire::position(text, &mut Vec::new()));
    drop(wire::rows(text, "positions", wire::position));
    let orders = wire::rows(text, "orders", wire::orders).unwrap_or_default().0.concat();
    let orders = if orders.is_empty() { wire::orders(text, &mut Vec::new()).unwrap_or_default() } else { orders };
    let rows = wire::rows(text, "activities", |row, _| wire::activity(row)).unwrap_or_default().0;
    let mut blotter = Blotter::default();
    drop(blotter.apply_snapshot(&orders, &rows));
    let again = blotter.apply_snapshot(&orders, &rows);
    assert!(again.executions.is_empty(), "a duplicate was counted: {again:?}");
}

/// A request to the callback port without the right state: it never ends the attempt.
///
/// Its lines are method, host, path, query and `Sec-Fetch-Dest`; a missing one is not sent.
pub(super) fn callback(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n');
    let request = CallbackRequest {
        method: lines.next().unwrap_or_default(),
        host: lines.next(),
        path: lines.next().unwrap_or_default(),
        query: lines.next(),
        sec_fetch_dest: lines.next(),
    };
    let mut flow = attempt();
    let verdict = flow.check_callback(&request, Mono::from_millis(1));
    assert!(matches!(verdict, CallbackVerdict::Ignored(_)) && !flow.is_used(), "accepted without the state: {text:?}");
}

/// A pasted address without the right state.
pub(super) fn pasted(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut flow = attempt();
    let verdict = flow.check_pasted(&text, Mono::from_millis(1));
    let believed = matches!(verdict, Pasted::Whole(CallbackVerdict::Granted(_) | CallbackVerdict::Refused(_)));
    assert!(!believed && !flow.is_used(), "accepted without the state: {text:?}");
}

fn attempt() -> Flow {
    let config = Config::empty(Path::new("config.toml")).unwrap();
    let mut spec = config.broker("alpaca-paper").unwrap().clone();
    spec.client_id = Some("client".to_owned());
    // No input contains this state, which the mutator never sees.
    let random = FlowRandom { state: [0x5A; 32], verifier: [0xA5; 32] };
    Flow::new(&random, &spec, "http://localhost:41970/callback", Mono::from_millis(300_000)).unwrap()
}

/// A journal file: it opens, is set aside unchanged and replaced by a new one, or is of a newer version.
pub(super) fn journal(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    std::fs::write(&path, bytes).unwrap();
    let opened = match Journal::open(&path) {
        Err(JournalError::Newer { .. }) => {
            assert_eq!(std::fs::read(&path).unwrap(), bytes, "a newer version's file is left unchanged");
            return;
        }
        opened => opened.unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let known = runtime.block_on(opened.journal.load(&"paper/one".into())).unwrap();
    drop(opened.journal);
    if opened.notice.is_some() || known.notice.is_some() {
        let kept = std::fs::read_dir(folder.path()).unwrap().any(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name != "journal.sqlite" && !name.ends_with("-wal") && !name.ends_with("-shm")
        });
        assert!(kept, "the file set aside is missing");
    }
}

/// A configuration: accepted, or refused with a hint and without quoting a secret.
pub(super) fn config(bytes: &[u8]) {
    settled(&String::from_utf8_lossy(bytes));
}

/// The invariants for the text of any configuration.
fn settled(text: &str) {
    let config = match Config::parse(text, Path::new("config.toml")) {
        Ok(config) => config,
        Err(error) => {
            let words = error.to_string();
            // A mutation may have moved the secret anywhere, so nothing of the file may be quoted.
            assert!(words.contains("config.toml") && !words.contains(SECRET), "{words}");
            return words.lines().for_each(harmless);
        }
    };
    let keys = config.keys.iter().map(|key| (key.line, key.name.as_str(), key.chords.as_slice()));
    if let Err(problems) = Keymap::with_overrides(keys) {
        for words in problems.iter().map(ToString::to_string) {
            assert!(!words.contains(SECRET), "{words}");
            words.lines().for_each(harmless);
        }
    }
    for spec in &config.brokers {
        harmless(&spec.id.to_string());
        harmless(&spec.name);
        spec.missing().iter().for_each(|words| harmless(words));
    }
    config.warnings.iter().for_each(|words| harmless(words));
}

/// The places of a client secret, one of them a file.
const SOURCES: [&str; 3] = [
    "client_secret = \"zqCANARYqz\"",
    "client_secret_env = \"ACME_SECRET\"",
    "client_secret_command = [\"pass\", \"show\", \"acme\"]",
];

/// A valid configuration with every string setting, for each place of the secret.
pub(super) fn complete() -> [String; 3] {
    SOURCES.map(|source| {
        format!(
            r#"
            [oauth]
            client_id = "id"
            {source}
            redirect_uris = ["http://localhost:41970/callback", "http://127.0.0.1:41971/callback"]
            scopes = ["account:write", "trading", "data"]
            [tokens]
            store = "file"
            [ui]
            theme = "dark"
            notify_command = ["notify-send", "brokerdeck"]
            timezone = "Europe/Berlin"
            [keys]
            "orders.cancel" = "ctrl-d"
            "global.quit" = ["q", "ctrl-q"]
            [[brokers]]
            id = "acme-paper"
            name = "Acme Paper (OAuth)"
            environment = "paper"
            authorize_url = "https://one.example/oauth/authorize"
            token_url = "https://one.example/oauth/token"
            revoke_url = "https://one.example/oauth/revoke"
            api_url = "https://api.one.example"
            stream_url = "wss://api.one.example/stream"
            data_url = "https://data.one.example"
            data_stream_url = "wss://stream.one.example/v2/iex"
            client_id = "id"
            {source}
            redirect_uris = ["http://localhost:41970/callback/acme-paper"]
            scopes = ["account:write"]
            ca_file = "acme-ca.pem"
            [[brokers]]
            id = "acme"
            name = "Acme (OAuth)"
            environment = "both"
            authorize_url = "https://two.example/oauth/authorize"
            token_url = "https://two.example/oauth/token"
            client_id = "id"
            {source}
            [brokers.paper]
            api_url = "https://paper.two.example"
            stream_url = "wss://paper.two.example/stream"
            data_url = "https://data.two.example"
            data_stream_url = "wss://stream.two.example/v2/iex"
            [brokers.live]
            api_url = "https://live.two.example"
            stream_url = "wss://live.two.example/stream"
            data_url = "https://live-data.two.example"
            data_stream_url = "wss://live-stream.two.example/v2/iex"
            "#
        )
    })
}

/// Every string of a document, in order.
pub(super) fn texts<'a>(value: &'a mut toml::Value, found: &mut Vec<&'a mut String>) {
    match value {
        toml::Value::String(text) => found.push(text),
        toml::Value::Array(all) => all.iter_mut().for_each(|value| texts(value, found)),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| texts(value, found)),
        _ => {}
    }
}

/// Replaces one string of a valid configuration. The first byte selects the configuration, and whether the string
/// contains the secret; the second selects the string, or past the last one a name under `[keys]`; the rest is the new
/// string.
pub(super) fn setting(bytes: &[u8]) {
    let [first, place, text @ ..] = bytes else { return };
    let mut text = String::from_utf8_lossy(text).into_owned();
    if first & 4 != 0 {
        let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
        text.insert_str(middle, SECRET);
    }
    let which = complete();
    let mut document: toml::Value = toml::from_str(&which[usize::from(first & 3) % which.len()]).unwrap();
    let mut all = Vec::new();
    texts(&mut document, &mut all);
    let place = usize::from(*place) % (all.len() + 1);
    if let Some(place) = all.get_mut(place) {
        **place = text;
    } else {
        document["keys"].as_table_mut().unwrap().insert(text, toml::Value::from("x"));
    }
    settled(&toml::to_string(&document).unwrap());
}

/// Text on its way to the screen.
pub(super) fn sanitizer(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for limit in [1, 8, 40, 512] {
        let clean = sanitize_to(&text, limit);
        harmless(&clean);
        assert!(unicode_width::UnicodeWidthStr::width(clean.as_str()) <= 2 * limit + 2, "{limit}: {clean:?}");
        assert_eq!(sanitize_to(&clean, limit), clean, "clean text is unchanged");
    }
}

/// Terminal input in two reads: bounded memory, no keys from reports, and keys still work afterwards.
pub(super) fn terminal(bytes: &[u8]) {
    let (mut decoder, mut heard) = (Decoder::default(), Vec::new());
    let (first, second) = bytes.split_at(bytes.len() / 2);
    decoder.feed(first, Mono::ZERO, &mut heard);
    let pause = Mono::from_millis(u64::from(bytes.first().copied().unwrap_or_default()) * 10);
    decoder.feed(second, pause, &mut heard);
    expire(&mut decoder, &mut heard);
    assert!(heard.len() <= 2 * bytes.len() + 2, "{} bytes are {} keys", bytes.len(), heard.len());
    for heard in &heard {
        if let InputEvent::Paste(text) = heard {
            assert!(text.len() <= 16 * 1024);
        }
    }
    heard.clear();
    decoder.feed(b"\x03", Mono::from_millis(600_000), &mut heard);
    heard.retain(|heard| *heard != InputEvent::Unclear);
    assert!(matches!(heard.as_slice(), [InputEvent::Key(chord)] if chord.ctrl), "Ctrl-C is lost: {heard:?}");

    // The same bytes inside a terminal's answer, without those that end one.
    for (begin, end) in [(b"\x1b]11;", b"\x1b\\"), (b"\x1bP>|1", b"\x1b\\"), (b"\x1b_Gi=", b"\x1b\\")] {
        let mut report = begin.to_vec();
        report.extend(bytes.iter().filter(|byte| !matches!(byte, 0x03 | 0x07 | 0x18 | 0x1a | 0x1b)));
        report.extend(end);
        let (mut decoder, mut heard) = (Decoder::default(), Vec::new());
        decoder.feed(&report, Mono::ZERO, &mut heard);
        expire(&mut decoder, &mut heard);
        assert!(heard.iter().all(|heard| matches!(heard, InputEvent::Background(_))), "{report:?} is {heard:?}");
    }
}

/// Advances time until nothing is pending.
fn expire(decoder: &mut Decoder, heard: &mut Vec<InputEvent>) {
    for _ in 0..8 {
        let Some(at) = decoder.deadline() else { return };
        decoder.expire(at, heard);
    }
    assert_eq!(decoder.deadline(), None, "a timeout decides in the end");
}

/// Checks that nothing in it moves the cursor, reverses text or is invisible.
fn harmless(text: &str) {
    let bad = text.chars().find(|ch| {
        ch.is_control()
            || matches!(u32::from(*ch), 0x200B..=0x200F | 0x202A..=0x202E | 0x2066..=0x2069 | 0xFEFF | 0xE_0000..=0xE_007F)
    });
    assert_eq!(bad, None, "{text:?}");
}

/// Requests to the control interface of the simulated brokerage, one per line: action, space, body. Each succeeds or is
/// refused with a reason; afterwards the account can be read and its books are consistent.
pub(super) fn control(bytes: &[u8]) {
    let fixture = ControlServer::new();
    for line in bytes.split(|byte| *byte == b'\n').take(12) {
        let (action, body) = line.split_at(line.iter().position(|byte| *byte == b' ').unwrap_or(line.len()));
        let (status, answer) = fixture.request(&String::from_utf8_lossy(action), body);
        match status {
            200 => {}
            400 | 403 | 404 | 422 => assert!(answer["message"].as_str().is_some_and(|words| !words.is_empty())),
            other => panic!("{other}: {answer}"),
        }
    }
    assert!(fixture.books_are_whole());
}
