//! The file: who may read it, what is in it, what version it has, and what happens to one that cannot be used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::JournalError;
use crate::io::paths::{ensure_private_dir, tighten};

/// Marks a database as ours (`bdjl`).
const APPLICATION_ID: i32 = 0x6264_6a6c;

/// Each step brings a file from its place in this list to the next; steps are never edited once released.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE accounts (
        no INTEGER PRIMARY KEY,
        link TEXT NOT NULL UNIQUE,
        account_id TEXT,
        generation INTEGER NOT NULL DEFAULT 1,
        watermark INTEGER,
        complete_at INTEGER,
        saved_at INTEGER
    ) STRICT;
    CREATE TABLE orders (
        seq INTEGER PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES accounts(no),
        generation INTEGER NOT NULL,
        id TEXT NOT NULL,
        working INTEGER NOT NULL,
        submitted_at INTEGER,
        learned_at INTEGER NOT NULL,
        source TEXT NOT NULL,
        body TEXT NOT NULL,
        UNIQUE (account, generation, id)
    ) STRICT;
    CREATE INDEX working_orders ON orders (account, generation) WHERE working = 1;
    CREATE TABLE states (
        seq INTEGER PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES accounts(no),
        generation INTEGER NOT NULL,
        order_id TEXT NOT NULL,
        status TEXT NOT NULL,
        cum_qty TEXT NOT NULL,
        learned_at INTEGER NOT NULL,
        source TEXT NOT NULL,
        raw TEXT
    ) STRICT;
    CREATE TABLE executions (
        seq INTEGER PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES accounts(no),
        generation INTEGER NOT NULL,
        id TEXT NOT NULL,
        order_id TEXT NOT NULL,
        at INTEGER,
        learned_at INTEGER NOT NULL,
        source TEXT NOT NULL,
        body TEXT NOT NULL,
        UNIQUE (account, generation, id)
    ) STRICT;
    CREATE TABLE lines (
        account INTEGER NOT NULL REFERENCES accounts(no),
        generation INTEGER NOT NULL,
        number INTEGER NOT NULL,
        learned_at INTEGER NOT NULL,
        source TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (account, generation, number)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE intents (
        account INTEGER NOT NULL REFERENCES accounts(no),
        client_order_id TEXT NOT NULL,
        learned_at INTEGER NOT NULL,
        body TEXT NOT NULL,
        outcome TEXT,
        PRIMARY KEY (account, client_order_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE refusals (
        seq INTEGER PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES accounts(no),
        learned_at INTEGER NOT NULL,
        what TEXT NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
"];

/// A connection ready for use.
pub(super) struct Usable {
    pub(super) connection: Connection,
    pub(super) notice: Option<String>,
}

/// Why a file is not a journal of ours.
enum Unfit {
    /// Not readable as a database, or damaged.
    Damaged(String),
    /// A database of something else.
    Foreign,
    /// Written by a newer version.
    Newer(usize),
    /// The system refuses; setting the file aside would not help.
    System(String),
}

/// Opens for writing; what cannot be used is set aside and a new file begun.
pub(super) fn open(path: &Path) -> Result<Usable, JournalError> {
    let why = match prepare(path) {
        Ok(connection) => return Ok(Usable { connection, notice: None }),
        Err(Unfit::System(reason)) => return Err(unusable(path, reason)),
        Err(Unfit::Damaged(reason)) => format!("is damaged ({reason})"),
        Err(Unfit::Foreign) => "is not a journal of this program".to_owned(),
        Err(Unfit::Newer(version)) => format!("was written by a newer version (format {version})"),
    };
    let kept = set_aside(path)?;
    let notice = format!("{} {why}; it was kept as {} and a new one begun", path.display(), kept.display());
    match prepare(path) {
        Ok(connection) => Ok(Usable { connection, notice: Some(notice) }),
        Err(Unfit::System(reason) | Unfit::Damaged(reason)) => Err(unusable(path, reason)),
        Err(Unfit::Foreign | Unfit::Newer(_)) => Err(unusable(path, "it changed while being opened".to_owned())),
    }
}

/// Opens for reading only, beside an instance that writes; never changes or renames the file.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| unusable(path, error.to_string()))?;
    let ours = connection
        .busy_timeout(Duration::from_secs(5))
        .and_then(|()| connection.pragma_update(None, "query_only", true))
        .and_then(|()| connection.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0)))
        .map_err(|error| unusable(path, error.to_string()))?;
    if ours != APPLICATION_ID {
        return Err(unusable(path, "it is not a journal of this program".to_owned()));
    }
    // A view of the same name could be anything, and without end.
    let tables =
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('accounts', 'executions', 'orders')";
    let tables = connection
        .pragma_update(None, "trusted_schema", false)
        .and_then(|()| connection.query_row(tables, [], |row| row.get::<_, i64>(0)))
        .map_err(|error| unusable(path, error.to_string()))?;
    if tables != 3 {
        return Err(unusable(path, "it lacks a table of this program's journal".to_owned()));
    }
    Ok(connection)
}

/// Renames the file and what belongs to it to the first free name; returns the new name.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, JournalError> {
    let kept = (1_u32..10_000)
        .map(|number| path.with_extension(format!("set-aside-{number}.sqlite")))
        .find(|kept| !kept.exists())
        .ok_or_else(|| unusable(path, "no free name to keep it under".to_owned()))?;
    std::fs::rename(path, &kept).map_err(|error| unusable(path, format!("it cannot be set aside: {error}")))?;
    for part in ["-wal", "-shm"] {
        let of = |name: &Path| PathBuf::from(format!("{}{part}", name.display()));
        // The write-ahead log may hold the last records: it goes with its file, where there is one.
        if of(path).exists()
            && let Err(error) = std::fs::rename(of(path), of(&kept))
        {
            return Err(unusable(&of(path), format!("it cannot be set aside: {error}")));
        }
    }
    Ok(kept)
}

/// True for the errors that mean the file itself is damaged.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    // A column of another type, or text that is none, was written by nobody.
    let unreadable = matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
    );
    unreadable || matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn prepare(path: &Path) -> Result<Connection, Unfit> {
    make_private(path).map_err(|error| Unfit::System(error.to_string()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(unfit)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(unfit)?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(unfit)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(unfit)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(unfit)?;
    if application != APPLICATION_ID && (application != 0 || version != 0 || tables != 0) {
        return Err(Unfit::Foreign);
    }
    let version = usize::try_from(version).map_err(|_| Unfit::Foreign)?;
    if version > MIGRATIONS.len() {
        return Err(Unfit::Newer(version));
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(unfit)?;
    // FULL syncs the log at every commit: an intent must outlive a power cut before its order is sent.
    connection.pragma_update(None, "synchronous", "FULL").map_err(unfit)?;
    migrate(&mut connection, version).map_err(unfit)?;
    for table in ["accounts", "orders", "executions", "lines", "states", "intents", "refusals"] {
        connection
            .query_row(&format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1)"), [], |_| Ok(()))
            .map_err(|error| match unfit(error) {
                Unfit::System(reason) => Unfit::Damaged(reason),
                other => other,
            })?;
    }
    Ok(connection)
}

fn migrate(connection: &mut Connection, version: usize) -> rusqlite::Result<()> {
    for (index, step) in MIGRATIONS.iter().enumerate().skip(version) {
        let step_of = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let now: i64 = step_of.pragma_query_value(None, "user_version", |row| row.get(0))?;
        // Another instance may have taken the step while this one waited for the lock.
        if usize::try_from(now).is_ok_and(|now| now == index) {
            step_of.execute_batch(step)?;
            step_of.pragma_update(None, "application_id", APPLICATION_ID)?;
            step_of.pragma_update(None, "user_version", i64::try_from(index + 1).unwrap_or(i64::MAX))?;
        }
        step_of.commit()?;
    }
    Ok(())
}

/// Creates the file for its owner alone, or tightens it; refuses a link to somewhere else.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        ensure_private_dir(dir)?;
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => Err(std::io::Error::other("it is not a plain file")),
        Ok(_) => tighten(&std::fs::File::open(path)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            {
                use std::os::unix::fs::OpenOptionsExt;
                options.mode(0o600);
            }
            options.open(path).map(drop)
        }
        Err(error) => Err(error),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn unfit(error: rusqlite::Error) -> Unfit {
    if is_damage(&error) { Unfit::Damaged(error.to_string()) } else { Unfit::System(error.to_string()) }
}

pub(super) fn unusable(path: &Path, reason: String) -> JournalError {
    JournalError::Unusable { path: path.display().to_string(), reason }
}
