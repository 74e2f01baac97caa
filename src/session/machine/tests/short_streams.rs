//! Streams that listen and end soon after: REST is asked at once, polled after the third, and no fill is missed.

use super::*;

const ORDERS: Wanted = |request| matches!(request, Request::Orders(_));

fn end(fixture: &mut Fixture) {
    fixture.stream(StreamEvent::Closed(Closed::Lost { message: "the broker closed the stream: 1000".to_owned() }));
}

/// Lets time pass; every stream listens at once and ends after `life`.
fn flap(fixture: &mut Fixture, life: Duration, time: Duration) {
    let until = fixture.now.mono + time;
    while fixture.now.mono < until {
        fixture.pass(Duration::from_millis(100));
        if fixture.session.trying || fixture.session.state().word() == "connecting" {
            fixture.listen();
            fixture.pass(life);
            end(fixture);
        }
    }
}

/// A program whose third stream has ended after a second.
fn polling() -> Fixture {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("o"));
    flap(&mut fixture, Duration::from_secs(1), Duration::from_secs(8));
    assert_eq!(fixture.session.state().word(), "polling", "{}", fixture.logs());
    fixture
}

#[test]
fn rest_is_asked_at_once_when_a_stream_ends() {
    for after in [1, 40, 600] {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("o"));
        fixture.pass(Duration::from_secs(after));
        fixture.execute("o", 40, false);
        end(&mut fixture);
        assert_eq!((fixture.held(), fixture.session.state().word()), (Qty::whole(40), "reconnecting"), "{after}");
    }
}

#[test]
fn a_pass_in_progress_survives_the_end_of_its_stream() {
    for first in [true, false] {
        let mut fixture = if first { Fixture::new() } else { Fixture::live() };
        fixture.orders.push(order("o"));
        fixture.hangs = Some(ORDERS);
        if first {
            fixture.listen();
        } else {
            fixture.pass(Duration::from_secs(6));
        }
        let began = fixture.session.audits.pass_began;
        assert!(fixture.session.resync.is_some());
        end(&mut fixture);
        fixture.thaw();
        assert_eq!(fixture.session.audits.pass_began, began);
        assert_eq!(fixture.blotter.working_count(), 1, "its answers are merged");
        let asked = fixture.asked.len();
        fixture.pass(Duration::from_secs(2));
        fixture.listen();
        assert!(fixture.asked.len() > asked + 4, "and the next stream has a pass of its own");
        assert!(fixture.session.state().is_live());
    }
}

#[test]
fn held_updates_of_a_proven_account_are_merged_when_the_stream_ends() {
    for proven in [true, false] {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("o"));
        fixture.pass(Duration::from_secs(40));
        fixture.input(Input::Resync);
        fixture.failure = Some(RequestErrorKind::Server);
        fixture.listen();
        fixture.execute("o", 40, true);
        fixture.session.recognised = proven;
        end(&mut fixture);
        assert_eq!(fixture.held(), Qty::whole(if proven { 40 } else { 0 }));
        fixture.failure = None;
        fixture.pass(Duration::from_secs(10));
        assert_eq!(fixture.held(), Qty::whole(40), "and once, although REST reports it too");
    }
}

#[test]
fn three_streams_that_end_soon_are_polled_and_the_screen_says_why() {
    let mut fixture = polling();
    let reason = reason(&fixture);
    assert!(reason.contains("no stream lasts: the broker closed the stream"), "{reason}");
    assert!(Part::ALL.into_iter().all(|part| fixture.session.freshness(part, fixture.now.mono).current));
    for round in 1..=20 {
        fixture.execute("o", 1, false);
        flap(&mut fixture, Duration::from_secs(1), Duration::from_secs(30));
        assert_eq!(fixture.held(), Qty::whole(round), "{}", fixture.logs());
    }
}

#[test]
fn a_stream_that_keeps_ending_is_tried_ever_more_rarely() {
    let mut fixture = polling();
    let (opened, asked) = (fixture.opened.len(), fixture.asked.len());
    flap(&mut fixture, Duration::from_secs(1), Duration::from_mins(10));
    let tried = fixture.opened.len() - opened;
    assert!((4..=6).contains(&tried), "{tried} attempts in ten minutes");
    let a_minute = (fixture.asked.len() - asked) / 10;
    assert!(a_minute <= 80, "{a_minute} requests a minute");
    let (opened, gap) = (fixture.opened.len(), Duration::from_mins(5) + Duration::from_secs(2));
    flap(&mut fixture, Duration::from_secs(1), gap);
    assert!(fixture.opened.len() > opened, "at least every five minutes");
}

#[test]
fn a_stream_that_lasts_ends_the_polling_and_the_count() {
    let mut fixture = polling();
    while !fixture.session.trying {
        fixture.pass(Duration::from_secs(1));
    }
    fixture.listen();
    assert!(fixture.session.state().is_live());
    fixture.pass(Duration::from_secs(29));
    end(&mut fixture);
    assert_eq!(fixture.session.state().word(), "polling", "that was the fourth");
    while !fixture.session.trying {
        fixture.pass(Duration::from_secs(1));
    }
    fixture.listen();
    fixture.pass(Duration::from_secs(30));
    end(&mut fixture);
    assert_eq!(fixture.session.state().word(), "reconnecting", "that one lasted");
    let opened = fixture.opened.len();
    fixture.pass(Duration::from_secs(2));
    assert_eq!(fixture.opened.len(), opened + 1, "and the next is tried at once");
}

#[test]
fn streams_whose_first_pass_is_never_merged_have_not_lasted() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("o"));
    fixture.hangs = Some(|request| matches!(request, Request::Account));
    for _ in 0..3 {
        fixture.listen();
        fixture.pass(Duration::from_secs(40));
        end(&mut fixture);
        fixture.pass(Duration::from_secs(2));
    }
    fixture.thaw();
    fixture.pass(Duration::from_secs(10));
    assert_eq!(fixture.session.state().word(), "polling", "{}", fixture.logs());
}

#[test]
fn a_person_who_asks_gets_a_stream_at_once() {
    let mut fixture = polling();
    fixture.input(Input::Resync);
    fixture.listen();
    assert!(fixture.session.state().is_live());
    end(&mut fixture);
    assert_eq!(fixture.session.state().word(), "reconnecting", "it counts from the beginning");
}

#[test]
fn two_programs_that_take_the_stream_from_each_other_settle_and_stay_within_the_limit() {
    for seed in 0..20 {
        let mut programs = [Fixture::new(), Fixture::new()];
        for (number, fixture) in programs.iter_mut().enumerate() {
            fixture.session.jitter = crate::session::backoff::Jitter::new(seed * 2 + number as u64);
            fixture.orders.push(order("o"));
        }
        let mut owner = None;
        let mut changes = Vec::new();
        for step in 0..6_000 {
            for number in 0..2 {
                programs[number].pass(Duration::from_millis(100));
                if programs[number].session.trying || programs[number].session.state().word() == "connecting" {
                    programs[number].listen();
                    if let Some(other) = owner.replace(number).filter(|other| *other != number) {
                        changes.push(step / 600);
                        end(&mut programs[other]);
                    }
                }
            }
        }
        let late = changes.iter().filter(|minute| **minute >= 5).count();
        assert!(changes.len() <= 20 && late <= 6, "seed {seed}: the stream changed hands in minutes {changes:?}");
        for fixture in &programs {
            assert!(fixture.asked.len() <= 10 * 80 + 120, "{} requests in ten minutes", fixture.asked.len());
        }
    }
}
