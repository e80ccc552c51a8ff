//! One job.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{
    db::{Cancel, JobRecord, Revision},
    domain::JobStatus,
    http::{
        AppState,
        error::ApiError,
        extract::{Id, no_job, not_stored},
        views::{JobReceipt, JobResult, JobView, Problem},
    },
    storage::Artefact,
};

/// A job and, once it has one, its result.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}",
    tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "The job", body = JobView),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn job(
    State(state): State<AppState>,
    Id(id): Id,
) -> Result<Json<JobView>, ApiError> {
    let job = state.db.job(id).await?.ok_or_else(|| no_job(id))?;
    if job.status != JobStatus::Succeeded {
        return Ok(Json(JobView::new(job, None)));
    }
    let later = state.db.revisions(id).await?;
    let result = output(&state, &job, later.last()).await?;
    Ok(Json(JobView::new(job, Some(result)).with_revisions(later)))
}

/// The latest result of a job that has one; `later` is the last of those after its first.
pub(in crate::http) async fn output(
    state: &AppState,
    job: &JobRecord,
    later: Option<&Revision>,
) -> Result<JobResult, ApiError> {
    let (storage, id) = (&state.storage, job.id);
    let found = match later {
        Some(later) => {
            let folder = &later.folder;
            storage.get_revision(id, folder, Artefact::Result).await
        }
        None => {
            storage
                .get_artefact(id, job.attempt, Artefact::Result)
                .await
        }
    };
    let bytes = match found {
        Ok(bytes) => bytes,
        Err(error) => return Err(not_stored(state, id, error).await),
    };
    // Hours of audio make megabytes of JSON, too long a read for a thread that others wait for.
    let task = job.options.task.clone();
    tokio::task::spawn_blocking(move || JobResult::read(&task, &bytes))
        .await
        .map_err(ApiError::internal)?
        .map_err(ApiError::internal)
}

/// Cancels a job that waits or runs; removes one that is over, with its audio and results.
#[utoipa::path(
    delete,
    path = "/v1/jobs/{id}",
    tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 202, description = "Called off: `canceled` if it had not started, else `running` \
                                      until its worker has stopped, within a second or so", body = JobReceipt),
        (status = 204, description = "Removed"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Id(id): Id,
) -> Result<Response, ApiError> {
    let status = match state.db.cancel_job(id).await? {
        None => return Err(no_job(id)),
        Some(Cancel::Done) => JobStatus::Canceled,
        Some(Cancel::Requested) => JobStatus::Running,
        Some(Cancel::TooLate(_)) => {
            // The row first, so that a reader finds no job rather than half of one; bytes that a
            // crash in between leaves are swept up.
            state.db.delete_job(id).await?;
            state.storage.delete_job(id).await?;
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
    };
    let receipt = JobReceipt {
        job_id: id.to_string(),
        status: status.into(),
        warning: None,
    };
    Ok((StatusCode::ACCEPTED, Json(receipt)).into_response())
}
