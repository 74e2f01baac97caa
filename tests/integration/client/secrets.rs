//! The token through every failure, logged at trace level: it must appear nowhere.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use brokerdeck::session::{AuthForm, Request};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tracing_subscriber::fmt::MakeWriter;

use super::rest::client;
use super::stream::{Run, says, serve};
use super::{Peer, TOKEN, answer, in_time};

/// Captures the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn after_any_failure_the_token_is_in_no_log_error_or_event() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = tracing::subscriber::with_default(subscriber, || runtime.block_on(fail_in_every_way()));
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("a request failed") && logged.contains("a stream ended"), "the log was captured");
    assert!(!logged.contains(TOKEN), "{}", around(&logged));
    assert!(seen.contains("…"), "echoes were seen and cleaned: {seen}");
    assert!(!seen.contains(TOKEN), "{}", around(&seen));
}

fn around(text: &str) -> String {
    let at = text.find(TOKEN).unwrap();
    text.chars().skip(at.saturating_sub(200)).take(300).collect()
}

/// The longest part of the token in a text, if it is long enough to help an attacker.
fn part_of_token(text: &str) -> Option<&'static str> {
    (8..=TOKEN.len()).rev().find_map(|length| {
        (0..=TOKEN.len() - length).filter_map(|at| TOKEN.get(at..at + length)).find(|part| text.contains(part))
    })
}

#[test]
fn a_truncated_or_encoded_token_is_in_no_log_and_no_error() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = tracing::subscriber::with_default(subscriber, || runtime.block_on(cut_everywhere()));
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!((part_of_token(&seen), part_of_token(&logged)), (None, None));
    for before in ["", "a", "ab"] {
        let form = URL_SAFE.encode(format!("{before}{TOKEN}"));
        let middle = form.get(4..form.len() - 4).unwrap();
        assert!(!seen.contains(middle) && !logged.contains(middle), "{form}");
    }
    assert!(!seen.contains(&percent(TOKEN)) && !logged.contains(&percent(TOKEN)));
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"))
}

/// Errors truncated inside the token, at every limit, and errors with encodings of it.
async fn cut_everywhere() -> String {
    let mut seen = String::new();
    let mut said: Vec<String> = [40, 60, 80, 120, 200, 240, 300, 512, 2048]
        .into_iter()
        .flat_map(|cut| {
            (1..TOKEN.len() + 24).step_by(5).map(move |into| "x".repeat(cut - into.min(cut)) + TOKEN + " rest")
        })
        .collect();
    said.extend(["", "a", "ab"].map(|before| URL_SAFE.encode(format!("{before}{TOKEN}"))));
    said.extend([percent(TOKEN), TOKEN.replace('-', "-\u{200b}"), TOKEN.get(2..).unwrap().to_owned()]);
    for text in said {
        let json = serde_json::json!({"code": 1, "message": text, "sent": text}).to_string();
        for body in [json, format!("<title>{text}</title>"), text.clone()] {
            let headers = if text.is_ascii() { format!("x-request-id: {text}\r\n") } else { String::new() };
            let peer = Peer::start(move |_| answer("403 No", &headers, &body)).await;
            let error = in_time(client(&peer.url).request(&Request::Account)).await.unwrap_err();
            seen.push_str(&format!("{error} {error:?} {}\n", serde_json::to_string(&error).unwrap()));
            for form in [AuthForm::Authenticate, AuthForm::Sse] {
                let run = Run::start(&peer.url.replacen("http", "ws", 1), form, super::stream::calm(), 64);
                seen.push_str(&format!("{:?}\n", run.rest().await));
            }
        }
        for frame in [format!(r#"{{"stream":"error","data":{{"error_message":"{text}"}}}}"#), format!("? {text}")] {
            let reason = text.get(..text.len().min(120)).unwrap_or_default().to_owned();
            let url = serve(move |mut server| {
                let (frame, reason) = (frame.clone(), reason.clone());
                async move {
                    says(&mut server, &frame).await;
                    let close = CloseFrame { code: CloseCode::Policy, reason: reason.into() };
                    drop(server.close(Some(close)).await);
                }
            })
            .await;
            let run = Run::start(&url, AuthForm::Authenticate, super::stream::calm(), 64);
            seen.push_str(&format!("{:?}\n", run.rest().await));
        }
    }
    seen
}

/// All errors and events, as debug text.
async fn fail_in_every_way() -> String {
    let mut seen = String::new();
    // A server that echoes the request in every response.
    let echo = format!("{{\"code\":1,\"message\":\"bad {TOKEN}\",\"sent\":\"Bearer {TOKEN}\"}}");
    let headers = format!("x-request-id: {TOKEN}\r\nlocation: http://127.0.0.1:1/?t={TOKEN}\r\n");
    for status in ["200 OK", "302 Found", "401 No", "403 No", "404 No", "422 No", "429 No", "500 No"] {
        for body in [echo.clone(), format!("<html><title>{TOKEN}</title>"), format!("no {TOKEN}")] {
            let headers = headers.clone();
            let peer = Peer::start(move |_| answer(status, &headers, &body)).await;
            let client = client(&peer.url);
            for request in [Request::Account, Request::Positions, super::cancel("o")] {
                if let Err(error) = in_time(client.request(&request)).await {
                    seen.push_str(&format!("{error} {error:?} {}\n", serde_json::to_string(&error).unwrap()));
                }
            }
            seen.push_str(&format!("{client:?}\n"));
            for form in [AuthForm::Authenticate, AuthForm::Sse] {
                let run = Run::start(&peer.url.replacen("http", "ws", 1), form, super::stream::calm(), 64);
                seen.push_str(&format!("{:?}\n", run.rest().await));
            }
        }
    }
    let silent = Peer::talk(|_, socket| async move {
        let _held = socket;
        std::future::pending::<()>().await;
    })
    .await;
    let hasty = client(&silent.url).within(Duration::from_millis(50));
    seen.push_str(&format!("{:?}\n", in_time(hasty.request(&Request::Account)).await));
    let nobody = client("http://127.0.0.1:1");
    seen.push_str(&format!("{:?}\n", in_time(nobody.request(&Request::Account)).await));
    for text in [
        format!(r#"{{"stream":"authorization","data":{{"status":"no","message":"{TOKEN}"}}}}"#),
        format!(r#"{{"action":"error","data":{{"error_message":"{TOKEN}"}}}}"#),
        format!("nonsense {TOKEN}"),
        format!(r#"{{"stream":"authorization","data":{{"status":"authorized","message":"{TOKEN}"}}}}"#),
    ] {
        let url = serve(move |mut server| {
            let text = text.clone();
            async move {
                says(&mut server, &text).await;
                drop(server.close(None).await);
            }
        })
        .await;
        for form in [AuthForm::Authenticate, AuthForm::AuthKey] {
            let run = Run::start(&url, form, super::stream::calm(), 64);
            seen.push_str(&format!("{:?}\n", run.rest().await));
        }
    }
    seen
}
