//! The activity list reaches back page by page, and what the blotter missed goes to the blotter.

use super::*;
use crate::accounts::JournalState;
use crate::accounts::activities::Reach;
use crate::app::TerminalEffect;
use crate::app::overlays::{Activities, ActivityDetail, OrderDetail, Overlay};
use crate::domain::order::Raw;
use crate::domain::{ActivityKind, Execution};

fn fill(id: u32, order: &Order, qty: i64, total: i64) -> Activity {
    Activity {
        id: Arc::from(format!("row-{id}")),
        activity_type: "FILL".into(),
        kind: ActivityKind::Fill {
            execution_id: None,
            order_id: order.id.clone(),
            symbol: order.symbol.clone(),
            side: order.side.clone(),
            qty: Qty::whole(qty),
            px: Price::whole(10),
            cum_qty: Some(Qty::whole(total)),
            partial: false,
            at: order.updated_at,
        },
        raw: Raw::default(),
    }
}

fn dividends(count: u32) -> Vec<Activity> {
    let kind = ActivityKind::Other { net_amount: None, symbol: None, qty: None, date: None, description: None };
    let row = |id: u32| Activity {
        id: Arc::from(format!("div-{id}")),
        activity_type: "DIV".into(),
        kind: kind.clone(),
        raw: Raw::default(),
    };
    (0..count).map(row).collect()
}

fn list(fixture: &Fixture) -> (usize, Reach) {
    let list = &fixture.model.accounts.get(&paper()).unwrap().activities;
    (list.rows().len(), list.reach().clone())
}

fn cursor(fixture: &Fixture) -> usize {
    match fixture.model.top() {
        Some(Overlay::Activities(Activities { selected, .. })) => *selected,
        other => panic!("{other:?} is open"),
    }
}

fn pages_asked(fixture: &Fixture) -> usize {
    let asked = |effect: &&Effect| matches!(effect, Effect::Account(AccountEffect::Request { request: Request::Activities(query), .. }) if !query.fills_only);
    fixture.seen.iter().filter(asked).count()
}

#[test]
fn scrolling_to_the_end_asks_for_older_rows_until_the_first() {
    let mut fixture = Fixture::holding(&[]);
    fixture.activities = dividends(250);
    fixture.keys("5 h");
    assert_eq!(list(&fixture), (100, Reach::More));
    fixture.keys("j j G");
    assert_eq!((list(&fixture), cursor(&fixture)), ((200, Reach::More), 99));
    fixture.keys("G G");
    // Pages may be smaller than asked: only one without rows says that nothing is before it.
    fixture.keys("G");
    assert_eq!((list(&fixture), cursor(&fixture)), ((250, Reach::Beginning), 249));
    let asked = pages_asked(&fixture);
    fixture.keys("G j ctrl-d");
    assert_eq!(pages_asked(&fixture), asked, "after the first row nothing is asked for");
}

#[test]
fn the_rows_are_filtered_and_a_key_at_the_end_fetches_more_of_them() {
    let mut fixture = Fixture::holding(&[]);
    let trade = order("o", "AAPL", Side::Buy, 100, 1);
    fixture.activities = dividends(250);
    fixture.activities.insert(3, fill(1, &trade, 40, 40));
    fixture.activities.insert(180, fill(2, &trade, 60, 100));
    fixture.keys("5 h /");
    fixture.text("aap");
    fixture.keys("enter");
    let shown = |fixture: &Fixture| match fixture.model.top() {
        Some(Overlay::Activities(list)) => {
            list.shown(&fixture.model.data()).iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
        }
        other => panic!("{other:?} is open"),
    };
    assert_eq!((shown(&fixture), cursor(&fixture)), (vec!["row-1".to_owned()], 0));
    assert_eq!(list(&fixture).0, 100, "a filter alone fetches nothing");
    fixture.keys("j");
    assert_eq!(shown(&fixture), ["row-1", "row-2"], "one more page");
    assert_eq!(list(&fixture).0, 200);
    fixture.keys("j y");
    let copied = fixture.seen.iter().rev().find_map(|effect| match effect {
        Effect::Terminal(TerminalEffect::Copy { text, .. }) => Some(text.expose().to_owned()),
        _ => None,
    });
    assert_eq!(copied.as_deref(), Some("row-2"));
    fixture.keys("esc");
    assert_eq!((shown(&fixture).len(), cursor(&fixture)), (list(&fixture).0, 0), "Esc takes the filter away first");
    fixture.keys("/");
    fixture.text("type:div today");
    assert!(shown(&fixture).is_empty(), "their day is not known");
    fixture.keys("esc esc");
    assert!(fixture.model.overlays.is_empty());
}

#[test]
fn a_failed_page_is_reported_and_r_retries() {
    let mut fixture = Fixture::holding(&[]);
    fixture.activities = dividends(150);
    fixture.keys("2 h");
    fixture.refuse = Some(RequestErrorKind::Server);
    fixture.keys("G");
    assert!(matches!(list(&fixture), (100, Reach::Failed(why)) if why.contains("refused")), "{:?}", list(&fixture));
    let asked = pages_asked(&fixture);
    fixture.keys("j k G");
    assert_eq!(pages_asked(&fixture), asked, "a failed page is not asked for again at every key");
    fixture.refuse = None;
    fixture.keys("r G");
    assert_eq!(list(&fixture), (150, Reach::Beginning));
}

#[test]
fn newer_rows_come_above_the_cursor_and_it_stays_on_its_row() {
    let mut fixture = Fixture::holding(&[]);
    fixture.activities = dividends(30).split_off(10);
    fixture.keys("5 h j j");
    fixture.activities = dividends(30);
    fixture.keys("r");
    assert_eq!((list(&fixture).0, cursor(&fixture)), (30, 12));
}

#[test]
fn an_execution_that_is_known_is_not_entered_again_and_one_that_was_missed_is() {
    let (mut seen, mut missed) = (order("seen", "AAPL", Side::Buy, 10, 1), order("missed", "MSFT", Side::Buy, 10, 2));
    let mut fixture = Fixture::holding(&[seen.clone(), missed.clone()]);
    fixture.fill(&paper(), seen.clone(), 10);
    seen.updated_at = seen.updated_at.and_then(|at| at.checked_add(Duration::from_secs(1)).ok());
    missed.updated_at = seen.updated_at;
    let unrelated = order("older", "KO", Side::Buy, 10, 0);
    fixture.activities = vec![fill(1, &seen, 10, 10), fill(2, &missed, 4, 4), fill(3, &unrelated, 10, 10)];
    let executions = |fixture: &Fixture| fixture.model.accounts.get(&paper()).unwrap().blotter.executions().count();
    let before = executions(&fixture);
    fixture.keys("5 h");
    assert_eq!(executions(&fixture), before + 1, "only the missed execution is new");
    let blotter = &fixture.model.accounts.get(&paper()).unwrap().blotter;
    assert_eq!(blotter.executions_of(&"seen".into()).len(), 1);
    assert_eq!(blotter.executions_of(&"missed".into()).len(), 1);
    assert_eq!(blotter.executions_of(&"older".into()).len(), 0, "older rows are shown, and are not a gap");
    let journaled = fixture.seen.iter().any(|effect| match effect {
        Effect::Account(AccountEffect::Remember {
            memory: crate::accounts::JournalEntry::Changes(changes), ..
        }) => {
            changes.executions.iter().any(|id| blotter.execution(id).is_some_and(|row| row.order_id == "missed".into()))
        }
        _ => false,
    });
    assert!(journaled, "it is in the journal before it is on the screen");
}

#[test]
fn executions_between_runs_are_late_and_the_history_of_the_first_run_is_not() {
    let traded = |id: &str, minute: i64| {
        let mut order = order(id, "AAPL", Side::Buy, 10, minute);
        (order.cum_qty, order.status, order.avg_px) = (Qty::whole(10), OrderStatus::Filled, Some(Price::whole(10)));
        order
    };
    let (known, missed) = (traded("known", 1), traded("missed", 2));
    let run = |orders: &[&Order], earlier: Option<&Fixture>| {
        let mut fixture = Fixture::empty();
        let paper = link("paper", Environment::Paper);
        for (number, order) in (1..).zip(orders) {
            fixture.orders.push((paper.id.clone(), (*order).clone()));
            fixture.fills.push(fill(number, order, 10, 10));
        }
        if let Some(account) = earlier.and_then(|fixture| fixture.model.accounts.get(&paper.id)) {
            let blotter = &account.blotter;
            fixture.msg(AccountMsg::Remembered(Box::new(JournalState {
                link: paper.id.clone(),
                account: Some(paper.account_id.clone()),
                watermark: account.session.watermark().0,
                complete_at: account.session.watermark().1,
                saved_at: Some(start()),
                orders: blotter.orders().cloned().collect(),
                executions: blotter
                    .executions()
                    .cloned()
                    .map(|it| Execution { source: Source::Journal, ..it })
                    .collect(),
                tape: Vec::new(),
            })));
        }
        fixture.begin(&[paper]);
        fixture
    };
    let late = |fixture: &Fixture| {
        let account = fixture.model.accounts.get(&paper()).unwrap();
        let late = |row: &&Execution| account.is_late(row.source, row.at);
        account.blotter.executions().filter(late).map(|row| row.order_id.to_string()).collect::<Vec<_>>()
    };
    let first = run(&[&known], None);
    assert_eq!(late(&first), [""; 0]);
    assert_eq!(late(&run(&[&known, &missed], Some(&first))), ["missed"]);
}

#[test]
fn enter_opens_the_order_where_it_is_known_and_the_row_where_not() {
    let known = order("a", "AAPL", Side::Buy, 10, 1);
    let mut fixture = Fixture::holding(std::slice::from_ref(&known));
    fixture.activities = vec![fill(1, &known, 10, 10), fill(2, &order("b", "KO", Side::Buy, 1, 0), 1, 1)];
    fixture.keys("5 h enter");
    assert!(
        matches!(fixture.model.top(), Some(Overlay::OrderDetail(OrderDetail { key, .. })) if key.order == "a".into())
    );
    fixture.keys("esc j enter");
    assert!(
        matches!(fixture.model.top(), Some(Overlay::ActivityDetail(ActivityDetail { key, .. })) if &*key.row == "row-2")
    );
    fixture.keys("y");
    let copied = |effect: &Effect| matches!(effect, Effect::Terminal(TerminalEffect::Copy { text, .. }) if text.expose() == "row-2");
    assert!(fixture.seen.iter().any(copied));
}

#[test]
fn the_end_of_the_tape_tells_where_more_is() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    fixture.fill(&paper(), order("a", "AAPL", Side::Buy, 10, 1), 10);
    fixture.keys("5 G j");
    assert!(fixture.toast().contains("h lists earlier activity"), "{}", fixture.toast());
}

#[test]
fn what_had_to_wait_is_asked_for_again_by_what_shows_it_and_by_nothing_else() {
    let curves = |fixture: &Fixture| {
        let asked = |effect: &&Effect| matches!(effect, Effect::Account(AccountEffect::Request { request: Request::History { period, .. }, .. }) if **period == *"1W");
        fixture.seen.iter().filter(asked).count()
    };
    let limited = Some(RequestErrorKind::RateLimited { retry_after: Some(Duration::from_secs(30)) });
    let mut fixture = Fixture::holding(&[]);
    fixture.activities = dividends(20);
    fixture.refuse = limited.clone();
    fixture.keys("5 h");
    fixture.refuse = None;
    assert!(matches!(list(&fixture), (0, Reach::Failed(_))), "{:?}", list(&fixture));
    fixture.pass(Duration::from_secs(29));
    assert_eq!(pages_asked(&fixture), 1, "the wait is kept");
    fixture.pass(Duration::from_secs(4));
    assert_eq!((list(&fixture), pages_asked(&fixture)), ((20, Reach::More), 2));
    // The chart of a week.
    fixture.refuse = limited;
    fixture.keys("esc 2 enter ]");
    assert_eq!(curves(&fixture), 1, "{:?}", fixture.model.top());
    fixture.refuse = None;
    fixture.pass(Duration::from_secs(29));
    fixture.keys("esc");
    fixture.pass(Duration::from_mins(1));
    assert_eq!(curves(&fixture), 1, "nobody looks at it");
    fixture.refuse = Some(RequestErrorKind::RateLimited { retry_after: None });
    fixture.keys("enter ]");
    fixture.refuse = None;
    fixture.pass(Duration::from_secs(12));
    assert_eq!(curves(&fixture), 3);
    let known = |fixture: &Fixture| {
        fixture.model.accounts.get(&paper()).unwrap().curves.contains_key(&crate::accounts::Period::Week)
    };
    assert!(known(&fixture));
    fixture.pass(Duration::from_mins(1));
    assert_eq!(curves(&fixture), 3, "it came");
}
