//! Brings the desk into every situation with its own screen, by messages and keys alone.

use std::time::Duration;

use brokerdeck::app::Msg;
use brokerdeck::domain::{AccountId, Environment, LinkId};
use brokerdeck::link::progress::Sensitive;
use brokerdeck::link::{AttemptId, FoundAccount, LinkFailure, LinkProgress, RedirectNote};
use std::sync::Arc;

use super::fixture::{Fixture, live, paper, program};

/// Every situation, by name.
pub(crate) const SCREENS: [&str; 26] = [
    "first-run",
    "paper",
    "both",
    "live",
    "stale",
    "all",
    "filter",
    "order",
    "order-json",
    "position",
    "broker",
    "help",
    "add",
    "waiting",
    "confirm",
    "refused",
    "failed",
    "errors",
    "palette",
    "activities",
    "activity",
    "welcome",
    "legs",
    "replacement",
    "odd",
    "odd-positions",
];

/// Brings a desk there.
pub(crate) fn fixture(name: &str, size: (u16, u16)) -> Fixture {
    let mut fixture = match name {
        "welcome" => Fixture::empty(brokerdeck::app::model::Program { first_run: true, ..program() }),
        "first-run" | "add" | "waiting" | "confirm" | "failed" => Fixture::empty(program()),
        "both" | "all" | "live" | "broker" | "unlink" | "unlink-row" | "picture" | "refused" => Fixture::both(),
        "odd" | "odd-positions" => Fixture::odd(),
        "simulated" => Fixture::with(brokerdeck::app::model::Program { simulated: true, ..program() }, &[paper()]),
        _ => Fixture::paper(),
    };
    fixture.send(Msg::Resize { cols: size.0, rows: size.1 });
    match name {
        "paper" | "simulated" | "odd" => fixture.press("3"),
        "picture" => fixture.press("3 j"),
        "both" => fixture.press("1"),
        "live" => {
            fixture.press("] 3");
        }
        "stale" => {
            fixture.lose(&paper().id, "no frame for 20 s");
            fixture.pass(74_000);
            fixture.press("3");
        }
        "all" => fixture.press("0 3"),
        "filter" => {
            fixture.press("3 /");
            fixture.write("side:buy");
        }
        "order" => fixture.press("3 j enter"),
        "order-json" => fixture.press("3 j enter J"),
        "position" => fixture.press("4 enter"),
        "broker" => fixture.press("1 g j enter"),
        "unlink-row" => fixture.press("1 g j"),
        "unlink" => fixture.press("1 g j u"),
        "marked" => fixture.press("3 j space j space"),
        "cancel" => fixture.press("3 j x"),
        "cancel-many" => {
            fixture.crowd(9);
            fixture.press("3 X");
        }
        "chart" => fixture.press("2 enter h h h h h h h h"),
        "tape" => fixture.press("5"),
        "activities" => fixture.press("5 h j j"),
        "activity" => fixture.press("5 h G k k enter"),
        "legs" => {
            fixture.bracket();
            fixture.press("3 j enter");
        }
        "replacement" => fixture.replacement(true),
        "account" => fixture.press("2"),
        "positions" | "odd-positions" => fixture.press("4"),
        "help" => fixture.press("?"),
        "add" => {
            fixture.press("a");
            fixture.write("alpaca");
        }
        "waiting" => {
            begin(&mut fixture);
            let attempt = AttemptId(1);
            fixture.send(Msg::Link { attempt, progress: waiting(&fixture) });
            fixture.send(Msg::Link { attempt, progress: LinkProgress::Note(RedirectNote::WrongState) });
        }
        "confirm" | "refused" => {
            begin(&mut fixture);
            let attempt = AttemptId(1);
            fixture.send(Msg::Link { attempt, progress: waiting(&fixture) });
            fixture.send(Msg::Link { attempt, progress: LinkProgress::Exchanging });
            fixture.send(Msg::Link { attempt, progress: found() });
            if name == "refused" {
                let label = fixture.model.accounts.all()[0].link.label.to_string();
                fixture.press("e ctrl-u");
                fixture.write(&label);
                fixture.press("enter L");
            }
        }
        "failed" => {
            begin(&mut fixture);
            let failure = LinkFailure::Denied { description: Some("the user denied the request".to_owned()) };
            fixture.send(Msg::Link { attempt: AttemptId(1), progress: LinkProgress::Failed(failure) });
        }
        "errors" => {
            trouble(&mut fixture);
            fixture.press("E");
        }
        "unread" => trouble(&mut fixture),
        "palette" => {
            fixture.press(":");
            fixture.write("ac");
        }
        _ => {}
    }
    fixture
}

fn begin(fixture: &mut Fixture) {
    fixture.press("a");
    fixture.write("live");
    fixture.press("enter");
}

fn trouble(fixture: &mut Fixture) {
    fixture.send(Msg::Trouble("the log could not be written: no space left on device".to_owned()));
    fixture.pass(20_000);
    fixture.send(Msg::Trouble("out of step with the broker: an order it does not know was asked for again".to_owned()));
}

fn waiting(fixture: &Fixture) -> LinkProgress {
    LinkProgress::Waiting {
        authorize_url: Sensitive::new(
            "https://app.alpaca.markets/oauth/authorize?response_type=code&client_id=0123456789abcdef0123456789abcdef\
             &redirect_uri=http%3A%2F%2Flocalhost%3A41970%2Fcallback&state=o5vJ0s0T1q2w3e4r5t6y7u8i9o0pASDFGHJKLZXCVBN\
             &scope=account%3Awrite%20trading%20data&env=live&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
             &code_challenge_method=S256",
        ),
        port: Some(41970),
        deadline: fixture.now.mono + Duration::from_secs(298),
        browser: Ok(()),
    }
}

fn found() -> LinkProgress {
    LinkProgress::Confirm {
        accounts: vec![FoundAccount {
            environment: Environment::Live,
            account_id: AccountId::from("id-of-840217321"),
            account_number: Arc::clone(&live().account_number),
            status: Arc::from("ACTIVE"),
            replaces: None::<LinkId>,
            odd_number: false,
        }],
        scopes: live().scopes,
    }
}
