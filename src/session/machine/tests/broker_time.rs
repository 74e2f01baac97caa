//! Times far ahead of the broker's clock, and a broker's clock that is wrong.

use super::late::at;
use super::*;

#[test]
fn a_time_far_ahead_neither_starts_a_pass_nor_hides_what_comes_before_it() {
    for (restarted, ahead) in [(false, 400 * 86_400), (true, 400 * 86_400), (false, 0)] {
        let mut fixture = Fixture::live();
        fixture.session.set_broker_time(at(1_000).unwrap());
        fixture.orders = vec![order("wrong"), order("o")];
        fixture.execute("wrong", 10, true);
        let wrong = at(1_000 + ahead);
        let frame = {
            let last = fixture.rows.last_mut().unwrap();
            let ActivityKind::Fill { at: row, .. } = &mut last.kind else { panic!() };
            *row = wrong;
            fixture.orders[0].updated_at = wrong;
            fixture.orders[0].clone()
        };
        fixture.reported(TradeEvent::PartialFill, frame);
        fixture.pass(Duration::from_mins(2));
        if restarted {
            let (fills, orders) = (wrong, wrong);
            let account = fixture.session.account.clone().unwrap();
            fixture.session.resume_from(account, fills, orders);
            fixture.input(Input::Resync);
            fixture.listen();
        }
        // Lost by the stream; only rows tell of it.
        fixture.execute("o", 40, false);
        fixture.pass(Duration::from_mins(2));
        assert_eq!(fixture.held(), Qty::whole(50), "{restarted} {ahead}: {}", fixture.logs());
        assert!(fixture.session.watermark().0 <= at(4_700), "{restarted} {ahead}");
    }
}

#[test]
fn a_clock_of_the_broker_that_is_behind_ours_drops_no_mark() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("o")];
    fixture.execute("o", 10, true);
    fixture.pass(Duration::from_mins(2));
    let mark = fixture.session.watermark();
    assert!(mark.0.is_some());
    fixture.session.set_broker_time(Timestamp::UNIX_EPOCH);
    fixture.input(Input::Resync);
    fixture.pass(Duration::from_mins(2));
    assert_eq!(fixture.session.watermark(), mark);
    let since_the_beginning =
        |request: &Request| matches!(request, Request::Orders(query) if query.after == Some(Timestamp::UNIX_EPOCH));
    assert!(!fixture.asked.iter().any(since_the_beginning), "{:?}", fixture.asked);
}
