//! Taking in a recording.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::{FromRequest, Multipart, Request, State},
    http::{HeaderMap, header},
};
use metrics::counter;
use utoipa::ToSchema;

use crate::{
    db::NewJob,
    domain::{JobId, JobStatus},
    http::{
        AppState,
        error::{ApiError, Code},
        extract::Params,
        metrics::UPLOADED_BYTES,
        options::{DiarizeOptions, Options},
        receive,
        views::{JobReceipt, Problem},
    },
    jobs::scoring,
    storage::{Artefact, Upload},
};

/// Multipart bodies may have this many parts; there are fewer options.
const MAX_PARTS: usize = 64;

/// The longest value of an option, in bytes.
const MAX_OPTION_BYTES: usize = 4096;

/// What a multipart body may have around its file: options, part headers, a reference comes on top.
const MULTIPART_OVERHEAD_BYTES: u64 = 1 << 20;

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

/// Takes a recording and queues a job for it.
///
/// Either as `multipart/form-data` with the recording in `file` and options in fields beside it,
/// or as the whole body, with options in the query.
#[utoipa::path(
    post,
    path = "/v1/diarize",
    tag = "jobs",
    params(DiarizeOptions),
    request_body(content(
        (DiarizeForm = "multipart/form-data"),
        (Vec<u8> = "application/octet-stream"),
    )),
    responses(
        (status = 200, description = "Accepted", body = JobReceipt),
        (status = 400, description = "An option, the body or the reference is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The upload stood still", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The recording or the reference is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "A body of this media type is no recording", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn diarize(
    State(state): State<AppState>,
    Params(query): Params<Vec<(String, String)>>,
    request: Request,
) -> Result<Json<JobReceipt>, ApiError> {
    let mut options = Options::default();
    for (name, value) in &query {
        options.set(name, value);
    }
    let id = JobId::generate();
    let upload = state.storage.put_upload(id).await?;
    let kind = Kind::of(request.headers());
    check_announced(&state, &kind, &request)?;
    let mut recording = Recording {
        upload: Some(upload),
        has_file: false,
        reference: None,
        options,
    };
    match kind {
        Kind::Multipart => {
            let multipart = Multipart::from_request(request, &())
                .await
                .map_err(|error| ApiError::new(Code::MalformedMultipart, error.body_text()))?;
            recording.read_multipart(&state, multipart).await?;
        }
        Kind::Raw => recording.read_raw(&state, request.into_body()).await?,
        Kind::Unsupported(media_type) => {
            receive::discard_body(request.into_body()).await;
            return Err(ApiError::new(
                Code::UnsupportedMediaType,
                format_args!(
                    "send the recording as multipart/form-data or as the whole body, with its own \
                     media type or application/octet-stream; given: {media_type}"
                ),
            ));
        }
    }
    // From here on it must not stop half way because the caller hung up.
    let accepted = tokio::spawn(recording.accept(state, id)).await;
    accepted.map_err(ApiError::internal)?.map(Json)
}

enum Kind {
    Multipart,
    Raw,
    Unsupported(String),
}

impl Kind {
    fn of(headers: &HeaderMap) -> Self {
        let value = headers.get(header::CONTENT_TYPE);
        let value = value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let media_type = value.split(';').next().unwrap_or_default().trim();
        match media_type.to_ascii_lowercase().as_str() {
            "multipart/form-data" => Self::Multipart,
            json if json == "application/json" || json.ends_with("+json") => {
                Self::Unsupported(media_type.to_owned())
            }
            _ => Self::Raw,
        }
    }
}

/// Refuses what is too large by its own account before a byte of it is read.
fn check_announced(state: &AppState, kind: &Kind, request: &Request) -> Result<(), ApiError> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let limit = state.max_upload_bytes;
    let allowed = match kind {
        Kind::Multipart => {
            limit + state.settings.max_reference_bytes as u64 + MULTIPART_OVERHEAD_BYTES
        }
        Kind::Raw | Kind::Unsupported(_) => limit,
    };
    match length {
        Some(length) if length > allowed => {
            Err(receive::too_large("the upload", limit, Some(length)))
        }
        _ => Ok(()),
    }
}

struct Recording {
    upload: Option<Upload>,
    has_file: bool,
    reference: Option<String>,
    options: Options,
}

impl Recording {
    async fn read_raw(&mut self, state: &AppState, body: Body) -> Result<(), ApiError> {
        self.has_file = true;
        let Some(upload) = &mut self.upload else {
            return Ok(());
        };
        let limit = state.max_upload_bytes;
        receive::store(body.into_data_stream(), upload, limit, idle(state)).await
    }

    async fn read_multipart(
        &mut self,
        state: &AppState,
        mut multipart: Multipart,
    ) -> Result<(), ApiError> {
        let mut parts = 0;
        while let Some(field) = multipart
            .next_field()
            .await
            .map_err(receive::Broken::answer)?
        {
            parts += 1;
            if parts > MAX_PARTS {
                receive::discard(field).await;
                return Err(ApiError::new(
                    Code::MalformedMultipart,
                    format_args!("a body must have at most {MAX_PARTS} parts; given: more"),
                ));
            }
            let name = field.name().unwrap_or_default().to_owned();
            match name.as_str() {
                "file" if self.has_file => {
                    receive::discard(field).await;
                    return Err(ApiError::new(
                        Code::MalformedMultipart,
                        "a body must have one part named file; given: more",
                    ));
                }
                "file" => {
                    self.has_file = true;
                    self.options
                        .set_file_name(field.file_name().unwrap_or_default());
                    if let Some(upload) = &mut self.upload {
                        let limit = state.max_upload_bytes;
                        receive::store(field, upload, limit, idle(state)).await?;
                    }
                }
                "reference" => {
                    let limit = state.settings.max_reference_bytes;
                    let text = receive::text("the reference", field, limit, idle(state)).await?;
                    self.reference = Some(text);
                }
                _ => {
                    let text =
                        receive::text("an option", field, MAX_OPTION_BYTES, idle(state)).await?;
                    self.options.set(&name, &text);
                }
            }
        }
        Ok(())
    }

    /// Makes the recording a job.
    async fn accept(self, state: AppState, id: JobId) -> Result<JobReceipt, ApiError> {
        let (options, name, warning) = self.options.finish(state.model.as_deref())?;
        let upload = self.upload.filter(|upload| upload.size_bytes() > 0);
        let upload = match upload {
            Some(upload) if self.has_file => upload,
            _ if self.has_file => {
                return Err(ApiError::new(Code::EmptyAudio, "the recording has 0 bytes"));
            }
            _ => {
                return Err(ApiError::new(
                    Code::MalformedMultipart,
                    "the body has no part named file",
                ));
            }
        };
        let name = name.unwrap_or_else(|| id.to_string());
        if let Some(reference) = &self.reference {
            scoring::reference(reference, &name)
                .map_err(|error| ApiError::new(Code::InvalidReference, error))?;
        }
        let audio_bytes = upload.finish().await?;
        let job = NewJob {
            id,
            name,
            options,
            audio_bytes,
            warning,
        };
        if let Err(error) = keep(&state, &job, self.reference).await {
            if let Err(error) = state.storage.delete_job(id).await {
                tracing::warn!(%error, job = %id, "an upload without a job is left behind");
            }
            return Err(error);
        }
        counter!(UPLOADED_BYTES).increment(audio_bytes);
        state.wake.wake();
        Ok(JobReceipt {
            job_id: id.to_string(),
            status: JobStatus::Created.into(),
            warning: job.warning,
        })
    }
}

async fn keep(state: &AppState, job: &NewJob, reference: Option<String>) -> Result<(), ApiError> {
    if let Some(reference) = reference {
        state
            .storage
            .put_artefact(job.id, 0, Artefact::Reference, reference.into())
            .await?;
    }
    Ok(state.db.create_job(job).await?)
}

fn idle(state: &AppState) -> Duration {
    Duration::from_secs(state.settings.upload_idle_seconds)
}
