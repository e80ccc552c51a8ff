//! What a job found, in whatever form is wanted.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use chrono::SecondsFormat;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    db::JobRecord,
    domain::{Annotation, JobId, JobStatus},
    formats::{metrics::Metrics, rttm as rttm_format},
    http::{
        AppState,
        error::{ApiError, Code},
        extract::{Id, Params, no_job, not_stored},
        format::{Format, Recording, Source},
        negotiate::accepted,
        views::Problem,
    },
    storage::Artefact,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResultParams {
    /// The form wanted; goes before `Accept`.
    format: Option<Format>,
}

/// The job, which must have a result.
pub(super) async fn succeeded(state: &AppState, id: JobId) -> Result<JobRecord, ApiError> {
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

pub(super) async fn artefact(
    state: &AppState,
    id: JobId,
    artefact: Artefact,
) -> Result<Bytes, ApiError> {
    let job = succeeded(state, id).await?;
    let storage = &state.storage;
    match storage.get_artefact(id, job.attempt, artefact).await {
        Ok(bytes) => Ok(bytes),
        Err(error) => Err(not_stored(state, id, error).await),
    }
}

fn respond(content_type: &'static str, body: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// The result's turns as RTTM.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/rttm",
    tag = "results",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "RTTM", body = String, content_type = "text/plain"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn rttm(State(state): State<AppState>, Id(id): Id) -> Result<Response, ApiError> {
    let bytes = artefact(&state, id, Artefact::Rttm).await?;
    Ok(respond(Format::Rttm.content_type(), bytes))
}

/// The result as JSON, RTTM, subtitles, CSV, Audacity labels, `TextGrid` or EAF.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/result",
    tag = "results",
    params(("id" = String, Path, description = "The job's id"), ResultParams),
    responses(
        (status = 200, description = "The result", content(
            (serde_json::Value = "application/json"),
            (String = "text/plain", example = json!(
                "SPEAKER talk 1 0.512 3.104 <NA> <NA> SPEAKER_00 <NA> <NA>\n")),
            (String = "application/x-subrip", example = json!(
                "1\n00:00:00,512 --> 00:00:03,616\n[SPEAKER_00]\n\n")),
            (String = "text/vtt", example = json!(
                "WEBVTT\n\n00:00:00.512 --> 00:00:03.616\n<v SPEAKER_00>SPEAKER_00</v>\n\n")),
            (String = "text/csv", example = json!(
                "start,end,duration,speaker\r\n0.512,3.616,3.104,SPEAKER_00\r\n")),
            (String = "text/tab-separated-values", example = json!(
                "0.512\t3.616\tSPEAKER_00\n")),
            (String = "text/praat-textgrid"),
            (String = "text/x-eaf+xml"),
        )),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "None of the formats is accepted", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn result(
    State(state): State<AppState>,
    Id(id): Id,
    Params(params): Params<ResultParams>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let format = match params.format {
        Some(format) => format,
        None => accepted(&headers, &Format::OFFERED)?,
    };
    let bytes = match format.source() {
        Source::Stored(stored) => artefact(&state, id, stored).await?,
        Source::Written(write) => {
            let recording = recording(&state, id).await?;
            write(&annotation(&state, id).await?, &recording)?.into()
        }
    };
    let mut response = respond(format.content_type(), bytes);
    let vary = header::HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, vary);
    Ok(response)
}

/// What is known of the recording beside its turns.
pub(super) async fn recording(state: &AppState, id: JobId) -> Result<Recording, ApiError> {
    let job = succeeded(state, id).await?;
    let metrics = artefact(state, id, Artefact::Metrics).await?;
    let metrics: Metrics = serde_json::from_slice(&metrics).map_err(ApiError::internal)?;
    let made = job.finished_at.unwrap_or(job.updated_at);
    Ok(Recording {
        name: job.name,
        seconds: metrics.audio_seconds,
        date: made.to_rfc3339_opts(SecondsFormat::Secs, true),
    })
}

/// The turns, read back from the RTTM, which has all that subtitles need.
pub(super) async fn annotation(state: &AppState, id: JobId) -> Result<Annotation, ApiError> {
    let bytes = artefact(state, id, Artefact::Rttm).await?;
    let files = rttm_format::parse(&String::from_utf8_lossy(&bytes)).map_err(ApiError::internal)?;
    // Silence has no line, and so no file either.
    Ok(files.into_values().next().unwrap_or_default())
}

/// The windows' embeddings, `float32` `(windows, dim)`, L2-normalised, in NumPy's format.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/embeddings.npy",
    tag = "results",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "An array", body = Vec<u8>, content_type = "application/x-npy"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn embeddings(
    State(state): State<AppState>,
    Id(id): Id,
) -> Result<Response, ApiError> {
    let bytes = artefact(&state, id, Artefact::Embeddings).await?;
    Ok(respond("application/x-npy", bytes))
}

/// The windows' times and speakers, `float64` `(windows, 3)`: start and end in seconds, and `n`
/// for `SPEAKER_0n`; row by row those of the embeddings.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/labels.npy",
    tag = "results",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "An array", body = Vec<u8>, content_type = "application/x-npy"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn labels(
    State(state): State<AppState>,
    Id(id): Id,
) -> Result<Response, ApiError> {
    let bytes = artefact(&state, id, Artefact::Labels).await?;
    Ok(respond("application/x-npy", bytes))
}

/// Audio and speech seconds, speakers, seconds per step, real-time factor, model, settings and,
/// with a reference, the error rates.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/metrics",
    tag = "results",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "Metrics of the job", body = serde_json::Value),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn metrics(
    State(state): State<AppState>,
    Id(id): Id,
) -> Result<Response, ApiError> {
    let bytes = artefact(&state, id, Artefact::Metrics).await?;
    Ok(respond(Format::Json.content_type(), bytes))
}
