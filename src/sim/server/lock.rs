//! How the server locks; `state.rs` says for how long.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, and ignores a panic in another holder: the state is still usable.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
