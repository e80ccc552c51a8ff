//! Extractors whose rejections are our own errors.

use std::{str::FromStr, time::Duration};

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::QueryRejection},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::{
    AppState,
    access::Caller,
    error::{ApiError, Code, FieldError},
    options::excerpt,
    receive,
};
use crate::{domain::JobId, storage::StorageError};

/// The job id in the path: of a job that the caller may reach, if there is one.
///
/// What is no id names no job, and neither does the id of somebody else's: the answer is the same
/// 404, so that ids need not be explained and cannot be probed.
pub(super) struct Id(pub(super) JobId);

impl FromRequestParts<AppState> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        let id = match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(id)) => id,
            Err(rejection) => {
                return Err(ApiError::fields(vec![FieldError {
                    field: "id".to_owned(),
                    message: rejection.body_text(),
                }]));
            }
        };
        let Ok(id) = JobId::from_str(&id) else {
            return Err(no_job(excerpt(&id)));
        };
        match Caller::from_request_parts(parts, state)
            .await?
            .confined_to()
        {
            Some(key) if !state.db.owns_job(key, id).await? => Err(no_job(id)),
            _ => Ok(Self(id)),
        }
    }
}

/// The job of that id does not exist.
pub(super) fn no_job(id: impl std::fmt::Display) -> ApiError {
    ApiError::new(Code::JobNotFound, format_args!("there is no job {id}"))
}

/// The longest body in JSON, in bytes.
pub(super) const MAX_JSON_BYTES: usize = 2 << 20;

/// The body, read as JSON whatever its content type says.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Self::Rejection> {
        let idle = Duration::from_secs(state.settings.upload_idle_seconds);
        let body = request.into_body().into_data_stream();
        let text = receive::text("the body", body, MAX_JSON_BYTES, idle).await?;
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Self(value)),
            Err(error) => Err(ApiError::new(
                Code::InvalidRequest,
                format_args!("the body must be JSON as documented: {error}"),
            )),
        }
    }
}

/// What the store has not of job `id`: no fault if the job was removed meanwhile.
pub(super) async fn not_stored(state: &AppState, id: JobId, error: StorageError) -> ApiError {
    match (&error, state.db.job(id).await) {
        (StorageError::Missing(_), Ok(None)) => no_job(id),
        _ => error.into(),
    }
}

/// The query, read as `T`.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(query_error(&rejection)),
        }
    }
}

fn query_error(rejection: &QueryRejection) -> ApiError {
    use std::error::Error as _;
    let reason = match rejection.source() {
        Some(source) => source.to_string(),
        None => rejection.body_text(),
    };
    // serde names the field where it can: "collar: invalid float literal".
    let field = match reason.split_once(':') {
        Some((field, _)) if !field.contains(' ') => field.to_owned(),
        _ => "query".to_owned(),
    };
    ApiError::fields(vec![FieldError {
        message: format!("the query cannot be read: {reason}"),
        field,
    }])
}
