//! Checks the program's own files. Changes nothing.

use std::path::Path;

use super::Report;
use crate::cli::Context;
use crate::error::Error;
use crate::io::accounts::AccountAccess;
use crate::io::file_checks;
use crate::io::journal::{self, JournalError};
use crate::io::paths::try_writing;
use crate::io::watch_log;
use crate::link::LinkRecord;

/// Marks in the names of files that an earlier start set aside: private files, and the journal.
const ASIDE: [&str; 2] = [".unreadable-", ".set-aside-"];

/// Configuration, data folder, journal, log.
pub(super) fn own(context: &Context, report: &mut Report) -> Result<(), Error> {
    // What the file refers to is checked per broker.
    let found = if context.config.found { "can be read" } else { "does not exist; the defaults apply" };
    report.good(&format!("configuration {} {found}", context.paths.config.display()))?;
    if let Err(error) = context.keymap() {
        report.bad(&error.to_string(), "correct [keys]; `brokerdeck keys` lists the names")?;
    }
    let place = "make it writable, or name another folder with --data-dir DIR";
    let data = &context.paths.data;
    writable("data", data, data, place, report)?;
    let file = context.paths.journal();
    let tried = journal::try_out(&file).and_then(|()| match try_writing(data) {
        // The journal and its write-ahead log are in this folder.
        Err(error) => Err(JournalError::Unusable { path: file.display().to_string(), reason: error.to_string() }),
        Ok(()) => Ok(()),
    });
    match tried {
        Ok(()) => report.good(&format!("journal {}", file.display()))?,
        Err(error) => report.bad(&error.to_string(), journal_hint(&error))?,
    }
    let log = context.paths.log();
    if let Some(why) = &context.unlogged {
        let folder = try_writing(&context.paths.state).is_err();
        let hint = if folder { place } else { "move it away, or replace it with a regular file of your own" };
        report.bad(&format!("nothing is logged: {why}"), hint)?;
    } else {
        writable("log", &log, &context.paths.state, place, report)?;
    }
    for name in ["locks", "told"] {
        kept_apart(&data.join(name), report)?;
    }
    print_logs(&data.join("told"), report)?;
    aside(data, "link again what is missing, then remove the file", report)?;
    aside(&data.join("told"), "nothing is missing; remove the file", report)
}

/// Checks what the print logs of `watch` contain.
fn print_logs(folder: &Path, report: &mut Report) -> Result<(), Error> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl") && file_checks::file(path).is_ok());
    paths.sort();
    for (text, mends) in paths.iter().filter_map(|path| watch_log::damage(path)) {
        let hint = if mends {
            "nothing to do: the next `watch` keeps it under another name and continues with what can be read"
        } else {
            "use the newer version, or name another folder with --data-dir DIR"
        };
        report.bad(&format!("print log {text}"), hint)?;
    }
    Ok(())
}

/// Checks a folder of which each link has its own file; a missing folder is fine.
fn kept_apart(folder: &Path, report: &mut Report) -> Result<(), Error> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    let files = paths.iter().map(|path| file_checks::file(path));
    for fault in std::iter::once(file_checks::folder(folder)).chain(files).filter_map(Result::err) {
        report.bad(&fault.to_string(), &fault.hint())?;
    }
    Ok(())
}

/// Checks tokens and links; returns the links as far as they can be read.
pub(super) async fn linked(accounts: &AccountAccess, report: &mut Report) -> Result<Vec<LinkRecord>, Error> {
    match accounts.tokens.location().await {
        Ok(place) => report.good(&place)?,
        Err(error) => report.bad(&error.to_string(), &error.hint())?,
    }
    if let Err(error) = accounts.links.look_at_lock() {
        report.bad(&error.to_string(), &error.hint())?;
    }
    match accounts.links.look() {
        Ok(links) if links.is_empty() => {
            report.good("no account is linked yet; `brokerdeck link alpaca-paper` links one")?;
            Ok(links)
        }
        Ok(links) => Ok(links),
        Err(error) => {
            report.bad(&error.to_string(), &error.hint())?;
            Ok(Vec::new())
        }
    }
}

fn writable(what: &str, path: &Path, folder: &Path, hint: &str, report: &mut Report) -> Result<(), Error> {
    let path = path.display();
    match try_writing(folder) {
        Ok(()) => report.good(&format!("{what} {path}")),
        Err(error) => report.bad(&format!("{what} {path}: cannot be written: {error}"), hint),
    }
}

/// Reports files that an earlier start set aside, until they are removed.
fn aside(folder: &Path, hint: &str, report: &mut Report) -> Result<(), Error> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let named = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ASIDE.iter().any(|mark| name.contains(mark)) && !name.ends_with("-wal") && !name.ends_with("-shm")
    };
    let mut kept: Vec<_> = entries.map(|entry| entry.path()).filter(|path| named(path)).collect();
    kept.sort();
    for path in kept {
        let text = format!("{} is a file that an earlier start could not read and set aside", path.display());
        report.bad(&text, hint)?;
    }
    Ok(())
}

const fn journal_hint(error: &JournalError) -> &'static str {
    match error {
        JournalError::Foreign { .. } => {
            "nothing to do: the next run sets it aside under another name and starts a new one"
        }
        JournalError::Newer { .. } => "use the newer version, or name another folder with --data-dir DIR",
        _ => "what is shown is NOT SAVED until it can be used: free the disk or the file, or move it away",
    }
}
