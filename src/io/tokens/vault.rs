//! The system's secret store, on a separate thread, because any call to it may hang forever.
//!
//! A thread of the runtime would not do: the runtime waits for its threads when it is dropped, so a hung one would keep
//! the program from exiting.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use crate::domain::text::sanitize_to;
use crate::io::clock::random_seed;

/// The store's name on this platform.
#[cfg(target_os = "macos")]
pub(super) const NAME: &str = "the macOS Keychain";
#[cfg(windows)]
pub(super) const NAME: &str = "the Windows Credential Manager";
#[cfg(not(any(target_os = "macos", windows)))]
pub(super) const NAME: &str = "the Secret Service of this desktop";

/// Time limit of a call.
const LIMIT: Duration = Duration::from_secs(2);
/// The service name of our secrets in the store.
const SERVICE: &str = "brokerdeck";
/// Longest message from the store that is kept, in characters.
const LONGEST_WORDS: usize = 200;

/// Secrets by name, in the system's store. Every call may block.
pub trait Keys {
    /// Stores a secret, replacing an older one.
    fn set(&self, name: &str, secret: &str) -> Result<(), String>;
    /// Reads a secret; `None` when there is none of this name.
    fn get(&self, name: &str) -> Result<Option<SecretString>, String>;
    /// Deletes a secret; returns whether there was one.
    fn delete(&self, name: &str) -> Result<bool, String>;
}

/// A boxed store; stays on the thread that created it.
pub type SystemKeys = Box<dyn Keys>;

/// Connects to the system's store. Called on the store's own thread; may block.
#[derive(Clone)]
pub struct Connect(Arc<dyn Fn() -> Result<SystemKeys, String> + Send + Sync>);

impl Connect {
    /// Wraps a connect function.
    pub fn new(connect: impl Fn() -> Result<SystemKeys, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(connect))
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connect")
    }
}

/// The platform's own store.
pub(super) fn connect_to_system() -> Connect {
    Connect::new(|| platform_store().map(|store| -> SystemKeys { Box::new(Keyring(store)) }))
}

type Job = Box<dyn FnOnce(&Result<SystemKeys, String>) + Send>;

/// A handle to the store's thread.
#[derive(Debug)]
pub(super) struct Vault {
    jobs: mpsc::Sender<Job>,
    /// Calls given up while the thread is still working on them.
    hung: Arc<AtomicI32>,
}

impl Vault {
    /// Starts the thread. It connects at once, and retries at a later call when that failed.
    pub(super) fn open(connect: Connect) -> Self {
        let (jobs, inbox) = mpsc::channel::<Job>();
        let work = move || {
            let mut keys = (connect.0)();
            for job in inbox {
                job(&keys);
                if keys.is_err() {
                    keys = (connect.0)();
                }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("secret-store".to_owned()).spawn(work) {
            // The closure took the receiver with it, so every call reports that the thread is gone.
            tracing::warn!("cannot start the secret store's thread: {error}");
        }
        Self { jobs, hung: Arc::default() }
    }

    /// Checks that the store stores, returns and deletes: a locked one may accept connections and refuse the rest.
    pub(super) async fn probe(&self) -> Result<(), String> {
        let name = format!("probe-{:016x}", random_seed()?);
        self.call(move |keys| {
            keys.set(&name, "probe")?;
            let back = keys.get(&name);
            let gone = keys.delete(&name);
            match back?.as_ref().map(ExposeSecret::expose_secret) {
                Some("probe") => {}
                _ => return Err("it does not return what was stored".to_owned()),
            }
            if gone? { Ok(()) } else { Err("it does not delete what it stores".to_owned()) }
        })
        .await
    }

    pub(super) async fn set(&self, name: &str, secret: &SecretString) -> Result<(), String> {
        let (name, secret) = (name.to_owned(), secret.clone());
        self.call_or_undo(
            move |keys| keys.set(&name, secret.expose_secret()).map(|()| name),
            // The caller did not learn of the success, so it would never remove the secret.
            |keys, name| drop(keys.delete(&name)),
        )
        .await
        .map(drop)
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<SecretString>, String> {
        let name = name.to_owned();
        self.call(move |keys| keys.get(&name)).await
    }

    pub(super) async fn delete(&self, name: &str) -> Result<bool, String> {
        let name = name.to_owned();
        self.call(move |keys| keys.delete(&name)).await
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Keys) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        self.call_or_undo(work, |_, _| ()).await
    }

    /// Runs work on the thread within the time limit. Work that completes after the caller has gone is undone.
    async fn call_or_undo<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Keys) -> Result<T, String> + Send + 'static,
        undo: impl FnOnce(&dyn Keys, T) + Send + 'static,
    ) -> Result<T, String> {
        if self.hung.load(Ordering::Acquire) > 0 {
            return Err("it has not answered an earlier call yet".to_owned());
        }
        let (reply, answer) = oneshot::channel();
        let hung = Arc::clone(&self.hung);
        let job: Job = Box::new(move |keys| {
            let result = match keys {
                Ok(keys) => work(keys.as_ref()),
                Err(reason) => Err(reason.clone()),
            };
            if let Err(unheard) = reply.send(result) {
                if let (Ok(keys), Ok(value)) = (keys, unheard) {
                    undo(keys.as_ref(), value);
                }
                hung.fetch_sub(1, Ordering::AcqRel);
            }
        });
        self.jobs.send(job).map_err(|_| "its thread has ended".to_owned())?;
        self.wait(answer).await.map_err(|reason| sanitize_to(&reason, LONGEST_WORDS))
    }

    async fn wait<T>(&self, answer: oneshot::Receiver<Result<T, String>>) -> Result<T, String> {
        let mut waiting = Waiting { answer, hung: &self.hung, heard: false };
        let result = tokio::time::timeout(LIMIT, &mut waiting.answer).await;
        waiting.heard = result.is_ok();
        match result {
            Ok(answer) => answer.unwrap_or_else(|_| Err("its thread has ended".to_owned())),
            Err(_) => Err("it does not answer within 2 seconds".to_owned()),
        }
    }
}

/// A caller waiting for the thread. When it is dropped without an answer, the call counts as hung until the thread is
/// done with it. The count may be decremented before it is incremented, and is therefore signed.
struct Waiting<'a, T> {
    answer: oneshot::Receiver<T>,
    hung: &'a AtomicI32,
    heard: bool,
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        // After this the thread's send fails and decrements the count; an answer sent just before does not.
        self.answer.close();
        if !self.heard && self.answer.try_recv().is_err() {
            self.hung.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// A `keyring-core` store.
struct Keyring(Arc<keyring_core::CredentialStore>);

impl Keyring {
    fn entry(&self, name: &str) -> Result<keyring_core::Entry, String> {
        keyring_core::Entry::new_in_store(&self.0, SERVICE, name).map_err(|error| error.to_string())
    }
}

impl Keys for Keyring {
    fn set(&self, name: &str, secret: &str) -> Result<(), String> {
        self.entry(name)?.set_password(secret).map_err(|error| error.to_string())
    }

    fn get(&self, name: &str) -> Result<Option<SecretString>, String> {
        match self.entry(name)?.get_password() {
            Ok(secret) => Ok(Some(SecretString::from(secret))),
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    fn delete(&self, name: &str) -> Result<bool, String> {
        match self.entry(name)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(keyring_core::Error::NoEntry) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(all(target_os = "linux", feature = "secret-service"))]
fn platform_store() -> Result<Arc<keyring_core::CredentialStore>, String> {
    let store = zbus_secret_service_keyring_store::Store::new().map_err(|error| error.to_string())?;
    Ok(store)
}

#[cfg(target_os = "macos")]
fn platform_store() -> Result<Arc<keyring_core::CredentialStore>, String> {
    let store = apple_native_keyring_store::keychain::Store::new().map_err(|error| error.to_string())?;
    Ok(store)
}

#[cfg(windows)]
fn platform_store() -> Result<Arc<keyring_core::CredentialStore>, String> {
    let store = windows_native_keyring_store::Store::new().map_err(|error| error.to_string())?;
    Ok(store)
}

#[cfg(all(target_os = "linux", not(feature = "secret-service")))]
fn platform_store() -> Result<Arc<keyring_core::CredentialStore>, String> {
    Err("this program was built without it".to_owned())
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn platform_store() -> Result<Arc<keyring_core::CredentialStore>, String> {
    Err("none is supported on this platform".to_owned())
}
