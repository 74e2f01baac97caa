//! Orders shown as working that the broker answers it does not have.

use super::*;

/// Live, with an order that the stream has reported and REST does not know.
fn denied() -> Fixture {
    let mut fixture = Fixture::live();
    fixture.stream(StreamEvent::Update(Box::new(update(TradeEvent::New, order("ghost"), Vec::new()))));
    fixture
}

#[test]
fn an_order_that_the_broker_denies_for_longer_than_rest_lags_is_named_and_ends_live() {
    let mut fixture = denied();
    fixture.pass(Duration::from_secs(11));
    assert!(fixture.session.state().is_live(), "REST may be behind the stream: {}", reason(&fixture));
    // The audit after the first denial comes early.
    fixture.pass(Duration::from_secs(25));
    assert!(!fixture.session.state().is_live());
    assert!(
        reason(&fixture).contains("the broker does not have order ghost, shown here as working"),
        "{}",
        reason(&fixture)
    );
    let working = fixture.session.freshness(Part::Working, fixture.now.mono);
    assert!(!working.whole && working.good.is_some(), "{working:?}");
    assert_eq!(fixture.blotter.working_count(), 1, "its outcome is unknown");
}

#[test]
fn the_fault_is_over_when_the_order_appears_or_has_ended() {
    for ends in [false, true] {
        let mut fixture = denied();
        fixture.pass(Duration::from_mins(3));
        assert!(!fixture.session.state().is_live());
        if ends {
            let mut ended = Order { status: OrderStatus::Canceled, ..order("ghost") };
            ended.updated_at = ended.updated_at.map(|at| at + Duration::from_secs(9));
            ended.canceled_at = ended.updated_at;
            fixture.stream(StreamEvent::Update(Box::new(update(TradeEvent::Canceled, ended, Vec::new()))));
        } else {
            fixture.orders.push(order("ghost"));
        }
        fixture.pass(Duration::from_mins(2));
        assert!(fixture.session.state().is_live(), "{ends}: {}", reason(&fixture));
        assert!(fixture.logs().contains("working orders: complete again"), "{}", fixture.logs());
    }
}

#[test]
fn two_denied_orders_are_counted() {
    let mut fixture = denied();
    fixture.stream(StreamEvent::Update(Box::new(update(TradeEvent::New, order("ghost2"), Vec::new()))));
    fixture.pass(Duration::from_mins(3));
    assert!(reason(&fixture).contains("order ghost and 1 more, shown here as working"), "{}", reason(&fixture));
}
