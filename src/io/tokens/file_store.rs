//! The file store: `tokens.json`, owner-only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};

use super::{StoreError, Tokens};
use crate::io::private_file::{FileError, PrivateFile};

/// The file's format version.
const VERSION: u32 = 1;

pub(super) type Map = BTreeMap<String, SecretString>;

#[derive(Debug)]
pub(super) struct FileStore {
    file: PrivateFile,
}

/// The result of reading the file.
enum Content {
    Tokens(Map),
    Unreadable,
}

impl FileStore {
    pub(super) fn new(dir: &Path) -> Self {
        Self { file: PrivateFile::new(dir, "tokens.json") }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.file.path()
    }

    /// Checks that an existing file can be read and locked.
    pub(super) fn look(&self) -> Result<(), StoreError> {
        self.file.look_at_lock()?;
        match read(&self.file)? {
            Content::Tokens(_) => Ok(()),
            Content::Unreadable => Err(StoreError::Damaged { path: self.path() }),
        }
    }

    /// Checks that a token could be written. A file that cannot be parsed is set aside.
    pub(super) async fn prove(&self) -> Result<(), StoreError> {
        read(&self.file)?;
        Ok(self.file.prove().await?)
    }

    pub(super) async fn get(&self, tokens: &Tokens, link: &str) -> Result<Option<SecretString>, StoreError> {
        Ok(self.all(tokens).await?.remove(link))
    }

    /// All tokens. A file that cannot be parsed is set aside, with a notice.
    pub(super) async fn all(&self, tokens: &Tokens) -> Result<Map, StoreError> {
        // Most reads find a valid file and need no lock, because it is replaced atomically.
        match read(&self.file)? {
            Content::Tokens(map) => Ok(map),
            Content::Unreadable if tokens.looking => Err(StoreError::Damaged { path: self.path() }),
            Content::Unreadable => self.change(tokens, std::mem::take).await,
        }
    }

    pub(super) async fn change<T: Send + 'static>(
        &self,
        tokens: &Tokens,
        change: impl FnOnce(&mut Map) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let work = move |file: &PrivateFile| -> Result<(T, Option<PathBuf>), StoreError> {
            let (mut map, aside) = match read(file)? {
                Content::Tokens(map) => (map, None),
                Content::Unreadable => (Map::new(), Some(file.set_aside()?)),
            };
            let before = fingerprint(&map);
            let result = change(&mut map);
            if map.is_empty() {
                file.remove()?;
            } else if before != fingerprint(&map) {
                file.replace(&write(file, &map)?)?;
            }
            Ok((result, aside))
        };
        let (result, aside) = self.file.locked(work).await?;
        if let Some(aside) = aside {
            tokens.notice(format!(
                "the token file could not be read and was set aside as {}; link the accounts again",
                aside.display()
            ));
        }
        Ok(result)
    }

    /// Removes all tokens from the file.
    pub(super) async fn clear(&self) -> Result<(), StoreError> {
        self.file.locked(|file: &PrivateFile| file.remove().map_err(StoreError::from)).await
    }
}

/// The map in a comparable form.
fn fingerprint(map: &Map) -> Vec<(String, Zeroizing<String>)> {
    map.iter().map(|(link, token)| (link.clone(), Zeroizing::new(token.expose_secret().to_owned()))).collect()
}

fn read(file: &PrivateFile) -> Result<Content, StoreError> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    #[derive(Deserialize)]
    struct Stored {
        tokens: Map,
    }
    let Some(bytes) = file.read()? else { return Ok(Content::Tokens(Map::new())) };
    match serde_json::from_slice::<Version>(&bytes) {
        Ok(Version { version }) if version > VERSION => Err(StoreError::Newer { path: file.path() }),
        Ok(_) => Ok(serde_json::from_slice::<Stored>(&bytes)
            .map_or(Content::Unreadable, |stored| Content::Tokens(stored.tokens))),
        Err(_) => Ok(Content::Unreadable),
    }
}

/// The only place where a token is serialized.
fn write(file: &PrivateFile, map: &Map) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    struct Stored<'a>(&'a Map);
    struct Exposed<'a>(&'a Map);
    impl Serialize for Stored<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut stored = serializer.serialize_struct("Stored", 2)?;
            stored.serialize_field("version", &VERSION)?;
            stored.serialize_field("tokens", &Exposed(self.0))?;
            stored.end()
        }
    }
    impl Serialize for Exposed<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(self.0.len()))?;
            for (link, token) in self.0 {
                map.serialize_entry(link, token.expose_secret())?;
            }
            map.end()
        }
    }
    let bytes = serde_json::to_vec_pretty(&Stored(map)).map_err(|error| FileError::Io {
        doing: "write",
        path: file.path(),
        cause: error.into(),
    })?;
    Ok(Zeroizing::new(bytes))
}
