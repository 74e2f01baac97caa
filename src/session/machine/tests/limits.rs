//! Rate limits of one endpoint: everything else is still requested and shown.

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
                // Nothing else can be attributed to an account then.
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
                // Only the account confirms positions.
                let unconfirmed = |part: Part| of == Part::Account && part == Part::Positions;
                for (_, part) in all.into_iter().filter(|(_, part)| *part != of && !unconfirmed(*part)) {
                    let good = fixture.session.freshness(part, fixture.now.mono).good;
                    let age = good.map(|good| fixture.now.mono.since(good.mono));
                    // Quiet lists are requested every five minutes while the stream is up.
                    let longest =
                        if phase == "polling" || part == Part::Account || part == Part::Positions { 80 } else { 310 };
                    // A pass may wait before its first answer and before its last, and its data is as old as the first.
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
fn answers_after_an_outage_do_not_wait_for_a_limited_list() {
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
fn balances_and_positions_that_are_limited_by_themselves_wait_alone() {
    let year = Some(Duration::from_hours(8_760));
    for (which, of, retry_after) in
        [(ACCOUNT, Part::Account, year), (POSITIONS, Part::Positions, year), (POSITIONS, Part::Positions, None)]
    {
        for phase in ["polling", "live", "reconnected"] {
            let mut fixture = Fixture::with_a_fill();
            fixture.positions.push(Position::unread("AAPL".into()));
            match phase {
                "polling" => fixture.stream(StreamEvent::Closed(Closed::Elsewhere)),
                "reconnected" => fixture.stream(StreamEvent::Closed(Closed::Silent)),
                _ => {}
            }
            fixture.pass(Duration::from_secs(if phase == "reconnected" { 2 } else { 60 }));
            fixture.fails = Some((which, RequestErrorKind::RateLimited { retry_after }));
            let asked = fixture.asked.len();
            if phase == "reconnected" {
                fixture.listen();
            }
            // The refusal occurs both between passes and within one.
            let rhythm = if phase == "polling" { 10 } else { 70 };
            for round in 0..4 {
                let before = fixture.held();
                fixture.execute("o", 1, false);
                fixture.pass(Duration::from_secs(rhythm));
                if phase != "polling" && !fixture.session.follows() {
                    // A stream that left this out is replaced.
                    fixture.listen();
                }
                assert_ne!(fixture.held(), before, "{of} while {phase}, round {round}: {}", fixture.logs());
            }
            for (part, name) in [(Part::Account, "balances"), (Part::Positions, "positions")] {
                let good = fixture.session.freshness(part, fixture.now.mono).good.unwrap();
                let late = fixture.now.mono.since(good.mono) > Duration::from_secs(20);
                // Only the account confirms positions.
                assert_eq!(
                    late,
                    part == of || of == Part::Account,
                    "{name} while {of} is limited and {phase}: {}",
                    fixture.logs()
                );
            }
            if retry_after.is_some() {
                let times = fixture.asked.iter().skip(asked).filter(|request| which(request)).count();
                assert!(times <= 4, "no request before its own wait is over: {times} times");
                assert!(!fixture.session.state().is_live(), "{of} {phase}");
                let named = format!("{of}: ");
                let state = fixture.session.state();
                assert!(state.reason().is_some_and(|reason| reason.contains(&named)), "{of} {phase} {state:?}");
            }
        }
    }
}

#[test]
fn two_endpoints_refused_together_make_everything_wait_once() {
    let mut fixture = Fixture::with_a_fill();
    fixture.positions.push(Position::unread("AAPL".into()));
    let both: Wanted = |request| matches!(request, Request::Account | Request::Positions);
    fixture.fails = Some((both, limited(60)));
    fixture.pass(Duration::from_secs(11));
    let asked = fixture.asked.len();
    fixture.pass(Duration::from_secs(45));
    assert_eq!(fixture.asked.len(), asked, "everything waits");
    assert!(fixture.logs().is_empty() || !fixture.session.state().is_live());
    // Other requests were answered after that wait: an endpoint that is still refused is limited by itself.
    fixture.pass(Duration::from_secs(25));
    for _ in 0..3 {
        let before = fixture.held();
        fixture.execute("o", 1, false);
        fixture.pass(Duration::from_secs(70));
        assert_ne!(fixture.held(), before, "{}", fixture.logs());
    }
}

#[test]
fn a_person_ends_a_wait_of_balances_alone() {
    let mut fixture = Fixture::with_a_fill();
    fixture.positions.push(Position::unread("AAPL".into()));
    fixture.fails = Some((ACCOUNT, limited(600)));
    fixture.pass(Duration::from_secs(20));
    fixture.fails = None;
    fixture.input(Input::Resync);
    fixture.listen();
    assert!(fixture.session.state().is_live(), "{:?}", fixture.session.state());
}

#[test]
fn a_first_start_whose_account_is_limited_says_why_nothing_is_shown_and_until_when() {
    for phase in ["listening", "polling", "refused"] {
        let mut fixture = Fixture::new();
        fixture.fails = Some((ACCOUNT, limited(100)));
        fixture.orders.push(order("o"));
        let retry_after = Some(Duration::from_mins(2));
        let refused = Closed::Connect { status: Some(429), message: "slow down".to_owned(), retry_after };
        match phase {
            "listening" => fixture.listen(),
            "polling" => fixture.stream(StreamEvent::Closed(Closed::Elsewhere)),
            _ => fixture.stream(StreamEvent::Closed(refused)),
        }
        fixture.execute("o", 40, phase == "listening");
        fixture.pass(Duration::from_secs(4));
        let (until, reason) = match fixture.session.state() {
            ConnectionState::Syncing { until, reason, .. } => (*until, reason.clone().unwrap()),
            ConnectionState::Polling { until, reason, .. } => (*until, reason.clone()),
            state => panic!("{phase}: {state:?}"),
        };
        assert_eq!(until, Some(Mono::from_millis(100_000)), "{phase}");
        assert!(reason.contains("nothing else is shown until the account answers"), "{phase}: {reason}");
        assert!(reason.contains("asked to wait 100 s"), "{phase}: {reason}");
        fixture.seen.clear();
        fixture.pass(Duration::from_secs(90));
        let reported = fixture.seen.iter().filter(|output| matches!(output, Output::State(_))).count();
        assert_eq!((reported, fixture.held()), (0, Qty::ZERO), "the words hold for all of the wait");
        fixture.fails = None;
        fixture.pass(Duration::from_secs(10));
        assert_eq!(fixture.held(), Qty::whole(40), "{phase}: {:?}", fixture.session.state());
        let ends = if phase == "listening" { "live" } else { "polling" };
        assert_eq!(fixture.session.state().word(), ends);
        assert!(!fixture.session.state().reason().unwrap_or_default().contains("nothing else is shown"));
    }
}

#[test]
fn a_first_start_whose_account_hangs_says_why_nothing_is_shown() {
    for polls in [false, true] {
        let mut fixture = Fixture::new();
        fixture.hangs = Some(ACCOUNT);
        if polls {
            fixture.stream(StreamEvent::Closed(Closed::Elsewhere));
        } else {
            fixture.listen();
        }
        fixture.pass(Duration::from_secs(4));
        assert!(reason(&fixture).contains("nothing else is shown until the account answers"), "{}", reason(&fixture));
    }
}
