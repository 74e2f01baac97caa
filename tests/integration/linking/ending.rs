//! The program ends while a token is granted and not saved: the token is revoked where possible, and the outcome
//! reported.

use std::future::pending;

use brokerdeck::link::{LinkFailure, LinkProgress};

#[cfg(unix)]
use super::command::Script;
use super::fake::token;
use super::fixture::{Fixture, TEST_TIMEOUT, Waiting, eventually};
use super::links::offer_revocation;
#[cfg(unix)]
use crate::pty::terminal::Terminal;

async fn fixture() -> Fixture {
    Fixture::with(offer_revocation).await
}

/// Ends with enough time for everything.
async fn end(fixture: &Fixture) -> Vec<String> {
    tokio::time::timeout(TEST_TIMEOUT, fixture.linker.end(pending())).await.expect("an end in time")
}

fn revoked(fixture: &Fixture) -> Vec<String> {
    fixture.fake.seen(|seen| seen.revoked.clone())
}

async fn asked(fixture: &mut Fixture) -> Waiting {
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=c").await;
    fixture.confirm().await;
    waiting
}

#[tokio::test]
async fn at_the_question_the_token_is_revoked_and_before_the_grant_nothing_is_reported() {
    let mut fixture = fixture().await;
    assert!(!fixture.linker.is_busy() && end(&fixture).await.is_empty());
    fixture.begin("acme-paper").await;
    assert!(fixture.linker.is_busy());
    assert!(end(&fixture).await.is_empty() && fixture.is_free().await);
    asked(&mut fixture).await;
    let words = end(&fixture).await;
    assert_eq!(words, ["nothing was saved, and the token from acme-paper (OAuth) is revoked"]);
    assert_eq!(revoked(&fixture), ["token-one"]);
    assert!(!fixture.linker.is_busy() && end(&fixture).await.is_empty(), "said once");
}

#[tokio::test]
async fn stopping_at_the_question_reports_what_became_of_the_token() {
    for revocation in [true, false] {
        let mut fixture = if revocation { fixture().await } else { Fixture::new().await };
        let waiting = asked(&mut fixture).await;
        fixture.linker.cancel(waiting.attempt);
        assert_eq!(fixture.failure().await, LinkFailure::Canceled);
        let LinkProgress::Unsaved { sentence, is_valid } = fixture.next().await else { panic!("nothing is said") };
        assert_eq!(
            (is_valid, sentence.contains("is revoked"), revoked(&fixture).len() == 1),
            (!revocation, revocation, revocation)
        );
    }
}

#[tokio::test]
async fn a_pending_token_or_account_request_is_awaited_or_reported() {
    let mut fixture = fixture().await;
    let waiting = fixture.begin("acme-paper").await;
    fixture.fake.hold("/v2/account");
    fixture.come_back(&waiting, "code=c").await;
    eventually("the account is asked for", async || fixture.fake.seen(|seen| !seen.bearers.is_empty())).await;
    assert_eq!(end(&fixture).await.len(), 1);
    assert_eq!(revoked(&fixture), ["token-one"]);

    fixture.fake.answer(token("token-two"));
    fixture.fake.hold("/oauth/token");
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=c").await;
    eventually("the code is there", async || fixture.fake.seen(|seen| seen.exchanges.len() == 2)).await;
    let (words, ()) = tokio::join!(end(&fixture), async {
        eventually("the port is free at once", async || fixture.is_free().await).await;
        fixture.fake.release();
    });
    assert!(words.len() == 1 && words[0].ends_with("is revoked"), "{words:?}");
    assert_eq!(revoked(&fixture), ["token-one", "token-two"]);

    fixture.fake.hold("/oauth/token");
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=c").await;
    eventually("the code is there", async || fixture.fake.seen(|seen| seen.exchanges.len() == 3)).await;
    let words = end(&fixture).await;
    assert!(words.len() == 1 && words[0].contains("may stay valid"), "it never came: {words:?}");
}

#[tokio::test]
async fn a_token_that_cannot_be_used_is_revoked_too() {
    let mut fixture = fixture().await;
    fixture.fake.answer(token("a b"));
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=c").await;
    let LinkFailure::Broker { message } = fixture.failure().await else { panic!("not the broker's") };
    assert!(message.contains("cannot be sent"), "{message}");
    assert_eq!(fixture.linker.settle().await.len(), 1);
    assert_eq!(revoked(&fixture), ["a b"]);
}

#[tokio::test]
async fn an_attempt_that_another_replaced_is_waited_for_too() {
    let mut fixture = fixture().await;
    asked(&mut fixture).await;
    fixture.fake.hold("/oauth/revoke");
    fixture.start("acme-paper", false);
    eventually("the first is being revoked", async || revoked(&fixture) == ["token-one"]).await;
    let (words, ()) = tokio::join!(end(&fixture), async {
        fixture.fake.release();
    });
    assert!(words.len() == 1 && words[0].ends_with("is revoked"), "{words:?}");
    assert!(fixture.is_free().await);
}

#[tokio::test]
async fn a_confirmed_token_is_saved_or_revoked_and_the_outcome_reported() {
    let mut fixture = fixture().await;
    let waiting = asked(&mut fixture).await;
    fixture.linker.save(waiting.attempt, vec!["Mine".to_owned()]);
    let words = end(&fixture).await;
    let saved = fixture.links.list().await.unwrap().links.len();
    assert_eq!(saved + revoked(&fixture).len(), 1, "{words:?}");
    assert!(words.len() == 1 && words[0].contains(if saved == 1 { "linked Mine" } else { "nothing was saved" }));
}

#[tokio::test]
async fn a_broker_that_does_not_answer_or_revoke_delays_nothing_and_is_named() {
    let mut fixture = fixture().await;
    asked(&mut fixture).await;
    fixture.fake.hold("/oauth/revoke");
    let sent = eventually("the request is sent", async || !revoked(&fixture).is_empty());
    let words = fixture.linker.end(sent).await;
    assert!(words.len() == 1 && words[0].contains("cut short") && words[0].contains("authorized apps"), "{words:?}");

    let mut fixture = Fixture::new().await;
    asked(&mut fixture).await;
    let words = end(&fixture).await;
    assert!(words.len() == 1 && words[0].contains("stays valid") && words[0].contains("authorized apps"), "{words:?}");
    fixture.change(|setup| {
        offer_revocation(setup);
        setup.read_only = true;
    });
    asked(&mut fixture).await;
    let words = end(&fixture).await;
    assert!(words.len() == 1 && words[0].contains("--read-only"), "{words:?}");
    assert!(revoked(&fixture).is_empty());
}

#[tokio::test]
async fn an_unlink_under_way_is_finished() {
    let mut fixture = fixture().await;
    let link = fixture.link("acme-paper", &["Mine"]).await.remove(0);
    fixture.linker.settle().await;
    fixture.fake.hold("/oauth/revoke");
    let (unlinked, words, ()) = tokio::join!(fixture.linker.unlink(&link.id), end(&fixture), async {
        eventually("the request is sent", async || !revoked(&fixture).is_empty()).await;
        fixture.fake.release();
    });
    assert_eq!(words, [unlinked.unwrap()]);
    assert!(words[0].contains("the grant revoked"), "{words:?}");
}

/// The ways to end the dashboard at the question.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_of_the_dashboard_at_the_question_revokes_the_token_and_reports_it() {
    use rustix::process::Signal;
    for cause in [None, Some(Signal::TERM), Some(Signal::HUP)] {
        let script = Script::revoking().await;
        let (config, data) = (script.dir.path().join("config.toml"), script.dir.path().join("data"));
        let arguments = ["--config", config.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
        let mut terminal = Terminal::start(140, 40, &arguments, &[]);
        terminal.wait_for("Brokers");
        terminal.keys("1a");
        terminal.wait_for("Acme Paper (OAuth)");
        terminal.keys("acme paper\r");
        terminal.wait_for_bytes("\x1b]8;;\x1b\\");
        let url = terminal.hyperlink().unwrap();
        assert_eq!(script.come_back(&url::Url::parse(&url).unwrap(), "code=c").await, 200);
        terminal.wait_for("PA3TEST0001");
        match cause {
            None => terminal.keys("\x03"),
            Some(signal) => {
                terminal.signal(signal);
                // As a vanishing terminal does.
                if signal == Signal::HUP {
                    terminal.signal(signal);
                }
            }
        }
        let code = cause.map_or(0, |signal| 128 + signal.as_raw());
        assert_eq!(i64::from(terminal.end().exit_code()), i64::from(code), "{cause:?}");
        terminal.assert_restored();
        assert_eq!(script.revoked(), ["token-one"], "{cause:?}");
        let said = "the token from Acme Paper (OAuth) is revoked";
        assert!(terminal.contents().contains(said), "{cause:?}: {}", terminal.contents());
        let log = std::fs::read_to_string(data.join("brokerdeck.log")).unwrap();
        assert!(log.contains(said), "{cause:?}: {log}");
        assert!(!data.join("tokens.json").exists());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_signal_at_the_commands_question_revokes_the_token_and_reports_it() {
    let script = Script::revoking().await;
    let (code, err) = script.interrupted_at_the_question().await;
    assert_eq!(code, 128 + 15);
    assert!(err.contains("the token from Acme Paper (OAuth) is revoked."), "{err}");
    assert_eq!(script.revoked(), ["token-one"]);
}
