//! From a request to a job.

use axum::{
    Json,
    extract::Request,
    http::HeaderValue,
    response::{IntoResponse as _, Response},
};

use super::{
    AppState,
    access::Caller,
    admission::Admission,
    error::ApiError,
    idempotency::{Fingerprint, REPLAYED},
    options::Options,
    recording::Recording,
};
use crate::db::Task;

/// Takes in the recording that `request` brings or names, and queues a job for it.
pub(super) async fn submit(
    state: AppState,
    caller: &Caller,
    query: &[(String, String)],
    request: Request,
    task: Task,
) -> Result<Response, ApiError> {
    let (admission, request) = Admission::of(&state, caller, request).await?;
    let mut fingerprint = Fingerprint::of(&task);
    let mut options = Options::new(task);
    for (name, value) in query {
        fingerprint.add(name, value);
        options.set(name, value);
    }
    let mut recording = Recording::new(options, admission, fingerprint);
    if let Err(refused) = recording.read(&state, request).await {
        recording.abandon().await;
        return Err(refused);
    }
    accept(state, recording).await
}

/// Queues a job for a recording that was read.
pub(super) async fn accept(state: AppState, recording: Recording) -> Result<Response, ApiError> {
    // From here on it must not stop half way because the caller hung up.
    let accepted = tokio::spawn(recording.accept(state)).await;
    let accepted = accepted.map_err(ApiError::internal)??;
    tracing::Span::current().record("job.id", &accepted.receipt.job_id);
    let mut response = Json(accepted.receipt).into_response();
    if accepted.again {
        let headers = response.headers_mut();
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}
