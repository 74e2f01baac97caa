//! What is told of orders, fills, the account behind a link, its token, and the journal.

use super::*;
use crate::domain::blotter::Changes;

fn changes(desk: &Desk) -> Vec<&Changes> {
    let told = desk.events().filter_map(|event| match event {
        Event::Changed(link, changes) => {
            assert_eq!(*link, paper());
            Some(&**changes)
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn an_order_and_its_fill_are_told_and_then_remembered_each_once() {
    let mut desk = Desk::holding(&[]);
    desk.report(TradeEvent::New, working("a"), None);
    let told = changes(&desk);
    assert_eq!(told.len(), 1);
    assert!(told[0].orders.iter().any(|id| id.as_str() == "a") && told[0].executions.is_empty(), "{told:?}");
    desk.out.clear();
    desk.report(TradeEvent::Fill, filled("a", 10), Some((10, 10)));
    let told = changes(&desk);
    assert_eq!(told.iter().map(|changes| changes.executions.len()).sum::<usize>(), 1, "{told:?}");
    let place = |wanted: fn(&Output) -> bool| desk.out.iter().position(wanted).unwrap();
    let changed = place(|output| matches!(output, Output::Told(Event::Changed(..))));
    let kept = place(|output| matches!(output, Output::Do(Effect::Remember { memory: Memory::Changes(_), .. })));
    assert_eq!(kept, changed + 1, "the record follows the event");
    desk.pass(Duration::from_secs(2));
    assert!(desk.requests().any(|request| *request == Request::Account), "a fill asks for fresh balances");
    desk.out.clear();
    desk.report(TradeEvent::Fill, filled("a", 10), Some((10, 10)));
    assert!(changes(&desk).iter().all(|changes| changes.executions.is_empty()), "the same frame once more");
}

#[test]
fn what_the_first_picture_shows_is_history_and_what_comes_after_it_is_news() {
    let mut desk = Desk::holding(&[filled("a", 10)]);
    assert!(!desk.accounts.all()[0].is_late(Source::Reconcile, working("a").updated_at));
    desk.pass(Duration::from_secs(1));
    desk.report(TradeEvent::Fill, filled("b", 10), Some((10, 10)));
    let account = &desk.accounts.all()[0];
    assert!(account.seen_live);
    assert!(!account.is_late(Source::Stream, filled("b", 10).updated_at), "the stream told in time");
}

#[test]
fn a_paper_account_that_was_reset_is_told_once_and_nothing_of_the_old_one_is_left() {
    let mut desk = Desk::holding(&[working("a")]);
    assert!(desk.accounts.all()[0].curves.contains_key(&Period::Day));
    desk.silent = |request| matches!(request, Request::History { .. });
    (desk.behind, desk.orders) = ("after-the-reset", Vec::new());
    desk.accounts.resync(&paper(), desk.now);
    desk.follow();
    assert!(!desk.events().any(|event| *event == Event::Reset(paper())), "one answer may be a mistake");
    desk.pass(Duration::from_secs(20));
    assert_eq!(desk.events().filter(|event| **event == Event::Reset(paper())).count(), 1);
    assert_eq!(desk.events().filter(|event| **event == Event::Renamed(paper())).count(), 1);
    let kept = |effect: &&Effect| match effect {
        Effect::KeepLink { record } => record.account_id.as_str() == "after-the-reset",
        _ => false,
    };
    assert_eq!(desk.effects().filter(kept).count(), 1, "the next run knows the new one");
    let account = &desk.accounts.all()[0];
    assert!(account.curves.is_empty() && account.blotter.orders().next().is_none());
    assert_eq!(account.link.account_id.as_str(), "after-the-reset");
}

#[test]
fn of_two_links_to_one_account_the_older_is_unlinked_and_that_is_said_once() {
    let mut desk = Desk::holding(&[]);
    let newer = LinkRecord {
        linked_at: start() + Duration::from_mins(1),
        account_id: paper_id(),
        ..link("again", Environment::Paper)
    };
    desk.hear(Msg::Renewed { link: newer.clone() });
    desk.pass(Duration::from_secs(20));
    let gone = |effect: &&Effect| **effect == Effect::Unlink { link: paper() };
    assert_eq!(desk.effects().filter(gone).count(), 1);
    let said = Event::Twice { older: "paper".into(), newer: "again".into(), kept: newer.id };
    assert_eq!(desk.events().filter(|event| **event == said).count(), 1);
    assert_eq!(desk.troubles.last().unwrap().text, "paper and again are one account: again is used");
}

fn paper_id() -> crate::domain::AccountId {
    link("paper", Environment::Paper).account_id
}

#[test]
fn a_refused_token_is_news_once_lets_the_account_go_and_is_over_when_it_is_accepted() {
    let mut desk = Desk::holding(&[]);
    desk.refuse = Some(RequestErrorKind::Unauthorized);
    desk.accounts.resync(&paper(), desk.now);
    desk.follow();
    desk.pass(Duration::from_mins(5));
    assert_eq!(desk.word(), "needs relink");
    let news = |event: &&Event| {
        matches!(event, Event::State { state: crate::session::ConnectionState::NeedsRelink { .. }, news: true, .. })
    };
    assert_eq!(desk.events().filter(news).count(), 1);
    assert_eq!(desk.effects().filter(|effect| **effect == Effect::LetGo { link: paper() }).count(), 1);
    assert!(
        desk.effects().any(|effect| *effect == Effect::Renew { link: paper() }),
        "another process may have relinked"
    );
    let said = desk.troubles.last().unwrap();
    assert!(
        said.text.starts_with("paper must be linked again: ") && said.text.ends_with("link alpaca-paper"),
        "{said:?}"
    );
    assert!(said.over.is_none());
    desk.refuse = None;
    let record = LinkRecord { linked_at: start() + Duration::from_mins(1), ..link("paper", Environment::Paper) };
    desk.hear(Msg::Renewed { link: record });
    assert_eq!((desk.word(), desk.accounts.len()), ("live", 1));
    assert!(desk.troubles.iter().all(|trouble| trouble.over.is_some()), "{:?}", desk.troubles);
}

#[test]
fn how_the_journal_keeps_up_is_told_when_it_changes() {
    let mut desk = Desk::empty();
    desk.hear(Msg::Saving(Saving::Done));
    assert!(desk.out.is_empty(), "nothing was wrong before");
    desk.hear(Msg::Saving(Saving::Failing("the disk is full".to_owned())));
    assert!(desk.accounts.is_unsaved());
    desk.hear(Msg::Saving(Saving::Behind(12)));
    desk.hear(Msg::Saving(Saving::Done));
    assert_eq!(desk.events().filter(|event| **event == Event::Saving).count(), 3);
    let said: Vec<_> = desk.troubles.iter().map(|trouble| (trouble.text.as_str(), trouble.over.is_some())).collect();
    assert_eq!(
        said,
        [
            (
                "the journal cannot be written (the disk is full): what is shown is kept and saved as soon as it can be",
                true
            ),
            ("the journal is behind by 12 records: what is shown is kept and is being written", true),
        ]
    );
    desk.hear(Msg::Saving(Saving::Off("it was written by a newer version".to_owned())));
    assert_eq!(desk.troubles.last().unwrap().text, "nothing is journaled: it was written by a newer version");
}

#[test]
fn what_goes_on_is_one_trouble_and_what_happens_again_is_another() {
    let (mut troubles, link, now) = (Troubles::default(), paper(), Now { mono: Mono::ZERO, wall: start() });
    let later = now.plus(Duration::from_secs(1));
    troubles.add(Some(&link), Ends::WithState, "lost\u{1b}[31m", now);
    troubles.read();
    troubles.add(None, Ends::Never, "something else", now);
    troubles.add(Some(&link), Ends::WithState, "lost\u{1b}[31m", later);
    assert_eq!((troubles.len(), troubles.unread()), (2, 1), "it goes on, and was read");
    assert!(!troubles.last().unwrap().text.contains('\u{1b}'));
    troubles.end(Some(&link), Ends::WithState, later);
    troubles.add(None, Ends::Never, "something else", later);
    troubles.add(Some(&link), Ends::WithState, "lost", later);
    assert_eq!(troubles.len(), 4, "what is over does not go on: {troubles:?}");
    for number in 0..300 {
        troubles.add(None, Ends::Never, &format!("number {number}"), later);
    }
    assert_eq!((troubles.len(), troubles.iter().next().unwrap().text.as_str()), (200, "number 100"));
}
