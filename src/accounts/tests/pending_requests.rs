//! Requests beside the sessions: equity curves, activities and the exchange's clock.

use super::*;
use crate::domain::ActivityKind;
use crate::domain::order::Raw;

fn row(id: &str) -> Activity {
    let kind = ActivityKind::Other { net_amount: None, symbol: None, qty: None, date: None, description: None };
    Activity { id: id.into(), activity_type: "DIV".into(), kind, raw: Raw::default() }
}

fn curves<'a>(fixture: &'a Fixture, period: &'a str) -> impl Iterator<Item = &'a Request> {
    fixture
        .requests()
        .filter(move |request| matches!(request, Request::History { period: asked, .. } if **asked == *period))
}

#[test]
fn a_curve_under_way_is_not_requested_twice_and_its_arrival_is_reported() {
    let mut fixture = Fixture::holding(&[]);
    fixture.silent = |request| matches!(request, Request::History { .. });
    for _ in 0..3 {
        fixture.accounts.ask_curve(&paper(), Period::Week);
        fixture.follow();
    }
    assert_eq!(curves(&fixture, "1W").count(), 1);
    fixture.silent = |_| false;
    fixture.accounts.ask_curve(&paper(), Period::Month);
    fixture.follow();
    assert!(fixture.events().any(|event| *event == Event::Curve { link: paper(), period: Period::Month, error: None }));
    assert!(fixture.accounts.all()[0].curves.contains_key(&Period::Month));
}

#[test]
fn a_failed_curve_keeps_the_last_one_and_todays_is_retried_in_a_minute() {
    let mut fixture = Fixture::holding(&[]);
    fixture.silent = |request| !matches!(request, Request::History { .. });
    fixture.refuse = Some(RequestErrorKind::Server);
    fixture.accounts.ask_curve(&paper(), Period::Day);
    fixture.follow();
    let failed = |event: &&Event| matches!(event, Event::Curve { period: Period::Day, error: Some(_), .. });
    assert_eq!(fixture.events().filter(failed).count(), 1);
    let account = &fixture.accounts.all()[0];
    assert!(account.curves.contains_key(&Period::Day) && account.curve_faults[&Period::Day] == "no");
    fixture.out.clear();
    fixture.pass(Duration::from_secs(59));
    assert_eq!(curves(&fixture, "1D").count(), 0);
    fixture.pass(Duration::from_secs(2));
    assert_eq!(curves(&fixture, "1D").count(), 1);
}

#[test]
fn a_curve_answered_with_something_else_is_a_failed_request() {
    let mut fixture = Fixture::holding(&[]);
    fixture.mismatched = |request| matches!(request, Request::History { .. });
    fixture.accounts.ask_curve(&paper(), Period::Week);
    fixture.follow();
    let error = Some(RequestError::mismatch());
    assert!(
        fixture
            .events()
            .any(|event| *event == Event::Curve { link: paper(), period: Period::Week, error: error.clone() })
    );
    assert_eq!(fixture.accounts.all()[0].curve_faults[&Period::Week], RequestError::mismatch().message);
}

#[test]
fn a_page_of_activities_answered_with_something_else_is_a_failed_request() {
    let mut fixture = Fixture::holding(&[]);
    fixture.mismatched = |request| matches!(request, Request::Activities(query) if !query.fills_only);
    fixture.accounts.ask_activities(&paper(), false);
    fixture.follow();
    assert!(fixture.events().any(|event| *event == Event::NoActivities(paper(), RequestError::mismatch())));
    assert!(!fixture.accounts.activities_loading(&paper()));
}

#[test]
fn activities_are_paged_by_the_oldest_row_with_one_request_under_way() {
    let mut fixture = Fixture::holding(&[]);
    fixture.activities = (0..150).map(|number| row(&format!("row{number}"))).collect();
    fixture.accounts.ask_activities(&paper(), false);
    fixture.follow();
    assert_eq!(fixture.accounts.all()[0].activities.rows().len(), 100);
    fixture.silent = |request| matches!(request, Request::Activities(_));
    fixture.out.clear();
    fixture.accounts.ask_activities(&paper(), true);
    fixture.accounts.ask_activities(&paper(), true);
    fixture.follow();
    let asked: Vec<_> = fixture.requests().collect();
    let [Request::Activities(query)] = asked[..] else { panic!("{asked:?}") };
    assert_eq!(query.page_token.as_deref(), Some("row99"));
    assert!(fixture.accounts.activities_loading(&paper()));
}

#[test]
fn a_request_dropped_by_a_resync_may_be_sent_again() {
    let mut fixture = Fixture::holding(&[]);
    let on_demand = [OnDemand::Curve(Period::Week), OnDemand::Activities];
    fixture.silent = |request| match request {
        Request::History { .. } => true,
        Request::Activities(query) => !query.fills_only,
        _ => false,
    };
    let ask = |fixture: &mut Fixture| {
        fixture.accounts.ask_curve(&paper(), Period::Week);
        fixture.accounts.ask_activities(&paper(), false);
        fixture.follow();
        on_demand.map(|what| fixture.accounts.all()[0].retry_at(what))
    };
    assert_eq!(ask(&mut fixture), [None; 2]);
    fixture.accounts.resync(&paper(), fixture.now);
    fixture.follow();
    assert_eq!(on_demand.map(|what| fixture.accounts.all()[0].retry_at(what)), [Some(Mono::ZERO); 2]);
    assert_eq!(ask(&mut fixture), [None; 2], "it is in flight");
}

#[test]
fn failed_activities_are_reported_with_the_reason() {
    let mut fixture = Fixture::holding(&[]);
    fixture.refuse = Some(RequestErrorKind::Forbidden);
    fixture.accounts.ask_activities(&paper(), false);
    fixture.follow();
    assert!(fixture.events().any(|event| matches!(event, Event::NoActivities(link, _) if *link == paper())));
    assert_eq!(fixture.troubles.last().unwrap().text, "paper: cannot load more activities, no");
    assert!(!fixture.accounts.activities_loading(&paper()));
}

fn clock(fixture: &Fixture) -> MarketClock {
    let later = |hours| start() + Duration::from_hours(hours);
    MarketClock { at: fixture.now.wall, is_open: true, next_open: later(20), next_close: later(5) }
}

#[test]
fn the_clock_is_fetched_through_an_account_that_answers_and_advances_between_answers() {
    let mut fixture = Fixture::empty();
    fixture.pass(Duration::from_mins(10));
    assert!(fixture.out.is_empty(), "no account to ask");
    let mut fixture = Fixture::holding(&[]);
    assert!(fixture.accounts.clock().is_none() && fixture.accounts.exchange_now(fixture.now) == fixture.now.wall);
    let ahead = MarketClock { at: fixture.now.wall + Duration::from_hours(3), ..clock(&fixture) };
    fixture.answer_clock(Ok(ahead));
    assert!(fixture.events().any(|event| *event == Event::Clock));
    fixture.now = fixture.now.plus(Duration::from_secs(2));
    assert_eq!(
        fixture.accounts.exchange_now(fixture.now),
        ahead.at + Duration::from_secs(2),
        "the exchange's time, not this machine's"
    );
}

#[test]
fn a_failed_clock_request_keeps_the_last_answer_and_is_retried_in_a_minute() {
    let mut fixture = Fixture::holding(&[]);
    fixture.answer_clock(Ok(clock(&fixture)));
    fixture.pass(Duration::from_secs(5));
    assert_eq!(fixture.clocks, 2);
    fixture.answer_clock(Err(failure(RequestErrorKind::Server, "oops")));
    assert_eq!(fixture.accounts.clock_fault(), Some("oops"));
    assert!(fixture.accounts.clock().is_some() && fixture.troubles.is_empty());
    fixture.pass(Duration::from_secs(59));
    assert_eq!(fixture.clocks, 2);
    fixture.pass(Duration::from_secs(2));
    assert_eq!(fixture.clocks, 3);
    let (link, id) = fixture.clock.clone().unwrap();
    fixture.send(Msg::Replied { link, id, result: Ok(Box::new(Reply::Done)) });
    assert_eq!(fixture.accounts.clock_fault(), Some("the broker's answer does not match the request"));
}

#[test]
fn a_rate_limited_request_is_retried_when_the_stated_wait_is_over() {
    for (asked, kept) in [(10, 60), (100, 101), (31_536_000, 121)] {
        let mut fixture = Fixture::holding(&[]);
        let limited = RequestErrorKind::RateLimited { retry_after: Some(Duration::from_secs(asked)) };
        fixture.answer_clock(Err(failure(limited.clone(), "slow down")));
        fixture.silent = |request| !matches!(request, Request::History { .. });
        fixture.refuse = Some(limited);
        fixture.accounts.ask_curve(&paper(), Period::Day);
        fixture.follow();
        fixture.out.clear();
        let clocks = fixture.clocks;
        fixture.pass(Duration::from_secs(kept - 1));
        assert_eq!((fixture.clocks, curves(&fixture, "1D").count()), (clocks, 0), "{asked}");
        fixture.pass(Duration::from_secs(2));
        assert_eq!((fixture.clocks, curves(&fixture, "1D").count()), (clocks + 1, 1), "{asked}");
    }
}

#[test]
fn the_clock_is_fetched_at_growing_intervals_and_soon_after_the_close() {
    let mut fixture = Fixture::holding(&[]);
    let in_minutes = |minutes| start() + Duration::from_mins(minutes);
    let reported = MarketClock { at: start(), is_open: true, next_open: in_minutes(600), next_close: in_minutes(10) };
    let mut asked = Vec::new();
    // The exchange's clock keeps pace with this machine's.
    for passed in (0..800).map(Duration::from_secs) {
        if fixture.clocks > asked.len() {
            asked.push(passed.as_secs());
            fixture.answer_clock(Ok(MarketClock { at: start() + passed, ..reported }));
        }
        fixture.pass(Duration::from_secs(1));
    }
    assert_eq!(asked[..8], [0, 5, 15, 35, 75, 155, 315, 602], "{asked:?}");
}

#[test]
fn a_faster_exchange_clock_is_fetched_often() {
    let mut fixture = Fixture::holding(&[]);
    let later = |seconds| start() + Duration::from_secs(seconds);
    for step in 0..20_u64 {
        let at = later(step * 300);
        fixture.answer_clock(Ok(MarketClock {
            at,
            is_open: true,
            next_open: later(99_000),
            next_close: later(90_000),
        }));
        fixture.pass(Duration::from_secs(5));
        assert_eq!(fixture.clocks, usize::try_from(step).unwrap() + 2);
    }
}

#[test]
fn a_resync_fetches_the_clock_and_todays_curve_too() {
    let mut fixture = Fixture::holding(&[]);
    fixture.accounts.resync(&paper(), fixture.now);
    fixture.follow();
    assert_eq!(curves(&fixture, "1D").count(), 1);
    assert_eq!(fixture.clocks, 2);
}

fn asked_of_account(fixture: &Fixture) -> usize {
    let of_it = |request: &&Request| match request {
        Request::History { .. } => true,
        Request::Activities(query) => !query.fills_only,
        _ => false,
    };
    fixture.requests().filter(of_it).count()
}

fn knows(fixture: &Fixture) -> (usize, usize) {
    let account = &fixture.accounts.all()[0];
    (account.curves.len(), account.activities.rows().len())
}

#[test]
fn nothing_is_requested_or_shown_while_another_account_answers() {
    let linked = link("live", Environment::Live);
    let live = linked.id.clone();
    let mut fixture = Fixture { activities: vec![row("a")], behind: "id-alpaca-live/live/live", ..Fixture::empty() };
    fixture.send(Msg::Started { links: vec![linked] });
    fixture.accounts.ask_curve(&live, Period::Week);
    fixture.accounts.ask_activities(&live, false);
    fixture.follow();
    assert_eq!((fixture.word(), knows(&fixture)), ("live", (2, 1)));
    // One reply is under way when the other account first answers.
    fixture.silent = |request| matches!(request, Request::History { .. });
    fixture.accounts.ask_curve(&live, Period::Month);
    fixture.follow();
    let under_way = fixture.effects().find_map(|effect| match effect {
        Effect::Request { id, request: Request::History { period, .. }, .. } if **period == *"1M" => Some(*id),
        _ => None,
    });
    fixture.behind = "another-account";
    fixture.pass(Duration::from_mins(6));
    assert!(fixture.accounts.all()[0].session.another_answers());
    let reply = Ok(Box::new(Reply::History(crate::domain::market::EquityHistory::default())));
    fixture.send(Msg::Replied { link: live.clone(), id: under_way.unwrap(), result: reply });
    assert_eq!(knows(&fixture), (0, 0), "data since the linked account last answered may be the other's");
    fixture.silent = |_| false;
    fixture.out.clear();
    let month = OnDemand::Curve(Period::Month);
    assert_eq!(
        fixture.accounts.all()[0].retry_at(month),
        Some(Mono::ZERO),
        "its request was dropped with the connection"
    );
    for period in [Period::Day, Period::Week, Period::Month] {
        fixture.accounts.ask_curve(&live, period);
    }
    assert_eq!(fixture.accounts.all()[0].retry_at(month), None, "not every second");
    fixture.accounts.ask_activities(&live, false);
    fixture.follow();
    assert_eq!((asked_of_account(&fixture), knows(&fixture)), (0, (0, 0)));
    let words = "the token reaches a different account than the one linked";
    let account = &fixture.accounts.all()[0];
    assert_eq!(account.curve_faults[&Period::Week], words);
    assert_eq!(*account.activities.reach(), crate::accounts::activities::Reach::Failed(words.to_owned()));
}

#[test]
fn replies_wait_until_the_account_is_confirmed() {
    for (behind, wanted) in [("id-alpaca-paper/paper/paper", (1, 1)), ("another-account", (0, 0))] {
        let mut fixture = Fixture { activities: vec![row("a")], behind, ..Fixture::empty() };
        fixture.silent = |request| *request == Request::Account;
        fixture.send(Msg::Started { links: vec![link("paper", Environment::Paper)] });
        fixture.accounts.ask_curve(&paper(), Period::Week);
        fixture.accounts.ask_activities(&paper(), false);
        fixture.follow();
        assert_eq!((asked_of_account(&fixture), knows(&fixture)), (2, (0, 0)), "{behind}");
        assert!(fixture.accounts.activities_loading(&paper()));
        let asked = fixture.effects().find_map(|effect| match effect {
            Effect::Request { id, request: Request::Account, .. } => Some(*id),
            _ => None,
        });
        let result = fixture.answer(&Request::Account);
        fixture.silent = |request| matches!(request, Request::History { .. });
        fixture.send(Msg::Replied { link: paper(), id: asked.unwrap(), result });
        assert_eq!(knows(&fixture), wanted, "{behind}");
        assert!(!fixture.accounts.activities_loading(&paper()));
    }
}

/// Live on a real account, whose token reaches another account from this moment on.
fn turned() -> (Fixture, LinkId) {
    let linked = link("live", Environment::Live);
    let live = linked.id.clone();
    let orders = vec![working("known")];
    let mut fixture = Fixture { orders, behind: "id-alpaca-live/live/live", ..Fixture::empty() };
    fixture.send(Msg::Started { links: vec![linked] });
    assert_eq!((fixture.word(), knows(&fixture)), ("live", (1, 0)));
    fixture.out.clear();
    fixture.behind = "of-somebody-else";
    (fixture, live)
}

#[test]
fn an_answer_is_shown_once_the_account_asked_after_it_is_the_linked_one() {
    for activities in [false, true] {
        let (mut fixture, live) = turned();
        fixture.activities = vec![row("a")];
        if activities {
            fixture.accounts.ask_activities(&live, false);
        } else {
            fixture.accounts.ask_curve(&live, Period::Week);
        }
        fixture.follow();
        assert!(fixture.accounts.all()[0].session.another_answers(), "at once, not with the next balances");
        assert_eq!(knows(&fixture), (0, 0));
        let account = &fixture.accounts.all()[0];
        let words = "the token reaches a different account than the one linked";
        let shown = if activities {
            matches!(account.activities.reach(), crate::accounts::activities::Reach::Failed(why) if why == words)
        } else {
            account.curve_faults[&Period::Week] == words
        };
        assert!(shown, "{account:?}");
    }
}

fn proofs(fixture: &Fixture) -> Vec<RequestOwner> {
    let of_account = |effect: &Effect| match effect {
        Effect::Request { id: RequestOwner::Accounts(id), request: Request::Account, .. } => {
            Some(RequestOwner::Accounts(*id))
        }
        _ => None,
    };
    fixture.effects().filter_map(of_account).collect()
}

#[test]
fn one_account_request_at_a_time_confirms_only_earlier_replies() {
    let mut fixture = Fixture::holding(&[]);
    fixture.activities = vec![row("a")];
    fixture.silent = |request| *request == Request::Account;
    fixture.accounts.ask_curve(&paper(), Period::Week);
    fixture.follow();
    fixture.accounts.ask_curve(&paper(), Period::Month);
    fixture.accounts.ask_activities(&paper(), false);
    fixture.follow();
    let [first] = proofs(&fixture)[..] else { panic!("{:?}", proofs(&fixture)) };
    assert_eq!(knows(&fixture), (1, 0), "the equity of today");
    let result = fixture.answer(&Request::Account);
    fixture.send(Msg::Replied { link: paper(), id: first, result });
    assert_eq!(knows(&fixture), (2, 0));
    let [_, second] = proofs(&fixture)[..] else { panic!("{:?}", proofs(&fixture)) };
    let result = fixture.answer(&Request::Account);
    fixture.send(Msg::Replied { link: paper(), id: second, result });
    assert_eq!(knows(&fixture), (3, 1));
    assert_eq!(proofs(&fixture).len(), 2);
}

#[test]
fn an_unconfirmed_reply_is_refused_with_the_reason() {
    let mut fixture = Fixture::holding(&[]);
    fixture.activities = vec![row("a")];
    fixture.silent = |request| *request == Request::Account;
    let ask = |fixture: &mut Fixture| {
        fixture.accounts.ask_curve(&paper(), Period::Week);
        fixture.accounts.ask_activities(&paper(), false);
        fixture.follow();
    };
    ask(&mut fixture);
    // A dropped queue does not leave the replies waiting forever.
    crate::accounts::pending_requests::after_drop(&mut fixture.accounts, &paper());
    ask(&mut fixture);
    let asked = proofs(&fixture);
    assert_eq!(asked, [asked[0]; 2], "sent again under the same id");
    let slow = failure(RequestErrorKind::RateLimited { retry_after: Some(Duration::from_secs(9)) }, "slow down");
    fixture.send(Msg::Replied { link: paper(), id: asked[0], result: Err(slow.clone()) });
    let again = *proofs(&fixture).last().unwrap();
    fixture.send(Msg::Replied { link: paper(), id: again, result: Err(slow) });
    assert_eq!(knows(&fixture), (1, 0));
    let words = "the account did not confirm that this answer belongs to it: slow down";
    let account = &fixture.accounts.all()[0];
    assert_eq!(account.curve_faults[&Period::Week], words);
    assert_eq!(*account.activities.reach(), crate::accounts::activities::Reach::Failed(words.to_owned()));
    assert!(!fixture.accounts.activities_loading(&paper()));
}

#[test]
fn an_order_by_id_needs_no_proof_but_is_refused_while_another_account_answers() {
    let ask = |fixture: &mut Fixture, live: &LinkId| {
        let key = OrderKey { link: live.clone(), order: "known".into() };
        let pending = crate::accounts::pending_requests::PendingRequest::Order(key);
        let id = crate::accounts::pending_requests::send(
            &mut fixture.accounts,
            live,
            pending,
            Request::Order("known".into()),
        );
        fixture.accounts.admit(
            live,
            id,
            fixture
                .orders
                .first()
                .cloned()
                .map(|order| Box::new(Reply::Order(vec![order])))
                .ok_or_else(|| failure(RequestErrorKind::NotFound, "none")),
        )
    };
    let (mut fixture, live) = turned();
    assert!(ask(&mut fixture, &live).is_some_and(|reply| reply.is_ok()));
    assert!(proofs(&fixture).is_empty());
    fixture.accounts.ask_curve(&live, Period::Week);
    fixture.follow();
    assert!(fixture.accounts.all()[0].session.another_answers());
    assert!(ask(&mut fixture, &live).is_some_and(|reply| reply.is_err()));
}

#[test]
fn a_page_with_a_known_order_is_no_proof() {
    let (mut fixture, live) = turned();
    let kind = ActivityKind::Fill {
        execution_id: None,
        order_id: "known".into(),
        symbol: "AAPL".into(),
        side: Side::Buy,
        qty: Qty::whole(10),
        px: Price::whole(10),
        cum_qty: Some(Qty::whole(10)),
        partial: false,
        at: None,
    };
    fixture.activities = vec![Activity { id: "a".into(), activity_type: "FILL".into(), kind, raw: Raw::default() }];
    fixture.accounts.ask_activities(&live, false);
    fixture.follow();
    assert_eq!(
        (knows(&fixture).1, proofs(&fixture).len()),
        (0, 1),
        "the order itself may have come from the other account"
    );
}
