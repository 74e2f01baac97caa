//! The token through every failure, with everything logged: it must appear nowhere.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use brokerdeck::session::{AuthForm, Request};
use tracing_subscriber::fmt::MakeWriter;

use super::rest::client;
use super::stream::{Run, says, serve};
use super::{Peer, TOKEN, answer, in_time};

/// Keeps everything that is logged.
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
fn the_token_is_in_no_log_no_error_and_no_event_however_a_request_fails() {
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

/// Everything that came out of it, as debug text.
async fn fail_in_every_way() -> String {
    let mut seen = String::new();
    // A server that puts what it was sent into everything it answers.
    let echo = format!("{{\"code\":1,\"message\":\"bad {TOKEN}\",\"sent\":\"Bearer {TOKEN}\"}}");
    let headers = format!("x-request-id: {TOKEN}\r\nlocation: http://127.0.0.1:1/?t={TOKEN}\r\n");
    for status in ["200 OK", "302 Found", "401 No", "403 No", "404 No", "422 No", "429 No", "500 No"] {
        for body in [echo.clone(), format!("<html><title>{TOKEN}</title>"), format!("no {TOKEN}")] {
            let headers = headers.clone();
            let peer = Peer::start(move |_| answer(status, &headers, &body)).await;
            let client = client(&peer.url);
            for request in [Request::Account, Request::Positions, Request::CancelOrder("o".into())] {
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
