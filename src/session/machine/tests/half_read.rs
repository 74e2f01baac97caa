//! Orders that were read in part: when they are requested by their ids, and when no longer.

use super::late::at;
use super::*;

impl Fixture {
    /// A session to which the open list has shown order `o` with a price that cannot be read.
    fn half_read() -> Self {
        let mut fixture = Self::live();
        fixture.orders.push(order("o"));
        let why = "a price that is none".to_owned();
        fixture.unread = vec![Unread { row: "F o".to_owned(), id: Some("o".into()), why }];
        fixture.pass(Duration::from_mins(2));
        assert_eq!(fixture.asked_by_id(), 0, "the lists show it");
        fixture
    }

    /// The order ends, and is listed behind the pages that a pass reads.
    fn hide(&mut self) {
        let canceled = Order { status: OrderStatus::Canceled, updated_at: at(500), ..order("o") };
        let newer = |n: i64| Order {
            status: OrderStatus::Canceled,
            submitted_at: at(1_000 + 10 * n),
            updated_at: at(1_000 + 10 * n),
            ..order(&format!("n{n}"))
        };
        self.orders = (0..1_200).map(newer).collect();
        self.orders.insert(0, canceled.clone());
        self.unread.clear();
        self.session.since = Since { fills: None, orders: at(13_000) };
        self.reported(TradeEvent::Canceled, canceled);
    }

    fn asked_by_id(&self) -> usize {
        self.asked.iter().filter(|request| **request == Request::Order("o".into())).count()
    }
}

#[test]
fn an_order_that_was_read_in_part_and_left_the_lists_is_requested_by_its_id_until_it_is_read_whole() {
    let mut fixture = Fixture::half_read();
    fixture.hide();
    fixture.fails = Some((|request| matches!(request, Request::Order(_)), RequestErrorKind::Server));
    fixture.pass(Duration::from_mins(2));
    let failed = fixture.asked_by_id();
    assert!(failed > 0, "{}", fixture.logs());
    fixture.fails = None;
    fixture.pass(Duration::from_mins(2));
    let read = fixture.asked_by_id();
    assert!(read > failed);
    fixture.pass(Duration::from_mins(10));
    assert_eq!(fixture.asked_by_id(), read, "it was read");
}

#[test]
fn an_order_whose_own_text_stays_unreadable_is_not_requested_without_end() {
    let mut fixture = Fixture::half_read();
    fixture.hide();
    fixture.unread_by_id = true;
    fixture.pass(Duration::from_mins(30));
    let asked = fixture.asked_by_id();
    assert!((2..=5).contains(&asked), "{asked}");
    fixture.pass(Duration::from_hours(2));
    assert_eq!(fixture.asked_by_id(), asked);
}
