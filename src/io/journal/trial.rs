//! Checks whether the journal could be written, without writing it.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::JournalError;
use super::schema::{APPLICATION_ID, PATIENT, is_damage, newer_version, unusable, words};

/// Tests an existing file as [`super::Journal::open`] would, also while an instance writes it. Changes nothing; a file
/// that is not a journal is an error here, and is not set aside.
///
/// # Errors
/// The reason why it cannot be written now.
pub fn try_out(path: &Path) -> Result<(), JournalError> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => return Err(unusable(path, "it is not a regular file".to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(path, error.to_string())),
    }
    // SQLite would silently open a read-only file for reading; this reports that it cannot be written.
    let opened = std::fs::OpenOptions::new().read(true).write(true).open(path);
    drop(opened.map_err(|error| unusable(path, error.to_string()))?);
    let foreign = |reason: String| JournalError::Foreign { path: path.display().to_string(), reason };
    let failed = |error: rusqlite::Error| {
        if is_damage(&error) { foreign(words(&error)) } else { unusable(path, words(&error)) }
    };
    let mut connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(failed)?;
    let log = PathBuf::from(format!("{}-wal", path.display()));
    if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        // The next instance recovers what a killed one has left.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    }
    connection.busy_timeout(PATIENT).map_err(failed)?;
    let ours: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if ours != APPLICATION_ID && (ours != 0 || tables != 0) {
        return Err(foreign("it is not one of this program".to_owned()));
    }
    if let Some(version) = newer_version(&connection).map_err(failed)? {
        return Err(JournalError::Newer { path: path.display().to_string(), version });
    }
    let held = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    held.rollback().map_err(failed)
}
