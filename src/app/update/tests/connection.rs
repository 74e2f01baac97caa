use super::*;
use crate::app::TerminalEffect;

#[test]
fn every_known_account_connects_and_becomes_live() {
    let fixture = Fixture::two();
    assert_eq!((fixture.state(0), fixture.state(1)), ("live", "live"));
    assert_eq!(fixture.model.counts(), [("live", 2)]);
    assert!(fixture.model.accounts.all()[0].account.is_some());
}

#[test]
fn a_lost_stream_reconnects_and_missed_updates_are_fetched() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    fixture.up = false;
    fixture.stream(&paper(), StreamEvent::Closed(Closed::Lost { message: "reset".to_owned() }));
    assert_eq!(fixture.state(0), "reconnecting");
    assert_eq!(fixture.shown(), ["a"], "known data stays on the screen");
    fixture.orders.push((paper(), order("b", "MSFT", Side::Sell, 5, 2)));
    fixture.up = true;
    fixture.pass(Duration::from_secs(40));
    assert_eq!(fixture.state(0), "live");
    assert_eq!(fixture.shown(), ["b", "a"]);
    assert!(fixture.model.accounts.all()[0].log.len() > 2, "the history has it");
}

#[test]
fn a_refused_token_is_an_error_that_stays_until_it_is_read() {
    let mut fixture = Fixture::holding(&[]);
    fixture.refuse = Some(RequestErrorKind::Unauthorized);
    fixture.keys("r");
    fixture.pass(Duration::from_secs(5));
    assert_eq!((fixture.state(0), fixture.model.errors.unread()), ("needs relink", 1), "{:?}", fixture.model.errors);
    let let_go = |effect: &&Effect| **effect == Effect::Account(AccountEffect::LetGo { link: paper() });
    assert_eq!(fixture.seen.iter().filter(let_go).count(), 1, "another instance may stream it");
    fixture.pass(Duration::from_mins(5));
    assert_eq!(fixture.model.errors.unread(), 1, "time does not read errors");
    fixture.refuse = None;
    fixture.keys("r");
    fixture.pass(Duration::from_secs(5));
    assert_eq!(fixture.state(0), "live", "a refusal may heal by itself");
    assert!(fixture.model.errors.last().unwrap().over.is_some(), "an ended error is marked as over");
    assert_eq!(fixture.model.errors.unread(), 1, "and still to be read");
    fixture.keys("E");
    assert_eq!((fixture.model.errors.unread(), fixture.model.errors.len()), (0, 1), "reading does not remove them");
}

#[test]
fn fetching_everything_again_asks_for_the_clock_and_the_curve_too() {
    let mut fixture = Fixture::holding(&[]);
    let asks = |fixture: &Fixture| {
        let clocks = fixture
            .seen
            .iter()
            .filter(|effect| matches!(effect, Effect::Account(AccountEffect::Request { request: Request::Clock, .. })))
            .count();
        let curve = |effect: &&Effect| {
            matches!(effect, Effect::Account(AccountEffect::Request { request: Request::History { .. }, .. }))
        };
        (clocks, fixture.seen.iter().filter(curve).count())
    };
    assert_eq!(asks(&fixture), (1, 1));
    fixture.keys("r");
    assert_eq!((fixture.state(0), asks(&fixture)), ("live", (2, 2)));
}

#[test]
fn a_stream_that_has_to_wait_keeps_neither_clock_nor_curve_waiting() {
    let mut fixture = Fixture::empty();
    fixture.up = false;
    fixture.begin(&[link("paper", Environment::Paper)]);
    let retry_after = Some(Duration::from_mins(2));
    let refused = Closed::Connect { status: Some(429), message: "too many".to_owned(), retry_after };
    fixture.stream(&paper(), StreamEvent::Closed(refused));
    fixture.pass(Duration::from_secs(5));
    assert_eq!(fixture.state(0), "polling");
    assert!(
        fixture
            .seen
            .iter()
            .any(|effect| matches!(effect, Effect::Account(AccountEffect::Request { request: Request::Clock, .. })))
    );
    assert!(fixture.seen.iter().any(|effect| matches!(
        effect,
        Effect::Account(AccountEffect::Request { request: Request::History { .. }, .. })
    )));
}

#[test]
fn trouble_stays_and_notices_pass() {
    let mut fixture = Fixture::empty();
    fixture.msg(Msg::Trouble("the log cannot be written".to_owned()));
    fixture.msg(Msg::Notice("copied".to_owned()));
    fixture.pass(Duration::from_secs(30));
    assert!(fixture.model.toasts.is_empty());
    assert_eq!(fixture.model.errors.unread(), 1);
}

#[test]
fn unsaved_data_is_reported_once_and_marked_until_saved() {
    let mut fixture = Fixture::empty();
    let reason = "another program holds its lock";
    fixture.msg(AccountMsg::Saving(Saving::Failing(reason.to_owned())));
    fixture.pass(Duration::from_secs(30));
    assert_eq!((fixture.model.accounts.is_unsaved(), fixture.model.errors.unread()), (true, 1));
    fixture.msg(AccountMsg::Saving(Saving::Done));
    assert_eq!((fixture.model.accounts.is_unsaved(), fixture.model.errors.unread()), (false, 1));
    assert!(fixture.toast().contains("everything shown is saved"), "{}", fixture.toast());
    fixture.msg(AccountMsg::Saving(Saving::Behind(12_345)));
    let last = fixture.model.errors.last().unwrap().text.clone();
    assert!(last.contains("12345 records behind") && !last.contains("cannot"), "{last}");
    assert!(fixture.model.accounts.is_unsaved(), "it is marked all the same");
}

#[test]
fn a_new_fill_flashes_once_and_rings_once_a_second_and_none_goes_untold() {
    let mut fixture = Fixture::with(Program { bell: true, notify: true, ..Program::default() });
    fixture.begin(&[link("paper", Environment::Paper)]);
    assert!(!fixture.saw(&Effect::Terminal(TerminalEffect::Bell)), "history is no news");
    let reported = |fixture: &Fixture| {
        let text = |effect: &Effect| match effect {
            Effect::Notify { text } => Some(text.clone()),
            _ => None,
        };
        let bells = fixture.seen.iter().filter(|effect| **effect == Effect::Terminal(TerminalEffect::Bell)).count();
        (bells, fixture.seen.iter().filter_map(text).collect::<Vec<_>>())
    };
    for (index, (id, qty)) in [("a", 10), ("b", 20), ("c", 30)].into_iter().enumerate() {
        fixture.fill(&paper(), order(id, "AAPL", Side::Buy, qty, i64::try_from(index).unwrap()), 11);
    }
    assert_eq!(fixture.model.flashes.len(), 3);
    let first = "BUY 10 AAPL @ 11.00 · paper";
    assert_eq!(reported(&fixture), (1, vec![first.to_owned()]));
    fixture.pass(Duration::from_secs(2));
    assert!(fixture.model.flashes.is_empty());
    let others = "BUY 30 AAPL @ 11.00 · paper (and 1 more)";
    assert_eq!(reported(&fixture), (2, vec![first.to_owned(), others.to_owned()]));
    fixture.fill(&paper(), order("d", "AAPL", Side::Buy, 40, 3), 11);
    fixture.fill(&paper(), order("e", "AAPL", Side::Buy, 50, 4), 11);
    assert_eq!(reported(&fixture).0, 3);
    fixture.pass(Duration::from_secs(3));
    let (bells, texts) = reported(&fixture);
    assert_eq!((bells, texts.last().map(String::as_str)), (4, Some("BUY 50 AAPL @ 11.00 · paper")));
    fixture.pass(Duration::from_secs(3));
    assert_eq!(reported(&fixture).0, 4, "each once");
}

#[test]
fn flashes_can_be_turned_off() {
    let mut fixture = Fixture::with(Program { flash: false, ..Program::default() });
    fixture.begin(&[link("paper", Environment::Paper)]);
    fixture.fill(&paper(), order("a", "AAPL", Side::Buy, 10, 1), 11);
    assert!(fixture.model.flashes.is_empty());
    assert_eq!(fixture.model.rows.tape.rows.len(), 1);
}

#[test]
fn a_rejection_is_said() {
    let mut fixture = Fixture::two();
    let mut refused = order("a", "AAPL", Side::Buy, 10, 1);
    refused.status = OrderStatus::Rejected;
    fixture.tell(&paper(), TradeEvent::Rejected, refused, None);
    assert!(fixture.toast().contains("order rejected: BUY 10 AAPL"), "{}", fixture.toast());
}

#[test]
fn a_quiet_account_wakes_the_program_once_a_second_and_draws_no_more_often() {
    let mut fixture = Fixture::two();
    fixture.pass(Duration::from_mins(1));
    let end = fixture.now.plus(Duration::from_secs(20));
    let (mut wakes, mut frames) = (0, 0);
    while let Some(at) = fixture.model.next_deadline(fixture.now).filter(|at| *at <= end.mono) {
        fixture.now = fixture.now.plus(at.since(fixture.now.mono));
        fixture.model.dirty = false;
        fixture.msg(Msg::Tick);
        wakes += 1;
        frames += u32::from(fixture.model.dirty);
    }
    assert!(wakes <= 24, "{wakes} wake-ups in 20 s");
    assert!((19..=21).contains(&frames), "{frames} frames in 20 s");
}

#[test]
fn a_pong_alone_draws_nothing() {
    let mut fixture = Fixture::two();
    fixture.model.dirty = false;
    fixture.stream(&paper(), StreamEvent::Pong { latency: Duration::from_millis(30) });
    assert!(!fixture.model.dirty);
}

#[test]
fn a_paused_account_stays_paused_and_the_same_key_starts_it() {
    let mut fixture = Fixture::two();
    fixture.keys("p");
    assert_eq!(fixture.state(0), "paused");
    fixture.msg(AccountMsg::Resumed);
    fixture.pass(Duration::from_mins(2));
    assert_eq!(fixture.state(0), "paused");
    fixture.keys("p");
    assert_eq!(fixture.state(0), "live");
}

#[test]
fn waking_from_sleep_starts_every_connection_anew() {
    let mut fixture = Fixture::two();
    let before: Vec<Epoch> = fixture.epochs.iter().map(|(_, epoch)| *epoch).collect();
    fixture.msg(AccountMsg::Resumed);
    assert!(fixture.epochs.iter().zip(before).all(|((_, after), before)| *after > before));
}

#[test]
fn a_flood_of_messages_does_not_stop_the_clock() {
    let mut fixture = Fixture::two();
    fixture.msg(Msg::Notice("copied".to_owned()));
    // The loop takes ticks last, so under a flood none may come.
    for _ in 0..10 {
        fixture.now = fixture.now.plus(Duration::from_secs(1));
        fixture.stream(&paper(), StreamEvent::Pong { latency: Duration::from_millis(1) });
    }
    assert!(fixture.model.toasts.is_empty());
}
