//! Scoring a result against a reference that comes later.

use std::time::Duration;

use axum::{Json, body::Body, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    domain::ScoreOptions,
    formats::{metrics::Metrics, score::ScoreJson},
    http::{
        AppState,
        error::{ApiError, Code},
        extract::{Id, Params},
        found::{Found, RevisionParam},
        receive,
        views::{Problem, Score},
    },
    jobs::scoring,
    storage::Artefact,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScoreParams {
    /// Seconds left out around each boundary of the reference, half on either side.
    #[serde(default)]
    #[param(minimum = 0, maximum = 3600, default = 0)]
    collar: f64,
    /// Leave out stretches where the reference has more than one speaker.
    #[serde(default, alias = "skipOverlap")]
    skip_overlap: bool,
    /// What is scored, as the text of a UEM file; by default all of it.
    uem: Option<String>,
}

/// Scores the result against a reference (RTTM) and keeps the score with the job's metrics.
#[utoipa::path(
    put,
    path = "/v1/jobs/{id}/reference",
    tag = "results",
    params(("id" = String, Path, description = "The job's id"), ScoreParams, RevisionParam),
    request_body(content = String, content_type = "text/plain", description = "RTTM; lines of \
        several recordings may be in it if one of them bears the job's name"),
    responses(
        (status = 200, description = "The score", body = Score),
        (status = 400, description = "The reference cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The reference is too large", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn reference(
    State(state): State<AppState>,
    Id(id): Id,
    Params(params): Params<ScoreParams>,
    Params(which): Params<RevisionParam>,
    body: Body,
) -> Result<Json<Score>, ApiError> {
    let idle = Duration::from_secs(state.settings.upload_idle_seconds);
    let limit = state.settings.max_reference_bytes;
    let rttm = receive::text("the reference", body.into_data_stream(), limit, idle).await?;
    let found = Found::find(&state, id, which).await?;
    if rttm.trim().is_empty() {
        return Err(ApiError::new(
            Code::InvalidReference,
            "the reference is empty",
        ));
    }
    let hypothesis = found.annotation(&state).await?;
    let options = ScoreOptions {
        collar: params.collar,
        skip_overlap: params.skip_overlap,
    };
    let score = {
        let (rttm, name) = (rttm.clone(), found.job.name.clone());
        // The mapping of many speakers takes a while.
        tokio::task::spawn_blocking(move || {
            scoring::score(&rttm, &name, &hypothesis, params.uem.as_deref(), options)
        })
        .await
        .map_err(ApiError::internal)?
        .map_err(|error| ApiError::new(Code::InvalidReference, error))?
    };
    let metrics = found.artefact(&state, Artefact::Metrics).await?;
    let mut metrics: Metrics = serde_json::from_slice(&metrics).map_err(ApiError::internal)?;
    metrics.score = Some(score.clone());
    let metrics = serde_json::to_vec_pretty(&metrics).map_err(ApiError::internal)?;
    let storage = &state.storage;
    storage
        .put_artefact(id, 0, Artefact::Reference, rttm.into())
        .await?;
    found
        .replace(&state, Artefact::Metrics, metrics.into())
        .await?;
    Ok(Json(view(score)))
}

fn view(score: ScoreJson) -> Score {
    Score {
        der: score.rates.der,
        jer: score.rates.jer,
        total: score.rates.total,
        missed: score.rates.missed,
        false_alarm: score.rates.false_alarm,
        confusion: score.rates.confusion,
        speakers: score.rates.speakers,
        collar: score.options.collar,
        collar_convention: score.options.collar_convention,
        skip_overlap: score.options.skip_overlap,
    }
}
