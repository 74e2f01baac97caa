//! Lists too long for one turn of the loop.

use proptest::prelude::*;

use super::*;
use crate::app::refresh;

const SLICE: usize = 8;

fn long(count: i64) -> Fixture {
    let orders: Vec<Order> = (0..count)
        .map(|n| {
            let symbol = ["AAPL", "AMD", "MSFT", "F"][usize::try_from(n).unwrap() % 4];
            let side = if n % 3 == 0 { Side::Buy } else { Side::Sell };
            order(&format!("o{n}"), symbol, side, n * 7 % 31 + 1, n)
        })
        .collect();
    let mut fixture = Fixture::holding(&orders);
    fixture.model.rows.slice = SLICE;
    fixture
}

fn finish(fixture: &mut Fixture) {
    let mut turns = 0;
    while fixture.model.has_work() {
        fixture.msg(Msg::Work);
        turns += 1;
        assert!(turns < 1000, "it never ends");
    }
}

fn shown(fixture: &Fixture) -> Vec<String> {
    fixture.shown().into_iter().map(str::to_owned).collect()
}

#[test]
fn while_a_long_list_is_sorted_the_old_rows_stand_and_keys_act_on_them() {
    let mut fixture = long(50);
    let before = shown(&fixture);
    fixture.keys("s s s");
    assert!(fixture.model.has_work());
    assert_eq!(shown(&fixture), before, "nothing moves under the cursor yet");
    fixture.keys("j j j");
    let chosen = fixture.selected().to_owned();
    assert_eq!(chosen, before[3]);
    fixture.msg(Msg::Work);
    assert_eq!(shown(&fixture), before);
    finish(&mut fixture);
    assert_ne!(shown(&fixture), before);
    assert_eq!(fixture.selected(), chosen, "the cursor stays on its order");
}

#[test]
fn a_filter_taken_back_before_it_was_applied_costs_nothing() {
    let mut fixture = long(50);
    let before = shown(&fixture);
    fixture.keys("/ f backspace");
    assert!(!fixture.model.has_work());
    assert_eq!(shown(&fixture), before);
}

#[test]
fn the_orders_of_another_account_never_stand_in_for_those_to_come() {
    let orders: Vec<Order> = (0..50).map(|n| order(&format!("p{n}"), "AAPL", Side::Buy, 1, n)).collect();
    let mut fixture = Fixture::two();
    for order in orders {
        fixture.tell(&paper(), TradeEvent::New, order, None);
    }
    fixture.model.rows.slice = SLICE;
    assert!(fixture.shown().len() >= 50);
    fixture.keys("]");
    assert_eq!(fixture.model.shown_account().unwrap().link.id, real());
    assert!(fixture.shown().iter().all(|id| !id.starts_with('p')), "{:?}", fixture.shown());
    fixture.keys("[");
    assert!(fixture.model.has_work() && fixture.shown().is_empty());
    finish(&mut fixture);
    assert!(fixture.shown().len() >= 50);
}

#[derive(Debug, Clone)]
enum Step {
    Keys(&'static str),
    Filter(&'static str),
    Fill(usize),
    New(i64),
    Work,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        prop::sample::select(vec!["s", "S", "j", "G", "space", "z"]).prop_map(Step::Keys),
        prop::sample::select(vec!["a", "aa", "side:buy", "f", ""]).prop_map(Step::Filter),
        (0_usize..40).prop_map(Step::Fill),
        (100_i64..200).prop_map(Step::New),
        Just(Step::Work),
        Just(Step::Work),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Whatever happens between two slices, the list ends as one that is made at once.
    #[test]
    fn a_list_made_in_slices_is_the_list_made_at_once(steps in prop::collection::vec(step(), 0..60)) {
        let mut fixture = long(40);
        for step in steps {
            match step {
                Step::Keys(keys) => fixture.keys(keys),
                Step::Filter(text) => {
                    fixture.keys("/ ctrl-u");
                    fixture.text(text);
                    fixture.keys("enter");
                }
                Step::Fill(n) => {
                    let known = fixture.orders.get(n).map(|(_, order)| order.clone());
                    if let Some(order) = known.filter(|order| order.status.is_working()) {
                        fixture.fill(&paper(), order, 11);
                    }
                }
                Step::New(n) => fixture.tell(&paper(), TradeEvent::New, order(&format!("n{n}"), "AAPL", Side::Buy, n, n), None),
                Step::Work => fixture.msg(Msg::Work),
            }
            let rows = shown(&fixture);
            let different: std::collections::BTreeSet<&String> = rows.iter().collect();
            prop_assert_eq!(different.len(), rows.len(), "a duplicate row");
        }
        finish(&mut fixture);
        let rows = shown(&fixture);
        fixture.model.rows.slice = usize::MAX;
        refresh::rebuild_orders(&mut fixture.model);
        prop_assert_eq!(rows, shown(&fixture));
    }
}

#[test]
fn while_rows_are_made_those_that_stand_are_counted_as_they_stand() {
    let orders: Vec<Order> = (0..50)
        .map(|n| {
            let status = if n % 5 == 0 { OrderStatus::New } else { OrderStatus::Canceled };
            Order { status, ..order(&format!("o{n}"), "AAPL", Side::Buy, 1, n) }
        })
        .collect();
    let mut fixture = Fixture::holding(&orders);
    assert_eq!(fixture.model.rows.working_first(), 10);
    fixture.keys("S");
    assert_eq!(fixture.model.rows.working_first(), 0, "done orders come first");
    fixture.model.rows.slice = SLICE;
    fixture.keys("S");
    assert!(fixture.model.has_work());
    assert_eq!(fixture.model.rows.working_first(), 0, "they still do, whatever the list asks for by now");
    finish(&mut fixture);
    assert_eq!(fixture.model.rows.working_first(), 10);
}
