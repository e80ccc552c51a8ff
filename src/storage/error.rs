//! What can go wrong with stored bytes.

use std::{io, path::PathBuf};

use thiserror::Error;

/// A failure of the store, or a name it does not know.
#[derive(Debug, Error)]
pub enum StorageError {
    /// Nothing is kept under that name.
    #[error("nothing is stored as {0}")]
    Missing(String),
    /// The folder cannot be used.
    #[error("cannot use folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("storage: {0}")]
    Read(io::Error),
    /// Audio was encrypted with a key that is not set; what is told of it is no secret.
    #[error(
        "the recording is encrypted with the key {0}, which is neither storage.encryption_key nor among storage.previous_keys"
    )]
    KeyMissing(String),
    /// Encrypted audio is not what was written.
    #[error("the stored recording is damaged: {0}")]
    Damaged(String),
    /// Audio cannot be encrypted.
    #[error("the recording cannot be encrypted: {0}")]
    Encryption(String),
    /// The store refused or could not be reached.
    #[error("storage: {0}")]
    Store(object_store::Error),
}

impl From<object_store::Error> for StorageError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { path, .. } => Self::Missing(path),
            other => Self::Store(other),
        }
    }
}

/// Gives back the [`StorageError`] that became an [`io::Error`] on its way.
impl From<io::Error> for StorageError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(inner) => inner,
            Err(error) => Self::Read(error),
        }
    }
}

impl From<StorageError> for io::Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Read(error) => error,
            error => Self::other(error),
        }
    }
}
