//! Work to finish before the program ends: attempts and unlinks, which may leave a token valid.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// The work under way, and the outcomes of revoking unused tokens.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    /// By number, with the sentence to print if the program ends first.
    open: watch::Sender<BTreeMap<u64, Option<String>>>,
    /// The outcomes so far, without secrets, for the log and stderr.
    said: Mutex<Vec<String>>,
    ending: AtomicBool,
}

/// A piece of work, which counts as finished when dropped.
#[derive(Debug)]
pub struct Work {
    unfinished: Arc<Unfinished>,
    number: u64,
}

impl Unfinished {
    /// Starts a piece of work.
    pub(super) fn open(self: &Arc<Self>) -> Work {
        let mut number = 0;
        self.open.send_modify(|open| {
            number = open.last_key_value().map_or(0, |(last, _)| last + 1);
            open.insert(number, None);
        });
        Work { unfinished: Arc::clone(self), number }
    }

    /// Whether anything is under way.
    pub(super) fn is_any(&self) -> bool {
        !self.open.borrow().is_empty()
    }

    /// Waits until nothing is under way.
    pub(super) async fn none(&self) {
        // Fails only without a sender, which `self` holds.
        drop(self.open.subscribe().wait_for(BTreeMap::is_empty).await);
    }

    /// From now on successes are reported too, because the screen is gone.
    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
        self.take_said();
    }

    /// The outcomes so far, and the warnings for work still under way.
    pub(super) fn take_words(&self) -> Vec<String> {
        let mut words = self.take_said();
        words.extend(self.feared());
        words
    }

    /// The warnings for work still under way.
    pub(super) fn feared(&self) -> Vec<String> {
        self.open.borrow().values().flatten().cloned().collect()
    }

    fn take_said(&self) -> Vec<String> {
        std::mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Work {
    /// Sets the warning for when the program ends before this work does.
    pub(super) fn fear(&self, sentence: String) {
        self.unfinished.open.send_modify(|open| {
            open.insert(self.number, Some(sentence));
        });
    }

    /// Reports the outcome.
    pub(super) fn say(&self, sentence: String) {
        self.unfinished.open.send_modify(|open| {
            open.insert(self.number, None);
        });
        self.unfinished.said.lock().unwrap_or_else(PoisonError::into_inner).push(sentence);
    }

    /// Whether the program is ending.
    pub(super) fn is_last(&self) -> bool {
        self.unfinished.ending.load(Ordering::Relaxed)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.unfinished.open.send_modify(|open| {
            open.remove(&self.number);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn outcomes_and_warnings_are_reported_once_and_the_end_waits_for_all_work() {
        let unfinished = Arc::new(Unfinished::default());
        assert!(!unfinished.is_any());
        unfinished.none().await;
        let (first, second) = (unfinished.open(), unfinished.open());
        first.say("before the end".to_owned());
        unfinished.end();
        first.fear("first may stay valid".to_owned());
        second.fear("second may stay valid".to_owned());
        second.say("second is revoked".to_owned());
        assert!(unfinished.is_any() && first.is_last());
        assert_eq!(unfinished.take_words(), ["second is revoked", "first may stay valid"]);
        drop(first);
        drop(second);
        unfinished.none().await;
        assert!(unfinished.take_words().is_empty());
    }
}
