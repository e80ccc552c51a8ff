//! The first step of a job whose recording is elsewhere: fetching it.

use super::{Environment, failure::AttemptError};
use crate::{
    db::{Failure, JobRecord},
    storage::{AudioSlot, StorageError, Upload},
};

/// Stores what is at `source_url` as the job's audio, unless an earlier attempt has.
pub(super) async fn fetch(
    environment: &Environment,
    job: &JobRecord,
    source_url: &str,
    slot: AudioSlot,
) -> Result<(), AttemptError> {
    match environment.storage.open_audio(job.id, slot).await {
        Ok(_) => return Ok(()),
        Err(StorageError::Missing(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let mut upload = environment.storage.put_upload(job.id, slot).await?;
    if let Err(error) = download(environment, source_url, &mut upload).await {
        if let Err(error) = upload.abort().await {
            tracing::warn!(%error, "a download that failed is left behind");
        }
        return Err(error);
    }
    let size_bytes = upload.finish().await?;
    // The lane goes by the first one's.
    if slot == AudioSlot::First {
        let noted = environment
            .db
            .set_audio_bytes(job.id, job.attempt, size_bytes);
        noted.await.map_err(|error| {
            AttemptError::internal("the recording's size was not written", &error)
        })?;
    }
    tracing::info!(job = %job.id, size_bytes, "recording fetched");
    Ok(())
}

async fn download(
    environment: &Environment,
    source_url: &str,
    upload: &mut Upload,
) -> Result<(), AttemptError> {
    let limit = environment.limits.max_bytes;
    let too_large = |given: String| {
        AttemptError::Permanent(Failure::new(
            "audio_too_large",
            format!("the recording must have at most {limit} bytes; given: {given}"),
        ))
    };
    let url = environment.outbound.check(source_url)?;
    let mut download = environment.outbound.download(&url).await?;
    if let Some(announced) = download.announced()
        && announced > limit
    {
        return Err(too_large(announced.to_string()));
    }
    while let Some(bytes) = download.next().await? {
        if upload.size_bytes() + bytes.len() as u64 > limit {
            return Err(too_large(format!("more than {limit}")));
        }
        upload.write(bytes).await?;
    }
    Ok(())
}
