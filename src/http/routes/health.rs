//! Whether the service lives and works, as Kubernetes asks.

use std::fmt::Write as _;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::{
    AppState,
    error::{ApiError, Code},
    extract::Params,
    views::{Connection, Problem},
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReadyParams {
    /// Given with any value: name every check.
    verbose: Option<String>,
}

/// The process is alive.
#[utoipa::path(
    get,
    path = "/livez",
    tag = "service",
    security(()),
    responses((status = 200, description = "Alive", body = String, content_type = "text/plain"))
)]
pub(crate) async fn livez() -> &'static str {
    "ok"
}

/// The service answers, and the caller's key is good.
#[utoipa::path(
    get,
    path = "/v1/test",
    tag = "service",
    security(("apiKey" = [])),
    responses(
        (status = 200, description = "All is well", body = Connection, example = json!({"status": "OK", "message": "Test connection successful"})),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn test() -> Json<Connection> {
    Json(Connection {
        status: "OK",
        message: "Test connection successful",
    })
}

/// The database and the store answer, and nobody has asked the service to stop.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "service",
    security(()),
    params(ReadyParams),
    responses(
        (status = 200, description = "Ready", body = String, content_type = "text/plain"),
        (status = 503, description = "Not ready", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn readyz(
    State(state): State<AppState>,
    Params(params): Params<ReadyParams>,
) -> Result<Response, ApiError> {
    let (database, storage) = tokio::join!(state.db.ping(), state.storage.ping());
    // What exactly failed is for the log: it may name paths and addresses.
    for error in [
        database.as_ref().err().map(ToString::to_string),
        storage.as_ref().err().map(ToString::to_string),
    ]
    .into_iter()
    .flatten()
    {
        tracing::warn!(error, "not ready");
    }
    let checks = [
        ("database", database.is_ok()),
        ("storage", storage.is_ok()),
        ("shutdown", !state.shutdown.is_cancelled()),
    ];
    let failed: Vec<_> = checks.iter().filter(|(_, ok)| !ok).collect();
    if !failed.is_empty() {
        let names: Vec<_> = failed.iter().map(|(name, _)| *name).collect();
        let detail = format!("failed checks: {}", names.join(", "));
        return Err(ApiError::new(Code::Unavailable, detail));
    }
    let mut text = String::new();
    if params.verbose.is_some() {
        for (name, _) in checks {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "[+]{name} ok");
        }
    }
    text.push_str("ok");
    Ok((StatusCode::OK, text).into_response())
}
