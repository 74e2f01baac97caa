//! The journal's side of the loop: what it knew is read beside the first frame, what is learned is written before the next.

use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Loop;
use crate::app::Msg;
use crate::app::effect::Memory;
use crate::app::msg::Recollection;
use crate::domain::{LinkId, Now};
use crate::io::journal::{Batch, Journal, JournalError, Opened, Record, Remembered, Saved};
use crate::link::LinkRecord;

/// A frame waits this long for the disk; then it is drawn, and the log says so.
const SLOW_DISK: Duration = Duration::from_millis(500);

/// A journal being opened and read.
pub(super) type Reading = JoinHandle<Read>;

/// What reading brought.
pub(super) struct Read {
    links: Vec<LinkRecord>,
    opened: Result<(Journal, Vec<Recollection>), JournalError>,
    notices: Vec<String>,
}

impl Loop {
    /// Shows the links at once and reads the journal beside the first frame; their connections begin when it is read.
    /// Without a place to write the program goes on and says so.
    pub fn start_remembering(&mut self, path: PathBuf, links: Vec<LinkRecord>) {
        self.effects.know(&links);
        drop(self.handle(Msg::Listed { links: links.clone() }));
        self.reading = Some(tokio::spawn(read(path, links)));
    }

    /// Waits for the journal, if one is being read.
    pub(super) async fn read(reading: &mut Option<Reading>) -> Option<Read> {
        match reading {
            Some(task) => {
                let read = task.await;
                *reading = None;
                read.inspect_err(|error| tracing::error!(%error, "reading the journal ended early")).ok()
            }
            None => std::future::pending().await,
        }
    }

    /// Takes over what was read, and connects.
    pub(super) fn begin(&mut self, read: Option<Read>) {
        let Some(Read { links, opened, notices }) = read else { return };
        match opened {
            Ok((journal, known)) => {
                for known in known {
                    drop(self.handle(Msg::Remembered(Box::new(known))));
                }
                self.journal = Some(journal);
            }
            Err(error) => drop(self.handle(Msg::Trouble(format!("nothing is journaled: {error}")))),
        }
        for text in notices {
            drop(self.handle(Msg::Trouble(text)));
        }
        self.start(links);
    }

    /// Before the stream is taken over from another instance: what that one wrote is what this one goes on from.
    pub(super) async fn refresh_memory(&mut self, msg: &Msg) {
        let (Msg::Freed { link }, Some(journal)) = (msg, &self.journal) else { return };
        match journal.load(link).await {
            Ok(known) if known.account.is_some() => {
                drop(self.handle(Msg::Remembered(Box::new(recollection(link.clone(), known)))));
            }
            Ok(_) => {}
            Err(error) => drop(self.handle(Msg::Trouble(error.to_string()))),
        }
    }

    pub(super) fn remember(&mut self, link: LinkId, memory: Memory, now: Now) {
        // The instance that streams the account writes about it; two would write over each other.
        if self.journal.is_none() || !self.effects.owns(&link) {
            return;
        }
        let mut batch = Batch::new(link, now.wall);
        match memory {
            Memory::Changes(changes) => {
                if let Some(account) = self.model.account(&batch.link) {
                    batch.add_changes(&account.blotter, &changes);
                }
            }
            Memory::Account(id) => batch.records.push(Record::Account(id)),
            Memory::Complete { watermark, asked_at } => batch.records.push(Record::Complete { watermark, asked_at }),
        }
        self.unwritten.push(batch);
    }

    /// Gives the journal what was learned since; it writes while the loop goes on, and [`Self::settle`] waits for it.
    pub(super) async fn hand_over(&mut self) {
        let Some(journal) = &self.journal else { return };
        for batch in self.unwritten.drain(..) {
            let given = journal.append(batch).await;
            let before = self.handed_over.take().unwrap_or(Ok(()));
            self.handed_over = Some(before.and(given));
        }
    }

    /// Everything learned goes to disk before it is drawn or printed. A disk that fails is said once and not waited for.
    pub(super) async fn settle(&mut self) {
        self.hand_over().await;
        let (Some(journal), Some(handed_over)) = (&self.journal, self.handed_over.take()) else { return };
        let outcome = match handed_over {
            Ok(()) => tokio::time::timeout(SLOW_DISK, journal.barrier()).await.unwrap_or_else(|_| {
                tracing::warn!("the journal is more than {} ms behind the screen", SLOW_DISK.as_millis());
                Ok(Saved::default())
            }),
            Err(error) => Err(error),
        };
        let trouble = match outcome {
            Ok(saved) => saved.notice,
            Err(error) => Some(error.to_string()),
        };
        if trouble.is_some() && self.trouble != trouble {
            self.trouble.clone_from(&trouble);
            if let Some(text) = trouble {
                drop(self.handle(Msg::Trouble(text)));
            }
        }
    }
}

/// Opens the journal off the loop's thread, and reads what it knows of these links.
async fn read(path: PathBuf, links: Vec<LinkRecord>) -> Read {
    let opened = tokio::task::spawn_blocking(move || Journal::open(&path)).await;
    let opened = opened.unwrap_or_else(|error| {
        tracing::error!(%error, "opening the journal ended early");
        Err(JournalError::Ended)
    });
    let (journal, notice) = match opened {
        Ok(Opened { journal, notice }) => (journal, notice),
        Err(error) => return Read { links, opened: Err(error), notices: Vec::new() },
    };
    let mut notices: Vec<String> = notice.into_iter().collect();
    let mut recalled = Vec::new();
    for link in &links {
        match journal.load(&link.id).await {
            Ok(known) => {
                notices.extend(known.notice.clone());
                recalled.push(recollection(link.id.clone(), known));
            }
            Err(error) => notices.push(error.to_string()),
        }
    }
    Read { links, opened: Ok((journal, recalled)), notices }
}

fn recollection(link: LinkId, known: Remembered) -> Recollection {
    Recollection {
        link,
        account: known.account,
        watermark: known.watermark,
        complete_at: known.complete_at,
        saved_at: known.saved_at,
        orders: known.orders,
        executions: known.executions,
        tape: known.tape,
    }
}
