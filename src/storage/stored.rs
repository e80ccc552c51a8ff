//! Audio that is kept, as the bytes it was given as.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::Arc,
};

use bytes::Bytes;
use futures::{Stream, stream};

use super::{
    StorageError,
    encryption::{Beginning, GUARD, Keys, Sealed},
};

/// Bytes that [`AudioFile::into_stream`] gives at a time, at most.
const CHUNK_BYTES: usize = 1 << 16;

/// A recording in the store, to be opened any number of times.
#[derive(Debug, Clone)]
pub struct StoredAudio {
    pub(super) path: PathBuf,
    pub(super) keys: Arc<Keys>,
}

impl StoredAudio {
    /// Opens it, whether it was encrypted or not. This and all reading waits for the disk.
    ///
    /// # Errors
    /// [`StorageError::Missing`] if it is gone, [`StorageError::KeyMissing`] if it was encrypted with a
    /// key that is not set, [`StorageError::Damaged`] if it is not what was written.
    pub fn open(&self) -> Result<AudioFile, StorageError> {
        let mut file = File::open(&self.path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StorageError::Missing(self.path.display().to_string()),
            _ => source.into(),
        })?;
        let file_bytes = file.metadata()?.len();
        let mut start = Vec::with_capacity(Beginning::BYTES);
        let most = Beginning::BYTES as u64;
        file.by_ref().take(most).read_to_end(&mut start)?;
        let content = match Beginning::of(&start) {
            Beginning::Sealed(header) => {
                Content::Sealed(Sealed::open(file, file_bytes, &header, &self.keys)?)
            }
            Beginning::Plain => Content::plain(file, file_bytes, 0)?,
            Beginning::Guarded => Content::plain(file, file_bytes, GUARD.len() as u64)?,
            Beginning::Broken => {
                return Err(StorageError::Damaged("its header is broken".to_owned()));
            }
        };
        Ok(AudioFile {
            content,
            position: 0,
        })
    }
}

/// The bytes of a recording, from front to back or anywhere. What reading fails of is a
/// [`StorageError`] within the [`io::Error`].
#[derive(Debug)]
pub struct AudioFile {
    content: Content,
    position: u64,
}

#[derive(Debug)]
enum Content {
    /// `start` bytes are not the recording's.
    Plain {
        file: File,
        start: u64,
        bytes: u64,
    },
    Sealed(Sealed),
}

impl Content {
    fn plain(mut file: File, file_bytes: u64, start: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        let bytes = file_bytes.saturating_sub(start);
        Ok(Self::Plain { file, start, bytes })
    }
}

impl AudioFile {
    /// Bytes of the recording.
    pub fn size_bytes(&self) -> u64 {
        match &self.content {
            Content::Plain { bytes, .. } => *bytes,
            Content::Sealed(sealed) => sealed.bytes(),
        }
    }

    /// All bytes from here on, read on threads that may wait for the disk.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Bytes, StorageError>> + use<> {
        stream::try_unfold(self, async |mut file| {
            let read = tokio::task::spawn_blocking(move || {
                let mut chunk = Vec::with_capacity(CHUNK_BYTES);
                file.by_ref()
                    .take(CHUNK_BYTES as u64)
                    .read_to_end(&mut chunk)?;
                Ok::<_, io::Error>((chunk, file))
            });
            let (chunk, file) = read.await.map_err(io::Error::other)??;
            Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), file)))
        })
    }
}

impl Read for AudioFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.content {
            Content::Plain { file, .. } => file.read(buffer)?,
            Content::Sealed(sealed) => {
                let ready = sealed.at(self.position).map_err(io::Error::from)?;
                let count = ready.len().min(buffer.len());
                buffer[..count].copy_from_slice(&ready[..count]);
                count
            }
        };
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for AudioFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.size_bytes().checked_add_signed(by),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        if let Content::Plain { file, start, .. } = &mut self.content {
            let there = position.checked_add(*start);
            file.seek(SeekFrom::Start(there.ok_or(io::ErrorKind::InvalidInput)?))?;
        }
        self.position = position;
        Ok(position)
    }
}
