//! A job's recording, and what tells it from any other.

use std::io::{self, Read, Seek, SeekFrom};

use sha2::{Digest as _, Sha256};

use super::{Environment, failure::AttemptError};
use crate::{
    audio::{self, AudioError},
    db::JobRecord,
    domain::JobId,
    pipeline::Checkpoint,
    storage::StoredAudio,
};

/// What the store keeps, as what is decoded.
pub(super) struct Stored<'a>(pub(super) &'a StoredAudio);

impl audio::Recording for Stored<'_> {
    fn open(&self) -> Result<Box<dyn audio::Bytes>, AudioError> {
        match self.0.open() {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(AudioError::Read(error.into())),
        }
    }
}

/// Stretches of a file that are looked at, and bytes in each: all of a file of up to 4 MiB.
const STRETCHES: u64 = 64;
const STRETCH_BYTES: u64 = 1 << 16;

/// Where this attempt keeps its embeddings.
pub(super) fn checkpoint(
    environment: &Environment,
    job: &JobRecord,
    audio: &StoredAudio,
    channel: Option<u16>,
) -> Result<Checkpoint, AttemptError> {
    let content = fingerprint(audio.open()?).map_err(AudioError::Read)?;
    let recording = format!("job {}, channel {channel:?}, {content:x?}", job.id);
    let mut folder = environment.storage.checkpoints(job.id)?;
    if let Some(channel) = channel.filter(|_| job.options.separate_channels) {
        folder.push(format!("channel-{channel}"));
    }
    let attempt = job.attempt.unsigned_abs();
    Ok(Checkpoint::new(folder, attempt, recording.as_bytes()))
}

/// Removes what attempts at a job that is over have kept.
pub(super) async fn forget_checkpoints(environment: &Environment, id: JobId) {
    if let Err(error) = environment.storage.delete_checkpoints(id).await {
        tracing::warn!(job = %id, %error, "checkpoints were not removed");
    }
}

/// A digest of a file's length and of stretches spread evenly over it.
fn fingerprint(mut file: impl Read + Seek) -> io::Result<[u8; 32]> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut hasher = Sha256::new();
    hasher.update(length.to_le_bytes());
    let apart = (length / STRETCHES).max(STRETCH_BYTES);
    let mut stretch = Vec::new();
    for start in (0..STRETCHES).map(|index| index * apart) {
        stretch.clear();
        file.seek(SeekFrom::Start(start))?;
        file.by_ref()
            .take(STRETCH_BYTES)
            .read_to_end(&mut stretch)?;
        hasher.update(&stretch);
    }
    Ok(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn another_length_or_content_is_another_recording() {
        let of = |bytes: &[u8]| fingerprint(Cursor::new(bytes)).unwrap();
        let mut bytes = vec![7; 5_000_000];
        let first = of(&bytes);
        assert_eq!(of(&bytes), first);
        assert_ne!(of(&bytes[1..]), first);
        bytes[2_500_000] = 8;
        assert_ne!(of(&bytes), first);
        assert_ne!(of(b""), of(b"a"));
    }
}
