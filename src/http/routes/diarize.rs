//! Taking in a recording.

use axum::{
    extract::{Request, State},
    response::Response,
};
use utoipa::ToSchema;

use crate::{
    db::Task,
    http::{
        AppState,
        access::Caller,
        error::ApiError,
        extract::Params,
        options::DiarizeOptions,
        submit::submit,
        views::{JobReceipt, Problem},
    },
};

/// A recording with its options.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct DiarizeForm {
    /// The recording, in any of the formats that are understood.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
    /// Who really spoke when, as RTTM, to score the result against.
    reference: Option<String>,
    #[schema(inline)]
    #[serde(flatten)]
    options: DiarizeOptions,
}

/// Where a recording is, with its options.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct DiarizeRequest {
    /// The recording: `media://` and the name it was uploaded under, or a URL to fetch it from.
    #[schema(example = "media://board/2026-11-03.wav")]
    url: String,
    #[schema(inline)]
    #[serde(flatten)]
    options: DiarizeOptions,
}

/// Takes a recording and queues a job for it.
///
/// Either as `multipart/form-data` with the recording in `file` and options in fields beside it,
/// or as the whole body, with options in the query, or as `application/json` with the recording's
/// `url` and options beside it. Unknown options are ignored; `null` stands for one not given.
#[utoipa::path(
    post,
    path = "/v1/diarize",
    tag = "jobs",
    params(
        DiarizeOptions,
        ("Idempotency-Key" = Option<String>, Header, description = "A name for this request, new for every job, of 1 to 255 visible ASCII characters: a request that comes again under it within a day is answered as the first one and makes no second job"),
    ),
    request_body(content(
        (DiarizeRequest = "application/json", example = json!({
            "url": "media://board/2026-11-03.wav",
            "model": "precision-2",
            "numSpeakers": null,
            "maxSpeakers": 4,
            "exclusive": true,
            "confidence": false,
            "turnLevelConfidence": false,
            "webhook": "https://example.com/hooks/diarist",
            "webhookStatusOnly": false
        })),
        (DiarizeForm = "multipart/form-data"),
        (Vec<u8> = "application/octet-stream"),
    )),
    responses(
        (status = 200, description = "Accepted", body = JobReceipt, example = json!({"jobId": "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f", "status": "created"})),
        (status = 400, description = "An option, the body or the reference is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The upload stood still", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A request with the same `Idempotency-Key` is being answered", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The recording or the reference is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "A body of this media type is no recording", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The `Idempotency-Key` belongs to a request that asked for something else", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many requests, the quota is used up, or too many jobs wait; `Retry-After` says when to come back", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn diarize(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<Vec<(String, String)>>,
    request: Request,
) -> Result<Response, ApiError> {
    submit(state, &caller, &query, request, Task::Diarize).await
}
