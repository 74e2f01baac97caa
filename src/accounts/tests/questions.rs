//! What is asked beside the sessions: equity curves and activities by hand, and the exchange's clock.

use super::*;
use crate::domain::ActivityKind;
use crate::domain::order::Raw;

fn row(id: &str) -> Activity {
    let kind = ActivityKind::Other { net_amount: None, symbol: None, qty: None, date: None, description: None };
    Activity { id: id.into(), activity_type: "DIV".into(), kind, raw: Raw::default() }
}

fn curves<'a>(desk: &'a Desk, period: &'a str) -> impl Iterator<Item = &'a Request> {
    desk.requests()
        .filter(move |request| matches!(request, Request::History { period: asked, .. } if **asked == *period))
}

#[test]
fn a_curve_is_asked_for_once_while_it_is_under_way_and_is_told_when_it_came() {
    let mut desk = Desk::holding(&[]);
    desk.silent = |request| matches!(request, Request::History { .. });
    for _ in 0..3 {
        desk.accounts.ask_curve(&paper(), Period::Week);
        desk.follow();
    }
    assert_eq!(curves(&desk, "1W").count(), 1);
    desk.silent = |_| false;
    desk.accounts.ask_curve(&paper(), Period::Month);
    desk.follow();
    assert!(desk.events().any(|event| *event == Event::Curve { link: paper(), period: Period::Month, error: None }));
    assert!(desk.accounts.all()[0].curves.contains_key(&Period::Month));
}

#[test]
fn a_curve_that_did_not_come_leaves_the_last_one_and_todays_is_asked_for_again_in_a_minute() {
    let mut desk = Desk::holding(&[]);
    desk.silent = |request| !matches!(request, Request::History { .. });
    desk.refuse = Some(RequestErrorKind::Server);
    desk.accounts.ask_curve(&paper(), Period::Day);
    desk.follow();
    let failed = |event: &&Event| matches!(event, Event::Curve { period: Period::Day, error: Some(_), .. });
    assert_eq!(desk.events().filter(failed).count(), 1);
    let account = &desk.accounts.all()[0];
    assert!(account.curves.contains_key(&Period::Day) && account.curve_faults[&Period::Day] == "no");
    desk.out.clear();
    desk.pass(Duration::from_secs(59));
    assert_eq!(curves(&desk, "1D").count(), 0);
    desk.pass(Duration::from_secs(2));
    assert_eq!(curves(&desk, "1D").count(), 1);
}

#[test]
fn activities_are_paged_by_the_oldest_row_and_never_asked_for_twice_at_once() {
    let mut desk = Desk::holding(&[]);
    desk.activities = (0..150).map(|number| row(&format!("row{number}"))).collect();
    desk.accounts.ask_activities(&paper(), false);
    desk.follow();
    assert_eq!(desk.accounts.all()[0].activities.rows().len(), 100);
    desk.silent = |request| matches!(request, Request::Activities(_));
    desk.out.clear();
    desk.accounts.ask_activities(&paper(), true);
    desk.accounts.ask_activities(&paper(), true);
    desk.follow();
    let asked: Vec<_> = desk.requests().collect();
    let [Request::Activities(query)] = asked[..] else { panic!("{asked:?}") };
    assert_eq!(query.page_token.as_deref(), Some("row99"));
    assert!(desk.accounts.activities_loading(&paper()));
}

#[test]
fn activities_that_did_not_come_are_told_with_the_reason() {
    let mut desk = Desk::holding(&[]);
    desk.refuse = Some(RequestErrorKind::Forbidden);
    desk.accounts.ask_activities(&paper(), false);
    desk.follow();
    assert!(desk.events().any(|event| matches!(event, Event::NoActivities(link, _) if *link == paper())));
    assert_eq!(desk.troubles.last().unwrap().text, "paper: no more activities, no");
    assert!(!desk.accounts.activities_loading(&paper()));
}

fn clock(desk: &Desk) -> MarketClock {
    let later = |hours| start() + Duration::from_hours(hours);
    MarketClock { at: desk.now.wall, is_open: true, next_open: later(20), next_close: later(5) }
}

#[test]
fn the_clock_is_asked_through_an_account_that_answers_and_goes_on_between_two_answers() {
    let mut desk = Desk::empty();
    desk.pass(Duration::from_mins(10));
    assert!(desk.out.is_empty(), "nobody to ask");
    let mut desk = Desk::holding(&[]);
    assert!(desk.accounts.clock().is_none() && desk.accounts.exchange_now(desk.now) == desk.now.wall);
    let ahead = MarketClock { at: desk.now.wall + Duration::from_hours(3), ..clock(&desk) };
    desk.answer_clock(Ok(ahead));
    assert!(desk.events().any(|event| *event == Event::Clock));
    desk.now = desk.now.plus(Duration::from_secs(2));
    assert_eq!(desk.accounts.exchange_now(desk.now), ahead.at + Duration::from_secs(2), "the exchange's, not ours");
}

#[test]
fn a_clock_that_did_not_come_keeps_the_last_answer_says_why_and_is_asked_again_in_a_minute() {
    let mut desk = Desk::holding(&[]);
    desk.answer_clock(Ok(clock(&desk)));
    desk.pass(Duration::from_secs(5));
    assert_eq!(desk.clocks, 2);
    desk.answer_clock(Err(failure(RequestErrorKind::Server, "oops")));
    assert_eq!(desk.accounts.clock_fault(), Some("oops"));
    assert!(desk.accounts.clock().is_some() && desk.troubles.is_empty());
    desk.pass(Duration::from_secs(59));
    assert_eq!(desk.clocks, 2);
    desk.pass(Duration::from_secs(2));
    assert_eq!(desk.clocks, 3);
    let (link, id) = desk.clock.clone().unwrap();
    desk.hear(Msg::Replied { link, id, result: Ok(Box::new(Reply::Done)) });
    assert_eq!(desk.accounts.clock_fault(), Some("the clock came back as something else"));
}

#[test]
fn the_clock_is_asked_ever_more_rarely_and_soon_after_the_market_turned() {
    let mut desk = Desk::holding(&[]);
    let in_minutes = |minutes| start() + Duration::from_mins(minutes);
    let told = MarketClock { at: start(), is_open: true, next_open: in_minutes(600), next_close: in_minutes(10) };
    let mut asked = Vec::new();
    // The exchange's clock goes as ours does.
    for passed in (0..800).map(Duration::from_secs) {
        if desk.clocks > asked.len() {
            asked.push(passed.as_secs());
            desk.answer_clock(Ok(MarketClock { at: start() + passed, ..told }));
        }
        desk.pass(Duration::from_secs(1));
    }
    assert_eq!(asked[..8], [0, 5, 15, 35, 75, 155, 315, 602], "{asked:?}");
}

#[test]
fn a_clock_that_is_faster_than_ours_is_asked_often() {
    let mut desk = Desk::holding(&[]);
    let later = |seconds| start() + Duration::from_secs(seconds);
    for step in 0..20_u64 {
        let at = later(step * 300);
        desk.answer_clock(Ok(MarketClock { at, is_open: true, next_open: later(99_000), next_close: later(90_000) }));
        desk.pass(Duration::from_secs(5));
        assert_eq!(desk.clocks, usize::try_from(step).unwrap() + 2);
    }
}

#[test]
fn fetching_everything_again_asks_for_the_clock_and_todays_curve_too() {
    let mut desk = Desk::holding(&[]);
    desk.accounts.resync(&paper(), desk.now);
    desk.follow();
    assert_eq!(curves(&desk, "1D").count(), 1);
    assert_eq!(desk.clocks, 2);
}
