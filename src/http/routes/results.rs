//! What a job found, in whatever form is wanted.

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    http::{
        AppState,
        error::ApiError,
        extract::{Id, Params},
        format::{Format, Source},
        found::{Found, RevisionParam},
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

fn respond(content_type: &'static str, body: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// The result's turns as RTTM.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/rttm",
    tag = "results",
    params(("id" = String, Path, description = "The job's id"), RevisionParam),
    responses(
        (status = 200, description = "RTTM", body = String, content_type = "text/plain"),
        (status = 404, description = "No such job or revision", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn rttm(
    State(state): State<AppState>,
    Id(id): Id,
    Params(which): Params<RevisionParam>,
) -> Result<Response, ApiError> {
    let found = Found::find(&state, id, which).await?;
    let bytes = found.artefact(&state, Artefact::Rttm).await?;
    Ok(respond(Format::Rttm.content_type(), bytes))
}

/// The result as JSON, RTTM, subtitles, CSV, Audacity labels, `TextGrid` or EAF.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/result",
    tag = "results",
    params(("id" = String, Path, description = "The job's id"), ResultParams, RevisionParam),
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
        (status = 404, description = "No such job or revision", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "None of the formats is accepted", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn result(
    State(state): State<AppState>,
    Id(id): Id,
    Params(params): Params<ResultParams>,
    Params(which): Params<RevisionParam>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let format = match params.format {
        Some(format) => format,
        None => accepted(&headers, &Format::OFFERED)?,
    };
    let found = Found::find(&state, id, which).await?;
    let bytes = match format.source() {
        Source::Stored(stored) => found.artefact(&state, stored).await?,
        Source::Written(write) => {
            let recording = found.recording(&state).await?;
            write(&found.annotation(&state).await?, &recording)?.into()
        }
    };
    let mut response = respond(format.content_type(), bytes);
    let vary = header::HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, vary);
    Ok(response)
}

/// The windows' embeddings, `float32` `(windows, dim)`, L2-normalised, in NumPy's format.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/embeddings.npy",
    tag = "results",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "An array", body = Vec<u8>, content_type = "application/x-npy"),
        (status = 404, description = "No such job or revision", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn embeddings(
    State(state): State<AppState>,
    Id(id): Id,
) -> Result<Response, ApiError> {
    // Every result is made of the same ones.
    let found = Found::first(&state, id).await?;
    let bytes = found.artefact(&state, Artefact::Embeddings).await?;
    Ok(respond("application/x-npy", bytes))
}

/// The windows' times and speakers, `float64` `(windows, 3)`: start and end in seconds, and `n`
/// for `SPEAKER_0n`; row by row those of the embeddings.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/labels.npy",
    tag = "results",
    params(("id" = String, Path, description = "The job's id"), RevisionParam),
    responses(
        (status = 200, description = "An array", body = Vec<u8>, content_type = "application/x-npy"),
        (status = 404, description = "No such job or revision", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn labels(
    State(state): State<AppState>,
    Id(id): Id,
    Params(which): Params<RevisionParam>,
) -> Result<Response, ApiError> {
    let found = Found::find(&state, id, which).await?;
    let bytes = found.artefact(&state, Artefact::Labels).await?;
    Ok(respond("application/x-npy", bytes))
}

/// Audio and speech seconds, speakers, seconds per step, real-time factor, model, settings and,
/// with a reference, the error rates.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/metrics",
    tag = "results",
    params(("id" = String, Path, description = "The job's id"), RevisionParam),
    responses(
        (status = 200, description = "Metrics of the job", body = serde_json::Value),
        (status = 404, description = "No such job or revision", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn metrics(
    State(state): State<AppState>,
    Id(id): Id,
    Params(which): Params<RevisionParam>,
) -> Result<Response, ApiError> {
    let found = Found::find(&state, id, which).await?;
    let bytes = found.artefact(&state, Artefact::Metrics).await?;
    Ok(respond(Format::Json.content_type(), bytes))
}
