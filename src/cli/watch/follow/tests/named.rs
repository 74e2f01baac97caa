//! The target that the line of a bust or correction names.

use super::*;

#[test]
fn a_corrections_target_is_found_by_its_row_or_the_average_price_and_stays() {
    // The ids of the rows; the average price after the correction, if known; the target.
    let cases = [
        (["2026::lost", "2026::other"], None, "row/2026::lost"),
        (["2026::other", "2026::lost"], None, "row/2026::lost"),
        (["2026::1", "2026::2"], Some("10.5"), "row/2026::1"),
        (["2026::1", "2026::2"], Some("11"), "row/2026::2"),
        (["2026::1", "2026::2"], None, "row/2026::1"),
    ];
    for (ids, avg, of) in cases {
        let (mut blotter, mut follow, mut sum) = (Blotter::default(), Follow::default(), Sum::default());
        drop(follow.due(1, &blotter, true, Began::NOW));
        blotter.apply_update(&update("o", 10, 10, "e1"));
        let rows = [listed_as(ids[0], 15, 5, "11"), listed_as(ids[1], 20, 5, "9")];
        blotter.apply_snapshot(&[update("o", 20, 0, "").order], &rows);
        assert_eq!(sum.read(&mut follow, &blotter, 2), Qty::whole(20));
        let mut reported = undoing("lost", Some((5, "13")), 5, 20);
        reported.order.avg_px = avg.and_then(|avg| avg.parse().ok());
        blotter.apply_update(&reported);
        assert_eq!(sum.read(&mut follow, &blotter, 4), Qty::whole(20));
        assert_eq!(sum.0["c1"].1.as_deref(), Some(of), "{ids:?} {avg:?}");
        // The same quantity executes again, and its report is lost too.
        let mut later = listed_as("2026::later", 25, 5, "9");
        if let ActivityKind::Fill { at, .. } = &mut later.kind {
            *at = "2026-01-02T15:01:12Z".parse().ok();
        }
        let mut order = update("o", 25, 0, "").order;
        (order.updated_at, order.avg_px) = ("2026-01-02T15:01:12Z".parse().ok(), None);
        blotter.apply_snapshot(&[order], &[later]);
        for second in [6, 8] {
            assert_eq!(sum.read(&mut follow, &blotter, second), Qty::whole(25));
            assert_eq!(sum.0["c1"].1.as_deref(), Some(of), "{ids:?} {avg:?}: the target changed");
        }
    }
}

#[test]
fn a_reported_target_stays_when_an_older_matching_row_is_seen_later() {
    for restarts in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let link = crate::domain::LinkId::from("paper/one");
        let again = || Follow::resuming(WatchLog::open(dir.path(), &link).0);
        let (mut blotter, mut follow, mut sum) = (Blotter::default(), again(), Sum::default());
        drop(follow.due(1, &blotter, true, Began::NOW));
        blotter.apply_update(&update("o", 10, 10, "e1"));
        let mut reported = undoing("lost", Some((5, "13")), 5, 20);
        reported.order.avg_px = None;
        blotter.apply_snapshot(&[update("o", 20, 0, "").order], &[listed_as("2026::2", 20, 5, "9")]);
        blotter.apply_update(&reported);
        sum.read(&mut follow, &blotter, 2);
        assert!(sum.0.contains_key("c1"));
        blotter.apply_snapshot(
            &[reported.order.clone()],
            &[listed_as("2026::2", 20, 5, "9"), listed_as("2026::1", 15, 5, "9")],
        );
        sum.read(&mut follow, &blotter, 4);
        let of = sum.0["c1"].1.clone();
        if restarts {
            drop(follow);
            follow = again();
        }
        sum.read(&mut follow, &blotter, 6);
        assert_eq!(sum.0["c1"].1, of);
        assert!(of.is_some());
    }
}

#[test]
fn what_executes_again_after_an_unheard_bust_is_not_taken_for_what_was_reported_under_another_id() {
    let dir = tempfile::tempdir().unwrap();
    let link = crate::domain::LinkId::from("paper/one");
    let again = || Follow::resuming(WatchLog::open(dir.path(), &link).0);
    let (mut blotter, mut follow, mut sum) = (Blotter::default(), again(), Sum::default());
    drop(follow.due(1, &blotter, true, Began::NOW));
    blotter.apply_update(&update("o", 44, 44, "e1"));
    blotter.apply_snapshot(&[update("o", 52, 0, "").order], &[listed_as("2026::2", 52, 8, "10")]);
    assert_eq!(sum.read(&mut follow, &blotter, 2), Qty::whole(52));
    // Its report comes after its row, and tells its id.
    blotter.apply_update(&update("o", 52, 8, "e2"));
    assert_eq!(sum.read(&mut follow, &blotter, 4), Qty::whole(52));
    assert!(sum.0.contains_key("row/2026::2") && !sum.0.contains_key("e2"));
    // The next run's journal has the executions by their own ids.
    let mut restored = Blotter::default();
    let (orders, rows) = (blotter.orders().cloned().collect(), blotter.executions().cloned().collect());
    restored.restore(orders, rows, blotter.tape().to_vec(), None);
    // Only one run has the print log at a time.
    drop(std::mem::take(&mut follow));
    (blotter, follow) = (restored, again());
    assert_eq!(sum.read(&mut follow, &blotter, 6), Qty::whole(52));
    let mut report = update("o", 52, 8, "e3");
    let at = "2026-01-02T15:01:30Z".parse().ok();
    (report.executions[0].at, report.order.updated_at) = (at, at);
    blotter.apply_update(&report);
    sum.read(&mut follow, &blotter, 8);
    assert!(sum.0.contains_key("e3"), "{:?}", sum.0.keys());
}
