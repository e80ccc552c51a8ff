//! What a job found, in whatever form is wanted.

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    db::JobRecord,
    domain::{Annotation, JobId, JobStatus},
    formats::{rttm as rttm_format, srt, webvtt},
    http::{
        AppState,
        error::{ApiError, Code},
        extract::{Id, Params, no_job, not_stored},
        negotiate::{OFFERED, accepted},
        views::Problem,
    },
    storage::Artefact,
};

/// A form a result can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// All there is, in the shape of pyannoteAI's output.
    Json,
    /// NIST's Rich Transcription Time Marked.
    Rttm,
    /// `SubRip` subtitles.
    Srt,
    /// `WebVTT` subtitles.
    #[serde(alias = "webvtt")]
    Vtt,
}

impl Format {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Rttm => "text/plain; charset=utf-8",
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
        }
    }
}

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

async fn artefact(state: &AppState, id: JobId, artefact: Artefact) -> Result<Bytes, ApiError> {
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

/// The result as JSON, RTTM, SRT or `WebVTT`.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/result",
    tag = "results",
    params(("id" = String, Path, description = "The job's id"), ResultParams),
    responses(
        (status = 200, description = "The result", content(
            (serde_json::Value = "application/json"),
            (String = "text/plain"),
            (String = "application/x-subrip"),
            (String = "text/vtt"),
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
        None => accepted(&headers).ok_or_else(|| {
            let offered: Vec<_> = OFFERED.iter().map(|(name, _)| *name).collect();
            let offered = offered.join(", ");
            ApiError::new(Code::NotAcceptable, format_args!("offered: {offered}"))
        })?,
    };
    let bytes = match format {
        Format::Json => artefact(&state, id, Artefact::Result).await?,
        Format::Rttm => artefact(&state, id, Artefact::Rttm).await?,
        Format::Srt => srt::write(&annotation(&state, id).await?).into(),
        Format::Vtt => webvtt::write(&annotation(&state, id).await?).into(),
    };
    let mut response = respond(format.content_type(), bytes);
    let vary = header::HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, vary);
    Ok(response)
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
