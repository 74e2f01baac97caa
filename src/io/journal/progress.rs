//! The writer's progress: updated by its thread, read by the loop without waiting.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// The writer's progress.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// How many batches are on disk.
    pub saved: u64,
    /// Why the next one is not, when the last attempt failed.
    pub fault: Option<String>,
    /// Whether the fault is permanent: a newer version wrote the file.
    pub is_newer_version: bool,
    /// How often a file was started, or continued, without what was written before.
    pub begun: u64,
}

/// Shared by the writer's thread and the handle.
#[derive(Debug, Default)]
pub(super) struct Shared {
    progress: watch::Sender<Progress>,
    notices: Mutex<Vec<String>>,
    /// Records sent that are not on disk.
    waiting: AtomicUsize,
    /// Counts batches written, before they are committed.
    steps: AtomicU64,
}

impl Shared {
    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    pub(super) fn handed_over(&self, records: usize) {
        self.waiting.fetch_add(records, Ordering::AcqRel);
    }

    pub(super) fn saved(&self, batches: usize, records: usize) {
        self.waiting.fetch_sub(records, Ordering::AcqRel);
        self.progress.send_modify(|progress| {
            progress.saved += batches as u64;
            (progress.fault, progress.is_newer_version) = (None, false);
        });
    }

    /// Counts a batch as written, but not committed.
    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Notes a new file: its owner should send everything it knows.
    pub(super) fn begun(&self) {
        self.progress.send_modify(|progress| progress.begun += 1);
    }

    pub(super) fn failed(&self, reason: &str) {
        self.note(reason, false);
    }

    /// A newer version wrote the file, which is left alone; `reason` says so.
    pub(super) fn is_newer_version(&self, reason: &str) {
        self.note(reason, true);
    }

    fn note(&self, reason: &str, is_newer_version: bool) {
        self.progress.send_if_modified(|progress| {
            let news = progress.fault.as_deref() != Some(reason);
            if news {
                (progress.fault, progress.is_newer_version) = (Some(reason.to_owned()), is_newer_version);
            }
            news
        });
    }

    /// Keeps a notice for the user until it is read.
    pub(super) fn notice(&self, sentence: String) {
        tracing::warn!("{sentence}");
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(sentence);
        // Wake those who watch the progress.
        self.progress.send_modify(|_| ());
    }

    pub(super) fn take_notice(&self) -> Option<String> {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        (!notices.is_empty()).then(|| notices.drain(..).collect::<Vec<_>>().join("; "))
    }
}
