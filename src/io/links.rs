//! The list of linked accounts: `links.json`, without secrets, or memory for the demo.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::private_file::{FileError, Held, PrivateFile, Staged};
use crate::domain::LinkId;
use crate::link::LinkRecord;

/// The file's format version.
const VERSION: u32 = 1;

/// Why the links cannot be read or written.
#[derive(Debug, Error)]
pub enum LinksError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file cannot be parsed, and was left in place.
    #[error("{path} cannot be parsed: the next start sets it aside under another name and begins without links")]
    Damaged {
        /// Which file.
        path: String,
    },
    /// The file was written by a later version of the program.
    #[error("{path} was written by a later version of brokerdeck")]
    Newer {
        /// Which file.
        path: String,
    },
}

impl LinksError {
    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::File(error) => error.hint(),
            Self::Damaged { .. } => "restore a good copy, or link the accounts again".to_owned(),
            Self::Newer { .. } => "use that version, or move the file away and link again".to_owned(),
        }
    }
}

/// The list of links.
#[derive(Debug)]
pub enum Links {
    /// In a file.
    File(PrivateFile),
    /// In memory, for the demo.
    Memory(Mutex<Vec<LinkRecord>>),
}

/// The links, and a notice when an unreadable file was found.
#[derive(Debug, Default)]
pub struct Listed {
    /// In the order of linking.
    pub links: Vec<LinkRecord>,
    /// A notice for the user.
    pub notice: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    links: Vec<LinkRecord>,
}

impl Links {
    /// `links.json` in the data folder.
    pub fn in_dir(dir: &Path) -> Self {
        Self::File(PrivateFile::new(dir, "links.json"))
    }

    /// In memory only.
    pub fn memory() -> Self {
        Self::Memory(Mutex::default())
    }

    /// All links, in the order of linking. A file that cannot be parsed is set aside.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn list(&self) -> Result<Listed, LinksError> {
        match self {
            Self::Memory(links) => Ok(Listed { links: lock(links).clone(), notice: None }),
            // Most reads find a valid file and need no lock, because it is replaced atomically.
            Self::File(file) => match read(file)? {
                Some(links) => Ok(Listed { links, notice: None }),
                None => file.locked(read_or_set_aside).await,
            },
        }
    }

    /// [`Self::list`] without changes: a file that cannot be parsed is left in place.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn look(&self) -> Result<Vec<LinkRecord>, LinksError> {
        match self {
            Self::Memory(links) => Ok(lock(links).clone()),
            Self::File(file) => {
                read(file)?.ok_or_else(|| LinksError::Damaged { path: file.path().display().to_string() })
            }
        }
    }

    /// Checks whether the list could be changed, as far as that is known without trying.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub fn look_at_lock(&self) -> Result<(), LinksError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::File(file) => Ok(file.look_at_lock()?),
        }
    }

    /// Checks that links could be saved, before the user is asked to grant one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn prove(&self) -> Result<(), LinksError> {
        self.list().await?;
        match self {
            Self::Memory(_) => Ok(()),
            Self::File(file) => Ok(file.prove().await?),
        }
    }

    /// Adds links; each replaces the one with the same id.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub async fn put(&self, records: Vec<LinkRecord>) -> Result<(), LinksError> {
        self.putting(records).await?.commit().await
    }

    /// [`Self::put`], prepared up to the final rename.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub async fn putting(&self, records: Vec<LinkRecord>) -> Result<Prepared<'_>, LinksError> {
        self.prepare(move |links| {
            for record in records {
                match links.iter_mut().find(|link| link.id == record.id) {
                    Some(link) => *link = record,
                    None => links.push(record),
                }
            }
        })
        .await
    }

    /// Changes the fields of a link; a link that is no longer listed is ignored.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub async fn update(&self, record: LinkRecord) -> Result<(), LinksError> {
        let prepared = self.prepare(move |links| {
            if let Some(link) = links.iter_mut().find(|link| link.id == record.id) {
                *link = record;
            }
        });
        prepared.await?.commit().await
    }

    /// Prepares the removal of a link up to the final rename; the token is removed before that.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing has changed.
    pub async fn removing(&self, id: &LinkId) -> Result<Prepared<'_>, LinksError> {
        let id = id.clone();
        self.prepare(move |links| links.retain(|link| link.id != id)).await
    }

    async fn prepare(
        &self,
        change: impl FnOnce(&mut Vec<LinkRecord>) + Send + 'static,
    ) -> Result<Prepared<'_>, LinksError> {
        match self {
            Self::Memory(links) => Ok(Prepared::Memory(links, Box::new(change))),
            Self::File(file) => {
                let stage = move |file: &PrivateFile| -> Result<Option<Staged>, LinksError> {
                    let mut links = read_or_set_aside(file)?.links;
                    let before = links.clone();
                    change(&mut links);
                    if links == before {
                        return Ok(None);
                    }
                    let content = Content { version: VERSION, links };
                    let bytes = serde_json::to_vec_pretty(&content).map_err(|error| unwritable(file, error))?;
                    Ok(Some(file.stage(&bytes)?))
                };
                let (staged, lock) = file.held(stage).await?;
                Ok(Prepared::File(staged, lock))
            }
        }
    }
}

/// A change of the list.
type Change = Box<dyn FnOnce(&mut Vec<LinkRecord>) + Send>;

/// A prepared change of the list: the lock is held, and the new list is written under a temporary name. Related changes
/// are made before the commit; dropping it discards the change.
#[must_use]
pub enum Prepared<'a> {
    /// Of a list in memory.
    Memory(&'a Mutex<Vec<LinkRecord>>, Change),
    /// Of the file; `None` if nothing changes.
    File(Option<Staged>, Held),
}

impl Prepared<'_> {
    /// Commits the change.
    ///
    /// # Errors
    /// When the file cannot be replaced; then nothing has changed.
    pub async fn commit(self) -> Result<(), LinksError> {
        match self {
            Self::Memory(links, change) => change(&mut lock(links)),
            Self::File(None, _) => {}
            Self::File(Some(staged), held) => staged.commit(held).await?,
        }
        Ok(())
    }
}

impl std::fmt::Debug for Prepared<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prepared")
    }
}

fn lock(links: &Mutex<Vec<LinkRecord>>) -> std::sync::MutexGuard<'_, Vec<LinkRecord>> {
    links.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The links of a valid or missing file; `None` when it cannot be parsed.
fn read(file: &PrivateFile) -> Result<Option<Vec<LinkRecord>>, LinksError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Some(bytes) = file.read()? else { return Ok(Some(Vec::new())) };
    match serde_json::from_slice::<Version>(&bytes) {
        Ok(Version { version }) if version > VERSION => {
            Err(LinksError::Newer { path: file.path().display().to_string() })
        }
        Ok(_) => Ok(serde_json::from_slice::<Content>(&bytes).ok().map(|content| content.links)),
        Err(_) => Ok(None),
    }
}

fn read_or_set_aside(file: &PrivateFile) -> Result<Listed, LinksError> {
    if let Some(links) = read(file)? {
        return Ok(Listed { links, notice: None });
    }
    let aside = file.set_aside()?;
    let notice = format!("the list of links could not be read and was set aside as {}; link again", aside.display());
    tracing::warn!("{notice}");
    Ok(Listed { links: Vec::new(), notice: Some(notice) })
}

fn unwritable(file: &PrivateFile, error: serde_json::Error) -> FileError {
    FileError::Io { doing: "write", path: file.path(), cause: error.into() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::{AccountId, BrokerId, Environment};

    fn record(number: &str, label: &str) -> LinkRecord {
        LinkRecord {
            id: LinkId::new(format!("alpaca-paper/paper/{number}")),
            broker: BrokerId::from("alpaca-paper"),
            environment: Environment::Paper,
            account_id: AccountId::from("a0"),
            account_number: Arc::from(number),
            label: Arc::from(label),
            scopes: vec![Arc::from("trading")],
            linked_at: "2026-11-24T15:00:00Z".parse().unwrap(),
            grantor: None,
        }
    }

    #[tokio::test]
    async fn links_keep_their_order_and_a_relinked_one_its_place() {
        let dir = tempfile::tempdir().unwrap();
        for links in [Links::in_dir(dir.path()), Links::memory()] {
            links.put(vec![record("PA1", "one"), record("PA2", "two")]).await.unwrap();
            links.put(vec![record("PA1", "again")]).await.unwrap();
            let listed = links.list().await.unwrap().links;
            assert_eq!(listed, [record("PA1", "again"), record("PA2", "two")]);
            drop(links.removing(&record("PA1", "").id).await.unwrap());
            assert_eq!(links.list().await.unwrap().links.len(), 2, "prepared only");
            for _ in 0..2 {
                links.removing(&record("PA1", "").id).await.unwrap().commit().await.unwrap();
            }
            assert_eq!(links.list().await.unwrap().links, [record("PA2", "two")]);
        }
        assert_eq!(Links::in_dir(dir.path()).list().await.unwrap().links, [record("PA2", "two")]);
    }

    #[tokio::test]
    async fn a_changed_link_is_kept_and_a_forgotten_one_does_not_come_back() {
        let links = Links::memory();
        links.put(vec![record("PA1", "one")]).await.unwrap();
        let renumbered = LinkRecord { account_number: Arc::from("PA9"), ..record("PA1", "one") };
        links.update(renumbered.clone()).await.unwrap();
        links.update(record("PA2", "two")).await.unwrap();
        assert_eq!(links.list().await.unwrap().links, [renumbered]);
    }

    #[tokio::test]
    async fn an_unreadable_list_is_kept_aside_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let links = Links::in_dir(dir.path());
        links.put(vec![record("PA1", "one")]).await.unwrap();
        std::fs::write(dir.path().join("links.json"), "{\"version\":1,\"links\":[{}]}").unwrap();
        let listed = links.list().await.unwrap();
        assert!(listed.links.is_empty() && listed.notice.unwrap().contains("links.json.unreadable-1"));
        assert!(links.list().await.unwrap().notice.is_none(), "said once");
    }

    #[tokio::test]
    async fn a_list_of_a_later_version_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let links = Links::in_dir(dir.path());
        links.put(vec![record("PA1", "one")]).await.unwrap();
        let text = "{\"version\":2,\"accounts\":{}}";
        std::fs::write(dir.path().join("links.json"), text).unwrap();
        assert!(matches!(links.list().await, Err(LinksError::Newer { .. })));
        assert!(links.put(vec![record("PA2", "two")]).await.is_err());
        assert_eq!(std::fs::read_to_string(dir.path().join("links.json")).unwrap(), text);
    }
}
