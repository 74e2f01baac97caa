//! What `watch` has reported of a link, so that its next run continues where this one was stopped, however that
//! happened.
//!
//! The journal does not have this: other instances write to it, and what they learned has not been reported. A line is
//! noted before it is printed and its note is completed afterwards, by short writes that do not wait for the disk. An
//! incomplete note means that the run was killed between the two: the line is not printed again, and the next run says
//! that it may not have been printed. After a power failure the last lines may be printed again.

mod naming;
mod notes;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::notes::{Header, Notes, VERSION, kept_aside, newer, text_of};
pub use self::notes::{damage, entries};
use super::file_checks;
use super::journal::AccountLock;
use super::paths::ensure_private_dir;
use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::execution::ExecutionKind;
use crate::domain::{Execution, ExecutionId, LinkId, OrderId, Qty};

/// Most lines remembered: more than the journal loads at start.
const REMEMBERED: usize = 20_000;

/// One reported line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedLine {
    /// The line's identity ([`TapeEntry::key`]).
    key: String,
    /// The execution and the range of its order that it filled; another id for the same range is the same execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    span: Option<(ExecutionId, String)>,
    /// The quantity that a reader adds up; `None` for history, which was not reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<Reported>,
    /// Whether it voids the line of this key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    void: bool,
    /// The id that the execution has got since it was reported; such a note is no line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    now: Option<Renamed>,
}

/// The id under which an execution was reported, and the one that it has got since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Renamed {
    reported: ExecutionId,
    now: ExecutionId,
}

/// The execution as a line reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The execution's id at that time.
    pub id: ExecutionId,
    pub order: OrderId,
    pub qty: Qty,
    /// The line that it corrects or takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<ExecutionId>,
    /// The bust or correction that alone revealed this execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<ExecutionId>,
}

/// An order that was working at the beginning, in its state then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Working {
    /// The order's id.
    pub id: OrderId,
    /// Its executed quantity.
    pub cum_qty: Qty,
    /// Its last change.
    pub updated_at: Option<Timestamp>,
}

impl ReportedLine {
    /// The execution as reported; `None` for history.
    pub const fn said(&self) -> Option<&Reported> {
        self.said.as_ref()
    }

    /// The note for a tape line.
    pub fn of(entry: &TapeEntry, blotter: &Blotter) -> Self {
        let row = entry.execution.as_ref().and_then(|id| blotter.execution(id));
        let span = row.and_then(|row| Some((row.id.clone(), span(row)?)));
        Self { key: entry.key(), span, said: None, void: false, now: None }
    }
}

/// The identity of an execution, independent of its id.
fn span(row: &Execution) -> Option<String> {
    let number = |qty: Qty| qty.decimal().normalize();
    match (&row.kind, row.cum_qty) {
        (ExecutionKind::Trade, Some(cum)) => {
            Some(format!("trade/{}/{}/{}", row.order_id, number(row.qty), number(cum)))
        }
        (ExecutionKind::Bust { .. }, _) => Some(format!("bust/{}/{}", row.order_id, number(row.qty.abs()))),
        (ExecutionKind::Correction { .. }, _) => {
            let px = row.px.map_or_else(String::new, |px| px.decimal().normalize().to_string());
            Some(format!("correction/{}/{}/{px}", row.order_id, number(row.qty)))
        }
        _ => None,
    }
}

/// The result of the earlier runs.
#[derive(Debug)]
pub enum Earlier {
    /// There was no earlier run: everything known so far is history.
    None,
    /// An earlier run was active until about this time, by the local clock.
    Until {
        at: Timestamp,
        /// The line that may or may not have been printed.
        unsure: Option<String>,
        /// The number of unreadable notes; their lines may be reported again.
        unread: usize,
        /// Where the file with unreadable notes was kept.
        aside: Option<PathBuf>,
        /// Lines were printed that could not be noted; they may be reported again.
        lacks: bool,
    },
    /// An earlier run's notes cannot be read at all: everything known now counts as history.
    Damaged {
        /// Where the file was kept.
        aside: Option<PathBuf>,
    },
    /// Another run is active; this one keeps notes in memory only and does not continue earlier ones.
    Runs,
    /// The notes cannot be used, for this reason; they are left unchanged.
    Unusable(String),
}

/// What was reported of one link.
#[derive(Debug, Default)]
pub struct WatchLog {
    path: Option<PathBuf>,
    file: Option<File>,
    begun: bool,
    since: Option<Timestamp>,
    working: HashMap<OrderId, Working>,
    keys: HashSet<String>,
    spans: HashMap<String, Vec<ExecutionId>>,
    /// For each bust or correction reported, the execution that its line names.
    names: HashMap<ExecutionId, ExecutionId>,
    /// For each execution that was reported under another id, by that, the id that it has got since.
    renamed: HashMap<ExecutionId, ExecutionId>,
    /// Notes of that which are not in the file yet.
    unwritten: Vec<ReportedLine>,
    lines: VecDeque<ReportedLine>,
    /// The lines that were printed, and the history at the beginning: what the file has, or should have.
    printed: VecDeque<ReportedLine>,
    /// The line being printed.
    printing: Option<ReportedLine>,
    /// Why the file lacks lines that were printed.
    fault: Option<String>,
    /// The number of lines in the file.
    written: usize,
    /// The file's length without the note of the line being printed.
    length: u64,
    #[expect(dead_code, reason = "held until the run ends")]
    lock: Option<AccountLock>,
}

impl WatchLog {
    /// Reads the notes of earlier runs; from now on no other run writes notes for this link.
    pub fn open(data_dir: &Path, link: &LinkId) -> (Self, Earlier) {
        let name = LinkId::new(format!("watch {link}"));
        match Self::read(data_dir, &name) {
            Ok(opened) => opened,
            Err(error) => (Self::default(), Earlier::Unusable(error.to_string())),
        }
    }

    fn read(data_dir: &Path, name: &LinkId) -> io::Result<(Self, Earlier)> {
        let Some(lock) = AccountLock::try_take(data_dir, name)? else { return Ok((Self::default(), Earlier::Runs)) };
        let dir = data_dir.join("told");
        ensure_private_dir(&dir)?;
        let path = dir.join(AccountLock::file_name(name)).with_extension("jsonl");
        let mut log = Self { path: Some(path.clone()), lock: Some(lock), ..Self::default() };
        let found = match file_checks::file(&path).map_err(io::Error::other).and_then(|()| File::open(&path)) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((log, Earlier::None)),
            Err(error) => return Err(error),
        };
        let until = found.metadata()?.modified()?;
        let mut bytes = Vec::new();
        (&found).read_to_end(&mut bytes)?;
        let Notes { header, lines, unsure, unread } = Notes::of(&bytes);
        let Some(header) = header else {
            let earlier = match bytes.trim_ascii() {
                b"" => Earlier::None,
                // Renamed, because the next beginning takes its place.
                _ => Earlier::Damaged { aside: kept_aside(&path, |from, to| std::fs::rename(from, to)) },
            };
            return Ok((log, earlier));
        };
        if header.version > VERSION {
            return Err(io::Error::other(newer(&path)));
        }
        (log.begun, log.since, log.working) = (true, header.since, by_id(header.working));
        for line in lines {
            log.remember(line.clone());
            log.note_printed(line);
        }
        // Before it is rewritten without what cannot be read.
        let copied =
            |from: &Path, to: &Path| std::fs::hard_link(from, to).or_else(|_| std::fs::copy(from, to).map(drop));
        let aside = (unread > 0).then(|| kept_aside(&path, copied)).flatten();
        if let Err(error) = log.rewrite() {
            // The file stays as it is until it can be written.
            log.lacks_lines(&error);
        }
        let at = Timestamp::try_from(until).map_err(io::Error::other)?;
        Ok((log, Earlier::Until { at, unsure, unread, aside, lacks: header.lacks > 0 }))
    }

    /// Whether there is a beginning: what was known then is history, and later lines are reported.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// The broker's time of the newest line known at the beginning.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// An order that was working at the beginning, in its state then.
    pub fn working(&self, order: &OrderId) -> Option<&Working> {
        self.working.get(order)
    }

    /// Sets the beginning: these lines are history and never reported, like everything else from before `since`, except
    /// for later changes of orders that were working.
    ///
    /// # Errors
    /// As the file system reports; it is still kept in memory.
    pub fn begin(
        &mut self,
        since: Option<Timestamp>,
        working: Vec<Working>,
        history: impl Iterator<Item = ReportedLine>,
    ) -> io::Result<()> {
        (self.begun, self.since, self.working) = (true, since, by_id(working));
        for line in history {
            self.remember(line.clone());
            self.note_printed(line);
        }
        self.rewrite().inspect_err(|error| self.fault = Some(error.to_string()))
    }

    /// Clears the beginning, when another account is behind the link. Reported lines stay reported, because some may
    /// already be of the new account.
    pub fn forget(&mut self) {
        (self.begun, self.since, self.file) = (false, None, None);
        self.working.clear();
    }

    /// Keeps a line that is about to be reported.
    pub fn remember(&mut self, line: ReportedLine) {
        if let Some(Renamed { reported, now }) = line.now {
            self.renamed.insert(reported, now);
            return;
        }
        if line.void {
            self.keys.remove(&line.key);
            self.lines.retain(|log| log.key != line.key);
            if let Some(said) = &line.said {
                self.forget_names(&said.id);
            }
            if let Some((id, span)) = &line.span
                && let Some(ids) = self.spans.get_mut(span)
            {
                ids.retain(|log| log != id);
            }
            return;
        }
        if !self.keys.insert(line.key.clone()) {
            return;
        }
        if let Some((id, span)) = &line.span {
            self.spans.entry(span.clone()).or_default().push(id.clone());
        }
        if let Some(Reported { id, of: Some(of), .. }) = &line.said {
            self.names.insert(id.clone(), of.clone());
        }
        self.lines.push_back(line);
        while self.lines.len() > REMEMBERED {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.keys.remove(&oldest.key);
            if let Some(said) = &oldest.said {
                self.forget_names(&said.id);
            }
            if let Some((_, span)) = oldest.span {
                self.spans.remove(&span);
            }
        }
    }

    fn forget_names(&mut self, reported: &ExecutionId) {
        self.names.remove(reported);
        self.renamed.remove(reported);
    }

    /// Notes a line that is being printed. [`Self::went_out`] or [`Self::stayed`] must follow.
    pub fn going_out(&mut self, line: &ReportedLine) {
        self.write_renamed();
        self.printing = Some(line.clone());
        if self.written > REMEMBERED * 2 {
            let rewritten = self.rewrite();
            self.noted(rewritten);
        }
        let noted = self.write(|file| file.write_all(serde_json::to_string(line)?.as_bytes()));
        self.noted(noted);
    }

    /// The line being printed has been printed.
    pub fn went_out(&mut self) {
        if let Some(line) = self.printing.take() {
            self.note_printed(line);
        }
        let noted = self.write(|file| file.write_all(b"\n"));
        if let (Some(file), true) = (&self.file, noted.is_ok() && self.fault.is_none()) {
            self.length = file.metadata().map_or(self.length, |found| found.len());
            self.written += 1;
        }
        self.noted(noted);
        self.write_renamed();
    }

    /// The line being printed was not, because the reader is gone.
    pub fn stayed(&mut self) {
        self.printing = None;
        let length = self.length;
        let noted = self.write(|file| file.set_len(length));
        self.noted(noted);
    }

    /// Why the file lacks lines that were printed; the next run may print them again.
    pub fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// Notes that this run is active, so that a later gap is not dated too early, and adds what the file lacks.
    pub fn touch(&mut self, now: Timestamp) {
        if self.fault.is_some() && self.rewrite().is_ok() {
            self.fault = None;
        }
        self.write_renamed();
        if let Some(file) = &self.file
            && let Err(error) = file.set_modified(now.into())
        {
            tracing::debug!("cannot save the time in the print log: {error}");
        }
    }

    /// Notes that a reported execution has got another id, so that a later run does not take another execution for it.
    fn note_renamed(&mut self, reported: ExecutionId, now: ExecutionId) {
        if self.renamed.get(&reported) == Some(&now) {
            return;
        }
        let key = TapeEntry::key_of_execution(&reported);
        let renamed = Renamed { reported, now };
        let note = ReportedLine { key, span: None, said: None, void: false, now: Some(renamed) };
        self.remember(note.clone());
        self.unwritten.push(note);
    }

    /// Adds these notes to the file, between two lines.
    fn write_renamed(&mut self) {
        if self.printing.is_some() {
            return;
        }
        for note in std::mem::take(&mut self.unwritten) {
            let written = self.write(|file| file.write_all(text_of(&note)?.as_bytes()));
            if let (Some(file), true) = (&self.file, written.is_ok() && self.fault.is_none()) {
                self.length = file.metadata().map_or(self.length, |found| found.len());
                self.written += 1;
            }
            self.note_printed(note);
            self.noted(written);
        }
    }

    /// Adds to the file, unless it lacks lines already. Before the beginning nothing is written; it is written with it.
    fn write(&mut self, what: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        match &mut self.file {
            Some(file) if self.fault.is_none() => what(file),
            _ => Ok(()),
        }
    }

    fn noted(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.lacks_lines(&error);
        }
    }

    /// The file cannot be written. It says so itself: its first bytes are replaced in place, which needs no room.
    fn lacks_lines(&mut self, error: &io::Error) {
        tracing::warn!("cannot write the print log: {error}");
        self.fault = Some(error.to_string());
        let Some(path) = &self.path else { return };
        let marked = OpenOptions::new().read(true).write(true).open(path).and_then(|mut file| {
            // Without a torn note at its end.
            if self.length > 0 && file.metadata()?.len() > self.length {
                file.set_len(self.length)?;
            }
            let mut begins = [0; notes::WHOLE.len()];
            file.read_exact(&mut begins)?;
            if begins == *notes::WHOLE {
                file.rewind()?;
                file.write_all(notes::LACKS)?;
            }
            Ok(())
        });
        marked.unwrap_or_else(|error| tracing::warn!("the print log cannot be marked: {error}"));
    }

    /// Keeps a printed line for the file.
    fn note_printed(&mut self, line: ReportedLine) {
        if line.void {
            self.printed.retain(|known| known.key != line.key);
            return;
        }
        self.printed.push_back(line);
        while self.printed.len() > REMEMBERED {
            self.printed.pop_front();
        }
    }

    /// Rewrites the file with everything printed.
    fn rewrite(&mut self) -> io::Result<()> {
        let (Some(path), true) = (&self.path, self.begun) else { return Ok(()) };
        let dir = path.parent().unwrap_or(Path::new("."));
        let mut temp = tempfile::Builder::new().prefix(".told-").suffix(".tmp").tempfile_in(dir)?;
        let working = self.working.values().cloned().collect();
        let mut text = text_of(&Header { lacks: 0, version: VERSION, since: self.since, working })?;
        for line in &self.printed {
            text.push_str(&text_of(line)?);
        }
        temp.write_all(text.as_bytes())?;
        temp.as_file().sync_all()?;
        temp.persist(path).map_err(|error| error.error)?;
        self.file = Some(OpenOptions::new().append(true).open(path)?);
        (self.written, self.length) = (self.printed.len(), text.len() as u64);
        Ok(())
    }
}

fn by_id(working: Vec<Working>) -> HashMap<OrderId, Working> {
    working.into_iter().map(|order| (order.id.clone(), order)).collect()
}

#[cfg(test)]
mod tests;
