//! Recordings that are uploaded apart from a job, as pyannoteAI's clients do it.
//!
//! A caller asks for a link under a name of its own, puts the bytes there, and names the recording
//! in a job's `url`.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::Utc;
use metrics::counter;

use crate::{
    domain::MediaKey,
    http::{
        AppState,
        access::Caller,
        base_url::BaseUrl,
        error::{ApiError, Code, FieldError},
        extract::{JsonBody, Params},
        metrics::UPLOADED_BYTES,
        options::excerpt,
        presign::{Link, Use},
        receive,
        views::{MediaName, MediaUrl, Problem},
    },
    storage::StorageError,
};

/// A link to upload a recording to.
///
/// The link takes one `PUT` with the bytes as its body, needs no other authentication, and may be
/// used again: the last upload counts. The recording is kept for `http.media_hours`.
#[utoipa::path(
    post,
    path = "/v1/media/input",
    tag = "media",
    request_body(content = MediaName, example = json!({"url": "media://board/2026-11-03.wav"})),
    responses(
        (status = 201, description = "The link", body = MediaUrl, example = json!({"url": "https://diarist.example/v1/media/object?key=board/2026-11-03.wav&expires=1793750400&signature=5257a8..."})),
        (status = 400, description = "The name is none", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn input(
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
    JsonBody(name): JsonBody<MediaName>,
) -> Result<(StatusCode, Json<MediaUrl>), ApiError> {
    link(&state, &caller, &base, &name, Use::Put)
}

/// A link to download a recording from.
///
/// It needs no other authentication.
#[utoipa::path(
    post,
    path = "/v1/media/output",
    tag = "media",
    security(("apiKey" = ["jobs:read"])),
    request_body(content = MediaName, example = json!({"url": "media://board/2026-11-03.wav"})),
    responses(
        (status = 201, description = "The link", body = MediaUrl, example = json!({"url": "https://diarist.example/v1/media/object?key=board/2026-11-03.wav&expires=1793750400&signature=9cb71e..."})),
        (status = 400, description = "The name is none", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn output(
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
    JsonBody(name): JsonBody<MediaName>,
) -> Result<(StatusCode, Json<MediaUrl>), ApiError> {
    link(&state, &caller, &base, &name, Use::Get)
}

fn link(
    state: &AppState,
    caller: &Caller,
    BaseUrl(base): &BaseUrl,
    MediaName { url }: &MediaName,
    of: Use,
) -> Result<(StatusCode, Json<MediaUrl>), ApiError> {
    let key: MediaKey = url.parse().map_err(|error| {
        ApiError::fields(vec![FieldError {
            field: "url".to_owned(),
            message: format!("url {error}; given: {}", excerpt(url)),
        }])
    })?;
    let seconds = state.settings.link_seconds;
    let key = key.of(caller.key());
    let link = Link::new(&state.media_secret, of, &key, seconds, Utc::now())?;
    let url = format!("{base}{link}");
    Ok((StatusCode::CREATED, Json(MediaUrl { url })))
}

/// Takes a recording's bytes, by a link from `POST /v1/media/input`.
///
/// The same bytes, or others, may be put again: the last ones count.
#[utoipa::path(
    put,
    path = "/v1/media/object",
    tag = "media",
    security(()),
    params(Link),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The recording, in any of the formats that are understood"),
    responses(
        (status = 200, description = "Stored"),
        (status = 400, description = "There are no bytes, or the body broke off", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The link is not ours, or its time is over", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The upload stood still", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The recording is too large", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put_object(
    State(state): State<AppState>,
    Params(link): Params<Link>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let limit = state.max_upload_bytes;
    let accepted = link
        .check(&state.media_secret, Use::Put, Utc::now())
        .and_then(|key| receive::announced(request.headers(), limit, limit).map(|()| key));
    let body = request.into_body();
    let key = match accepted {
        Ok(key) => key,
        Err(refused) => {
            receive::discard_body(body).await;
            return Err(refused);
        }
    };
    let mut upload = state.storage.put_media(&key).await?;
    let idle = Duration::from_secs(state.settings.upload_idle_seconds);
    let stored = receive::store(body.into_data_stream(), &mut upload, limit, idle).await;
    let refused = match stored {
        Ok(()) if upload.size_bytes() > 0 => {
            counter!(UPLOADED_BYTES).increment(upload.finish().await?);
            return Ok(StatusCode::OK);
        }
        Ok(()) => ApiError::new(Code::EmptyAudio, "the recording has 0 bytes"),
        Err(refused) => refused,
    };
    if let Err(error) = upload.abort().await {
        tracing::warn!(%error, "an upload that was refused is left behind");
    }
    Err(refused)
}

/// A recording's bytes, by a link from `POST /v1/media/output`.
#[utoipa::path(
    get,
    path = "/v1/media/object",
    tag = "media",
    security(()),
    params(Link),
    responses(
        (status = 200, description = "The recording", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 403, description = "The link is not ours, or its time is over", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nothing was uploaded under that name, or its time is over", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_object(
    State(state): State<AppState>,
    Params(link): Params<Link>,
) -> Result<Response, ApiError> {
    let key = link.check(&state.media_secret, Use::Get, Utc::now())?;
    let (size_bytes, bytes) = match state.storage.get_media(&key).await {
        Ok(found) => found,
        Err(StorageError::Missing(_)) => return Err(no_media(&key)),
        Err(error) => return Err(error.into()),
    };
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, size_bytes.to_string()),
    ];
    Ok((headers, Body::from_stream(bytes)).into_response())
}

fn no_media(key: &MediaKey) -> ApiError {
    ApiError::new(
        Code::MediaNotFound,
        format_args!("nothing was uploaded as {key}, or its time is over"),
    )
}
