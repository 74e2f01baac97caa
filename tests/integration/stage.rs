//! The desk brought into every situation that has a screen of its own, by messages and keys alone.

use std::time::Duration;

use brokerdeck::app::Msg;
use brokerdeck::domain::{AccountId, Environment, LinkId};
use brokerdeck::link::progress::Sensitive;
use brokerdeck::link::{AttemptId, FoundAccount, LinkFailure, LinkProgress, RedirectNote};
use std::sync::Arc;

use super::fixture::{Desk, live, paper, program};

/// Every situation, by name.
pub const SCREENS: [&str; 24] = [
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
    "failed",
    "errors",
    "palette",
    "activities",
    "activity",
    "welcome",
    "legs",
    "odd",
    "odd-positions",
];

/// Brings a desk there.
pub fn desk(name: &str, size: (u16, u16)) -> Desk {
    let mut desk = match name {
        "welcome" => Desk::empty(brokerdeck::app::model::Program { first_run: true, ..program() }),
        "first-run" | "add" | "waiting" | "confirm" | "failed" => Desk::empty(program()),
        "both" | "all" | "live" | "broker" | "unlink" | "unlink-row" | "picture" => Desk::both(),
        "odd" | "odd-positions" => Desk::odd(),
        "simulated" => Desk::with(brokerdeck::app::model::Program { simulated: true, ..program() }, &[paper()]),
        _ => Desk::paper(),
    };
    desk.send(Msg::Resize { cols: size.0, rows: size.1 });
    match name {
        "paper" | "simulated" | "odd" => desk.press("3"),
        "picture" => desk.press("3 j"),
        "both" => desk.press("1"),
        "live" => {
            desk.press("] 3");
        }
        "stale" => {
            desk.lose(&paper().id, "no frame for 20 s");
            desk.pass(74_000);
            desk.press("3");
        }
        "all" => desk.press("0 3"),
        "filter" => {
            desk.press("3 /");
            desk.write("side:buy");
        }
        "order" => desk.press("3 j enter"),
        "order-json" => desk.press("3 j enter J"),
        "position" => desk.press("4 enter"),
        "broker" => desk.press("1 g j enter"),
        "unlink-row" => desk.press("1 g j"),
        "unlink" => desk.press("1 g j u"),
        "marked" => desk.press("3 j space j space"),
        "cancel" => desk.press("3 j x"),
        "cancel-many" => {
            desk.crowd(9);
            desk.press("3 X");
        }
        "chart" => desk.press("2 enter h h h h h h h h"),
        "tape" => desk.press("5"),
        "activities" => desk.press("5 h j j"),
        "activity" => desk.press("5 h G k k enter"),
        "legs" => {
            desk.bracket();
            desk.press("3 j enter");
        }
        "account" => desk.press("2"),
        "positions" | "odd-positions" => desk.press("4"),
        "help" => desk.press("?"),
        "add" => {
            desk.press("a");
            desk.write("alpaca");
        }
        "waiting" => {
            begin(&mut desk);
            let attempt = AttemptId(1);
            desk.send(Msg::Link { attempt, progress: waiting(&desk) });
            desk.send(Msg::Link { attempt, progress: LinkProgress::Note(RedirectNote::WrongState) });
        }
        "confirm" => {
            begin(&mut desk);
            let attempt = AttemptId(1);
            desk.send(Msg::Link { attempt, progress: waiting(&desk) });
            desk.send(Msg::Link { attempt, progress: LinkProgress::Exchanging });
            desk.send(Msg::Link { attempt, progress: found() });
        }
        "failed" => {
            begin(&mut desk);
            let failure = LinkFailure::Denied { description: Some("the user denied the request".to_owned()) };
            desk.send(Msg::Link { attempt: AttemptId(1), progress: LinkProgress::Failed(failure) });
        }
        "errors" => {
            trouble(&mut desk);
            desk.press("E");
        }
        "unread" => trouble(&mut desk),
        "palette" => {
            desk.press(":");
            desk.write("ac");
        }
        _ => {}
    }
    desk
}

fn begin(desk: &mut Desk) {
    desk.press("a");
    desk.write("live");
    desk.press("enter");
}

fn trouble(desk: &mut Desk) {
    desk.send(Msg::Trouble("the log could not be written: no space left on device".to_owned()));
    desk.pass(20_000);
    desk.send(Msg::Trouble("out of step with the broker: an order it does not know was asked for again".to_owned()));
}

fn waiting(desk: &Desk) -> LinkProgress {
    LinkProgress::Waiting {
        authorize_url: Sensitive::new(
            "https://app.alpaca.markets/oauth/authorize?response_type=code&client_id=0123456789abcdef0123456789abcdef\
             &redirect_uri=http%3A%2F%2Flocalhost%3A41970%2Fcallback&state=o5vJ0s0T1q2w3e4r5t6y7u8i9o0pASDFGHJKLZXCVBN\
             &scope=account%3Awrite%20trading%20data&env=live&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
             &code_challenge_method=S256",
        ),
        port: Some(41970),
        deadline: desk.now.mono + Duration::from_secs(298),
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
