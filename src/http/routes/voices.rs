//! Voices: making voiceprints, and recognising speakers by them.

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
        enrolments::{EnrolmentSchema, MatchingSchema},
        error::ApiError,
        extract::Params,
        options::{DiarizeOptions, VoiceOptions},
        submit::submit,
        views::{JobReceipt, Problem},
    },
    voices::Matching,
};

/// A recording of one speaker.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct VoiceprintForm {
    /// The recording, in any of the formats that are understood.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
    #[schema(inline)]
    #[serde(flatten)]
    options: VoiceOptions,
}

/// Where a recording of one speaker is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct VoiceprintRequest {
    /// The recording: `media://` and the name it was uploaded under, or a URL to fetch it from.
    #[schema(example = "media://voices/sam.wav")]
    url: String,
    #[schema(inline)]
    #[serde(flatten)]
    options: VoiceOptions,
}

/// Takes a recording of one speaker and queues a job that makes a voiceprint of it.
///
/// The recording may last 30 s and have 100 MiB (`voices.max_seconds`, `voices.max_bytes`). Bodies
/// are those of `POST /v1/diarize`; options for turns mean nothing here. The voiceprint is in the
/// job's `output`; callers keep it. A recording in which several seem to speak makes one too, with a
/// `warning`.
#[utoipa::path(
    post,
    path = "/v1/voiceprint",
    tag = "voices",
    params(
        VoiceOptions,
        ("Idempotency-Key" = Option<String>, Header, description = "As for `POST /v1/diarize`"),
    ),
    request_body(content(
        (VoiceprintRequest = "application/json", example = json!({
            "url": "media://voices/sam.wav",
            "model": "precision-2"
        })),
        (VoiceprintForm = "multipart/form-data"),
        (Vec<u8> = "application/octet-stream"),
    )),
    responses(
        (status = 200, description = "Accepted", body = JobReceipt, example = json!({"jobId": "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f", "status": "created"})),
        (status = 400, description = "An option or the body is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The recording is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "A body of this media type is no recording", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many requests, the quota is used up, or too many jobs wait; `Retry-After` says when to come back", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn voiceprint(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<Vec<(String, String)>>,
    request: Request,
) -> Result<Response, ApiError> {
    submit(state, &caller, &query, request, Task::Voiceprint).await
}

/// A recording, and voiceprints of those who may speak in it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct IdentifyForm {
    /// The recording, in any of the formats that are understood.
    #[schema(value_type = String, format = Binary, content_media_type = "application/octet-stream")]
    file: Vec<u8>,
    /// The voiceprints, as the list that JSON bodies have.
    voiceprints: String,
    /// How names are given, as the object that JSON bodies have.
    matching: Option<String>,
    /// Who really spoke when, as RTTM, to score the result against.
    reference: Option<String>,
    #[schema(inline)]
    #[serde(flatten)]
    options: DiarizeOptions,
}

/// Where a recording is, and voiceprints of those who may speak in it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct IdentifyRequest {
    /// The recording: `media://` and the name it was uploaded under, or a URL to fetch it from.
    #[schema(example = "media://board/2026-11-03.wav")]
    url: String,
    /// Whom to recognise.
    #[schema(min_items = 1, max_items = 50)]
    voiceprints: Vec<EnrolmentSchema>,
    /// How names are given.
    matching: Option<MatchingSchema>,
    #[schema(inline)]
    #[serde(flatten)]
    options: DiarizeOptions,
}

/// Takes a recording and voiceprints and queues a job that says who speaks when, by name.
///
/// Bodies and options are those of `POST /v1/diarize`, with `voiceprints` (1 to 50) and `matching`
/// beside them. The job's `output` has `identification` and `voiceprints` beside the turns; RTTM,
/// subtitles, merged transcripts and the other formats have names in place of numbers. Several
/// voiceprints may have one label: the most similar one counts.
#[utoipa::path(
    post,
    path = "/v1/identify",
    tag = "voices",
    params(
        DiarizeOptions,
        ("Idempotency-Key" = Option<String>, Header, description = "As for `POST /v1/diarize`"),
    ),
    request_body(content(
        (IdentifyRequest = "application/json", example = json!({
            "url": "media://board/2026-11-03.wav",
            "voiceprints": [{"label": "Sam", "voiceprint": "RFZQMQcHBwcHBwcHBwcHBwcHBweamRk/AAAAAM3MTL8="}],
            "matching": {"exclusive": true, "threshold": 50},
            "exclusive": true
        })),
        (IdentifyForm = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "Accepted", body = JobReceipt, example = json!({"jobId": "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f", "status": "created"})),
        (status = 400, description = "A voiceprint, an option, the body or the reference is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The recording or the reference is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "A body of this media type is no recording", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many requests, the quota is used up, or too many jobs wait; `Retry-After` says when to come back", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn identify(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<Vec<(String, String)>>,
    request: Request,
) -> Result<Response, ApiError> {
    let Matching {
        exclusive,
        threshold,
    } = Matching::default();
    let task = Task::Identify {
        exclusive,
        threshold,
    };
    submit(state, &caller, &query, request, task).await
}
