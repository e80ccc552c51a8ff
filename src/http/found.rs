//! A job's result: the latest, or the one that was asked for.

use axum::body::Bytes;
use chrono::SecondsFormat;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    AppState,
    error::{ApiError, Code},
    extract::{no_job, not_stored},
    format::Recording,
};
use crate::{
    db::{JobRecord, Revision, Task},
    domain::{Annotation, JobId, JobStatus},
    formats::{metrics::Metrics, rttm},
    storage::{Artefact, StorageError},
};

/// Which of a job's results.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RevisionParam {
    /// The result wanted, 1 for the first; by default the latest.
    #[param(minimum = 1)]
    revision: Option<i64>,
}

/// A result that is there.
pub(super) struct Found {
    pub(super) job: JobRecord,
    /// Absent for the first result, which is the job's own.
    revision: Option<Revision>,
}

/// The job, which must have a result with turns.
pub(super) async fn succeeded(state: &AppState, id: JobId) -> Result<JobRecord, ApiError> {
    let job = ended_well(state, id).await?;
    match job.options.task {
        Task::Verify { .. } => Err(ApiError::new(
            Code::NotADiarization,
            "the job compared two voices; what came of it is the output of GET /v1/jobs/{id}",
        )),
        Task::Diarize | Task::Voiceprint | Task::Identify { .. } => Ok(job),
    }
}

async fn ended_well(state: &AppState, id: JobId) -> Result<JobRecord, ApiError> {
    let job = state.db.job(id).await?.ok_or_else(|| no_job(id))?;
    match job.status {
        JobStatus::Succeeded => Ok(job),
        JobStatus::Created | JobStatus::Pending | JobStatus::Running => Err(ApiError::new(
            Code::NotFinished,
            format_args!("the job is {}; ask again when it has succeeded", job.status),
        )),
        JobStatus::Failed | JobStatus::Canceled => Err(ApiError::new(
            Code::NoResult,
            match job.failure {
                Some(failure) => format!("the job is {}: {}", job.status, failure.message),
                None => format!("the job is {}", job.status),
            },
        )),
    }
}

impl Found {
    /// The result of job `id` that `which` names.
    pub(super) async fn find(
        state: &AppState,
        id: JobId,
        which: RevisionParam,
    ) -> Result<Self, ApiError> {
        let job = succeeded(state, id).await?;
        let mut later = state.db.revisions(id).await?;
        let count = later.len() + 1;
        let revision = match which.revision {
            None => later.pop(),
            Some(1) => None,
            Some(number) => {
                let own = later.into_iter().find(|later| later.number == number);
                Some(own.ok_or_else(|| {
                    ApiError::new(
                        Code::RevisionNotFound,
                        format_args!("revision must be between 1 and {count}; given: {number}"),
                    )
                })?)
            }
        };
        Ok(Self { job, revision })
    }

    /// The first result of job `id`.
    pub(super) async fn first(state: &AppState, id: JobId) -> Result<Self, ApiError> {
        let job = succeeded(state, id).await?;
        Ok(Self {
            job,
            revision: None,
        })
    }

    /// An artefact of the result.
    pub(super) async fn artefact(
        &self,
        state: &AppState,
        artefact: Artefact,
    ) -> Result<Bytes, ApiError> {
        let (storage, id) = (&state.storage, self.job.id);
        let found = match &self.revision {
            Some(revision) => storage.get_revision(id, &revision.folder, artefact).await,
            None => storage.get_artefact(id, self.job.attempt, artefact).await,
        };
        match found {
            Ok(bytes) => Ok(bytes),
            Err(error) => Err(not_stored(state, id, error).await),
        }
    }

    /// Replaces an artefact of the result.
    pub(super) async fn replace(
        &self,
        state: &AppState,
        artefact: Artefact,
        bytes: Bytes,
    ) -> Result<(), StorageError> {
        let (storage, id) = (&state.storage, self.job.id);
        if let Some(Revision { folder, .. }) = &self.revision {
            storage.put_revision(id, folder, artefact, bytes).await
        } else {
            let attempt = self.job.attempt;
            storage.put_artefact(id, attempt, artefact, bytes).await
        }
    }

    /// The turns, read back from the RTTM, which has all that other formats need.
    pub(super) async fn annotation(&self, state: &AppState) -> Result<Annotation, ApiError> {
        let bytes = self.artefact(state, Artefact::Rttm).await?;
        let files = rttm::parse(&String::from_utf8_lossy(&bytes)).map_err(ApiError::internal)?;
        // Silence has no line, and so no file either.
        Ok(files.into_values().next().unwrap_or_default())
    }

    /// What is known of the recording beside its turns.
    pub(super) async fn recording(&self, state: &AppState) -> Result<Recording, ApiError> {
        let metrics = self.artefact(state, Artefact::Metrics).await?;
        let metrics: Metrics = serde_json::from_slice(&metrics).map_err(ApiError::internal)?;
        let own = self.job.finished_at.unwrap_or(self.job.updated_at);
        let made = self.revision.as_ref().map_or(own, |later| later.created_at);
        Ok(Recording {
            name: self.job.name.clone(),
            seconds: metrics.audio_seconds,
            date: made.to_rfc3339_opts(SecondsFormat::Secs, true),
        })
    }
}
