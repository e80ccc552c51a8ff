//! Secrets that a service makes for itself and keeps in its data folder.

use std::{
    fmt,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::Deserialize;
use tempfile::NamedTempFile;
use thiserror::Error;

/// Random bytes of a secret, which stand in hexadecimal in its file.
const BYTES: usize = 32;

/// A key that only this service knows, as text.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

/// A secret that cannot be had.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The file cannot be read or written.
    #[error("cannot read or write the secret in {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is there and says nothing.
    #[error("the secret in {0} is empty; remove the file to have another one made")]
    Empty(PathBuf),
    /// The system has no random numbers.
    #[error("no random numbers for a secret: {0}")]
    Random(getrandom::Error),
}

impl Secret {
    /// The secret in the file at `path`, which is made, for its owner alone to read, if it is not
    /// there. Processes that start at once agree on one.
    ///
    /// # Errors
    /// [`SecretError`] if the file cannot be read or made.
    pub fn load_or_make(path: &Path) -> Result<Self, SecretError> {
        match std::fs::read_to_string(path) {
            Ok(text) => return Self::read(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(file(path, source)),
        }
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).map_err(SecretError::Random)?;
        let text = hex::encode(bytes);
        match write(path, &text) {
            Ok(()) => Ok(Self(text)),
            // Another process was faster: its secret stands.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let text = std::fs::read_to_string(path).map_err(|e| file(path, e))?;
                Self::read(path, &text)
            }
            Err(source) => Err(file(path, source)),
        }
    }

    fn read(path: &Path, text: &str) -> Result<Self, SecretError> {
        match text.trim() {
            "" => Err(SecretError::Empty(path.to_owned())),
            text => Ok(Self(text.to_owned())),
        }
    }

    /// This one or, if it is empty, the one in the file at `path`, as
    /// [`load_or_make`](Self::load_or_make) has it.
    ///
    /// # Errors
    /// [`SecretError`] if the file is needed and cannot be read or made.
    pub fn or_from(&self, path: &Path) -> Result<Self, SecretError> {
        if self.0.is_empty() {
            Self::load_or_make(path)
        } else {
            Ok(self.clone())
        }
    }

    /// The secret, to sign with.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn file(path: &Path, source: io::Error) -> SecretError {
    SecretError::File {
        path: path.to_owned(),
        source,
    }
}

/// Writes the file as a whole or not at all, never over another one.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    // Its mode is 0600 from the first byte on.
    let mut temporary = NamedTempFile::new_in(folder)?;
    writeln!(temporary, "{text}")?;
    temporary.as_file().sync_all()?;
    temporary.persist_noclobber(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_for_its_owner_alone() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("secret");
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || Secret::load_or_make(&path).unwrap())
            })
            .collect();
        let secrets: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
        assert_eq!(secrets[0].as_bytes().len(), 2 * BYTES);
        assert_eq!(format!("{:?}", secrets[0]), "Secret(..)");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(&path, "\n").unwrap();
        let empty = Secret::load_or_make(&path).unwrap_err();
        assert!(matches!(empty, SecretError::Empty(_)), "{empty}");
    }
}
