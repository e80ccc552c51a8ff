//! Errors as callers see them: one table of codes, one body for all.
//!
//! A handler answers with an [`ApiError`]; the middleware in `problem` gives it its body and logs
//! it, once. What went wrong inside is logged and never answered.

use std::{fmt, sync::Arc};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use super::idempotency;
use crate::{db::DbError, storage::StorageError};

/// Makes [`Code`] from its table: variant, status, code on the wire, title.
macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident => $status:ident, $code:literal, $title:literal;)*) => {
        /// What went wrong, for programs: codes are never renamed or given another meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The status it is answered with.
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$variant => StatusCode::$status,)*
                }
            }

            /// The code on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// What it means, in a few words that are the same every time.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }
        }
    };
}

codes! {
    /// An option, a query or a path parameter is wrong; `errors` says which.
    InvalidRequest => BAD_REQUEST, "invalid_request", "The request is not valid";
    /// There are no bytes of audio.
    EmptyAudio => BAD_REQUEST, "empty_audio", "There is no audio";
    /// A multipart body cannot be read.
    MalformedMultipart => BAD_REQUEST, "malformed_multipart", "The multipart body cannot be read";
    /// The body ended or broke off early.
    IncompleteBody => BAD_REQUEST, "incomplete_body", "The body broke off";
    /// A reference or a UEM cannot be read or scored.
    InvalidReference => BAD_REQUEST, "invalid_reference", "The reference cannot be used";
    /// A link to media that this service did not make, or that was changed.
    LinkInvalid => FORBIDDEN, "link_invalid", "The link is not valid";
    /// A link to media whose time is over.
    LinkExpired => FORBIDDEN, "link_expired", "The link's time is over";
    /// A transcript cannot be read.
    InvalidTranscript => BAD_REQUEST, "invalid_transcript", "The transcript cannot be used";
    /// No API key, or one that is not valid.
    Unauthorized => UNAUTHORIZED, "unauthorized", "A valid API key is needed";
    /// An API key that may not do this.
    InsufficientScope => FORBIDDEN, "insufficient_scope", "The API key may not do this";
    /// No such path.
    RouteNotFound => NOT_FOUND, "route_not_found", "There is nothing under this path";
    /// No such job.
    JobNotFound => NOT_FOUND, "job_not_found", "There is no such job";
    /// No media of that name.
    MediaNotFound => NOT_FOUND, "media_not_found", "There is no such recording";
    /// No transcript was put to the job.
    WordsNotFound => NOT_FOUND, "words_not_found", "The job has no transcript";
    /// The job has no such result.
    RevisionNotFound => NOT_FOUND, "revision_not_found", "There is no such revision";
    /// The path exists, the method does not.
    MethodNotAllowed => METHOD_NOT_ALLOWED, "method_not_allowed", "This path has no such method";
    /// No format that is offered is accepted.
    NotAcceptable => NOT_ACCEPTABLE, "not_acceptable", "No acceptable format is offered";
    /// The upload stands still.
    UploadTimeout => REQUEST_TIMEOUT, "upload_timeout", "The upload took too long";
    /// The job has no result yet.
    NotFinished => CONFLICT, "job_not_finished", "The job has no result yet";
    /// The job ended without a result.
    NoResult => CONFLICT, "job_has_no_result", "The job ended without a result";
    /// A request with the same `Idempotency-Key` is being answered.
    IdempotencyInFlight => CONFLICT, "idempotency_in_flight", "The same request is being answered";
    /// What clustering needs was not kept.
    NoEmbeddings => CONFLICT, "no_embeddings", "The job has no embeddings to cluster again";
    /// The job was for something else than turns.
    NotADiarization => CONFLICT, "not_a_diarization", "The job has no turns";
    /// The job has as many results as it may have.
    TooManyRevisions => CONFLICT, "too_many_revisions", "The job has too many results";
    /// More bytes than allowed.
    TooLarge => PAYLOAD_TOO_LARGE, "payload_too_large", "The body is too large";
    /// A body of a kind that this path does not take.
    UnsupportedMediaType => UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type",
        "The body's media type is not supported";
    /// An `Idempotency-Key` that another request has.
    IdempotencyMismatch => UNPROCESSABLE_ENTITY, "idempotency_mismatch",
        "The idempotency key belongs to another request";
    /// More requests than this caller may make.
    RateLimited => TOO_MANY_REQUESTS, "rate_limited", "Too many requests";
    /// More jobs or audio than this caller may submit.
    QuotaExceeded => TOO_MANY_REQUESTS, "quota_exceeded", "The quota is used up";
    /// More jobs than may wait.
    QueueFull => TOO_MANY_REQUESTS, "queue_full", "Too many jobs are waiting";
    /// Our fault.
    Internal => INTERNAL_SERVER_ERROR, "internal_error", "The server failed";
    /// Not ready, or something it needs is not.
    Unavailable => SERVICE_UNAVAILABLE, "unavailable", "The server is not ready";
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let codes = Self::ALL.iter().map(|code| code.as_str());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("What went wrong, for programs."))
            .enum_values(Some(codes))
            .into()
    }
}

impl ToSchema for Code {}

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldError {
    /// The field's name as the caller wrote it.
    pub(super) field: String,
    /// What it must be and what was given.
    pub(super) message: String,
}

/// An error on its way to the caller.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    pub(super) code: Code,
    /// What happened this time; absent where it is none of the caller's business.
    pub(super) detail: Option<String>,
    pub(super) errors: Vec<FieldError>,
    /// Seconds after which it may go better.
    pub(super) retry_after: Option<u64>,
    /// For the log alone.
    pub(super) source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl ApiError {
    pub(super) fn new(code: Code, detail: impl fmt::Display) -> Self {
        Self {
            code,
            detail: Some(detail.to_string()),
            errors: Vec::new(),
            retry_after: None,
            source: None,
        }
    }

    /// The same, with advice to come back after `seconds`.
    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// A request with these wrong fields, of which there is at least one.
    pub(super) fn fields(errors: Vec<FieldError>) -> Self {
        let detail: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        Self {
            detail: Some(detail.join("; ")),
            errors,
            code: Code::InvalidRequest,
            retry_after: None,
            source: None,
        }
    }

    /// Something around us is full, locked or gone for the moment.
    fn out_of_order(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self {
            source: Some(Arc::new(source)),
            ..Self::new(
                Code::Unavailable,
                format_args!("{what} cannot be read or written at the moment"),
            )
            .retry_after(OUT_OF_ORDER_SECONDS)
        }
    }

    pub(super) fn internal(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self {
            code: Code::Internal,
            detail: None,
            errors: Vec::new(),
            retry_after: None,
            source: Some(Arc::new(source)),
        }
    }
}

/// Seconds after which whoever finds the database or the store out of order may try again.
const OUT_OF_ORDER_SECONDS: u64 = 5;

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::KeyLost => idempotency::in_flight(),
            error if error.is_out_of_order() => Self::out_of_order("the database", error),
            error => Self::internal(error),
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Missing(_) => Self::internal(error),
            StorageError::Folder { .. }
            | StorageError::Read(_)
            | StorageError::Encryption(_)
            | StorageError::Store(_) => Self::out_of_order("the store", error),
            // Not before somebody has set the key, or brought back what was written.
            StorageError::KeyMissing(_) => Self {
                source: Some(Arc::new(error)),
                ..Self::new(
                    Code::Unavailable,
                    "the recording is encrypted with a key that the server has not",
                )
            },
            StorageError::Damaged(_) => Self {
                source: Some(Arc::new(error)),
                ..Self::new(Code::Unavailable, "the stored recording is damaged")
            },
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        if let Some(seconds) = self.retry_after {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::Code;

    #[test]
    fn codes_are_distinct_and_are_errors() {
        let codes: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        for code in Code::ALL {
            let status = code.status();
            assert!(status.is_client_error() || status.is_server_error());
            assert!(!code.title().is_empty());
        }
    }

    #[test]
    fn every_code_is_explained() {
        let text = include_str!("../../docs/http.md");
        for code in Code::ALL {
            let row = format!("| `{}` | {} |", code.as_str(), code.status().as_u16());
            assert!(text.contains(&row), "{row} is missing in docs/http.md");
        }
    }
}
