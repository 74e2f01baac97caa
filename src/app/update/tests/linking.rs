use super::*;
use crate::app::LinkingEffect;
use crate::app::brokers::BrokerRow;
use crate::app::model::{AccountScope, Attempt, AttemptPhase};
use crate::app::overlays::{AddBroker, Overlay};
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, FoundAccount, LinkFailure, LinkProgress, RedirectNote};

fn attempt(fixture: &Fixture) -> AttemptId {
    fixture.model.attempt().unwrap().id
}

fn say(fixture: &mut Fixture, progress: LinkProgress) {
    let attempt = attempt(fixture);
    fixture.msg(Msg::Link { attempt, progress });
}

fn waiting(fixture: &mut Fixture) {
    let deadline = fixture.now.mono + Duration::from_mins(5);
    let authorize_url = Sensitive::new("https://broker.example/authorize?state=s");
    say(fixture, LinkProgress::Waiting { authorize_url, port: Some(41_970), deadline, browser: Ok(()) });
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

fn confirm(fixture: &mut Fixture, accounts: Vec<FoundAccount>) {
    say(fixture, LinkProgress::Exchanging);
    say(fixture, LinkProgress::Confirm { accounts, scopes: vec![Arc::from("trading")] });
}

fn saved_labels(fixture: &Fixture) -> Option<&[String]> {
    fixture.seen.iter().rev().find_map(|effect| match effect {
        Effect::Linking(LinkingEffect::SaveLink { labels, .. }) => Some(labels.as_slice()),
        _ => None,
    })
}

#[test]
fn an_account_is_linked_from_the_keyboard_and_is_live_at_once() {
    let mut fixture = Fixture::empty();
    fixture.keys("a");
    fixture.text("live");
    let Some(Overlay::AddBroker(AddBroker { matches, .. })) = fixture.model.top() else { panic!("the search is open") };
    assert_eq!(matches.len(), 1);
    fixture.keys("ctrl-u");
    fixture.text("paper");
    fixture.keys("enter");
    let id = attempt(&fixture);
    assert!(fixture.saw(&Effect::Linking(LinkingEffect::BeginLink {
        attempt: id,
        broker: "alpaca-paper".into(),
        browser: true
    })));
    waiting(&mut fixture);
    confirm(&mut fixture, vec![found(Environment::Paper, "p1")]);
    assert!(saved_labels(&fixture).is_none(), "nothing is saved before the answer");
    fixture.keys("enter");
    assert_eq!(saved_labels(&fixture), Some(["Alpaca Paper".to_owned()].as_slice()));
    let record = link("p1", Environment::Paper);
    say(&mut fixture, LinkProgress::Saved { links: vec![record.clone()], stored_in: "stored".to_owned() });
    assert_eq!(fixture.state(0), "live");
    assert!(fixture.model.overlays.is_empty() && fixture.model.attempt().is_none());
    assert_eq!(fixture.model.scope, AccountScope::One(record.id.clone()));
    assert_eq!(fixture.model.rows.brokers.selected, Some(BrokerRow::Linked(record.id)));
}

#[test]
fn enter_and_y_do_not_save_a_live_link_and_say_which_key_does() {
    let mut fixture = Fixture::empty();
    fixture.keys("a enter");
    waiting(&mut fixture);
    confirm(&mut fixture, vec![found(Environment::Paper, "p"), found(Environment::Live, "l")]);
    for word in ["enter", "y"] {
        fixture.keys(word);
        assert!(saved_labels(&fixture).is_none());
        assert!(
            fixture.toast().contains("LIVE") && fixture.toast().contains("press L to confirm"),
            "{}",
            fixture.toast()
        );
    }
    fixture.keys("L");
    assert_eq!(saved_labels(&fixture).map(<[String]>::len), Some(2));
}

#[test]
fn the_live_key_is_refused_where_only_paper_is_concerned() {
    let mut fixture = Fixture::empty();
    fixture.keys("a enter");
    waiting(&mut fixture);
    confirm(&mut fixture, vec![found(Environment::Paper, "p")]);
    fixture.keys("L");
    assert!(saved_labels(&fixture).is_none() && fixture.toast().contains("y is enough"));
}

fn label_errors(fixture: &Fixture) -> Vec<Option<&str>> {
    let AttemptPhase::Confirm { labels, .. } = &fixture.model.attempt().unwrap().phase else { panic!("no question") };
    labels.fields().map(|(field, _)| field.error()).collect()
}

#[test]
fn of_two_equal_labels_the_later_is_refused_until_either_changes() {
    for changed in ["", "esc e"] {
        let mut fixture = Fixture::empty();
        fixture.keys("a enter");
        waiting(&mut fixture);
        confirm(&mut fixture, vec![found(Environment::Paper, "p"), found(Environment::Live, "l")]);
        for _ in 0..2 {
            fixture.keys(if fixture.model.attempt().is_some_and(is_typing) { "ctrl-u" } else { "e ctrl-u" });
            fixture.text("Same");
            fixture.keys("enter");
        }
        fixture.keys("L");
        assert!(saved_labels(&fixture).is_none());
        assert_eq!(label_errors(&fixture), [None, Some("another account has this label")]);
        fixture.keys(changed);
        fixture.text("!");
        assert_eq!(label_errors(&fixture), [None, None], "{changed}");
    }
}

fn is_typing(attempt: &Attempt) -> bool {
    matches!(&attempt.phase, AttemptPhase::Confirm { labels, .. } if labels.is_typing())
}

#[test]
fn the_label_can_be_changed_and_must_be_free() {
    let mut fixture = Fixture::empty();
    fixture.begin(&[link("taken", Environment::Paper)]);
    fixture.keys("1 a enter");
    waiting(&mut fixture);
    confirm(&mut fixture, vec![found(Environment::Paper, "p")]);
    fixture.keys("e ctrl-u");
    fixture.text("Taken");
    fixture.keys("enter enter");
    assert!(saved_labels(&fixture).is_none());
    assert_eq!(label_errors(&fixture), [Some("another account has this label")]);
    fixture.text(" 2");
    assert_eq!(label_errors(&fixture), [None], "the text changed");
    fixture.keys("esc e");
    fixture.text("!");
    fixture.keys("enter enter");
    assert_eq!(saved_labels(&fixture), Some(["Taken!".to_owned()].as_slice()), "Esc put back what stood there");
}

#[test]
fn a_second_account_of_a_broker_gets_a_label_of_its_own() {
    let mut fixture = Fixture::empty();
    fixture.begin(&[link("Alpaca Paper", Environment::Paper)]);
    fixture.keys("1 a enter");
    waiting(&mut fixture);
    confirm(&mut fixture, vec![found(Environment::Paper, "p")]);
    fixture.keys("y");
    assert_eq!(saved_labels(&fixture), Some(["Alpaca Paper 2".to_owned()].as_slice()));
}

#[test]
fn linking_again_keeps_the_label_and_the_orders() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    fixture.keys("1 l");
    waiting(&mut fixture);
    let mut known = found(Environment::Paper, "paper");
    known.replaces = Some(paper());
    confirm(&mut fixture, vec![known]);
    fixture.keys("y");
    assert_eq!(saved_labels(&fixture), Some(["paper".to_owned()].as_slice()));
    let epoch = fixture.epochs[0].1;
    let links = vec![link("paper", Environment::Paper)];
    say(&mut fixture, LinkProgress::Saved { links, stored_in: "stored".to_owned() });
    assert_eq!((fixture.model.accounts.len(), fixture.shown().len()), (1, 1));
    assert!(fixture.epochs[0].1 > epoch, "it reconnected");
}

#[test]
fn escape_gives_up_and_frees_the_port() {
    let mut fixture = Fixture::empty();
    fixture.keys("a enter");
    waiting(&mut fixture);
    let id = attempt(&fixture);
    fixture.keys("esc");
    assert!(fixture.saw(&Effect::Linking(LinkingEffect::CancelLink { attempt: id })));
    assert!(fixture.model.attempt().is_none() && fixture.model.overlays.is_empty());
    fixture.msg(Msg::Link { attempt: id, progress: LinkProgress::Exchanging });
    assert!(fixture.model.attempt().is_none(), "its later messages are ignored");
}

#[test]
fn a_pasted_redirect_is_submitted_and_never_shown() {
    let mut fixture = Fixture::empty();
    fixture.keys("a enter");
    waiting(&mut fixture);
    assert!(!fixture.model.input_is_secret());
    fixture.msg(Msg::Paste(Sensitive::new("http://localhost:41970/callback?code=canary\n")));
    assert!(fixture.model.input_is_secret());
    assert!(fixture.seen.iter().all(|effect| !matches!(effect, Effect::Linking(LinkingEffect::SubmitRedirect { .. }))));
    fixture.keys("enter");
    let submitted = fixture.seen.iter().find_map(|effect| match effect {
        Effect::Linking(LinkingEffect::SubmitRedirect { url, .. }) => Some(url.expose()),
        _ => None,
    });
    assert_eq!(submitted, Some("http://localhost:41970/callback?code=canary"));
    say(&mut fixture, LinkProgress::Note(RedirectNote::WrongState));
    assert_eq!(fixture.model.attempt().unwrap().note, Some(RedirectNote::WrongState));
    assert!(matches!(fixture.model.attempt().unwrap().phase, AttemptPhase::Waiting { paste: Some(_), .. }));
}

#[test]
fn escape_leaves_the_paste_field_before_it_gives_up() {
    let mut fixture = Fixture::empty();
    fixture.keys("a enter");
    waiting(&mut fixture);
    fixture.keys("p");
    fixture.text("quit");
    fixture.keys("esc");
    assert!(fixture.model.attempt().is_some() && !fixture.model.input_is_secret());
    fixture.keys("esc");
    assert!(fixture.model.attempt().is_none());
}

#[test]
fn what_becomes_of_a_token_that_is_not_saved_is_said_when_it_is_known() {
    for (is_valid, words) in [(false, "is revoked"), (true, "stays valid; use the broker's dashboard")] {
        for key in ["esc", "n"] {
            let mut fixture = Fixture::empty();
            fixture.keys("a enter");
            waiting(&mut fixture);
            confirm(&mut fixture, vec![found(Environment::Paper, "p")]);
            let attempt = attempt(&fixture);
            fixture.keys(key);
            assert_eq!(
                fixture.toast(),
                "linking stopped; nothing was saved",
                "what the broker has not said is not claimed"
            );
            let sentence = format!("the token {words}");
            fixture
                .msg(Msg::Link { attempt, progress: LinkProgress::Unsaved { sentence: sentence.clone(), is_valid } });
            assert_eq!(if is_valid { &*fixture.model.errors.last().unwrap().text } else { fixture.toast() }, sentence);
        }
    }
}

#[test]
fn a_failure_waits_for_the_reader_and_can_be_tried_again() {
    let mut fixture = Fixture::empty();
    fixture.keys("a enter");
    waiting(&mut fixture);
    let first = attempt(&fixture);
    say(&mut fixture, LinkProgress::Failed(LinkFailure::Denied { description: None }));
    fixture.pass(Duration::from_mins(10));
    assert!(matches!(fixture.model.attempt().unwrap().phase, AttemptPhase::Failed(_)));
    fixture.keys("enter");
    assert!(attempt(&fixture) > first);
    assert!(fixture.saw(&Effect::Linking(LinkingEffect::BeginLink {
        attempt: attempt(&fixture),
        broker: "alpaca-paper".into(),
        browser: true
    })));
}

#[test]
fn a_broker_without_a_client_says_what_is_missing_and_starts_nothing() {
    let mut fixture = Fixture::empty();
    fixture.model.brokers[0].missing = Some("no OAuth app is configured".to_owned());
    fixture.keys("a enter");
    let AttemptPhase::Failed(failure) = &fixture.model.attempt().unwrap().phase else { panic!("it failed") };
    assert!(failure.sentence().0.contains("no OAuth app"));
    assert!(fixture.seen.is_empty());
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
        LinkFailure::Store { message: message(), hint: "remove the link".to_owned() },
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
    let mut fixture = Fixture::two();
    fixture.keys("1 g u");
    assert!(matches!(fixture.model.top(), Some(Overlay::Question(_))));
    fixture.keys("esc");
    assert!(fixture.seen.iter().all(|effect| !matches!(effect, Effect::Account(AccountEffect::Unlink { .. }))));
    fixture.keys("u y");
    assert!(fixture.saw(&Effect::Account(AccountEffect::Unlink { link: paper() })));
    assert_eq!(fixture.model.accounts.len(), 2, "it stays until it is done");
    fixture.msg(Msg::Unlinked { link: paper(), result: Err("the store is locked".to_owned()) });
    assert_eq!((fixture.model.accounts.len(), fixture.model.errors.unread()), (2, 1));
    fixture.msg(Msg::Unlinked { link: paper(), result: Ok("forgotten".to_owned()) });
    assert!(fixture.saw(&Effect::Account(AccountEffect::CloseStream { link: paper() })));
    assert_eq!(fixture.model.scope, AccountScope::One(real()));
    assert!(fixture.model.rows.brokers.rows.contains(&BrokerRow::Unlinked("alpaca-paper".into())));
}

#[test]
fn the_demo_presses_allow_and_nothing_else_does() {
    for can_approve in [false, true] {
        let mut fixture = Fixture::with(Program { can_approve, ..Program::default() });
        fixture.keys("a enter");
        waiting(&mut fixture);
        fixture.keys("a");
        assert_eq!(
            fixture.saw(&Effect::Linking(LinkingEffect::ApproveInDemo { attempt: attempt(&fixture) })),
            can_approve
        );
        assert_eq!(fixture.toast().contains("only the demo"), !can_approve);
    }
}

#[test]
fn quitting_while_a_browser_is_away_frees_the_port() {
    let mut fixture = Fixture::empty();
    fixture.keys("a enter");
    waiting(&mut fixture);
    let id = attempt(&fixture);
    fixture.keys("ctrl-c");
    assert!(
        fixture.saw(&Effect::Linking(LinkingEffect::CancelLink { attempt: id }))
            && fixture.saw(&Effect::Quit { code: 0 })
    );
    assert_eq!(fixture.model.exit, Some(0));
}

/// The notice of a paper reset, and what it leaves.
#[test]
fn a_reset_account_goes_by_its_new_number_everywhere_and_for_the_next_run() {
    let mut fixture = Fixture::holding(&[]);
    fixture.behind = Some("acct-after-the-reset");
    fixture.keys("r");
    // One answer may be a mistake.
    assert!(fixture.seen.iter().all(|effect| !matches!(effect, Effect::Account(AccountEffect::KeepLink { .. }))));
    fixture.pass(Duration::from_secs(20));
    let link = fixture.model.accounts.get(&paper()).unwrap().link.clone();
    assert_eq!((link.account_id.as_str(), &*link.account_number), ("acct-after-the-reset", "PA1"));
    assert!(fixture.saw(&Effect::Account(AccountEffect::KeepLink { record: link })));
    assert!(fixture.seen.iter().all(|effect| !matches!(effect, Effect::Account(AccountEffect::Unlink { .. }))));
}

#[test]
fn the_older_of_two_links_to_one_account_is_removed() {
    let mut fixture = Fixture::holding(&[]);
    let newer = LinkRecord {
        linked_at: start() + Duration::from_mins(1),
        account_id: "acct-after-the-reset".into(),
        ..link("again", Environment::Paper)
    };
    fixture.behind = Some("acct-after-the-reset");
    fixture.keys("r");
    // One answer may be a mistake.
    assert!(fixture.seen.iter().all(|effect| !matches!(effect, Effect::Account(AccountEffect::KeepLink { .. }))));
    fixture.pass(Duration::from_secs(20));
    fixture.msg(AccountMsg::Started { links: vec![newer.clone()] });
    let gone: Vec<_> =
        fixture.seen.iter().filter(|effect| matches!(effect, Effect::Account(AccountEffect::Unlink { .. }))).collect();
    assert_eq!(gone, [&Effect::Account(AccountEffect::Unlink { link: paper() })]);
    fixture.msg(Msg::Unlinked { link: paper(), result: Ok("forgotten".to_owned()) });
    assert_eq!(fixture.model.accounts.len(), 1);
    assert_eq!(fixture.model.accounts.all()[0].link.id, newer.id);
}

#[test]
fn a_paper_account_with_a_number_of_no_paper_account_takes_the_live_key() {
    let mut fixture = Fixture::empty();
    fixture.keys("a enter");
    waiting(&mut fixture);
    confirm(&mut fixture, vec![FoundAccount { odd_number: true, ..found(Environment::Paper, "812345678") }]);
    for word in ["enter", "y"] {
        fixture.keys(word);
        assert!(saved_labels(&fixture).is_none());
        assert!(
            fixture.toast().contains("may be LIVE") && fixture.toast().contains("press L to confirm"),
            "{}",
            fixture.toast()
        );
    }
    fixture.keys("L");
    assert!(saved_labels(&fixture).is_some());
}

#[test]
fn an_address_typed_in_two_lines_stays_in_the_field() {
    let mut fixture = Fixture::empty();
    fixture.keys("a enter");
    waiting(&mut fixture);
    fixture.keys("p");
    fixture.text("http://localhost:41970/callback?co");
    fixture.keys("enter");
    // The second half must not count as keys: q would quit, x would ask to cancel.
    fixture.text("de=q&state=xyz");
    assert!(fixture.model.exit.is_none() && fixture.model.attempt().is_some());
    fixture.keys("enter");
    let pasted: Vec<String> = fixture
        .seen
        .iter()
        .filter_map(|effect| match effect {
            Effect::Linking(LinkingEffect::SubmitRedirect { url, .. }) => Some(url.expose().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(pasted, ["http://localhost:41970/callback?co", "de=q&state=xyz"]);
}

#[test]
fn another_account_than_the_linked_one_stops_and_shows_nothing() {
    let mut fixture = Fixture::empty();
    fixture.orders = vec![(paper(), order("a", "AAPL", Side::Buy, 10, 1))];
    let record = LinkRecord { account_id: "of-somebody-else".into(), ..link("paper", Environment::Paper) };
    fixture.begin(std::slice::from_ref(&record));
    assert_ne!(fixture.state(0), "needs relink", "one answer may be a mistake");
    fixture.pass(Duration::from_secs(75));
    assert_eq!(fixture.state(0), "needs relink");
    let said = &fixture.model.errors.last().unwrap().text;
    assert!(said.contains("must be linked again: the token reaches a different account"), "{said}");
    let account = &fixture.model.accounts.all()[0];
    assert!(account.account.is_none() && account.positions.is_none() && account.blotter.orders().next().is_none());
    fixture.keys("r");
    assert_eq!(fixture.state(0), "needs relink");
    // Linked again, to the account that answers.
    let id = link("paper", Environment::Paper).account_id;
    let links = vec![LinkRecord { account_id: id, ..record }];
    fixture.keys("1 l");
    waiting(&mut fixture);
    say(&mut fixture, LinkProgress::Saved { links, stored_in: "stored".to_owned() });
    assert_eq!(fixture.state(0), "live");
}
