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
