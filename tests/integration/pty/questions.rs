//! Confirmations on a terminal that shows them late or never.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::terminal::{Terminal, until};
use crate::journal::Home;

/// Whether a cancel reached the broker.
async fn canceled(home: &Home) -> bool {
    let url = format!("{}/_sim/truth", home.sim.ready.paper.api_url);
    let truth: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
    truth["orders"].as_array().unwrap().iter().any(|order| order["status"] == "canceled")
}

/// Waits until the recording has this key and two later ticks, so that the key has taken effect.
fn settled(recording: &Path, key: char, times: usize) -> bool {
    let text = std::fs::read_to_string(recording).unwrap_or_default();
    let word = format!("{{\"Char\":\"{key}\"}}");
    let after = text.match_indices(&word).nth(times - 1).and_then(|(at, _)| text.get(at..));
    after.is_some_and(|rest| rest.matches("\"Tick\"").count() > 2)
}

/// A broker with one working order, and the arguments of a recorded dashboard of it.
async fn with_an_order_for(home: &Home) -> ([String; 6], PathBuf) {
    let order = json!({"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "1.00"});
    home.control("place", order).await;
    let recording = home.dir.path().join("run");
    let (config, data) = (home.dir.path().join("config.toml"), home.data());
    let [config, data, record] = [&config, &data, &recording].map(|path| path.to_str().unwrap());
    let arguments = ["--config", config, "--data-dir", data, "--record", record].map(str::to_owned);
    (arguments, recording)
}

/// A dashboard with one working order, recorded.
async fn with_an_order(home: &Home) -> (Terminal, PathBuf) {
    let (arguments, recording) = with_an_order_for(home).await;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let terminal = Terminal::start(120, 36, &arguments, &[]);
    terminal.wait("the order", |screen| screen.contains("1 live") && screen.contains("AAPL"));
    (terminal, recording)
}

/// The kernel buffers some thousand bytes for a terminal that does not read, so a successful write proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_answers_must_confirm_that_the_question_was_shown() {
    let home = Home::open(28).await;
    let (mut terminal, recording) = with_an_order(&home).await;
    let first = terminal.place_asked_for().unwrap();
    terminal.keys(&first);
    terminal.keys("X");
    terminal.wait_for("Ask the broker to cancel the only working order?");
    for times in 1..=3 {
        terminal.keys("y");
        assert!(until(|| settled(&recording, 'y', times)));
    }
    assert!(!canceled(&home).await, "the terminal has not confirmed the question");
    terminal.wait_for("not on the screen yet");
    let shown = terminal.place_asked_for().unwrap();
    assert_ne!(shown, first, "an answer identifies its query");
    terminal.keys(&shown);
    terminal.keys_until("y", "the answer", |screen| !screen.contains("Ask the broker"));
    terminal.wait_for("canceled");
    terminal.keys("\x03");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.assert_restored();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_confirms_a_question_that_a_stopped_terminal_never_showed() {
    let home = Home::open(27).await;
    let (mut terminal, recording) = with_an_order(&home).await;
    terminal.hold(true);
    terminal.keys("X");
    assert!(until(|| settled(&recording, 'X', 1)));
    for times in 1..=3 {
        terminal.keys("y");
        assert!(until(|| settled(&recording, 'y', times)));
    }
    assert!(!canceled(&home).await, "nobody could read the question");
    assert!(!terminal.contents().contains("Ask the broker"), "{}", terminal.contents());
    terminal.hold(false);
    terminal.wait_for("Ask the broker to cancel the only working order?");
    terminal.keys_until("y", "the answer", |screen| !screen.contains("Ask the broker"));
    terminal.wait_for("canceled");
    assert!(canceled(&home).await);
    terminal.keys("\x03");
    assert_eq!(terminal.end().exit_code(), 0);
    terminal.assert_restored();
}

/// The terminal may have changed; stopping and continuing the program tests it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_that_stops_answering_shows_the_way_out_and_it_works() {
    let home = Home::open(29).await;
    let (arguments, recording) = with_an_order_for(&home).await;
    let script = format!(
        "set -m; '{}' {}; echo stopped; read line; fg >/dev/null; echo \"ended $?\"",
        env!("CARGO_BIN_EXE_brokerdeck"),
        arguments.map(|word| format!("'{word}'")).join(" ")
    );
    let mut terminal = Terminal::start_program("sh", 120, 36, &["-c", &script], &[]);
    terminal.wait("the order", |screen| screen.contains("1 live") && screen.contains("AAPL"));
    let first = terminal.place_asked_for().unwrap();
    terminal.keys(&first);
    terminal.keys("X");
    terminal.wait_for("Ask the broker to cancel the only working order?");
    terminal.keys_until("y", "the way out", |screen| screen.contains("Ctrl-z, then fg"));
    assert!(!canceled(&home).await);
    terminal.keys("\x1a");
    terminal.wait_for("stopped");
    terminal.assert_restored();
    terminal.keys("\r");
    terminal.wait_for("Ask the broker to cancel the only working order?");
    let before = std::fs::read_to_string(&recording).unwrap();
    let asked = tokio::time::Instant::now();
    // The screen is redrawn, and the part that is read does not contain the question either.
    terminal.keys_until("y", "the answer", |screen| screen.contains("canceled"));
    let after = std::fs::read_to_string(&recording).unwrap();
    let refused = after.strip_prefix(&before).unwrap().matches("{\"Char\":\"y\"}").count();
    // On a busy machine the first one may come late, after a silence of its own.
    assert!(
        refused > 1 || asked.elapsed() > std::time::Duration::from_secs(4),
        "not before it has been silent for a while"
    );
    assert!(canceled(&home).await);
    terminal.keys("\x03");
    terminal.wait_for("ended 0");
    terminal.end();
    terminal.assert_restored();
}
