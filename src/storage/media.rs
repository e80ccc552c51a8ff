//! Recordings that were uploaded apart from a job, under names that callers give.

use std::{io, path::Path, time::SystemTime};

use bytes::Bytes;
use futures::Stream;
use object_store::{ObjectStoreExt as _, path::Path as Key};
use sha2::{Digest as _, Sha256};

use super::{AudioSlot, Storage, StorageError, Upload, audio_key, open};
use crate::domain::{JobId, MediaKey};

/// The folder of media.
const MEDIA: &str = "media";

/// Callers' names become digests, so that none of them can be a path, too long for the file
/// system, or the folder of another.
fn media_key(key: &MediaKey) -> Key {
    let owner = key.owner().map(|owner| owner.to_string());
    // Neither has a line break.
    let whole = format!("{}\n{}", owner.unwrap_or_default(), key.as_str());
    Key::from(MEDIA).join(hex::encode(Sha256::digest(whole)))
}

impl Storage {
    /// Starts an upload of what is called `key`, which replaces an earlier one once finished.
    pub async fn put_media(&self, key: &MediaKey) -> Result<Upload, StorageError> {
        Upload::start(&*self.objects, &media_key(key), &self.keys).await
    }

    /// What is called `key`: its size in bytes, and its bytes.
    ///
    /// # Errors
    /// [`StorageError::Missing`] if there is none, and what else [`StoredAudio::open`](super::StoredAudio::open) fails of.
    pub async fn get_media(
        &self,
        key: &MediaKey,
    ) -> Result<(u64, impl Stream<Item = Result<Bytes, StorageError>> + use<>), StorageError> {
        let file = open(self.stored(&media_key(key))?).await?;
        Ok((file.size_bytes(), file.into_stream()))
    }

    /// Makes what is called `key` the audio of job `id`, which keeps it whatever becomes of the
    /// name; gives its size in bytes. On one file system no byte is copied.
    ///
    /// # Errors
    /// [`StorageError::Missing`] if there is none, and what else [`StoredAudio::open`](super::StoredAudio::open)
    /// fails of.
    pub async fn link_media(
        &self,
        key: &MediaKey,
        id: JobId,
        slot: AudioSlot,
    ) -> Result<u64, StorageError> {
        let audio = audio_key(id, slot);
        self.objects.copy(&media_key(key), &audio).await?;
        match open(self.stored(&audio)?).await {
            Ok(file) => Ok(file.size_bytes()),
            Err(error) => {
                self.delete_audio(id).await?;
                Err(error)
            }
        }
    }

    /// Removes media, and what is left of uploads of them, that nobody has written to since `time`;
    /// gives how many.
    ///
    /// # Errors
    /// [`StorageError::Folder`] if the folder of media cannot be read or written.
    pub async fn expire_media(&self, time: SystemTime) -> Result<usize, StorageError> {
        let path = self.objects.path_to_filesystem(&Key::from(MEDIA))?;
        let folder = path.clone();
        let removed = tokio::task::spawn_blocking(move || remove_older(&folder, time)).await;
        match removed.unwrap_or_else(|panic| Err(io::Error::other(panic))) {
            Ok(removed) => Ok(removed),
            Err(source) => Err(StorageError::Folder { path, source }),
        }
    }
}

fn remove_older(folder: &Path, time: SystemTime) -> io::Result<usize> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        // Another process may have removed or replaced it meanwhile.
        match entry.metadata() {
            Ok(metadata) if metadata.modified()? < time => {
                match std::fs::remove_file(entry.path()) {
                    Ok(()) => removed += 1,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}
