//! Where bytes are kept: uploads and what was made of them.
//!
//! [`Storage`] speaks of uploads and artefacts and hides the object store behind it, today a
//! folder. Nothing is visible under its name before it is complete and on disk. Audio is encrypted
//! where [`Keys`] say so; whoever reads it sees the bytes that were given.

mod artefact;
mod encryption;
mod error;
mod media;
mod stored;
#[cfg(test)]
mod tests;
mod upload;

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path as Key};

pub use artefact::Artefact;
pub use encryption::{KeyError, Keys, Settings, SettingsError};
pub use error::StorageError;
pub use stored::{AudioFile, StoredAudio};
pub use upload::Upload;

use crate::domain::JobId;

/// Which of a job's recordings: most have one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioSlot {
    /// The one, or the first of two.
    First,
    /// The one that the first is compared with.
    Second,
}

/// The store: cheap to clone.
#[derive(Debug, Clone)]
pub struct Storage {
    objects: Arc<LocalFileSystem>,
    keys: Arc<Keys>,
}

impl Storage {
    /// The store in folder `root`, which is created if need be. Audio is encrypted if there is a
    /// current one among `keys`.
    ///
    /// # Errors
    /// [`StorageError::Folder`] if the folder cannot be created.
    pub fn open(root: &Path, keys: Keys) -> Result<Self, StorageError> {
        let folder = |source| StorageError::Folder {
            path: root.to_owned(),
            source,
        };
        std::fs::create_dir_all(root).map_err(folder)?;
        let objects = LocalFileSystem::new_with_prefix(root)?
            .with_automatic_cleanup(true)
            .with_fsync(true);
        Ok(Self {
            objects: Arc::new(objects),
            keys: Arc::new(keys),
        })
    }

    /// Starts an upload of job `id`'s audio.
    pub async fn put_upload(&self, id: JobId, slot: AudioSlot) -> Result<Upload, StorageError> {
        Upload::start(&*self.objects, &audio_key(id, slot), &self.keys).await
    }

    /// Job `id`'s audio.
    ///
    /// # Errors
    /// [`StorageError::Missing`] if there is none, and what else [`StoredAudio::open`] fails of.
    pub async fn open_audio(
        &self,
        id: JobId,
        slot: AudioSlot,
    ) -> Result<StoredAudio, StorageError> {
        let audio = self.stored(&audio_key(id, slot))?;
        open(audio.clone()).await?;
        Ok(audio)
    }

    fn stored(&self, key: &Key) -> Result<StoredAudio, StorageError> {
        Ok(StoredAudio {
            path: self.objects.path_to_filesystem(key)?,
            keys: Arc::clone(&self.keys),
        })
    }

    /// Keeps an artefact of attempt `attempt` at job `id`, replacing an earlier one.
    pub async fn put_artefact(
        &self,
        id: JobId,
        attempt: i64,
        artefact: Artefact,
        bytes: Bytes,
    ) -> Result<(), StorageError> {
        let key = artefact_key(id, attempt, artefact);
        self.objects.put(&key, bytes.into()).await?;
        Ok(())
    }

    /// An artefact of attempt `attempt` at job `id`.
    ///
    /// # Errors
    /// [`StorageError::Missing`] if there is none.
    pub async fn get_artefact(
        &self,
        id: JobId,
        attempt: i64,
        artefact: Artefact,
    ) -> Result<Bytes, StorageError> {
        let key = artefact_key(id, attempt, artefact);
        Ok(self.objects.get(&key).await?.bytes().await?)
    }

    /// Keeps an artefact of a later result of job `id`, in a folder that it has for itself.
    pub async fn put_revision(
        &self,
        id: JobId,
        folder: &str,
        artefact: Artefact,
        bytes: Bytes,
    ) -> Result<(), StorageError> {
        let key = revision_key(id, folder, artefact);
        self.objects.put(&key, bytes.into()).await?;
        Ok(())
    }

    /// An artefact of a later result of job `id`.
    ///
    /// # Errors
    /// [`StorageError::Missing`] if there is none.
    pub async fn get_revision(
        &self,
        id: JobId,
        folder: &str,
        artefact: Artefact,
    ) -> Result<Bytes, StorageError> {
        let key = revision_key(id, folder, artefact);
        Ok(self.objects.get(&key).await?.bytes().await?)
    }

    /// Jobs with bytes, of uploads or of results, that were last touched before `time`.
    ///
    /// # Errors
    /// [`StorageError::Folder`] if a folder cannot be read.
    pub async fn jobs_before(&self, time: SystemTime) -> Result<BTreeSet<JobId>, StorageError> {
        let mut ids = BTreeSet::new();
        for folder in [AUDIO, RESULTS] {
            ids.extend(self.folders_before(folder, time).await?);
        }
        Ok(ids)
    }

    async fn folders_before(
        &self,
        folder: &str,
        time: SystemTime,
    ) -> Result<Vec<JobId>, StorageError> {
        let path = self.objects.path_to_filesystem(&Key::from(folder))?;
        let folder = path.clone();
        let read = tokio::task::spawn_blocking(move || upload::older_than(&folder, time)).await;
        read.unwrap_or_else(|panic| Err(io::Error::other(panic)))
            .map_err(|source| StorageError::Folder { path, source })
    }

    /// The folder for the checkpoints of job `id`, which may not exist yet.
    pub fn checkpoints(&self, id: JobId) -> Result<PathBuf, StorageError> {
        Ok(self.objects.path_to_filesystem(&checkpoint_folder(id))?)
    }

    /// Jobs that have checkpoints.
    ///
    /// # Errors
    /// [`StorageError::Folder`] if their folder cannot be read.
    pub async fn jobs_with_checkpoints(&self) -> Result<Vec<JobId>, StorageError> {
        self.folders_before(CHECKPOINTS, SystemTime::now()).await
    }

    /// Removes the checkpoints of job `id`, if there are any.
    pub async fn delete_checkpoints(&self, id: JobId) -> Result<(), StorageError> {
        self.delete_folder(&checkpoint_folder(id)).await
    }

    /// Removes everything that was kept for job `id`.
    pub async fn delete_job(&self, id: JobId) -> Result<(), StorageError> {
        self.delete_audio(id).await?;
        self.delete_checkpoints(id).await?;
        self.delete_folder(&results_folder(id)).await
    }

    /// Removes job `id`'s audio, and what is left of an upload of it.
    pub async fn delete_audio(&self, id: JobId) -> Result<(), StorageError> {
        self.delete_folder(&audio_folder(id)).await
    }

    async fn delete_folder(&self, folder: &Key) -> Result<(), StorageError> {
        let keys: Vec<Key> = self
            .objects
            .list(Some(folder))
            .map_ok(|object| object.location)
            .try_collect()
            .await?;
        for key in keys {
            match self.objects.delete(&key).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // What an upload that broke off leaves is no object.
        let path = self.objects.path_to_filesystem(folder)?;
        match tokio::fs::remove_dir_all(&path).await {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(StorageError::Folder { path, source })
            }
            _ => Ok(()),
        }
    }

    /// Whether the store can be written and read.
    pub async fn ping(&self) -> Result<(), StorageError> {
        let key = Key::from("ping");
        self.objects
            .put(&key, Bytes::from_static(b"ping").into())
            .await?;
        self.objects.get(&key).await?.bytes().await?;
        Ok(())
    }
}

/// Opens `audio` on a thread that may wait for the disk.
async fn open(audio: StoredAudio) -> Result<AudioFile, StorageError> {
    let open = tokio::task::spawn_blocking(move || audio.open());
    open.await.map_err(io::Error::other)?
}

/// The folder of uploads.
const AUDIO: &str = "audio";

/// The folder of checkpoints.
const CHECKPOINTS: &str = "checkpoints";

fn checkpoint_folder(id: JobId) -> Key {
    Key::from(CHECKPOINTS).join(id.to_string())
}

/// The folder of results.
const RESULTS: &str = "results";

fn audio_folder(id: JobId) -> Key {
    Key::from(AUDIO).join(id.to_string())
}

fn audio_key(id: JobId, slot: AudioSlot) -> Key {
    audio_folder(id).join(match slot {
        AudioSlot::First => "upload",
        AudioSlot::Second => "second",
    })
}

fn results_folder(id: JobId) -> Key {
    Key::from(RESULTS).join(id.to_string())
}

/// Artefacts are kept by attempt, so that a worker that has lost its job writes beside the results
/// of the one that has it, never over them.
fn artefact_key(id: JobId, attempt: i64, artefact: Artefact) -> Key {
    results_folder(id)
        .join(attempt.to_string())
        .join(artefact.file_name())
}

fn revision_key(id: JobId, folder: &str, artefact: Artefact) -> Key {
    results_folder(id)
        .join("revisions")
        .join(folder)
        .join(artefact.file_name())
}
