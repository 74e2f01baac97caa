//! What is asked beside the sessions: equity curves and activities by hand, and the exchange's clock.

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
fn a_curve_is_asked_for_once_while_it_is_under_way_and_is_told_when_it_came() {
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
fn a_curve_that_did_not_come_leaves_the_last_one_and_todays_is_asked_for_again_in_a_minute() {
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
fn activities_are_paged_by_the_oldest_row_and_never_asked_for_twice_at_once() {
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
fn what_was_under_way_when_it_was_all_asked_anew_may_be_asked_for_again() {
    let mut fixture = Fixture::holding(&[]);
    let by_hand = [ByHand::Curve(Period::Week), ByHand::Activities];
    fixture.silent = |request| match request {
        Request::History { .. } => true,
        Request::Activities(query) => !query.fills_only,
        _ => false,
    };
    let ask = |fixture: &mut Fixture| {
        fixture.accounts.ask_curve(&paper(), Period::Week);
        fixture.accounts.ask_activities(&paper(), false);
        fixture.follow();
        by_hand.map(|what| fixture.accounts.all()[0].again_at(what))
    };
    assert_eq!(ask(&mut fixture), [None; 2]);
    fixture.accounts.resync(&paper(), fixture.now);
    fixture.follow();
    assert_eq!(by_hand.map(|what| fixture.accounts.all()[0].again_at(what)), [Some(Mono::ZERO); 2]);
    assert_eq!(ask(&mut fixture), [None; 2], "it is under way");
}

#[test]
fn activities_that_did_not_come_are_told_with_the_reason() {
    let mut fixture = Fixture::holding(&[]);
    fixture.refuse = Some(RequestErrorKind::Forbidden);
    fixture.accounts.ask_activities(&paper(), false);
    fixture.follow();
    assert!(fixture.events().any(|event| matches!(event, Event::NoActivities(link, _) if *link == paper())));
    assert_eq!(fixture.troubles.last().unwrap().text, "paper: no more activities, no");
    assert!(!fixture.accounts.activities_loading(&paper()));
}

fn clock(fixture: &Fixture) -> MarketClock {
    let later = |hours| start() + Duration::from_hours(hours);
    MarketClock { at: fixture.now.wall, is_open: true, next_open: later(20), next_close: later(5) }
}

#[test]
fn the_clock_is_asked_through_an_account_that_answers_and_goes_on_between_two_answers() {
    let mut fixture = Fixture::empty();
    fixture.pass(Duration::from_mins(10));
    assert!(fixture.out.is_empty(), "nobody to ask");
    let mut fixture = Fixture::holding(&[]);
    assert!(fixture.accounts.clock().is_none() && fixture.accounts.exchange_now(fixture.now) == fixture.now.wall);
    let ahead = MarketClock { at: fixture.now.wall + Duration::from_hours(3), ..clock(&fixture) };
    fixture.answer_clock(Ok(ahead));
    assert!(fixture.events().any(|event| *event == Event::Clock));
    fixture.now = fixture.now.plus(Duration::from_secs(2));
    assert_eq!(
        fixture.accounts.exchange_now(fixture.now),
        ahead.at + Duration::from_secs(2),
        "the exchange's, not ours"
    );
}

#[test]
fn a_clock_that_did_not_come_keeps_the_last_answer_says_why_and_is_asked_again_in_a_minute() {
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
    fixture.hear(Msg::Replied { link, id, result: Ok(Box::new(Reply::Done)) });
    assert_eq!(fixture.accounts.clock_fault(), Some("the clock came back as something else"));
}

#[test]
fn what_is_refused_with_a_wait_is_asked_again_when_that_is_over() {
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
fn the_clock_is_asked_ever_more_rarely_and_soon_after_the_market_turned() {
    let mut fixture = Fixture::holding(&[]);
    let in_minutes = |minutes| start() + Duration::from_mins(minutes);
    let told = MarketClock { at: start(), is_open: true, next_open: in_minutes(600), next_close: in_minutes(10) };
    let mut asked = Vec::new();
    // The exchange's clock goes as ours does.
    for passed in (0..800).map(Duration::from_secs) {
        if fixture.clocks > asked.len() {
            asked.push(passed.as_secs());
            fixture.answer_clock(Ok(MarketClock { at: start() + passed, ..told }));
        }
        fixture.pass(Duration::from_secs(1));
    }
    assert_eq!(asked[..8], [0, 5, 15, 35, 75, 155, 315, 602], "{asked:?}");
}

#[test]
fn a_clock_that_is_faster_than_ours_is_asked_often() {
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
fn fetching_everything_again_asks_for_the_clock_and_todays_curve_too() {
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
fn nothing_of_another_account_that_answers_is_asked_for_or_shown() {
    let linked = link("live", Environment::Live);
    let live = linked.id.clone();
    let mut fixture = Fixture { activities: vec![row("a")], behind: "id-alpaca-live/live/live", ..Fixture::empty() };
    fixture.hear(Msg::Started { links: vec![linked] });
    fixture.accounts.ask_curve(&live, Period::Week);
    fixture.accounts.ask_activities(&live, false);
    fixture.follow();
    assert_eq!((fixture.word(), knows(&fixture)), ("live", (2, 1)));
    // One answer is under way when the other account shows itself.
    fixture.silent = |request| matches!(request, Request::History { .. });
    fixture.accounts.ask_curve(&live, Period::Month);
    fixture.follow();
    let under_way = fixture.effects().find_map(|effect| match effect {
        Effect::Request { id, request: Request::History { period, .. }, .. } if **period == *"1M" => Some(*id),
        _ => None,
    });
    fixture.behind = "of-somebody-else";
    fixture.pass(Duration::from_mins(6));
    assert!(fixture.accounts.all()[0].session.another_answers());
    let reply = Ok(Box::new(Reply::History(crate::domain::market::EquityHistory::default())));
    fixture.hear(Msg::Replied { link: live.clone(), id: under_way.unwrap(), result: reply });
    assert_eq!(knows(&fixture), (0, 0), "what came since the linked one answered last may be the other's");
    fixture.silent = |_| false;
    fixture.out.clear();
    let month = ByHand::Curve(Period::Month);
    assert_eq!(fixture.accounts.all()[0].again_at(month), Some(Mono::ZERO), "its question went with the connection");
    for period in [Period::Day, Period::Week, Period::Month] {
        fixture.accounts.ask_curve(&live, period);
    }
    assert_eq!(fixture.accounts.all()[0].again_at(month), None, "not every second");
    fixture.accounts.ask_activities(&live, false);
    fixture.follow();
    assert_eq!((asked_of_account(&fixture), knows(&fixture)), (0, (0, 0)));
    let words = "a different account answers than the one linked";
    let account = &fixture.accounts.all()[0];
    assert_eq!(account.curve_faults[&Period::Week], words);
    assert_eq!(*account.activities.reach(), crate::accounts::activities::Reach::Failed(words.to_owned()));
}

#[test]
fn what_comes_before_it_is_known_whose_it_is_waits_for_that() {
    for (behind, wanted) in [("id-alpaca-paper/paper/paper", (1, 1)), ("of-somebody-else", (0, 0))] {
        let mut fixture = Fixture { activities: vec![row("a")], behind, ..Fixture::empty() };
        fixture.silent = |request| *request == Request::Account;
        fixture.hear(Msg::Started { links: vec![link("paper", Environment::Paper)] });
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
        fixture.hear(Msg::Replied { link: paper(), id: asked.unwrap(), result });
        assert_eq!(knows(&fixture), wanted, "{behind}");
        assert!(!fixture.accounts.activities_loading(&paper()));
    }
}
