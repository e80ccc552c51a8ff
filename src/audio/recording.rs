//! Where a recording's bytes come from.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use super::AudioError;

/// Bytes that can be read from anywhere.
pub trait Bytes: Read + Seek + Send + Sync {}

impl<T: Read + Seek + Send + Sync> Bytes for T {}

/// A recording's bytes, wherever they are kept.
pub trait Recording {
    /// The bytes from the first one on; may be asked for more than once.
    ///
    /// # Errors
    /// [`AudioError::Read`] if they cannot be had, [`AudioError::NotAFile`] if there can be none.
    fn open(&self) -> Result<Box<dyn Bytes>, AudioError>;
}

/// A file by its path.
impl<P: AsRef<Path> + ?Sized> Recording for P {
    fn open(&self) -> Result<Box<dyn Bytes>, AudioError> {
        let file = File::open(self)?;
        if !file.metadata()?.is_file() {
            return Err(AudioError::NotAFile);
        }
        Ok(Box::new(file))
    }
}
