//! Orders that are shown as working and that the broker answers it does not have.

use super::*;

fn reason(desk: &Desk) -> String {
    desk.session.state().reason().unwrap_or_default().to_owned()
}

/// Live, with an order that the stream has told and that no answer of REST knows.
fn denied() -> Desk {
    let mut desk = Desk::live();
    desk.stream(StreamEvent::Update(Box::new(update(TradeEvent::New, order("ghost"), Vec::new()))));
    desk
}

#[test]
fn an_order_that_the_broker_denies_for_longer_than_rest_lags_is_named_and_takes_the_word_live_away() {
    let mut desk = denied();
    desk.pass(Duration::from_secs(11));
    assert!(desk.session.state().is_live(), "REST may be behind the stream: {}", reason(&desk));
    // The audit after the first that is told so does not wait for its turn.
    desk.pass(Duration::from_secs(25));
    assert!(!desk.session.state().is_live());
    assert!(reason(&desk).contains("the broker does not have order ghost, shown here as working"), "{}", reason(&desk));
    let working = desk.session.freshness(Part::Working, desk.now.mono);
    assert!(!working.whole && working.good.is_some(), "{working:?}");
    assert_eq!(desk.blotter.working_count(), 1, "what became of it is not known");
}

#[test]
fn it_is_over_when_the_order_is_there_after_all_or_has_ended() {
    for ends in [false, true] {
        let mut desk = denied();
        desk.pass(Duration::from_mins(3));
        assert!(!desk.session.state().is_live());
        if ends {
            let mut ended = Order { status: OrderStatus::Canceled, ..order("ghost") };
            ended.updated_at = ended.updated_at.map(|at| at + Duration::from_secs(9));
            ended.canceled_at = ended.updated_at;
            desk.stream(StreamEvent::Update(Box::new(update(TradeEvent::Canceled, ended, Vec::new()))));
        } else {
            desk.orders.push(order("ghost"));
        }
        desk.pass(Duration::from_mins(2));
        assert!(desk.session.state().is_live(), "{ends}: {}", reason(&desk));
        assert!(desk.logs().contains("working orders: answered in full again"), "{}", desk.logs());
    }
}

#[test]
fn two_that_are_denied_are_counted() {
    let mut desk = denied();
    desk.stream(StreamEvent::Update(Box::new(update(TradeEvent::New, order("ghost2"), Vec::new()))));
    desk.pass(Duration::from_mins(3));
    assert!(reason(&desk).contains("order ghost and 1 more, shown here as working"), "{}", reason(&desk));
}
