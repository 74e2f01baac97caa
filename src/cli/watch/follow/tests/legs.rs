//! Executions of multi-leg orders, whose legs may be named late.

use super::*;

/// A multi-leg order of five units, each one contract to buy and one to sell, with `units` executed; `named` includes
/// its legs.
fn family(units: u32, named: bool) -> Vec<Order> {
    let of_leg = |id: &str, symbol: &str, side: &str| {
        let legs = if id == "p" && named { r#","legs":["put","call"]"# } else { "" };
        let text = format!(
            r#"{{"event":"new","timestamp":"2026-01-02T15:00:01Z","order":{{"id":"{id}","symbol":"{symbol}","side":"{side}",
            "order_class":"mleg","type":"limit","qty":"5","filled_qty":"{units}","status":"partially_filled",
            "updated_at":"2026-01-02T15:00:{units:02}Z"}}}}"#
        );
        let mut order = wire::update(&text).unwrap().order;
        if !legs.is_empty() {
            order.legs = vec!["put".into(), "call".into()];
        }
        order
    };
    let parent = of_leg("p", "", "");
    if named { vec![parent, of_leg("put", "SPY-put", "buy"), of_leg("call", "SPY-call", "sell")] } else { vec![parent] }
}

/// The rows of both legs under the multi-leg order.
fn leg_rows() -> Vec<Activity> {
    let row = |leg: &str| {
        let mut row = listed_as(&format!("2026::{leg}"), 2, 2, "10");
        if let ActivityKind::Fill { order_id, symbol, .. } = &mut row.kind {
            (*order_id, *symbol) = ("p".into(), format!("SPY-{leg}").into());
        }
        row
    };
    vec![row("put"), row("call")]
}

/// The lines printed at this second: void lines, then the others with their orders.
fn lines_at(follow: &mut Follow, blotter: &Blotter, second: u64) -> Vec<String> {
    let now = Mono::from_millis(second * 1_000);
    follow.turn_clock(now);
    let mut due = follow.due(1, blotter, true, Began::NOW);
    let (void, instead) = follow.overtaken(blotter, true, &due, now);
    due.extend(instead);
    let void = void.iter().map(|line| (true, line)).chain(due.iter().map(|(_, line)| (false, line)));
    let mut reported = Vec::new();
    for (is_void, line) in void {
        note(follow, line);
        let Some(said) = line.said() else { continue };
        reported.push(format!("{}{} {}", if is_void { "void " } else { "" }, said.id, said.order));
    }
    reported.sort();
    reported
}

#[test]
fn an_execution_of_a_multi_leg_order_waits_for_its_leg() {
    let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
    drop(follow.due(1, &blotter, true, Began::NOW));
    blotter.apply_snapshot(&family(2, false), &leg_rows());
    assert!(lines_at(&mut follow, &blotter, 2).is_empty());
    assert!(lines_at(&mut follow, &blotter, 121).is_empty());
    blotter.apply_snapshot(&family(2, true), &leg_rows());
    assert_eq!(lines_at(&mut follow, &blotter, 123), ["row/2026::call call", "row/2026::put put"]);
    assert!(lines_at(&mut follow, &blotter, 125).is_empty());
}

#[test]
fn a_line_under_a_multi_leg_order_is_voided_and_reported_under_its_leg_once_known_even_after_a_restart() {
    for (restarts, renamed) in [(false, false), (false, true), (true, false), (true, true)] {
        let what = format!("restarted: {restarts}, under the ids of its reports: {renamed}");
        let dir = tempfile::tempdir().unwrap();
        let link = crate::domain::LinkId::from("paper/one");
        let again = || Follow::resuming(WatchLog::open(dir.path(), &link).0);
        let (mut blotter, mut follow) = (Blotter::default(), again());
        drop(follow.due(1, &blotter, true, Began::NOW));
        blotter.apply_snapshot(&family(2, false), &leg_rows());
        assert!(lines_at(&mut follow, &blotter, 2).is_empty());
        assert_eq!(lines_at(&mut follow, &blotter, 122), ["row/2026::call p", "row/2026::put p"], "{what}");
        if restarts {
            drop(follow);
            follow = again();
            blotter = Blotter::default();
        }
        let legs = family(2, true);
        if renamed {
            // The reports came late, and the next run never saw the rows.
            for leg in &legs[1..] {
                let mut reported = update("o", 2, 2, &format!("e-{}", leg.id));
                (reported.executions[0].order_id, reported.executions[0].symbol) = (leg.id.clone(), leg.symbol.clone());
                reported.order = leg.clone();
                if !restarts {
                    blotter.apply_snapshot(&legs, &leg_rows());
                }
                blotter.apply_update(&reported);
            }
            blotter.apply_snapshot(&legs, &[]);
        } else {
            blotter.apply_snapshot(&legs, &leg_rows());
        }
        let mut reported = lines_at(&mut follow, &blotter, 124);
        reported.extend(lines_at(&mut follow, &blotter, 126));
        let name = if renamed { "e-" } else { "row/2026::" };
        let expected = [
            format!("{name}call call"),
            format!("{name}put put"),
            "void row/2026::call p".to_owned(),
            "void row/2026::put p".to_owned(),
        ];
        assert_eq!(reported, expected, "{what}");
        drop(follow);
        assert!(lines_at(&mut again(), &blotter, 130).is_empty(), "{what}");
    }
}
