//! Token storage: the system's store, an owner-only file, or memory for the demo (docs/DESIGN.md 4).
//!
//! Chooses between them and announces the choice. Tokens are returned only as [`SecretString`].

mod file_store;
mod vault;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::sync::OnceCell;

use self::file_store::FileStore;
use self::vault::Vault;
use super::harden::no_core_dumps;
use super::private_file::FileError;
use crate::config::TokenStoreChoice;
use crate::domain::LinkId;

pub use self::vault::{Connect, Keys, SystemKeys};

/// Why a token cannot be stored or found.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The system's store does not work, and either nothing else is allowed or the token may be in it.
    #[error("the system's secret store does not work: {reason}")]
    System {
        /// The system's reason, sanitised.
        reason: String,
    },
    /// The token is not in the file, and the system's store, which may have it, does not answer.
    #[error("no token in {}, and the system's secret store does not answer: {reason}", path.display())]
    Hidden {
        /// The file that was searched.
        path: PathBuf,
        /// Why the system's store does not answer, sanitised.
        reason: String,
    },
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file cannot be parsed, and was left in place.
    #[error(
        "{} cannot be parsed: the next command that needs a token sets it aside under another name, and its accounts \
            must be linked again",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
    /// The file was written by a later version of the program.
    #[error("{} was written by a later version of brokerdeck", path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
    },
}

impl StoreError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::System { .. } => "unlock it, or set store = \"file\" under [tokens]",
            Self::Hidden { .. } => "unlock it and start again, or link the account again",
            Self::File(error) => return error.hint(),
            Self::Damaged { .. } => "restore a good copy, or link the accounts again",
            Self::Newer { .. } => "use that version, or move the file away and link again",
        };
        hint.to_owned()
    }
}

/// The tokens of all links. The store is chosen and tested at the first use, off the caller's thread.
#[derive(Debug)]
pub struct Tokens {
    choice: Choice,
    /// Whether files are left unchanged.
    looking: bool,
    store: OnceCell<Store>,
    notices: Mutex<Vec<String>>,
}

#[derive(Debug)]
enum Choice {
    Memory,
    Configured { choice: TokenStoreChoice, dir: PathBuf, connect: Connect, vault: OnceLock<Arc<Vault>> },
}

/// The store in use.
#[derive(Debug)]
enum Store {
    System(Arc<Vault>),
    /// With the reason why the system's store is not used, if it was wanted.
    File(FileStore, Option<String>),
    Memory(Mutex<BTreeMap<LinkId, SecretString>>),
}

impl Tokens {
    /// The configured store; files are in the data folder.
    pub fn new(choice: TokenStoreChoice, dir: &Path) -> Self {
        Self::with_system(choice, dir, vault::connect_to_system())
    }

    /// [`Self::new`] with another connection to the system's store.
    pub fn with_system(choice: TokenStoreChoice, dir: &Path, connect: Connect) -> Self {
        Self::of(Choice::Configured { choice, dir: dir.to_owned(), connect, vault: OnceLock::new() })
    }

    /// In memory only.
    pub fn memory() -> Self {
        Self::of(Choice::Memory)
    }

    fn of(choice: Choice) -> Self {
        Self { choice, looking: false, store: OnceCell::new(), notices: Mutex::default() }
    }

    /// Read-only: a damaged or misplaced file is left in place.
    #[must_use]
    pub fn looking(mut self) -> Self {
        self.looking = true;
        self
    }

    /// Checks that a token could be stored, before the user is asked to grant one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prove(&self) -> Result<(), StoreError> {
        match self.store().await? {
            Store::File(file, _) => file.prove().await,
            Store::System(_) | Store::Memory(_) => Ok(()),
        }
    }

    /// Stores a token, replacing the link's old one.
    ///
    /// # Errors
    /// When the store fails; then the old token is still there.
    pub async fn put(&self, link: &LinkId, token: &SecretString) -> Result<(), StoreError> {
        match self.store().await? {
            Store::System(vault) => vault.set(link.as_str(), token).await.map_err(system),
            Store::File(file, _) => {
                let (link, token) = (link.as_str().to_owned(), token.clone());
                file.change(self, move |tokens| drop(tokens.insert(link, token))).await
            }
            Store::Memory(tokens) => {
                lock(tokens).insert(link.clone(), token.clone());
                Ok(())
            }
        }
    }

    /// A link's token; `None` when it has none and must be relinked.
    ///
    /// # Errors
    /// When the store fails; [`StoreError::Hidden`] when the token may be in a store that does not answer.
    pub async fn get(&self, link: &LinkId) -> Result<Option<SecretString>, StoreError> {
        match self.store().await? {
            Store::System(vault) => {
                // Not moved yet.
                let beside = match &self.choice {
                    Choice::Configured { dir, .. } if self.looking => {
                        FileStore::new(dir).get(self, link.as_str()).await?
                    }
                    Choice::Configured { .. } | Choice::Memory => None,
                };
                if beside.is_some() { Ok(beside) } else { vault.get(link.as_str()).await.map_err(system) }
            }
            Store::File(file, reason) => match (file.get(self, link.as_str()).await?, reason) {
                (None, Some(reason)) => Err(StoreError::Hidden { path: file.path(), reason: reason.clone() }),
                (token, _) => Ok(token),
            },
            Store::Memory(tokens) => Ok(lock(tokens).get(link).cloned()),
        }
    }

    /// Forgets a link's token; returns whether there was one.
    ///
    /// # Errors
    /// When the store fails; then the token is still there.
    pub async fn remove(&self, link: &LinkId) -> Result<bool, StoreError> {
        match self.store().await? {
            Store::System(vault) => vault.delete(link.as_str()).await.map_err(system),
            Store::File(file, _) => {
                let link = link.as_str().to_owned();
                file.change(self, move |tokens| tokens.remove(&link).is_some()).await
            }
            Store::Memory(tokens) => Ok(lock(tokens).remove(link).is_some()),
        }
    }

    /// Where tokens are stored, as a sentence for `brokers`, `doctor` and the end of linking.
    ///
    /// # Errors
    /// As choosing the store says, and a file that cannot be used.
    pub async fn location(&self) -> Result<String, StoreError> {
        let store = self.store().await?;
        if let Store::File(file, _) = store {
            file.look()?;
        }
        Ok(match store {
            Store::System(_) => format!("tokens are kept in {}", vault::NAME),
            Store::File(file, None) => format!("tokens are kept in {}, readable by you alone", file.path().display()),
            Store::File(file, Some(reason)) => format!(
                "tokens are kept in {}, readable by you alone, because the system's secret store does not work: {reason}",
                file.path().display()
            ),
            Store::Memory(_) => "tokens are kept in memory and forgotten on exit".to_owned(),
        })
    }

    /// Notices for the user since the last call, as complete sentences.
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn notice(&self, sentence: String) {
        tracing::warn!("{sentence}");
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).push(sentence);
    }

    async fn store(&self) -> Result<&Store, StoreError> {
        self.store.get_or_try_init(|| self.choose()).await
    }

    async fn choose(&self) -> Result<Store, StoreError> {
        let Choice::Configured { choice, dir, connect, vault } = &self.choice else {
            return Ok(Store::Memory(Mutex::default()));
        };
        no_core_dumps();
        let file = FileStore::new(dir);
        if *choice == TokenStoreChoice::File {
            return Ok(Store::File(file, None));
        }
        // Only one thread, however often a broken store is used.
        let vault = Arc::clone(vault.get_or_init(|| Arc::new(Vault::open(connect.clone()))));
        match (vault.probe().await, choice) {
            (Ok(()), _) => {
                if self.looking {
                    file.look()?;
                } else {
                    self.move_into(&file, &vault).await?;
                }
                Ok(Store::System(vault))
            }
            (Err(reason), TokenStoreChoice::Os) => Err(StoreError::System { reason }),
            (Err(reason), _) => {
                tracing::info!("the system's secret store does not work: {reason}");
                Ok(Store::File(file, Some(reason)))
            }
        }
    }

    /// Moves the tokens of an older file into the system's store, so that no copy is left.
    async fn move_into(&self, file: &FileStore, vault: &Vault) -> Result<(), StoreError> {
        let tokens = file.all(self).await?;
        if tokens.is_empty() {
            return Ok(());
        }
        for (link, token) in &tokens {
            // The file takes precedence: it exists only if something was linked since the store was last used.
            vault.set(link, token).await.map_err(system)?;
            let back = vault.get(link).await.map_err(system)?;
            if back.is_none_or(|back| back.expose_secret() != token.expose_secret()) {
                return Err(system("what was written could not be read back".to_owned()));
            }
        }
        file.clear().await?;
        self.notice(format!(
            "moved {} from {} to {}",
            if tokens.len() == 1 { "the token".to_owned() } else { format!("{} tokens", tokens.len()) },
            file.path().display(),
            vault::NAME
        ));
        Ok(())
    }
}

fn system(reason: String) -> StoreError {
    StoreError::System { reason }
}

fn lock(tokens: &Mutex<BTreeMap<LinkId, SecretString>>) -> std::sync::MutexGuard<'_, BTreeMap<LinkId, SecretString>> {
    tokens.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
