//! Whether two voices are one speaker's.

use axum::{
    Json,
    extract::{FromRequest as _, Request, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    db::Task,
    http::{
        AppState,
        access::Caller,
        admission::Admission,
        enrolments,
        error::{ApiError, FieldError},
        extract::JsonBody,
        idempotency::Fingerprint,
        options::{Options, VoiceOptions, excerpt},
        recording::{Recording, Side},
        submit::accept,
        views::{JobReceipt, Problem, Verification},
    },
    jobs::voices::verification,
    voices::{ThresholdName, Voiceprint},
};

/// One side of a comparison: a recording or a voiceprint.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = VoiceToCompare)]
#[expect(dead_code, reason = "only its schema is used")]
enum SideSchema {
    /// A recording: `media://` and the name it was uploaded under, or a URL to fetch it from.
    Url(String),
    /// A voiceprint from `POST /v1/voiceprint`.
    Voiceprint(String),
}

/// Two voices to compare.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct VerifyRequest {
    first: SideSchema,
    second: SideSchema,
    /// The threshold that the decision rests on: `lenient`, `balanced` (default) or `strict`.
    threshold: Option<String>,
    #[schema(inline)]
    #[serde(flatten)]
    options: VoiceOptions,
}

/// Compares two voices: recordings of one speaker each, or voiceprints.
///
/// Two voiceprints are compared at once. With a recording on either side a job is queued, whose
/// `output` has the `verification`; recordings in which several seem to speak add a `warning`.
#[utoipa::path(
    post,
    path = "/v1/verify",
    tag = "voices",
    params(("Idempotency-Key" = Option<String>, Header, description = "As for `POST /v1/diarize`; where no job is made it means nothing")),
    request_body(content = VerifyRequest, example = json!({
        "first": {"voiceprint": "RFZQMQcHBwcHBwcHBwcHBwcHBweamRk/AAAAAM3MTL8="},
        "second": {"url": "media://voices/unknown.wav"},
        "threshold": "strict"
    })),
    responses(
        (status = 200, description = "The comparison of two voiceprints", body = Verification, example = json!({
            "score": 0.72, "probability": 0.97,
            "threshold": {"name": "balanced", "score": 0.542}, "decision": "accept"
        })),
        (status = 202, description = "Accepted: a job compares them", body = JobReceipt, example = json!({"jobId": "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f", "status": "created"})),
        (status = 400, description = "A side, an option or the body is wrong, or the voiceprints are of different models", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many requests, the quota is used up, or too many jobs wait; `Retry-After` says when to come back", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn verify(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let headers = request.headers().clone();
    let JsonBody(body): JsonBody<Map<String, Value>> =
        JsonBody::from_request(request, &state).await?;
    let task = Task::Verify {
        threshold: ThresholdName::default().to_string(),
        second: false,
        second_url: None,
    };
    let mut fingerprint = Fingerprint::of(&task);
    let mut options = Options::new(task);
    for (name, value) in &body {
        fingerprint.add(name, value.to_string());
        if !["first", "second"].contains(&name.as_str()) {
            options.set_json(name, value);
        }
    }
    let sides = match (side("first", &body), side("second", &body)) {
        (Ok(first), Ok(second)) => [first, second],
        (first, second) => {
            return Err(options.refused([first.err(), second.err()].into_iter().flatten()));
        }
    };
    if let [Side::Voiceprint(first), Side::Voiceprint(second)] = &sides {
        return Ok(Json(at_once(&state, options, [first, second])?).into_response());
    }
    let admission = Admission::by_headers(&state, &caller, &headers).await?;
    let mut recording = Recording::new(options, admission, fingerprint);
    recording.compare(&state, sides);
    let accepted = accept(state, recording).await?;
    Ok((StatusCode::ACCEPTED, accepted).into_response())
}

/// Reads one side.
fn side(name: &str, body: &Map<String, Value>) -> Result<Side, FieldError> {
    const WANTED: &str = "must be an object with either url or voiceprint";
    let given = body.get(name).unwrap_or(&Value::Null);
    let present = |key: &str| given.get(key).filter(|value| !value.is_null());
    match (present("url"), present("voiceprint")) {
        (Some(url), None) => Ok(Side::Url(url.clone())),
        (None, Some(given)) => {
            let field = format!("{name}.voiceprint");
            enrolments::voiceprint(&field, given).map(Side::Voiceprint)
        }
        _ => Err(FieldError {
            field: name.to_owned(),
            message: format!("{name} {WANTED}; given: {}", excerpt(&given.to_string())),
        }),
    }
}

/// Compares two voiceprints.
fn at_once(
    state: &AppState,
    options: Options,
    texts: [&String; 2],
) -> Result<Verification, ApiError> {
    let asked = options.finish(state.model.as_deref())?;
    let threshold = match asked.options.task {
        Task::Verify { threshold, .. } => threshold.parse().map_err(ApiError::internal)?,
        _ => ThresholdName::default(),
    };
    let [first, second] = texts.map(|text| text.parse::<Voiceprint>());
    let (first, second) = (
        first.map_err(ApiError::internal)?,
        second.map_err(ApiError::internal)?,
    );
    if first.space() != second.space() || first.values().len() != second.values().len() {
        return Err(ApiError::fields(vec![FieldError {
            field: "second.voiceprint".to_owned(),
            message: format!(
                "second.voiceprint must be made by the model that made first.voiceprint ({}); given: \
                 one made by {}",
                first.space(),
                second.space()
            ),
        }]));
    }
    let compared = verification(&state.voices, threshold, first.values(), second.values());
    Ok(compared.into())
}
