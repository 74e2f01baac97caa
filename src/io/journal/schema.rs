//! The file: access rights, tables, versions, and what happens to one that cannot be used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::JournalError;
use crate::config::plain;
use crate::io::paths::{ensure_private_dir, tighten};

/// The application id of our databases (`bdjl`).
pub(super) const APPLICATION_ID: i32 = 0x6264_6a6c;

/// Migrations; each brings a file from its index to the next version. They are never edited once released.
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

/// Additions that versions without them tolerate, so that those can use the file at the same time.
const ADDITIONS: &[(&str, &str)] = &[
    (
        "generations",
        "CREATE TABLE generations (
            account INTEGER NOT NULL REFERENCES accounts(no),
            account_id TEXT NOT NULL,
            generation INTEGER NOT NULL,
            PRIMARY KEY (account, account_id)
        ) STRICT, WITHOUT ROWID",
    ),
    ("executions_of_order", "CREATE INDEX executions_of_order ON executions (account, generation, order_id)"),
];

/// The files that SQLite keeps next to the database.
const LOG: [&str; 2] = ["-wal", "-shm"];

/// How long a statement waits for another program's lock; a write is then retried.
const LOCKED: Duration = Duration::from_millis(250);
/// How long opening and reading wait for a lock.
pub(super) const PATIENT: Duration = Duration::from_secs(2);

/// An open connection.
pub(super) struct Usable {
    pub(super) connection: Connection,
    /// The file's identity, whatever its present name.
    pub(super) identity: Option<(u64, u64)>,
    pub(super) notice: Option<String>,
}

/// Why a file is not a usable journal.
enum Unfit {
    /// Not a database, or damaged.
    Damaged(String),
    /// Another program's database.
    Foreign,
    /// Written by a newer version.
    Newer(i64),
    /// The system refuses access; setting the file aside would not help.
    System(String),
    /// Another program holds the lock, or the disk is full: usable later.
    NotNow(String),
}

/// Opens for writing. A file that is not a journal is set aside and a new one started; one of a newer version is left
/// alone.
pub(super) fn open(path: &Path) -> Result<Usable, JournalError> {
    let first = prepare(path);
    if matches!(first, Err(Unfit::Damaged(_) | Unfit::Foreign)) {
        return alone(path, || settle(path, prepare(path)));
    }
    settle(path, first)
}

/// Starts a new file in place of the damaged `identity`, unless another instance has already done so.
pub(super) fn replace_damaged(path: &Path, identity: Option<(u64, u64)>, reason: &str) -> Result<Usable, JournalError> {
    alone(path, || match prepare(path) {
        Err(Unfit::Newer(version)) => Err(JournalError::Newer { path: path.display().to_string(), version }),
        // Another instance has found the damage too, and has set the file aside.
        Ok(usable) if identity.is_some() && usable.identity != identity => Ok(usable),
        found => {
            drop(found);
            set_aside_and_begin(path, &format!("is damaged ({reason})"))
        }
    })
}

/// Turns the result into a connection or an error. Must not run concurrently, because the file may have to be set
/// aside.
fn settle(path: &Path, found: Result<Usable, Unfit>) -> Result<Usable, JournalError> {
    match found {
        Ok(usable) => Ok(usable),
        Err(Unfit::System(reason)) => Err(unusable(path, reason)),
        Err(Unfit::NotNow(reason)) => Err(JournalError::NotNow { path: path.display().to_string(), reason }),
        Err(Unfit::Newer(version)) => Err(JournalError::Newer { path: path.display().to_string(), version }),
        Err(Unfit::Damaged(reason)) => set_aside_and_begin(path, &format!("is damaged ({reason})")),
        Err(Unfit::Foreign) => set_aside_and_begin(path, "is not a journal of this program"),
    }
}

fn set_aside_and_begin(path: &Path, why: &str) -> Result<Usable, JournalError> {
    let kept = set_aside(path)?;
    let notice = format!("{} {why}; it was set aside as {} and a new one was started", path.display(), kept.display());
    match prepare(path) {
        Ok(usable) => Ok(Usable { notice: Some(notice), ..usable }),
        Err(Unfit::System(reason) | Unfit::Damaged(reason) | Unfit::NotNow(reason)) => Err(unusable(path, reason)),
        Err(Unfit::Foreign | Unfit::Newer(_)) => Err(unusable(path, "it changed while being opened".to_owned())),
    }
}

/// Runs work that may rename the file while no other instance does so; also when there can be no lock file.
fn alone<T>(path: &Path, work: impl FnOnce() -> T) -> T {
    let mut options = std::fs::OpenOptions::new();
    // For reading too, because opening a pipe for writing alone would wait for its reader.
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let lock = options.open(path.with_extension("lock")).and_then(|file| file.lock().map(|()| file));
    if let Err(error) = &lock {
        tracing::warn!("the journal's folder cannot be locked: {error}");
    }
    let result = work();
    drop(lock);
    result
}

/// Opens for reading only, next to an instance that may be writing; never changes or renames the file.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, JournalError> {
    plain(path).map_err(|error| unusable(path, error.to_string()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| unusable(path, error.to_string()))?;
    let ours = connection
        .busy_timeout(PATIENT)
        .and_then(|()| connection.pragma_update(None, "query_only", true))
        .and_then(|()| connection.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0)))
        .map_err(|error| unusable(path, error.to_string()))?;
    if ours != APPLICATION_ID {
        return Err(unusable(path, "it is not a journal of this program".to_owned()));
    }
    match newer_version(&connection) {
        Ok(None) => {}
        Ok(Some(version)) => return Err(JournalError::Newer { path: path.display().to_string(), version }),
        Err(error) => return Err(unusable(path, error.to_string())),
    }
    // A view with that name could yield anything, endlessly.
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

/// The file's version, if its rows need a newer version of the program.
pub(super) fn newer_version(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(Some(version).filter(|version| usize::try_from(*version).is_ok_and(|version| version > MIGRATIONS.len())))
}

/// Renames the file and the files that belong to it to the first free name; returns that name.
fn set_aside(path: &Path) -> Result<PathBuf, JournalError> {
    let kept = free_name(path)?;
    std::fs::rename(path, &kept).map_err(|error| unusable(path, format!("it cannot be set aside: {error}")))?;
    set_aside_log(path, &kept)?;
    Ok(kept)
}

/// A name that is free for the file and for its log.
fn free_name(path: &Path) -> Result<PathBuf, JournalError> {
    (1_u32..10_000)
        .map(|number| path.with_extension(format!("set-aside-{number}.sqlite")))
        .find(|kept| !kept.exists() && LOG.iter().all(|part| !belonging(kept, part).exists()))
        .ok_or_else(|| unusable(path, "no free name to set it aside under".to_owned()))
}

/// Moves the write-ahead log, which may contain the last records, along with its file.
fn set_aside_log(path: &Path, kept: &Path) -> Result<(), JournalError> {
    for part in LOG {
        let from = belonging(path, part);
        if from.exists()
            && let Err(error) = std::fs::rename(&from, belonging(kept, part))
        {
            return Err(unusable(&from, format!("it cannot be set aside: {error}")));
        }
    }
    Ok(())
}

fn belonging(path: &Path, part: &str) -> PathBuf {
    PathBuf::from(format!("{}{part}", path.display()))
}

/// Whether an error means that the file itself is damaged.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    // Such a column type or non-text value is not from this program.
    let unreadable = matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
    );
    unreadable || matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// Whether an error is temporary.
fn is_passing(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull))
}

/// A database error, in words for the user.
pub(super) fn words(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program holds its lock".to_owned(),
        _ => error.to_string(),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "error kinds that are no damage are passed on")]
fn prepare(path: &Path) -> Result<Usable, Unfit> {
    make_private(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Unfit::NotNow(error.to_string()),
        _ => Unfit::System(error.to_string()),
    })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(unfit)?;
    let identity = identity(path);
    connection.busy_timeout(PATIENT).map_err(unfit)?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(unfit)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(unfit)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(unfit)?;
    if application != APPLICATION_ID && (application != 0 || version != 0 || tables != 0) {
        return Err(Unfit::Foreign);
    }
    let known = usize::try_from(version).map_err(|_| Unfit::Foreign)?;
    if known > MIGRATIONS.len() {
        return Err(Unfit::Newer(version));
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(unfit)?;
    // FULL syncs the log at every commit: an intent must survive a power failure before its order is sent.
    connection.pragma_update(None, "synchronous", "FULL").map_err(unfit)?;
    migrate(&mut connection, known).map_err(unfit)?;
    for table in ["accounts", "orders", "executions", "lines", "states", "intents", "refusals"] {
        connection
            .query_row(&format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1)"), [], |_| Ok(()))
            .map_err(|error| match unfit(error) {
                Unfit::System(reason) => Unfit::Damaged(reason),
                other => other,
            })?;
    }
    connection.busy_timeout(LOCKED).map_err(unfit)?;
    Ok(Usable { connection, identity, notice: None })
}

/// False when this name certainly belongs to another file than `identity`, or to none.
pub(super) fn still_stands(path: &Path, identity: Option<(u64, u64)>) -> bool {
    let gone = matches!(std::fs::metadata(path), Err(error) if error.kind() == std::io::ErrorKind::NotFound);
    let other = self::identity(path).is_some_and(|found| identity.is_some_and(|known| known != found));
    identity.is_none() || !(gone || other)
}

/// Sets aside the log of a file that was removed without it; it would not fit a new file of that name.
pub(super) fn clear_the_place(path: &Path) -> Result<(), JournalError> {
    alone(path, || if path.exists() { Ok(()) } else { set_aside_log(path, &free_name(path)?) })
}

/// The identity of the file with this name; `None` where the system does not tell.
fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

fn migrate(connection: &mut Connection, version: usize) -> rusqlite::Result<()> {
    for (index, step) in MIGRATIONS.iter().enumerate().skip(version) {
        let step_of = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let now: i64 = step_of.pragma_query_value(None, "user_version", |row| row.get(0))?;
        // Another instance may have migrated while this one waited for the lock.
        if usize::try_from(now).is_ok_and(|now| now == index) {
            step_of.execute_batch(step)?;
            step_of.pragma_update(None, "application_id", APPLICATION_ID)?;
            step_of.pragma_update(None, "user_version", i64::try_from(index + 1).unwrap_or(i64::MAX))?;
        }
        step_of.commit()?;
    }
    for (name, statement) in ADDITIONS {
        let is_there = |connection: &Connection| -> rusqlite::Result<bool> {
            connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [name], |row| row.get(0))
        };
        if !is_there(connection)? {
            let step_of = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            if !is_there(&step_of)? {
                step_of.execute_batch(statement)?;
            }
            step_of.commit()?;
        }
    }
    Ok(())
}

/// Creates the file owner-only, or tightens its mode; refuses a symbolic link.
fn make_private(path: &Path) -> std::io::Result<()> {
    if let Some(dir) = path.parent() {
        ensure_private_dir(dir)?;
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => Err(std::io::Error::other("it is not a regular file")),
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

#[expect(clippy::needless_pass_by_value, reason = "map_err passes the error by value")]
fn unfit(error: rusqlite::Error) -> Unfit {
    if is_damage(&error) {
        Unfit::Damaged(error.to_string())
    } else if is_passing(&error) {
        Unfit::NotNow(words(&error))
    } else {
        Unfit::System(error.to_string())
    }
}

pub(super) fn unusable(path: &Path, reason: String) -> JournalError {
    JournalError::Unusable { path: path.display().to_string(), reason }
}
