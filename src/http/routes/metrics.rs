//! Metrics for Prometheus.

use axum::{extract::State, http::header, response::IntoResponse};
use metrics::gauge;

use crate::{
    domain::JobStatus,
    http::{
        AppState,
        error::ApiError,
        metrics::{JOBS, QUEUE_DEPTH},
        views::Problem,
    },
};

/// Metrics in Prometheus' text format.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "service",
    security(("apiKey" = ["metrics"])),
    responses(
        (status = 200, description = "Metrics", body = String, content_type = "text/plain"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn metrics(State(state): State<AppState>) -> Result<impl IntoResponse, ApiError> {
    let counts = state.db.job_counts().await?;
    let count = |status: JobStatus| {
        let found = counts.iter().find(|(other, _)| *other == status);
        found.map_or(0, |(_, count)| *count) as f64
    };
    for status in JobStatus::ALL {
        gauge!(JOBS, "status" => status.as_str()).set(count(status));
    }
    gauge!(QUEUE_DEPTH).set(count(JobStatus::Created) + count(JobStatus::Pending));
    state.metrics.run_upkeep();
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    Ok((
        [(header::CONTENT_TYPE, content_type)],
        state.metrics.render(),
    ))
}
