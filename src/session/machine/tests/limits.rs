//! Request limits of one endpoint: what else is answered is shown, and asked for again.

use super::*;

const ACCOUNT: Wanted = |request| matches!(request, Request::Account);
const POSITIONS: Wanted = |request| matches!(request, Request::Positions);
const ORDERS: Wanted = |request| matches!(request, Request::Orders(_));
const FILLS: Wanted = |request| matches!(request, Request::Activities(_));

fn limited(seconds: u64) -> RequestErrorKind {
    RequestErrorKind::RateLimited { retry_after: Some(Duration::from_secs(seconds)) }
}

#[test]
fn an_endpoint_limited_by_itself_starves_no_other() {
    let all =
        [(ACCOUNT, Part::Account), (POSITIONS, Part::Positions), (ORDERS, Part::Working), (FILLS, Part::Executions)];
    for (which, of) in all {
        for (phase, wait) in
            [("live", 30), ("live", 100), ("polling", 30), ("polling", 100), ("reconnected", 30), ("started", 30)]
        {
            let mut fixture = if phase == "started" { Fixture::new() } else { Fixture::with_a_fill() };
            let case = format!("{of} limited for {wait} s while {phase}");
            if phase == "started" && of == Part::Account {
                // Whose everything else is nobody knows then.
                continue;
            }
            fixture.positions.push(Position::unread("AAPL".into()));
            match phase {
                "polling" => fixture.stream(StreamEvent::Closed(Closed::Elsewhere)),
                "reconnected" => fixture.stream(StreamEvent::Closed(Closed::Silent)),
                _ => {}
            }
            fixture.fails = Some((which, limited(wait)));
            if phase == "started" {
                fixture.input(Input::Connect);
            }
            if phase == "reconnected" {
                fixture.pass(Duration::from_secs(2));
            }
            if phase == "started" || phase == "reconnected" {
                fixture.listen();
            }
            for _ in 0..60 {
                fixture.pass(Duration::from_secs(10));
                if fixture.now.mono < Mono::from_millis(1000 * (wait + 60)) {
                    continue;
                }
                for (_, part) in all.into_iter().filter(|(_, part)| *part != of) {
                    let good = fixture.session.freshness(part, fixture.now.mono).good;
                    let age = good.map(|good| fixture.now.mono.since(good.mono));
                    // Quiet lists are asked for every five minutes while a stream tells.
                    let longest =
                        if phase == "polling" || part == Part::Account || part == Part::Positions { 80 } else { 310 };
                    // A pass may wait before its first answer and before its last, and what it brings is as old as the first.
                    assert!(
                        age.is_some_and(|age| age <= Duration::from_secs(longest + 2 * wait)),
                        "{case}: {part} is {age:?} old: {}",
                        fixture.logs()
                    );
                }
            }
        }
    }
}

#[test]
fn what_answers_after_an_outage_waits_for_no_list_that_is_limited() {
    for wait in [30, 100] {
        let mut fixture = Fixture::with_a_fill();
        fixture.stream(StreamEvent::Closed(Closed::Silent));
        fixture.execute("o", 20, false);
        fixture.fails = Some((ORDERS, limited(wait)));
        fixture.pass(Duration::from_secs(2));
        fixture.listen();
        fixture.pass(Duration::from_secs(10));
        assert_eq!(fixture.held(), Qty::whole(60), "{}", fixture.logs());
        assert!(!fixture.session.state().is_live());
    }
}

#[test]
fn a_long_wait_while_polling_keeps_back_nothing_that_was_answered_before_it() {
    for which in [ACCOUNT, POSITIONS] {
        let mut fixture = Fixture::with_a_fill();
        fixture.stream(StreamEvent::Closed(Closed::Elsewhere));
        assert_eq!(fixture.session.state().word(), "polling");
        fixture.pass(Duration::from_mins(1));
        let year = Some(Duration::from_hours(8_760));
        fixture.fails = Some((which, RequestErrorKind::RateLimited { retry_after: year }));
        fixture.execute("o", 20, false);
        fixture.pass(Duration::from_secs(15));
        assert_eq!(fixture.held(), Qty::whole(60), "{}", fixture.logs());
        // What happens during the wait is not known, and nothing claims to be of now.
        fixture.execute("o", 10, false);
        fixture.pass(Duration::from_secs(100));
        assert_eq!(fixture.held(), Qty::whole(60));
        for part in [Part::Working, Part::Executions] {
            let good = fixture.session.freshness(part, fixture.now.mono).good.unwrap();
            assert!(fixture.now.mono.since(good.mono) >= Duration::from_secs(100), "{part}");
            assert!(!fixture.session.freshness(part, fixture.now.mono).current, "{part}");
        }
        fixture.pass(Duration::from_secs(30));
        assert_eq!(fixture.held(), Qty::whole(70), "{}", fixture.logs());
    }
}
