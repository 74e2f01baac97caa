use super::*;
use crate::domain::market::MarketClock;

#[test]
fn every_known_account_connects_and_becomes_live() {
    let desk = Desk::two();
    assert_eq!((desk.state(0), desk.state(1)), ("live", "live"));
    assert_eq!(desk.model.counts(), [("live", 2)]);
    assert!(desk.model.accounts.all()[0].account.is_some());
}

#[test]
fn a_lost_stream_comes_back_by_itself_and_brings_what_was_missed() {
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    desk.up = false;
    desk.stream(&paper(), StreamEvent::Closed(Closed::Lost { message: "reset".to_owned() }));
    assert_eq!(desk.state(0), "reconnecting");
    assert_eq!(desk.shown(), ["a"], "what is known stays on the screen");
    desk.orders.push((paper(), order("b", "MSFT", Side::Sell, 5, 2)));
    desk.up = true;
    desk.pass(Duration::from_secs(40));
    assert_eq!(desk.state(0), "live");
    assert_eq!(desk.shown(), ["b", "a"]);
    assert!(desk.model.accounts.all()[0].log.len() > 2, "the history tells of it");
}

#[test]
fn a_refused_token_is_an_error_that_stays_until_it_is_read() {
    let mut desk = Desk::holding(&[]);
    desk.refuse = Some(RequestErrorKind::Unauthorized);
    desk.keys("r");
    desk.pass(Duration::from_secs(5));
    assert_eq!((desk.state(0), desk.model.unread_errors()), ("needs relink", 1), "{:?}", desk.model.errors);
    let let_go = |effect: &&Effect| **effect == Effect::Account(AccountEffect::LetGo { link: paper() });
    assert_eq!(desk.seen.iter().filter(let_go).count(), 1, "another instance may stream it");
    desk.pass(Duration::from_mins(5));
    assert_eq!(desk.model.unread_errors(), 1, "time does not read errors");
    desk.refuse = None;
    desk.keys("r");
    desk.pass(Duration::from_secs(5));
    assert_eq!(desk.state(0), "live", "a refusal may heal by itself");
    assert!(desk.model.errors[0].over.is_some(), "what is no longer true is marked as over");
    assert_eq!(desk.model.unread_errors(), 1, "and still to be read");
    desk.keys("E");
    assert_eq!((desk.model.unread_errors(), desk.model.errors.len()), (0, 1), "reading does not remove them");
}

#[test]
fn fetching_everything_again_asks_for_the_clock_and_the_curve_too() {
    let mut desk = Desk::holding(&[]);
    let asks = |desk: &Desk| {
        let clocks =
            desk.seen.iter().filter(|effect| matches!(effect, Effect::Account(AccountEffect::AskClock { .. }))).count();
        let curve = |effect: &&Effect| {
            matches!(effect, Effect::Account(AccountEffect::Request { request: Request::History { .. }, .. }))
        };
        (clocks, desk.seen.iter().filter(curve).count())
    };
    assert_eq!(asks(&desk), (1, 1));
    desk.keys("r");
    assert_eq!((desk.state(0), asks(&desk)), ("live", (2, 2)));
}

#[test]
fn a_stream_that_has_to_wait_keeps_neither_clock_nor_curve_waiting() {
    let mut desk = Desk::empty();
    desk.up = false;
    desk.begin(&[link("paper", Environment::Paper)]);
    let retry_after = Some(Duration::from_mins(2));
    let refused = Closed::Connect { status: Some(429), message: "too many".to_owned(), retry_after };
    desk.stream(&paper(), StreamEvent::Closed(refused));
    desk.pass(Duration::from_secs(5));
    assert_eq!(desk.state(0), "reconnecting");
    assert!(desk.seen.iter().any(|effect| matches!(effect, Effect::Account(AccountEffect::AskClock { .. }))));
    assert!(desk.seen.iter().any(|effect| matches!(
        effect,
        Effect::Account(AccountEffect::Request { request: Request::History { .. }, .. })
    )));
}

#[test]
fn trouble_stays_and_notices_pass() {
    let mut desk = Desk::empty();
    desk.msg(Msg::Trouble("the log cannot be written".to_owned()));
    desk.msg(Msg::Notice("copied".to_owned()));
    desk.pass(Duration::from_secs(30));
    assert!(desk.model.toasts.is_empty());
    assert_eq!(desk.model.unread_errors(), 1);
}

#[test]
fn what_is_not_on_disk_is_said_once_and_marked_until_it_is() {
    let mut desk = Desk::empty();
    let reason = "another program holds its lock";
    desk.msg(Msg::Unsaved(Some(reason.to_owned())));
    desk.pass(Duration::from_secs(30));
    assert_eq!((desk.model.unsaved.as_deref(), desk.model.unread_errors()), (Some(reason), 1));
    desk.msg(Msg::Unsaved(None));
    assert_eq!((desk.model.unsaved.as_deref(), desk.model.unread_errors()), (None, 1));
    assert!(desk.toast().contains("everything shown is saved"), "{}", desk.toast());
    desk.msg(Msg::Behind(12_345));
    let last = desk.model.errors.back().unwrap().text.clone();
    assert!(last.contains("12345 records behind") && !last.contains("cannot"), "{last}");
    assert!(desk.model.unsaved.is_some(), "it is marked all the same");
}

#[test]
fn a_new_fill_flashes_once_and_rings_once_a_second_and_none_goes_untold() {
    let mut desk = Desk::with(Program { bell: true, notify: true, ..Program::default() });
    desk.begin(&[link("paper", Environment::Paper)]);
    assert!(!desk.saw(&Effect::Bell), "history is no news");
    let told = |desk: &Desk| {
        let text = |effect: &Effect| match effect {
            Effect::Notify { text } => Some(text.clone()),
            _ => None,
        };
        let bells = desk.seen.iter().filter(|effect| **effect == Effect::Bell).count();
        (bells, desk.seen.iter().filter_map(text).collect::<Vec<_>>())
    };
    for (index, (id, qty)) in [("a", 10), ("b", 20), ("c", 30)].into_iter().enumerate() {
        desk.fill(&paper(), order(id, "AAPL", Side::Buy, qty, i64::try_from(index).unwrap()), 11);
    }
    assert_eq!(desk.model.flashes.len(), 3);
    let first = "BUY 10 AAPL @ 11.00 · paper";
    assert_eq!(told(&desk), (1, vec![first.to_owned()]));
    desk.pass(Duration::from_secs(2));
    assert!(desk.model.flashes.is_empty());
    let others = "BUY 30 AAPL @ 11.00 · paper (and 1 more)";
    assert_eq!(told(&desk), (2, vec![first.to_owned(), others.to_owned()]));
    desk.fill(&paper(), order("d", "AAPL", Side::Buy, 40, 3), 11);
    desk.fill(&paper(), order("e", "AAPL", Side::Buy, 50, 4), 11);
    assert_eq!(told(&desk).0, 3);
    desk.pass(Duration::from_secs(3));
    let (bells, texts) = told(&desk);
    assert_eq!((bells, texts.last().map(String::as_str)), (4, Some("BUY 50 AAPL @ 11.00 · paper")));
    desk.pass(Duration::from_secs(3));
    assert_eq!(told(&desk).0, 4, "each once");
}

#[test]
fn flashes_can_be_turned_off() {
    let mut desk = Desk::with(Program { flash: false, ..Program::default() });
    desk.begin(&[link("paper", Environment::Paper)]);
    desk.fill(&paper(), order("a", "AAPL", Side::Buy, 10, 1), 11);
    assert!(desk.model.flashes.is_empty());
    assert_eq!(desk.model.rows.tape.rows.len(), 1);
}

#[test]
fn a_rejection_is_said() {
    let mut desk = Desk::two();
    let mut refused = order("a", "AAPL", Side::Buy, 10, 1);
    refused.status = OrderStatus::Rejected;
    desk.tell(&paper(), TradeEvent::Rejected, refused, None);
    assert!(desk.toast().contains("order rejected: BUY 10 AAPL"), "{}", desk.toast());
}

#[test]
fn a_quiet_account_wakes_the_program_once_a_second_and_draws_no_more_often() {
    let mut desk = Desk::two();
    desk.pass(Duration::from_mins(1));
    let end = desk.now.plus(Duration::from_secs(20));
    let (mut wakes, mut frames) = (0, 0);
    while let Some(at) = desk.model.next_deadline(desk.now).filter(|at| *at <= end.mono) {
        desk.now = desk.now.plus(at.since(desk.now.mono));
        desk.model.dirty = false;
        desk.msg(Msg::Tick);
        wakes += 1;
        frames += u32::from(desk.model.dirty);
    }
    assert!(wakes <= 24, "{wakes} wake-ups in 20 s");
    assert!((19..=21).contains(&frames), "{frames} frames in 20 s");
}

#[test]
fn a_pong_alone_draws_nothing() {
    let mut desk = Desk::two();
    desk.model.dirty = false;
    desk.stream(&paper(), StreamEvent::Pong { latency: Duration::from_millis(30) });
    assert!(!desk.model.dirty);
}

#[test]
fn the_clock_is_asked_at_start_and_after_the_market_turned() {
    let mut desk = Desk::two();
    let asks = |desk: &Desk| {
        desk.seen.iter().filter(|effect| matches!(effect, Effect::Account(AccountEffect::AskClock { .. }))).count()
    };
    assert_eq!(asks(&desk), 1);
    let in_minutes = |minutes| start().checked_add(Duration::from_mins(minutes)).unwrap();
    let clock = MarketClock { at: start(), is_open: true, next_open: in_minutes(600), next_close: in_minutes(10) };
    let mut passed = Duration::ZERO;
    let mut asked = Vec::new();
    // The exchange's clock goes as ours does: asked ever more rarely, and soon after the bell.
    for _ in 0..800 {
        let known = asks(&desk) - asked.len();
        if known > 0 {
            asked.push(passed.as_secs());
            let at = start().checked_add(passed).unwrap();
            desk.msg(Msg::Clock(Ok(MarketClock { at, ..clock })));
        }
        passed += Duration::from_secs(1);
        desk.pass(Duration::from_secs(1));
    }
    assert_eq!(asked[..8], [0, 5, 15, 35, 75, 155, 315, 602], "{asked:?}");
}

#[test]
fn a_clock_that_is_faster_than_ours_is_asked_often() {
    let mut desk = Desk::two();
    let asks = |desk: &Desk| {
        desk.seen.iter().filter(|effect| matches!(effect, Effect::Account(AccountEffect::AskClock { .. }))).count()
    };
    let later = |seconds| start().checked_add(Duration::from_secs(seconds)).unwrap();
    for step in 0..20_u64 {
        let clock =
            MarketClock { at: later(step * 300), is_open: true, next_open: later(99_000), next_close: later(90_000) };
        desk.msg(Msg::Clock(Ok(clock)));
        desk.pass(Duration::from_secs(5));
        assert_eq!(asks(&desk), usize::try_from(step).unwrap() + 2);
    }
}

#[test]
fn a_clock_that_does_not_answer_is_asked_again_later_and_not_at_once() {
    let mut desk = Desk::two();
    desk.msg(Msg::Clock(Err(failure(RequestErrorKind::Server, "oops"))));
    let asks = |desk: &Desk| {
        desk.seen.iter().filter(|effect| matches!(effect, Effect::Account(AccountEffect::AskClock { .. }))).count()
    };
    desk.pass(Duration::from_secs(50));
    assert_eq!(asks(&desk), 1);
    desk.pass(Duration::from_secs(20));
    assert_eq!(asks(&desk), 2);
    assert_eq!(desk.model.unread_errors(), 0);
}

#[test]
fn a_paused_account_stays_paused_and_the_same_key_starts_it() {
    let mut desk = Desk::two();
    desk.keys("p");
    assert_eq!(desk.state(0), "paused");
    desk.msg(Msg::Resumed);
    desk.pass(Duration::from_mins(2));
    assert_eq!(desk.state(0), "paused");
    desk.keys("p");
    assert_eq!(desk.state(0), "live");
}

#[test]
fn waking_from_sleep_starts_every_connection_anew() {
    let mut desk = Desk::two();
    let before: Vec<Epoch> = desk.epochs.iter().map(|(_, epoch)| *epoch).collect();
    desk.msg(Msg::Resumed);
    assert!(desk.epochs.iter().zip(before).all(|((_, after), before)| *after > before));
}

#[test]
fn a_flood_of_messages_does_not_stop_the_clock() {
    let mut desk = Desk::two();
    desk.msg(Msg::Notice("copied".to_owned()));
    // The loop takes ticks last, so under a flood none may come.
    for _ in 0..10 {
        desk.now = desk.now.plus(Duration::from_secs(1));
        desk.stream(&paper(), StreamEvent::Pong { latency: Duration::from_millis(1) });
    }
    assert!(desk.model.toasts.is_empty());
}
