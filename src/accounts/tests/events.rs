//! Events about orders, fills, the account behind a link, its token, and the journal.

use super::*;
use crate::domain::blotter::Changes;
use crate::session::Fault;

fn changes(fixture: &Fixture) -> Vec<&Changes> {
    let told = fixture.events().filter_map(|event| match event {
        Event::Changed(link, changes) => {
            assert_eq!(*link, paper());
            Some(&**changes)
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn an_order_and_its_fill_are_each_reported_and_then_journaled_once() {
    let mut fixture = Fixture::holding(&[]);
    fixture.report(TradeEvent::New, working("a"), None);
    let told = changes(&fixture);
    assert_eq!(told.len(), 1);
    assert!(told[0].orders.iter().any(|id| id.as_str() == "a") && told[0].executions.is_empty(), "{told:?}");
    fixture.out.clear();
    fixture.report(TradeEvent::Fill, filled("a", 10), Some((10, 10)));
    let told = changes(&fixture);
    assert_eq!(told.iter().map(|changes| changes.executions.len()).sum::<usize>(), 1, "{told:?}");
    let place = |wanted: fn(&Output) -> bool| fixture.out.iter().position(wanted).unwrap();
    let changed = place(|output| matches!(output, Output::Event(Event::Changed(..))));
    let kept = place(|output| matches!(output, Output::Do(Effect::Remember { memory: JournalEntry::Changes(_), .. })));
    assert_eq!(kept, changed + 1, "the record follows the event");
    fixture.pass(Duration::from_secs(2));
    assert!(fixture.requests().any(|request| *request == Request::Account), "a fill refetches the balances");
    fixture.out.clear();
    fixture.report(TradeEvent::Fill, filled("a", 10), Some((10, 10)));
    assert!(changes(&fixture).iter().all(|changes| changes.executions.is_empty()), "a duplicate frame");
}

#[test]
fn the_first_snapshot_is_history_and_later_executions_are_news() {
    let mut fixture = Fixture::holding(&[filled("a", 10)]);
    assert!(!fixture.accounts.all()[0].is_late(Source::Reconcile, working("a").updated_at));
    fixture.pass(Duration::from_secs(1));
    fixture.report(TradeEvent::Fill, filled("b", 10), Some((10, 10)));
    let account = &fixture.accounts.all()[0];
    assert!(account.seen_live);
    assert!(!account.is_late(Source::Stream, filled("b", 10).updated_at), "the stream reported it in time");
}

#[test]
fn a_reset_paper_account_is_reported_once_and_the_old_ones_data_is_dropped() {
    let mut fixture = Fixture::holding(&[working("a")]);
    assert!(fixture.accounts.all()[0].curves.contains_key(&Period::Day));
    fixture.silent = |request| matches!(request, Request::History { .. });
    (fixture.behind, fixture.orders) = ("after-the-reset", Vec::new());
    fixture.accounts.resync(&paper(), fixture.now);
    fixture.follow();
    assert!(!fixture.events().any(|event| *event == Event::Reset(paper())), "one answer may be a mistake");
    fixture.pass(Duration::from_secs(20));
    assert_eq!(fixture.events().filter(|event| **event == Event::Reset(paper())).count(), 1);
    assert_eq!(fixture.events().filter(|event| **event == Event::Renamed(paper())).count(), 1);
    let kept = |effect: &&Effect| match effect {
        Effect::KeepLink { record } => record.account_id.as_str() == "after-the-reset",
        _ => false,
    };
    assert_eq!(fixture.effects().filter(kept).count(), 1, "the new id is stored for the next run");
    let account = &fixture.accounts.all()[0];
    assert!(account.curves.is_empty() && account.blotter.orders().next().is_none());
    assert_eq!(account.link.account_id.as_str(), "after-the-reset");
}

#[test]
fn an_account_goes_by_the_number_that_the_broker_states_now() {
    let mut fixture = Fixture::holding(&[]);
    for (number, shown) in [(Some("840217322"), "840217322"), (None, "840217322"), (Some(""), "840217322")] {
        fixture.number = number;
        fixture.pass(Duration::from_mins(1));
        assert_eq!(&*fixture.accounts.all()[0].link.account_number, shown, "{number:?}");
    }
    let kept = fixture.effects().filter(|effect| matches!(effect, Effect::KeepLink { .. })).count();
    assert_eq!(kept, 1, "stored once for the next run");
    assert!(!fixture.events().any(|event| matches!(event, Event::Reset(_))), "it is the same account");
}

#[test]
fn the_older_of_two_links_to_one_account_is_unlinked_and_reported_once() {
    let mut fixture = Fixture::holding(&[]);
    let newer = LinkRecord {
        linked_at: start() + Duration::from_mins(1),
        account_id: paper_id(),
        ..link("again", Environment::Paper)
    };
    fixture.send(Msg::Renewed { link: newer.clone() });
    fixture.pass(Duration::from_secs(20));
    let gone = |effect: &&Effect| **effect == Effect::Unlink { link: paper() };
    assert_eq!(fixture.effects().filter(gone).count(), 1);
    let said = Event::Twice { older: "paper".into(), newer: "again".into(), kept: newer.id };
    assert_eq!(fixture.events().filter(|event| **event == said).count(), 1);
    assert_eq!(fixture.troubles.last().unwrap().text, "paper and again are the same account; using again");
}

fn paper_id() -> crate::domain::AccountId {
    link("paper", Environment::Paper).account_id
}

#[test]
fn a_refused_token_is_reported_once_releases_the_account_and_ends_when_relinked() {
    let mut fixture = Fixture::holding(&[]);
    fixture.refuse = Some(RequestErrorKind::Unauthorized);
    fixture.accounts.resync(&paper(), fixture.now);
    fixture.follow();
    fixture.pass(Duration::from_mins(5));
    assert_eq!(fixture.word(), "needs relink");
    let news = |event: &&Event| {
        matches!(event, Event::State { state: crate::session::ConnectionState::NeedsRelink { .. }, news: true, .. })
    };
    assert_eq!(fixture.events().filter(news).count(), 1);
    assert_eq!(fixture.effects().filter(|effect| **effect == Effect::LetGo { link: paper() }).count(), 1);
    assert!(
        fixture.effects().any(|effect| *effect == Effect::Renew { link: paper() }),
        "another process may have relinked"
    );
    let said = fixture.troubles.last().unwrap();
    assert!(
        said.text.starts_with("paper must be linked again: ") && said.text.ends_with("link alpaca-paper"),
        "{said:?}"
    );
    assert!(said.over.is_none());
    fixture.refuse = None;
    let record = LinkRecord { linked_at: start() + Duration::from_mins(1), ..link("paper", Environment::Paper) };
    fixture.send(Msg::Renewed { link: record });
    assert_eq!((fixture.word(), fixture.accounts.len()), ("live", 1));
    assert!(fixture.troubles.iter().all(|trouble| trouble.over.is_some()), "{:?}", fixture.troubles);
}

#[test]
fn a_change_of_the_journals_progress_is_reported() {
    let mut fixture = Fixture::empty();
    fixture.send(Msg::Saving(Saving::Done));
    assert!(fixture.out.is_empty(), "nothing was wrong before");
    fixture.send(Msg::Saving(Saving::Failing("the disk is full".to_owned())));
    assert!(fixture.accounts.is_unsaved());
    fixture.send(Msg::Saving(Saving::Behind(12)));
    fixture.send(Msg::Saving(Saving::Done));
    assert_eq!(fixture.events().filter(|event| **event == Event::Saving).count(), 3);
    let said: Vec<_> = fixture.troubles.iter().map(|trouble| (trouble.text.as_str(), trouble.over.is_some())).collect();
    assert_eq!(
        said,
        [
            (
                "the journal cannot be written (the disk is full); data stays in memory and is saved as soon as possible",
                true
            ),
            ("the journal is 12 records behind; they are in memory and being written", true),
        ]
    );
    fixture.send(Msg::Saving(Saving::Off("it was written by a newer version".to_owned())));
    assert_eq!(fixture.troubles.last().unwrap().text, "nothing is journaled: it was written by a newer version");
}

#[test]
fn a_lasting_trouble_is_one_entry_and_a_new_occurrence_another() {
    let (mut troubles, link, now) = (Troubles::default(), paper(), Now { mono: Mono::ZERO, wall: start() });
    let later = now.plus(Duration::from_secs(1));
    troubles.add(Some(&link), Ends::WithState, "lost\u{1b}[31m", now);
    troubles.read();
    troubles.add(None, Ends::Never, "something else", now);
    troubles.add(Some(&link), Ends::WithState, "lost\u{1b}[31m", later);
    assert_eq!((troubles.len(), troubles.unread()), (2, 1), "still going on, and already read");
    assert!(!troubles.last().unwrap().text.contains('\u{1b}'));
    troubles.end(Some(&link), Ends::WithState, later);
    troubles.add(None, Ends::Never, "something else", later);
    troubles.add(Some(&link), Ends::WithState, "lost", later);
    assert_eq!(troubles.len(), 4, "an ended trouble is not continued: {troubles:?}");
    for number in 0..300 {
        troubles.add(None, Ends::Never, &format!("number {number}"), later);
    }
    assert_eq!((troubles.len(), troubles.iter().next().unwrap().text.as_str()), (200, "number 100"));
}

#[test]
fn another_reason_for_incomplete_data_replaces_the_first_until_it_is_over() {
    let (mut troubles, link, now) = (Troubles::default(), paper(), Now { mono: Mono::ZERO, wall: start() });
    let incomplete = Ends::With(Fault::Incomplete);
    troubles.add(Some(&link), incomplete, "positions: 500", now);
    troubles.add(None, Ends::Never, "something else", now);
    troubles.add(Some(&LinkId::from("other")), incomplete, "of another account", now);
    troubles.read();
    troubles.add(Some(&link), incomplete, "positions: 401", now);
    let texts = |troubles: &Troubles| troubles.iter().map(|trouble| trouble.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&troubles), ["something else", "of another account", "positions: 401"]);
    assert_eq!(troubles.unread(), 1, "another reason is news");
    troubles.end(Some(&link), incomplete, now);
    troubles.add(Some(&link), incomplete, "positions: 500", now);
    assert_eq!(troubles.len(), 4, "what is over stays");
}
