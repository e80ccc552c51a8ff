//! Bytes on their way in.

use std::{io, path::Path, time::SystemTime};

use bytes::Bytes;
use object_store::{ObjectStore, PutMultipartOptions, WriteMultipart, path::Path as Key};

use super::{
    StorageError,
    encryption::{Form, Keys},
};
use crate::domain::JobId;

/// Bytes of a part; an upload holds at most [`PARTS_IN_FLIGHT`] + 1 of them in memory.
const PART_BYTES: usize = 1 << 20;

/// Parts being written while the next one fills.
const PARTS_IN_FLIGHT: usize = 2;

/// An upload in progress. It appears in the store as a whole once [`Upload::finish`]ed; dropped
/// before, it is removed in the background.
#[derive(Debug)]
pub struct Upload {
    parts: WriteMultipart,
    form: Form,
    /// What is to be written next; kept for its capacity.
    ready: Vec<u8>,
    size_bytes: u64,
}

impl Upload {
    pub(super) async fn start(
        store: &dyn ObjectStore,
        key: &Key,
        keys: &Keys,
    ) -> Result<Self, StorageError> {
        let mut ready = Vec::new();
        let form = Form::new(keys, &mut ready)?;
        let upload = store
            .put_multipart_opts(key, PutMultipartOptions::default())
            .await?;
        Ok(Self {
            parts: WriteMultipart::new_with_chunk_size(upload, PART_BYTES),
            form,
            ready,
            size_bytes: 0,
        })
    }

    /// Bytes of the recording that were written so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Takes the next bytes, waiting while earlier ones are still being written.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), StorageError> {
        self.parts.wait_for_capacity(PARTS_IN_FLIGHT).await?;
        self.size_bytes += bytes.len() as u64;
        self.form.push(&bytes, &mut self.ready)?;
        // Copies into a part of our size: keeping the slice would keep the whole network buffer.
        self.parts.write(&self.ready);
        self.ready.clear();
        Ok(())
    }

    /// Removes what was written.
    pub async fn abort(self) -> Result<(), StorageError> {
        Ok(self.parts.abort().await?)
    }

    /// Makes the upload durable and visible; gives the recording's size in bytes.
    pub async fn finish(mut self) -> Result<u64, StorageError> {
        let size_bytes = self.size_bytes;
        self.form.finish(&mut self.ready)?;
        self.parts.write(&self.ready);
        self.parts.finish().await?;
        Ok(size_bytes)
    }
}

/// The jobs in `folder`, where every job has a folder of its own, last touched before `time`.
pub(super) fn older_than(folder: &Path, time: SystemTime) -> io::Result<Vec<JobId>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut ids = Vec::new();
    for entry in entries {
        let entry = entry?;
        let id = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(id) = id else { continue };
        match entry.metadata() {
            Ok(metadata) if metadata.modified()? < time => ids.push(id),
            Ok(_) => {}
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(ids)
}
