//! Locks held by other programs, files that cannot be used yet, files of newer versions.

use std::time::Duration;

use rusqlite::Connection;

use super::*;

/// Longer than any step takes, even on a busy machine.
const TEST_TIMEOUT: Duration = Duration::from_mins(1);

fn executed(number: i64) -> Batch {
    let records = vec![Record::Execution(Box::new(fill(&format!("e{number}"), "o", 1, number).executions.remove(0)))];
    Batch { link: link(), learned_at: at(number), records }
}

/// Waits until the progress is `done`; returns how often it changed before.
fn until(journal: &Journal, done: impl Fn(&Progress) -> bool) -> usize {
    let mut progress = journal.progress();
    run(async {
        let mut turns = 0;
        tokio::time::timeout(TEST_TIMEOUT, async {
            while !done(&progress.borrow_and_update()) {
                progress.changed().await.unwrap();
                turns += 1;
            }
        })
        .await
        .expect("in time");
        turns
    })
}

/// Takes the write lock, as another program.
fn lock(path: &Path) -> Connection {
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

#[test]
fn a_held_lock_is_one_fault_and_waiting_records_are_written_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    save(&journal, vec![Record::Account("a".into())]);
    let other = lock(&path);
    for number in 1..=40 {
        journal.append(executed(number)).unwrap();
    }
    until(&journal, |progress| progress.fault.as_deref() == Some("another program holds its lock"));
    assert!(matches!(run(journal.barrier()), Err(JournalError::NotSaved { waiting: 40, .. })), "nothing is saved yet");
    assert!(run(journal.load(&link())).is_err(), "reading now would lack waiting records");
    assert_eq!(journal.progress().borrow().saved, 1);
    other.execute_batch("COMMIT").unwrap();
    // The writer retries by itself, and the fault did not change meanwhile.
    let turns = until(&journal, |progress| progress.saved == 41 && progress.fault.is_none());
    assert!(turns <= 2, "reported {turns} times");
    assert_eq!(journal.waiting(), 0);
    assert_eq!(run(journal.load(&link())).unwrap().executions.len(), 40);
}

#[test]
fn a_file_that_cannot_be_opened_yet_is_opened_later_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    drop(open(&path));
    let other = Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let journal = open(&path);
    journal.append(executed(1)).unwrap();
    assert!(run(journal.barrier()).is_err());
    // The same reason as at the first opening, so that one fault has one wording.
    assert_eq!(journal.progress().borrow().fault.as_deref(), Some("another program holds its lock"));
    drop(other);
    until(&journal, |progress| progress.saved == 1 && progress.fault.is_none());
    assert_eq!(run(journal.load(&link())).unwrap().executions.len(), 1);
}

#[test]
fn a_folder_in_the_files_place_is_reported_and_nothing_is_lost_when_it_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    std::fs::create_dir(&path).unwrap();
    let journal = open(&path);
    assert!(matches!(run(journal.load(&link())), Err(JournalError::Unusable { .. })));
    journal.append(executed(1)).unwrap();
    assert!(run(journal.barrier()).is_err());
    assert!(journal.progress().borrow().fault.as_deref().is_some_and(|fault| fault.contains("not a regular file")));
    std::fs::remove_dir(&path).unwrap();
    until(&journal, |progress| progress.saved == 1 && progress.fault.is_none());
    assert_eq!(run(journal.load(&link())).unwrap().executions.len(), 1);
}

#[test]
fn closing_during_a_fault_waits_no_longer_than_allowed_and_returns_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    save(&journal, vec![Record::Account("a".into())]);
    let other = lock(&path);
    journal.append(executed(1)).unwrap();
    until(&journal, |progress| progress.fault.is_some());
    assert_eq!(journal.close(Duration::from_millis(50)).as_deref(), Some("another program holds its lock"));
    drop(other);
    let journal = open(&path);
    journal.append(executed(2)).unwrap();
    assert_eq!(journal.close(TEST_TIMEOUT), None);
}

#[test]
fn a_newer_versions_journal_is_left_unchanged_even_if_upgraded_while_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    save(&journal, vec![Record::Account("a".into())]);
    // A newer version upgrades the file while this one has it open; its columns may contain anything.
    let newer = Connection::open(&path).unwrap();
    newer.execute_batch("PRAGMA user_version = 99; ALTER TABLE accounts RENAME TO people").unwrap();
    journal.append(executed(1)).unwrap();
    until(&journal, |progress| {
        progress.is_newer_version
            && progress.fault.as_deref().is_some_and(|fault| fault.contains("newer version (format 99)"))
    });
    assert!(journal.close(Duration::from_millis(10)).is_some());
    let again = Journal::open(&path).map(|opened| opened.notice);
    assert!(matches!(&again, Err(JournalError::Newer { version: 99, .. })), "{again:?}");
    assert!(matches!(Reader::open(&path), Err(JournalError::Newer { .. })));
    newer.execute_batch("SELECT * FROM people").unwrap();
    let names: Vec<String> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| name.starts_with("journal.sqlite")), "nothing was set aside: {names:?}");
}

#[test]
fn damage_that_another_instance_has_handled_does_not_affect_the_new_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let late = open(&path);
    save(&late, vec![Record::Account("a".into())]);
    // Another instance found damage, set the file aside and continued in a new one.
    for part in ["", "-wal", "-shm"] {
        let of = |name: &str| dir.path().join(format!("{name}{part}"));
        if of("journal.sqlite").exists() {
            std::fs::rename(of("journal.sqlite"), of("journal.set-aside-1.sqlite")).unwrap();
        }
    }
    let first = open(&path);
    save(&first, vec![Record::Account("new".into())]);
    let aside = Connection::open(dir.path().join("journal.set-aside-1.sqlite")).unwrap();
    aside.execute_batch("PRAGMA foreign_keys = OFF; DROP TABLE accounts; CREATE TABLE accounts (no BLOB, link BLOB, account_id BLOB, generation BLOB, watermark BLOB, complete_at BLOB, saved_at BLOB)").unwrap();
    aside
        .execute_batch("INSERT INTO accounts (no, link, account_id) VALUES (x'00', 'alpaca-paper/paper/PA1', x'00')")
        .unwrap();
    let remembered = run(late.load(&link())).unwrap();
    assert!(remembered.notice.is_some_and(|notice| notice.contains("was removed or replaced")), "it is reported");
    assert_eq!(journals(dir.path()), ["journal.set-aside-1.sqlite", "journal.sqlite"], "nothing is set aside again");
    assert_eq!(run(late.load(&link())).unwrap().account, Some("new".into()));
    assert_eq!(run(first.load(&link())).unwrap().account, Some("new".into()));
}

/// The journal files in a folder.
fn journals(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".sqlite")).collect();
    names.sort();
    names
}

#[cfg(unix)]
#[test]
fn a_removed_file_is_reported_and_writing_continues_in_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    save(&journal, vec![Record::Account("a".into())]);
    // Its write-ahead log is left.
    std::fs::remove_file(&path).unwrap();
    journal.append(executed(1)).unwrap();
    let said = run(journal.barrier()).unwrap().notice.unwrap();
    assert!(said.contains("was removed or replaced while in use"), "{said}");
    assert_eq!((journal.progress().borrow().begun, count(&path, "executions")), (1, 1));
    assert!(dir.path().join("journal.set-aside-1.sqlite-wal").exists(), "the log may contain the last records");
    journal.append(executed(2)).unwrap();
    assert_eq!(run(journal.barrier()), Ok(Saved::default()), "reported once");
    // The folder is removed too.
    std::fs::remove_dir_all(dir.path()).unwrap();
    journal.append(executed(3)).unwrap();
    assert!(run(journal.barrier()).unwrap().notice.is_some());
    assert_eq!((journal.progress().borrow().begun, count(&path, "executions")), (2, 1));
}

#[cfg(unix)]
#[test]
fn a_replacement_file_of_another_instance_is_shared_and_not_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    save(&journal, vec![Record::Account("a".into())]);
    std::fs::rename(&path, dir.path().join("elsewhere")).unwrap();
    for part in ["-wal", "-shm"] {
        std::fs::remove_file(dir.path().join(format!("journal.sqlite{part}"))).unwrap();
    }
    let other = open(&path);
    save(&other, vec![Record::Account("a".into())]);
    other.append(executed(1)).unwrap();
    assert_eq!(run(other.barrier()), Ok(Saved::default()));
    // Reads use the new file.
    assert_eq!(run(journal.load(&link())).unwrap().executions.len(), 1);
    journal.append(executed(2)).unwrap();
    assert_eq!(run(journal.barrier()), Ok(Saved::default()));
    other.append(executed(3)).unwrap();
    assert_eq!(run(other.barrier()), Ok(Saved::default()));
    assert_eq!((count(&path, "executions"), journal.progress().borrow().begun), (3, 1));
    assert_eq!(journals(dir.path()), ["journal.sqlite"]);
}
