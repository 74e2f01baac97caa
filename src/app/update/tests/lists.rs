use super::*;
use crate::app::TerminalEffect;
use crate::app::columns::OrderColumn;
use crate::app::model::PerPane;
use crate::session::Part;

fn many() -> Fixture {
    let mut orders: Vec<Order> = (0..6)
        .map(|n| {
            order(&format!("o{n}"), ["AAPL", "MSFT", "TSLA"][usize::try_from(n % 3).unwrap()], Side::Buy, n + 1, n)
        })
        .collect();
    orders[4].status = OrderStatus::Canceled;
    orders[5].side = Side::Sell;
    Fixture::holding(&orders)
}

#[test]
fn working_orders_come_first_and_the_newest_of_each_on_top() {
    let fixture = many();
    assert_eq!(fixture.shown(), ["o5", "o3", "o2", "o1", "o0", "o4"]);
    assert_eq!(fixture.selected(), "o5");
}

#[test]
fn the_cursor_stays_on_its_order_when_rows_move() {
    let mut fixture = many();
    fixture.keys("j j");
    assert_eq!(fixture.selected(), "o2");
    fixture.tell(&paper(), TradeEvent::New, order("new", "AAPL", Side::Buy, 10, 50), None);
    assert_eq!((fixture.selected(), fixture.shown()[0]), ("o2", "new"));
    fixture.fill(&paper(), order("o2", "TSLA", Side::Buy, 3, 2), 11);
    assert_eq!(fixture.selected(), "o2");
    assert_eq!(fixture.shown(), ["new", "o5", "o3", "o1", "o0", "o4", "o2"]);
}

#[test]
fn a_filter_narrows_as_it_is_typed_and_escape_restores_the_previous_one() {
    let mut fixture = many();
    fixture.keys("/");
    fixture.text("aapl");
    assert_eq!(fixture.shown(), ["o3", "o0"]);
    fixture.keys("enter /");
    fixture.text(" qty>2");
    assert_eq!(fixture.shown(), ["o3"]);
    fixture.keys("esc");
    assert_eq!(fixture.shown(), ["o3", "o0"]);
    fixture.keys("esc");
    assert_eq!(fixture.shown().len(), 6);
}

#[test]
fn filters_know_fields_and_the_two_halves_of_an_orders_life() {
    let mut fixture = many();
    for (filter, shown) in [
        ("side:sell", vec!["o5"]),
        ("status:done", vec!["o4"]),
        ("status:canceled", vec!["o4"]),
        ("status:working -msft", vec!["o5", "o3", "o2", "o0"]),
        ("type:market", vec![]),
        ("qty>=5", vec!["o5", "o4"]),
        ("symbol:t", vec!["o5", "o2"]),
    ] {
        fixture.keys("/ ctrl-u");
        fixture.text(filter);
        fixture.keys("enter");
        assert_eq!(fixture.shown(), shown, "{filter}");
    }
}

#[test]
fn an_order_that_arrives_while_a_filter_is_set_is_filtered_too() {
    let mut fixture = many();
    fixture.keys("/");
    fixture.text("status:working");
    fixture.keys("enter");
    fixture.tell(&paper(), TradeEvent::New, order("new", "AAPL", Side::Buy, 10, 50), None);
    assert!(fixture.shown().contains(&"new"));
    fixture.fill(&paper(), order("new", "AAPL", Side::Buy, 10, 50), 11);
    assert!(!fixture.shown().contains(&"new"));
}

#[test]
fn an_invalid_filter_is_reported() {
    let mut fixture = many();
    fixture.keys("/");
    fixture.text("colour:red ");
    assert!(fixture.toast().contains("unknown field \"colour\""));
    assert_eq!(fixture.shown().len(), 6);
}

#[test]
fn sorting_goes_through_the_columns_and_round_the_other_way() {
    let mut fixture = many();
    fixture.model.rows.orders.sort = Some(OrderColumn::Qty as usize - 1);
    fixture.keys("s");
    assert_eq!(fixture.shown(), ["o5", "o4", "o3", "o2", "o1", "o0"]);
    fixture.keys("S");
    assert_eq!(fixture.shown(), ["o0", "o1", "o2", "o3", "o4", "o5"]);
    assert!(fixture.toast().contains("Qty, reversed"), "{}", fixture.toast());
    fixture.model.rows.orders.sort = Some(OrderColumn::Status as usize);
    fixture.keys("s");
    assert_eq!(fixture.model.rows.orders.sort, None, "after the last column comes the default order");
}

#[test]
fn sorted_rows_stay_sorted_while_orders_fill() {
    let mut fixture = many();
    fixture.model.rows.orders.sort = Some(OrderColumn::Avg as usize - 1);
    fixture.keys("s");
    fixture.fill(&paper(), order("o1", "MSFT", Side::Buy, 2, 1), 11);
    assert_eq!(fixture.shown()[0], "o1");
}

#[test]
fn the_tape_follows_new_entries_until_the_cursor_leaves_the_top() {
    let mut fixture = Fixture::two();
    for n in 0..3 {
        fixture.tell(&paper(), TradeEvent::New, order(&format!("o{n}"), "AAPL", Side::Buy, 10, n), None);
    }
    let newest = |fixture: &Fixture| fixture.model.rows.tape.rows[0].entry;
    fixture.keys("5");
    assert_eq!(fixture.model.rows.tape.selected, None);
    fixture.keys("j j");
    let selected = fixture.model.rows.tape.selected;
    assert_eq!(fixture.model.rows.tape.selected_index(), Some(1));
    let before = newest(&fixture);
    fixture.tell(&paper(), TradeEvent::New, order("o9", "AAPL", Side::Buy, 10, 9), None);
    assert!(newest(&fixture) > before);
    assert_eq!(fixture.model.rows.tape.selected, selected);
    fixture.keys("g");
    assert_eq!(fixture.model.rows.tape.selected, None);
}

#[test]
fn the_id_and_the_rows_are_copied() {
    let mut fixture = many();
    fixture.keys("y");
    let copied = |fixture: &Fixture| {
        fixture.seen.iter().rev().find_map(|effect| match effect {
            Effect::Terminal(TerminalEffect::Copy { text, what }) => Some((text.expose().to_owned(), what.clone())),
            _ => None,
        })
    };
    assert_eq!(copied(&fixture), Some(("o5".to_owned(), "order id".to_owned())));
    fixture.keys("space space Y");
    let (text, what) = copied(&fixture).unwrap();
    assert_eq!((text.lines().count(), what.as_str()), (2, "2 rows"));
    assert!(text.contains("SELL 6 TSLA") && text.ends_with("o3"), "{text}");
}

#[test]
fn copied_text_is_harmless_in_a_shell_or_terminal() {
    let hostile = "A\x1b]52;c;eA==\x07\u{202e}\n; reboot\r\t\u{9b}x";
    let mut odd = order(hostile, hostile, Side::Buy, 1, 1);
    odd.client_order_id = Some(hostile.into());
    odd.order_type = crate::domain::OrderType::from_word(hostile);
    odd.status = OrderStatus::from_word(hostile);
    odd.raw = crate::domain::order::Raw(Some(
        "{\n\"symbol\":\r\t\"\u{202e}\u{9b}\u{7f}e\u{301}\u{301}\u{301}\u{301}\u{301}\"}".into(),
    ));
    let mut fixture = Fixture::holding(&[odd]);
    let mut copied = Vec::new();
    fixture.keys("y Y enter y J y esc");
    let cells = crate::app::selection::of(fixture.model.focus).cells(&fixture.model);
    copied.extend(fixture.seen.iter().filter_map(|effect| match effect {
        Effect::Terminal(TerminalEffect::Copy { text, .. }) => Some(text.expose().to_owned()),
        _ => None,
    }));
    assert_eq!(copied.len(), 4, "{copied:?}");
    let json: serde_json::Value = serde_json::from_str(&copied[3]).unwrap();
    assert_eq!(json["symbol"], "\u{202e}\u{9b}\u{7f}e\u{301}\u{301}\u{301}\u{301}\u{301}");
    copied.extend(cells.into_iter().map(|(_, text)| text));
    for text in copied {
        let bad = text.chars().find(|ch| (ch.is_control() && *ch != '\t') || matches!(u32::from(*ch), 0x202A..=0x202E));
        assert_eq!(bad, None, "{text:?}");
        assert_eq!(text.lines().count(), 1, "{text:?}");
    }
}

#[test]
fn pages_are_as_long_as_the_view_says() {
    let orders: Vec<Order> = (0..50).map(|n| order(&format!("o{n}"), "AAPL", Side::Buy, 10, n)).collect();
    let mut fixture = Fixture::holding(&orders);
    fixture.msg(Msg::Drawn(crate::app::model::Extent { pages: PerPane::of(|_| 8), ..Default::default() }));
    fixture.keys("pagedown");
    assert_eq!(fixture.model.rows.orders.selected_index(), Some(8));
    fixture.keys("ctrl-u");
    assert_eq!(fixture.model.rows.orders.selected_index(), Some(4));
    fixture.keys("G");
    assert_eq!(fixture.selected(), "o0");
}

#[test]
fn positions_follow_the_broker_and_keep_the_cursor() {
    let mut fixture = Fixture::empty();
    fixture.positions = vec![(paper(), position("AAPL", 5)), (paper(), position("TSLA", -3))];
    fixture.begin(&[link("paper", Environment::Paper)]);
    fixture.keys("4 j");
    assert_eq!(fixture.model.rows.positions.selected.as_ref().unwrap().symbol.as_str(), "TSLA");
    fixture.positions.insert(0, (paper(), position("MSFT", 1)));
    fixture.keys("r");
    assert_eq!(fixture.model.rows.positions.rows.len(), 3);
    assert_eq!(fixture.model.rows.positions.selected.as_ref().unwrap().symbol.as_str(), "TSLA");
    fixture.keys("/");
    fixture.text("side:short");
    assert_eq!(fixture.model.rows.positions.rows.len(), 1);
}

#[test]
fn choices_are_restored_in_the_next_run() {
    let mut fixture = Fixture::two();
    fixture.keys("] 3 s s S :");
    fixture.text("hide the column limit of orders");
    fixture.keys("enter q");
    let kept = fixture.seen.iter().find_map(|effect| match effect {
        Effect::Keep(choices) => Some(choices.clone()),
        _ => None,
    });
    let kept = serde_json::from_str(&serde_json::to_string(&kept.unwrap()).unwrap()).unwrap();
    let mut next = Fixture::empty();
    next.msg(Msg::Chosen(kept));
    next.begin(&[link("paper", Environment::Paper), link("real", Environment::Live)]);
    let list = &next.model.rows.orders;
    assert_eq!((list.sort, list.reversed), (Some(OrderColumn::Side as usize), true));
    assert!(list.hidden.contains(&(OrderColumn::Limit as usize)));
    assert_eq!(next.model.shown_account().unwrap().link.id, real());
}

#[test]
fn choices_of_another_version_are_forgotten_and_nothing_else() {
    let text =
        r#"{"pane":"Tape","account":"gone","orders":{"sort":"Colour","reversed":true,"hidden":["Limit","Smell"]}}"#;
    let mut fixture = Fixture::empty();
    fixture.msg(Msg::Chosen(serde_json::from_str(text).unwrap()));
    fixture.begin(&[link("paper", Environment::Paper)]);
    let list = &fixture.model.rows.orders;
    assert_eq!((list.sort, list.reversed, list.hidden.len()), (None, false, 1));
    assert_eq!(fixture.model.focus, Pane::Tape);
    assert_eq!(fixture.model.shown_account().unwrap().link.id, paper());
}

#[test]
fn the_orders_have_no_cursor_until_the_operator_moves_there() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 1, 1), order("b", "MSFT", Side::Buy, 1, 2)]);
    fixture.model.rows.orders.selected = None;
    fixture.keys("3 enter c");
    assert!(fixture.model.overlays.is_empty(), "nothing is opened or asked about an order that was not chosen");
    let said = &fixture.model.toasts.back().unwrap().text;
    assert_eq!(said, "no order is selected; j selects the first");
    fixture.keys("j");
    let first = fixture.model.rows.orders.rows.front().copied();
    assert_eq!(fixture.model.rows.orders.selected, first);
    fixture.keys("esc");
    assert_eq!(fixture.model.rows.orders.selected, None, "Esc lets the list follow new entries");
}

#[test]
fn positions_contradicted_by_an_execution_for_seconds_are_answered_but_not_current() {
    let mut fixture = Fixture::holding(&[]);
    let said = |fixture: &Fixture| {
        let (account, now) = (&fixture.model.accounts.all()[0], fixture.model.now.mono);
        let current = account.is_current(&[Part::Positions], now);
        (current, account.is_uncontested(Part::Positions, now), account.is_uncontested(Part::Account, now))
    };
    fixture.leaves = Some(10);
    fixture.fill(&paper(), order("a", "AAPL", Side::Buy, 10, 1), 11);
    assert_eq!(said(&fixture), (true, true, true), "the answer is in flight");
    fixture.pass(Duration::from_secs(4));
    assert_eq!(said(&fixture), (true, false, true));
    fixture.positions.push((paper(), position("AAPL", 10)));
    fixture.pass(Duration::from_secs(5));
    assert_eq!(said(&fixture), (true, true, true));
}

#[test]
fn a_position_known_from_an_execution_has_a_row_before_the_list_has_it() {
    let mut fixture = Fixture::holding(&[]);
    let rows = |fixture: &Fixture| -> Vec<(String, Option<Qty>)> {
        let rows = fixture.model.rows.positions.rows.iter().map(|key| fixture.model.accounts.position(key).unwrap());
        rows.map(|position| (position.symbol.to_string(), position.qty)).collect()
    };
    fixture.leaves = Some(10);
    fixture.fill(&paper(), order("a", "AAPL", Side::Buy, 10, 1), 11);
    assert_eq!(rows(&fixture), [("AAPL".to_owned(), Some(Qty::whole(10)))]);
    fixture.positions.push((paper(), position("AAPL", 10)));
    fixture.pass(Duration::from_secs(5));
    assert_eq!(fixture.model.accounts.all()[0].unlisted, []);
    assert_eq!(rows(&fixture).len(), 1, "one row, the list's");
    // Sold again: the list counts until it was asked, and nothing is begun.
    fixture.leaves = Some(0);
    fixture.fill(&paper(), order("b", "AAPL", Side::Sell, 10, 2), 11);
    assert_eq!(rows(&fixture).len(), 1);
    fixture.positions.clear();
    fixture.pass(Duration::from_secs(5));
    assert_eq!(rows(&fixture), []);
}

fn tape_events(fixture: &Fixture) -> Vec<String> {
    let rows = fixture.model.rows.tape.rows.iter();
    rows.filter_map(|key| fixture.model.accounts.tape_entry(*key)).map(|(_, entry)| entry.event.to_string()).collect()
}

/// An order as it was this many seconds after its submission.
fn later(id: &str, status: OrderStatus, seconds: u64) -> Order {
    let known = order(id, "AAPL", Side::Buy, 10, 1);
    let at = known.updated_at.and_then(|at| at.checked_add(Duration::from_secs(seconds)).ok());
    Order { updated_at: at, status, ..known }
}

#[test]
fn a_request_and_its_result_are_one_line_of_the_tape_unless_the_result_was_late() {
    let mut fixture = Fixture::two();
    let mut tell = |event, status, seconds| fixture.tell(&paper(), event, later("a", status, seconds), None);
    tell(TradeEvent::PendingNew, OrderStatus::PendingNew, 0);
    tell(TradeEvent::New, OrderStatus::New, 1);
    tell(TradeEvent::PendingCancel, OrderStatus::PendingCancel, 10);
    assert_eq!(tape_events(&fixture), ["pending_cancel", "new"], "a request without a result has its line");
    fixture.tell(&paper(), TradeEvent::Canceled, later("a", OrderStatus::Canceled, 15), None);
    assert_eq!(tape_events(&fixture), ["canceled", "pending_cancel", "new"], "five seconds are news");
    fixture.keys("5 /");
    fixture.text("event:pending_new");
    fixture.keys("enter");
    assert_eq!(tape_events(&fixture), ["pending_new"], "a filter for the request finds it");
}

#[test]
fn a_key_leaves_executions_on_the_tape_and_keeps_the_rest_of_the_filter() {
    let mut fixture = Fixture::two();
    let known = order("a", "AAPL", Side::Buy, 10, 1);
    fixture.tell(&paper(), TradeEvent::New, known.clone(), None);
    fixture.fill(&paper(), known, 11);
    fixture.keys("5 f");
    assert_eq!(tape_events(&fixture), ["fill"]);
    assert_eq!(fixture.model.rows.tape.filter, "kind:execution");
    fixture.keys("f");
    assert_eq!(tape_events(&fixture), ["fill", "new"]);
    fixture.keys("/");
    fixture.text("aapl");
    fixture.keys("enter f");
    assert_eq!(fixture.model.rows.tape.filter, "aapl kind:execution");
    fixture.keys("f");
    assert_eq!(fixture.model.rows.tape.filter, "aapl");
}
