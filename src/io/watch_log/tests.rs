use super::notes::damage;
use super::*;

fn line(key: &str, span: Option<(&str, &str)>) -> ReportedLine {
    let span = span.map(|(id, span)| (ExecutionId::from(id), span.to_owned()));
    ReportedLine { key: key.to_owned(), span, said: None, void: false, now: None }
}

#[test]
fn an_unreadable_byte_costs_one_note_and_the_file_is_kept_under_another_name() {
    let dir = tempfile::tempdir().unwrap();
    let (link, blotter) = (LinkId::from("alpaca-paper/paper/PA1"), Blotter::default());
    let (mut log, _) = WatchLog::open(dir.path(), &link);
    let history = ["one", "two", "three"].map(|key| line(key, None));
    log.begin(None, Vec::new(), history.into_iter()).unwrap();
    drop(log);
    let path = std::fs::read_dir(dir.path().join("told")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&path).unwrap();
    assert_eq!(damage(&path), None);
    for (place, begun) in
        [(whole.len() - 15, true), (whole.windows(3).position(|part| part == b"two").unwrap(), true), (5, false)]
    {
        let mut bytes = whole.clone();
        bytes[place] = 0xff;
        std::fs::write(&path, &bytes).unwrap();
        assert!(damage(&path).is_some_and(|(_, mends)| mends), "{place}");
        let (log, earlier) = WatchLog::open(dir.path(), &link);
        let (Earlier::Until { aside, unread: 1, .. } | Earlier::Damaged { aside }) = earlier else {
            panic!("{place}: {earlier:?}")
        };
        let aside = aside.unwrap();
        assert!(aside.to_str().unwrap().contains(".jsonl.unreadable-"), "{aside:?}");
        assert_eq!(std::fs::read(&aside).unwrap(), bytes, "{place}");
        assert_eq!((log.has_begun(), log.is_reported(&line("one", None), &blotter)), (begun, begun), "{place}");
        drop(log);
        let (again, earlier) = WatchLog::open(dir.path(), &link);
        assert_eq!(again.has_begun(), begun, "{earlier:?}");
        assert!(matches!(earlier, Earlier::None | Earlier::Until { unread: 0, aside: None, .. }), "{earlier:?}");
    }
    std::fs::write(&path, "{\"version\":99,\"since\":null}\n").unwrap();
    assert!(matches!(WatchLog::open(dir.path(), &link).1, Earlier::Unusable(_)));
    assert!(damage(&path).is_some_and(|(text, mends)| !mends && text.contains("newer version")));
}

#[test]
fn the_next_run_continues_and_a_second_one_at_the_same_time_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let link = LinkId::from("alpaca-paper/paper/PA1");
    let blotter = Blotter::default();
    let (mut log, earlier) = WatchLog::open(dir.path(), &link);
    assert!(matches!(earlier, Earlier::None) && !log.has_begun());
    // Reported before the beginning: written with it.
    log.remember(line("early", None));
    log.going_out(&line("early", None));
    log.went_out();
    let since = "2026-11-24T15:00:00Z".parse().ok();
    log.begin(since, Vec::new(), std::iter::once(line("history", None))).unwrap();
    for key in ["execution/row/1", "two"] {
        let line = line(key, Some((key, "trade/o/10/10")).filter(|_| key != "two"));
        log.remember(line.clone());
        log.going_out(&line);
        log.went_out();
    }
    log.going_out(&line("unread", None));
    log.stayed();
    let (other, earlier) = WatchLog::open(dir.path(), &link);
    assert!(matches!(earlier, Earlier::Runs) && !other.has_begun());
    drop(log);
    // A run killed in the middle of a note has not printed the line; one killed after it may have.
    let path = std::fs::read_dir(dir.path().join("told")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"key\":\"tor")).unwrap();
    let (again, earlier) = WatchLog::open(dir.path(), &link);
    assert!(matches!(earlier, Earlier::Until { unsure: None, .. }) && !again.is_reported(&line("tor", None), &blotter));
    drop(again);
    std::fs::write(&path, format!("{whole}{{\"key\":\"last\"}}")).unwrap();
    let (again, earlier) = WatchLog::open(dir.path(), &link);
    assert!(matches!(&earlier, Earlier::Until { unsure: Some(key), .. } if key == "last"), "{earlier:?}");
    assert!(again.has_begun() && again.since() == since && again.is_reported(&line("last", None), &blotter));
    for key in ["early", "history", "execution/row/1", "two"] {
        assert!(again.is_reported(&line(key, None), &blotter), "{key}");
    }
    assert!(!again.is_reported(&line("unread", None), &blotter) && !again.is_reported(&line("new", None), &blotter));
    drop(again);
    assert!(
        matches!(WatchLog::open(dir.path(), &link).1, Earlier::Until { unsure: None, unread: 0, .. }),
        "reported once"
    );
    // Damage is reported.
    for (damaged, notes) in [(whole.replacen("two", "t\"wo", 1), 1), (format!("{whole}{{}}\n\n[]\n"), 3)] {
        std::fs::write(&path, damaged).unwrap();
        let (_, earlier) = WatchLog::open(dir.path(), &link);
        assert!(matches!(earlier, Earlier::Until { unread, .. } if unread == notes), "{earlier:?}");
        let (_, earlier) = WatchLog::open(dir.path(), &link);
        assert!(matches!(earlier, Earlier::Until { unread: 0, aside: None, .. }), "said once: {earlier:?}");
    }
    for (text, damaged) in [("", false), ("\n", false), ("{\"ver", true), ("[]\n{\"key\":\"two\"}\n", true)] {
        std::fs::write(&path, text).unwrap();
        let (log, earlier) = WatchLog::open(dir.path(), &link);
        assert_eq!(matches!(earlier, Earlier::Damaged { aside: Some(_) }), damaged, "{text:?}: {earlier:?}");
        assert!(!log.has_begun());
        drop(log);
        assert!(matches!(WatchLog::open(dir.path(), &link).1, Earlier::None), "said once");
    }
    std::fs::write(&path, &whole).unwrap();
    let again = WatchLog::open(dir.path(), &link).0;
    let renamed = line("execution/e1", Some(("e1", "trade/o/10/10")));
    assert!(again.is_reported(&renamed, &blotter), "the same execution under the broker's id");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn lines_that_a_full_disk_did_not_take_are_noted_when_it_can_and_else_the_next_run_knows() {
    let (dir, link, blotter) =
        (tempfile::tempdir().unwrap(), LinkId::from("alpaca-paper/paper/PA1"), Blotter::default());
    let printed = |log: &mut WatchLog, key: &str| {
        log.remember(line(key, None));
        log.going_out(&line(key, None));
        log.went_out();
    };
    for space_again in [false, true] {
        let (mut log, _) = WatchLog::open(dir.path(), &link);
        if !log.has_begun() {
            log.begin(None, Vec::new(), std::iter::empty()).unwrap();
        }
        printed(&mut log, "noted");
        log.file = Some(OpenOptions::new().append(true).open("/dev/full").unwrap());
        for key in ["lost", "lost too"] {
            printed(&mut log, key);
            assert!(log.fault().is_some());
        }
        log.remember(line("still to be printed", None));
        if space_again {
            log.touch(Timestamp::UNIX_EPOCH);
            assert_eq!(log.fault(), None);
            printed(&mut log, "after it");
        }
        drop(log);
        let (again, earlier) = WatchLog::open(dir.path(), &link);
        assert!(
            matches!(earlier, Earlier::Until { lacks, unread: 0, unsure: None, .. } if lacks != space_again),
            "{earlier:?}"
        );
        let is_known = |key: &str| again.is_reported(&line(key, None), &blotter);
        assert!(is_known("noted") && !is_known("still to be printed"));
        for key in ["lost", "lost too", "after it"] {
            assert_eq!(is_known(key), space_again, "{key}");
        }
    }
}

#[test]
fn a_rewritten_file_has_only_what_was_printed() {
    let (dir, link, blotter) =
        (tempfile::tempdir().unwrap(), LinkId::from("alpaca-paper/paper/PA1"), Blotter::default());
    let (mut log, _) = WatchLog::open(dir.path(), &link);
    log.begin(None, Vec::new(), std::iter::empty()).unwrap();
    for key in ["printed", "waits for a slow reader"] {
        log.remember(line(key, None));
    }
    log.going_out(&line("printed", None));
    log.went_out();
    // Its void line waits as well.
    log.remember(ReportedLine { void: true, ..line("printed", None) });
    log.rewrite().unwrap();
    drop(log);
    let (again, _) = WatchLog::open(dir.path(), &link);
    assert!(again.is_reported(&line("printed", None), &blotter), "its void line was not printed");
    assert!(!again.is_reported(&line("waits for a slow reader", None), &blotter));
}
