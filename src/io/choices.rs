//! Choices made on the screen, kept in `choices.json` between runs. Failures are only logged.

use std::path::Path;

use super::paths::ensure_private_dir;
use super::private_file::{FileError, PrivateFile};
use crate::app::choices::Choices;

const NAME: &str = "choices.json";

/// Reads the choices of the last run; the defaults when there are none or they cannot be read.
pub fn load(dir: &Path) -> Choices {
    let bytes = match PrivateFile::new(dir, NAME).read() {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Choices::default(),
        Err(error) => {
            tracing::warn!(%error, "the last run's choices are not used");
            return Choices::default();
        }
    };
    serde_json::from_slice(&bytes).unwrap_or_else(|error| {
        tracing::warn!(%error, "the last run's choices cannot be read");
        Choices::default()
    })
}

/// Saves the choices. Of two programs, the later one wins.
///
/// # Errors
/// As the file system reports.
pub fn save(dir: &Path, choices: &Choices) -> Result<(), FileError> {
    let file = PrivateFile::new(dir, NAME);
    let failed = |doing, cause| FileError::Io { doing, path: file.path(), cause };
    ensure_private_dir(dir).map_err(|cause| failed("create the folder of", cause))?;
    let text = serde_json::to_vec_pretty(choices).map_err(|error| failed("write", error.into()))?;
    file.replace(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::model::Pane;

    #[test]
    fn choices_come_back_and_damage_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("state");
        assert_eq!(load(&dir), Choices::default());
        let choices = Choices { pane: Some(Pane::Tape), all_accounts: true, ..Choices::default() };
        save(&dir, &choices).unwrap();
        assert_eq!(load(&dir), choices);
        PrivateFile::new(&dir, NAME).replace(b"{\"pane\":7}").unwrap();
        assert_eq!(load(&dir), Choices::default());
    }
}
