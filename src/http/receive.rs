//! Bytes on their way in: bounded in size, in time and in memory.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{Request, multipart::MultipartError},
    http::{HeaderMap, StatusCode, header},
};
use futures::{Stream, StreamExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::error::{ApiError, Code};
use crate::storage::Upload;

/// Of what a refused caller still sends, this much is read and thrown away, for this long: most
/// callers read the answer only after they have sent everything.
const DISCARDED_BYTES: usize = 64 << 20;
const DISCARDING: Duration = Duration::from_secs(5);

/// What a stream of bytes fails with, as an answer.
pub(super) trait Broken {
    fn answer(self) -> ApiError;
}

impl Broken for axum::Error {
    fn answer(self) -> ApiError {
        ApiError::new(
            Code::IncompleteBody,
            format_args!("the body broke off: {self}"),
        )
    }
}

impl Broken for MultipartError {
    fn answer(self) -> ApiError {
        match self.status() {
            StatusCode::INTERNAL_SERVER_ERROR => ApiError::internal(self),
            _ => ApiError::new(Code::MalformedMultipart, self.body_text()),
        }
    }
}

/// More than `limit` bytes came, or `given` were announced.
fn too_large(what: &str, limit: u64, given: Option<u64>) -> ApiError {
    let given = given.map_or_else(|| format!("more than {limit}"), |given| given.to_string());
    ApiError::new(
        Code::TooLarge,
        format_args!("{what} must have at most {limit} bytes; given: {given}"),
    )
}

/// How many bytes the request says it has.
pub(super) fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// Refuses a body that announces more than `allowed` bytes, before a byte of it is read; `limit` is
/// what is told.
pub(super) fn announced(headers: &HeaderMap, limit: u64, allowed: u64) -> Result<(), ApiError> {
    match announced_bytes(headers) {
        Some(length) if length > allowed => Err(too_large("the upload", limit, Some(length))),
        _ => Ok(()),
    }
}

/// The next bytes, unless they take too long.
async fn next<E: Broken>(
    stream: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    idle: Duration,
) -> Result<Option<Bytes>, ApiError> {
    match timeout(idle, stream.next()).await {
        Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
        Ok(Some(Err(error))) => Err(error.answer()),
        Ok(None) => Ok(None),
        Err(_) => Err(ApiError::new(
            Code::UploadTimeout,
            format_args!("nothing came for {} seconds, the limit", idle.as_secs()),
        )),
    }
}

/// Writes a stream into `upload`, at most `limit` bytes of it.
pub(super) async fn store<E: Broken>(
    mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
    upload: &mut Upload,
    limit: u64,
    idle: Duration,
) -> Result<(), ApiError> {
    while let Some(bytes) = next(&mut stream, idle).await? {
        if upload.size_bytes() + bytes.len() as u64 > limit {
            discard(stream).await;
            return Err(too_large("the upload", limit, None));
        }
        upload.write(bytes).await?;
    }
    Ok(())
}

/// Reads a whole stream of at most `limit` bytes as text; `what` names it.
pub(super) async fn text<E: Broken>(
    what: &str,
    mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin,
    limit: usize,
    idle: Duration,
) -> Result<String, ApiError> {
    let mut text = Vec::new();
    while let Some(bytes) = next(&mut stream, idle).await? {
        if text.len() + bytes.len() > limit {
            discard(stream).await;
            return Err(too_large(what, limit as u64, None));
        }
        text.extend_from_slice(&bytes);
    }
    String::from_utf8(text).map_err(|error| {
        let position = error.utf8_error().valid_up_to();
        ApiError::new(
            Code::InvalidRequest,
            format_args!("{what} must be UTF-8; byte {position} (from 0) is not"),
        )
    })
}

/// Throws away what a refused caller still sends, within bounds.
pub(super) async fn discard<E>(mut stream: impl Stream<Item = Result<Bytes, E>> + Unpin) {
    let end = Instant::now() + DISCARDING;
    let mut discarded = 0;
    while discarded < DISCARDED_BYTES
        && let Ok(Some(Ok(bytes))) = timeout_at(end, stream.next()).await
    {
        discarded += bytes.len();
    }
}

/// As [`discard`], for a body of which nothing was read yet.
pub(super) async fn discard_body(body: Body) {
    discard(body.into_data_stream()).await;
}

/// What is to become of the body of a request that is refused unread. A caller that waits for
/// leave to send it has sent nothing.
pub(super) async fn refuse(request: Request) {
    if !request.headers().contains_key(header::EXPECT) {
        discard_body(request.into_body()).await;
    }
}
