//! How far the writer is: told by its thread, looked at by the loop without waiting.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// How far the writer is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// How many batches are on disk.
    pub saved: u64,
    /// Why the next one is not, when the last attempt to write it failed.
    pub fault: Option<String>,
    /// How often a file was begun, or gone on in, that lacks what was written before.
    pub begun: u64,
}

/// What the writer's thread and the handle share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    progress: watch::Sender<Progress>,
    notices: Mutex<Vec<String>>,
    /// Records handed over that are not on disk.
    waiting: AtomicUsize,
    /// Grows with every batch that is written, before it is committed.
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
            progress.fault = None;
        });
    }

    /// One more batch is written, though not committed.
    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Whoever knows more than what is written from here on should hand it over.
    pub(super) fn begun(&self) {
        self.progress.send_modify(|progress| progress.begun += 1);
    }

    pub(super) fn failed(&self, reason: &str) {
        self.progress.send_if_modified(|progress| {
            let news = progress.fault.as_deref() != Some(reason);
            if news {
                progress.fault = Some(reason.to_owned());
            }
            news
        });
    }

    /// Keeps a sentence for the user until it is asked for.
    pub(super) fn notice(&self, sentence: String) {
        tracing::warn!("{sentence}");
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(sentence);
        // Wakes whoever looks at the progress.
        self.progress.send_modify(|_| ());
    }

    pub(super) fn take_notice(&self) -> Option<String> {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        (!notices.is_empty()).then(|| notices.drain(..).collect::<Vec<_>>().join("; "))
    }
}
