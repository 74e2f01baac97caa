use super::*;
use crate::app::brokers::BrokerRow;
use crate::app::model::{AccountScope, AttemptPhase};
use crate::app::overlays::{AddBroker, Overlay};
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, FoundAccount, LinkFailure, LinkProgress, RedirectNote};

fn attempt(desk: &Desk) -> AttemptId {
    desk.model.attempt().unwrap().id
}

fn say(desk: &mut Desk, progress: LinkProgress) {
    let attempt = attempt(desk);
    desk.msg(Msg::Link { attempt, progress });
}

fn waiting(desk: &mut Desk) {
    let deadline = desk.now.mono + Duration::from_mins(5);
    let authorize_url = Sensitive::new("https://broker.example/authorize?state=s");
    say(desk, LinkProgress::Waiting { authorize_url, port: Some(41_970), deadline, browser: Ok(()) });
}

fn found(environment: Environment, label: &str) -> FoundAccount {
    let link = link(label, environment);
    FoundAccount {
        environment,
        account_id: link.account_id,
        account_number: link.account_number,
        status: Arc::from("ACTIVE"),
        replaces: None,
        odd_number: false,
    }
}

fn confirm(desk: &mut Desk, accounts: Vec<FoundAccount>) {
    say(desk, LinkProgress::Exchanging);
    say(desk, LinkProgress::Confirm { accounts, scopes: vec![Arc::from("trading")] });
}

fn saved_labels(desk: &Desk) -> Option<&[String]> {
    desk.seen.iter().rev().find_map(|effect| match effect {
        Effect::SaveLink { labels, .. } => Some(labels.as_slice()),
        _ => None,
    })
}

#[test]
fn an_account_is_linked_from_the_keyboard_and_is_live_at_once() {
    let mut desk = Desk::empty();
    desk.keys("a");
    desk.text("live");
    let Some(Overlay::AddBroker(AddBroker { matches, .. })) = desk.model.top() else { panic!("the search is open") };
    assert_eq!(matches.len(), 1);
    desk.keys("ctrl-u");
    desk.text("paper");
    desk.keys("enter");
    let id = attempt(&desk);
    assert!(desk.saw(&Effect::BeginLink { attempt: id, broker: "alpaca-paper".into(), browser: true }));
    waiting(&mut desk);
    confirm(&mut desk, vec![found(Environment::Paper, "p1")]);
    assert!(saved_labels(&desk).is_none(), "nothing is saved before the answer");
    desk.keys("enter");
    assert_eq!(saved_labels(&desk), Some(["Alpaca Paper".to_owned()].as_slice()));
    let record = link("p1", Environment::Paper);
    say(&mut desk, LinkProgress::Saved { links: vec![record.clone()], stored_in: "stored".to_owned() });
    assert_eq!(desk.state(0), "live");
    assert!(desk.model.overlays.is_empty() && desk.model.attempt().is_none());
    assert_eq!(desk.model.scope, AccountScope::One(record.id.clone()));
    assert_eq!(desk.model.rows.brokers.selected, Some(BrokerRow::Linked(record.id)));
}

#[test]
fn enter_and_y_do_not_save_a_live_link_and_say_which_key_does() {
    let mut desk = Desk::empty();
    desk.keys("a enter");
    waiting(&mut desk);
    confirm(&mut desk, vec![found(Environment::Paper, "p"), found(Environment::Live, "l")]);
    for word in ["enter", "y"] {
        desk.keys(word);
        assert!(saved_labels(&desk).is_none());
        assert!(desk.toast().contains("LIVE") && desk.toast().contains("press L to confirm"), "{}", desk.toast());
    }
    desk.keys("L");
    assert_eq!(saved_labels(&desk).map(<[String]>::len), Some(2));
}

#[test]
fn the_live_key_is_refused_where_only_paper_is_concerned() {
    let mut desk = Desk::empty();
    desk.keys("a enter");
    waiting(&mut desk);
    confirm(&mut desk, vec![found(Environment::Paper, "p")]);
    desk.keys("L");
    assert!(saved_labels(&desk).is_none() && desk.toast().contains("y is enough"));
}

#[test]
fn the_label_can_be_changed_and_must_be_free() {
    let mut desk = Desk::empty();
    desk.begin(&[link("taken", Environment::Paper)]);
    desk.keys("1 a enter");
    waiting(&mut desk);
    confirm(&mut desk, vec![found(Environment::Paper, "p")]);
    desk.keys("e ctrl-u");
    desk.text("Taken");
    desk.keys("enter enter");
    assert!(saved_labels(&desk).is_none() && desk.toast().contains("of another account"), "{}", desk.toast());
    desk.text(" 2");
    desk.keys("esc e");
    desk.text("!");
    desk.keys("enter enter");
    assert_eq!(saved_labels(&desk), Some(["Taken!".to_owned()].as_slice()), "Esc put back what stood there");
}

#[test]
fn a_second_account_of_a_broker_gets_a_label_of_its_own() {
    let mut desk = Desk::empty();
    desk.begin(&[link("Alpaca Paper", Environment::Paper)]);
    desk.keys("1 a enter");
    waiting(&mut desk);
    confirm(&mut desk, vec![found(Environment::Paper, "p")]);
    desk.keys("y");
    assert_eq!(saved_labels(&desk), Some(["Alpaca Paper 2".to_owned()].as_slice()));
}

#[test]
fn linking_again_keeps_the_label_and_the_orders() {
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    desk.keys("1 l");
    waiting(&mut desk);
    let mut known = found(Environment::Paper, "paper");
    known.replaces = Some(paper());
    confirm(&mut desk, vec![known]);
    desk.keys("y");
    assert_eq!(saved_labels(&desk), Some(["paper".to_owned()].as_slice()));
    let epoch = desk.epochs[0].1;
    let links = vec![link("paper", Environment::Paper)];
    say(&mut desk, LinkProgress::Saved { links, stored_in: "stored".to_owned() });
    assert_eq!((desk.model.accounts.len(), desk.shown().len()), (1, 1));
    assert!(desk.epochs[0].1 > epoch, "it connected anew");
}

#[test]
fn escape_gives_up_and_frees_the_port() {
    let mut desk = Desk::empty();
    desk.keys("a enter");
    waiting(&mut desk);
    let id = attempt(&desk);
    desk.keys("esc");
    assert!(desk.saw(&Effect::CancelLink { attempt: id }));
    assert!(desk.model.attempt().is_none() && desk.model.overlays.is_empty());
    desk.msg(Msg::Link { attempt: id, progress: LinkProgress::Exchanging });
    assert!(desk.model.attempt().is_none(), "what comes later of it is ignored");
}

#[test]
fn a_pasted_redirect_is_submitted_and_never_shown() {
    let mut desk = Desk::empty();
    desk.keys("a enter");
    waiting(&mut desk);
    assert!(!desk.model.input_is_secret());
    desk.msg(Msg::Paste(Sensitive::new("http://localhost:41970/callback?code=canary\n")));
    assert!(desk.model.input_is_secret());
    assert!(desk.seen.iter().all(|effect| !matches!(effect, Effect::SubmitRedirect { .. })));
    desk.keys("enter");
    let submitted = desk.seen.iter().find_map(|effect| match effect {
        Effect::SubmitRedirect { url, .. } => Some(url.expose()),
        _ => None,
    });
    assert_eq!(submitted, Some("http://localhost:41970/callback?code=canary"));
    say(&mut desk, LinkProgress::Note(RedirectNote::WrongState));
    assert_eq!(desk.model.attempt().unwrap().note, Some(RedirectNote::WrongState));
    assert!(matches!(desk.model.attempt().unwrap().phase, AttemptPhase::Waiting { paste: Some(_), .. }));
}

#[test]
fn escape_leaves_the_paste_field_before_it_gives_up() {
    let mut desk = Desk::empty();
    desk.keys("a enter");
    waiting(&mut desk);
    desk.keys("p");
    desk.text("quit");
    desk.keys("esc");
    assert!(desk.model.attempt().is_some() && !desk.model.input_is_secret());
    desk.keys("esc");
    assert!(desk.model.attempt().is_none());
}

#[test]
fn a_failure_waits_for_the_reader_and_can_be_tried_again() {
    let mut desk = Desk::empty();
    desk.keys("a enter");
    waiting(&mut desk);
    let first = attempt(&desk);
    say(&mut desk, LinkProgress::Failed(LinkFailure::Denied { description: None }));
    desk.pass(Duration::from_mins(10));
    assert!(matches!(desk.model.attempt().unwrap().phase, AttemptPhase::Failed(_)));
    desk.keys("enter");
    assert!(attempt(&desk) > first);
    assert!(desk.saw(&Effect::BeginLink { attempt: attempt(&desk), broker: "alpaca-paper".into(), browser: true }));
}

#[test]
fn a_broker_without_a_client_says_what_is_missing_and_starts_nothing() {
    let mut desk = Desk::empty();
    desk.model.brokers[0].missing = Some("no OAuth app is configured".to_owned());
    desk.keys("a enter");
    let AttemptPhase::Failed(failure) = &desk.model.attempt().unwrap().phase else { panic!("it failed") };
    assert!(failure.sentence().0.contains("no OAuth app"));
    assert!(desk.seen.is_empty());
}

#[test]
fn every_failure_has_a_sentence_and_a_next_step() {
    let message = || "words".to_owned();
    let failures = [
        LinkFailure::Denied { description: Some(message()) },
        LinkFailure::AuthorizeError { error: "invalid_scope".to_owned(), description: None },
        LinkFailure::TimedOut,
        LinkFailure::PortsTaken { ports: vec![1, 2] },
        LinkFailure::NotConfigured { message: message() },
        LinkFailure::BadClient { message: message() },
        LinkFailure::BadCode { message: message() },
        LinkFailure::Network { message: message() },
        LinkFailure::WrongEnvironment { wanted: Environment::Live, message: message() },
        LinkFailure::Broker { message: message() },
        LinkFailure::Store { message: message(), cure: "remove the link".to_owned() },
        LinkFailure::Canceled,
    ];
    for failure in failures {
        let (sentence, next) = failure.sentence();
        for text in [&sentence, &next] {
            assert!(!text.is_empty() && !text.ends_with('.'), "{failure:?}: {text}");
        }
    }
}

#[test]
fn unlinking_asks_and_the_rows_go_when_it_is_done() {
    let mut desk = Desk::two();
    desk.keys("1 g u");
    assert!(matches!(desk.model.top(), Some(Overlay::Question(_))));
    desk.keys("esc");
    assert!(desk.seen.iter().all(|effect| !matches!(effect, Effect::Account(AccountEffect::Unlink { .. }))));
    desk.keys("u y");
    assert!(desk.saw(&Effect::Account(AccountEffect::Unlink { link: paper() })));
    assert_eq!(desk.model.accounts.len(), 2, "it stays until it is done");
    desk.msg(Msg::Unlinked { link: paper(), result: Err("the store is locked".to_owned()) });
    assert_eq!((desk.model.accounts.len(), desk.model.errors.unread()), (2, 1));
    desk.msg(Msg::Unlinked { link: paper(), result: Ok("forgotten".to_owned()) });
    assert!(desk.saw(&Effect::Account(AccountEffect::CloseStream { link: paper() })));
    assert_eq!(desk.model.scope, AccountScope::One(real()));
    assert!(desk.model.rows.brokers.rows.contains(&BrokerRow::Unlinked("alpaca-paper".into())));
}

#[test]
fn the_demo_presses_allow_and_nothing_else_does() {
    for can_approve in [false, true] {
        let mut desk = Desk::with(Program { can_approve, ..Program::default() });
        desk.keys("a enter");
        waiting(&mut desk);
        desk.keys("a");
        assert_eq!(desk.saw(&Effect::ApproveInDemo { attempt: attempt(&desk) }), can_approve);
        assert_eq!(desk.toast().contains("only the demo"), !can_approve);
    }
}

#[test]
fn quitting_while_a_browser_is_away_frees_the_port() {
    let mut desk = Desk::empty();
    desk.keys("a enter");
    waiting(&mut desk);
    let id = attempt(&desk);
    desk.keys("ctrl-c");
    assert!(desk.saw(&Effect::CancelLink { attempt: id }) && desk.saw(&Effect::Quit { code: 0 }));
    assert_eq!(desk.model.exit, Some(0));
}

/// The notice of a paper reset, and what it leaves.
#[test]
fn a_reset_account_goes_by_its_new_number_everywhere_and_for_the_next_run() {
    let mut desk = Desk::holding(&[]);
    desk.behind = Some("acct-after-the-reset");
    desk.keys("r");
    // One answer may be a mistake.
    assert!(desk.seen.iter().all(|effect| !matches!(effect, Effect::Account(AccountEffect::KeepLink { .. }))));
    desk.pass(Duration::from_secs(20));
    let link = desk.model.accounts.get(&paper()).unwrap().link.clone();
    assert_eq!((link.account_id.as_str(), &*link.account_number), ("acct-after-the-reset", "PA1"));
    assert!(desk.saw(&Effect::Account(AccountEffect::KeepLink { record: link })));
    assert!(desk.seen.iter().all(|effect| !matches!(effect, Effect::Account(AccountEffect::Unlink { .. }))));
}

#[test]
fn of_two_links_to_one_account_the_older_goes() {
    let mut desk = Desk::holding(&[]);
    let newer = LinkRecord {
        linked_at: start() + Duration::from_mins(1),
        account_id: "acct-after-the-reset".into(),
        ..link("again", Environment::Paper)
    };
    desk.behind = Some("acct-after-the-reset");
    desk.keys("r");
    // One answer may be a mistake.
    assert!(desk.seen.iter().all(|effect| !matches!(effect, Effect::Account(AccountEffect::KeepLink { .. }))));
    desk.pass(Duration::from_secs(20));
    desk.msg(AccountMsg::Started { links: vec![newer.clone()] });
    let gone: Vec<_> =
        desk.seen.iter().filter(|effect| matches!(effect, Effect::Account(AccountEffect::Unlink { .. }))).collect();
    assert_eq!(gone, [&Effect::Account(AccountEffect::Unlink { link: paper() })]);
    desk.msg(Msg::Unlinked { link: paper(), result: Ok("forgotten".to_owned()) });
    assert_eq!(desk.model.accounts.len(), 1);
    assert_eq!(desk.model.accounts.all()[0].link.id, newer.id);
}

#[test]
fn a_paper_account_with_a_number_of_no_paper_account_takes_the_live_key() {
    let mut desk = Desk::empty();
    desk.keys("a enter");
    waiting(&mut desk);
    confirm(&mut desk, vec![FoundAccount { odd_number: true, ..found(Environment::Paper, "812345678") }]);
    for word in ["enter", "y"] {
        desk.keys(word);
        assert!(saved_labels(&desk).is_none());
        assert!(
            desk.toast().contains("may be LIVE") && desk.toast().contains("press L to confirm"),
            "{}",
            desk.toast()
        );
    }
    desk.keys("L");
    assert!(saved_labels(&desk).is_some());
}

#[test]
fn an_address_typed_in_two_lines_stays_in_the_field() {
    let mut desk = Desk::empty();
    desk.keys("a enter");
    waiting(&mut desk);
    desk.keys("p");
    desk.text("http://localhost:41970/callback?co");
    desk.keys("enter");
    // The second half is not taken for keys: q would quit, x would ask to cancel.
    desk.text("de=q&state=xyz");
    assert!(desk.model.exit.is_none() && desk.model.attempt().is_some());
    desk.keys("enter");
    let pasted: Vec<String> = desk
        .seen
        .iter()
        .filter_map(|effect| match effect {
            Effect::SubmitRedirect { url, .. } => Some(url.expose().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(pasted, ["http://localhost:41970/callback?co", "de=q&state=xyz"]);
}

#[test]
fn another_account_than_the_linked_one_stops_and_shows_nothing() {
    let mut desk = Desk::empty();
    desk.orders = vec![(paper(), order("a", "AAPL", Side::Buy, 10, 1))];
    let record = LinkRecord { account_id: "of-somebody-else".into(), ..link("paper", Environment::Paper) };
    desk.begin(std::slice::from_ref(&record));
    assert_ne!(desk.state(0), "needs relink", "one answer may be a mistake");
    desk.pass(Duration::from_secs(75));
    assert_eq!(desk.state(0), "needs relink");
    let said = &desk.model.errors.last().unwrap().text;
    assert!(said.contains("must be linked again: a different account answers"), "{said}");
    let account = &desk.model.accounts.all()[0];
    assert!(account.account.is_none() && account.positions.is_none() && account.blotter.orders().next().is_none());
    desk.keys("r");
    assert_eq!(desk.state(0), "needs relink");
    // Linked again, to the account that answers.
    let id = link("paper", Environment::Paper).account_id;
    let links = vec![LinkRecord { account_id: id, ..record }];
    desk.keys("1 l");
    waiting(&mut desk);
    say(&mut desk, LinkProgress::Saved { links, stored_in: "stored".to_owned() });
    assert_eq!(desk.state(0), "live");
}
