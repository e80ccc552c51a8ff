//! Reading a recording and its options off the wire, and making a job of them.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Multipart, Request},
    http::{HeaderMap, header},
};
use futures::Stream;
use metrics::counter;

use super::{
    AppState,
    error::{ApiError, Code},
    metrics::UPLOADED_BYTES,
    options::Options,
    receive,
    views::JobReceipt,
};
use crate::{
    db::NewJob,
    domain::{JobId, JobStatus},
    jobs::scoring,
    storage::{Artefact, Upload},
};

/// Multipart bodies may have this many parts; there are fewer options.
const MAX_PARTS: usize = 64;

/// The longest value of an option, in bytes.
const MAX_OPTION_BYTES: usize = 4096;

/// What a multipart body may have around its file: options, part headers, a reference comes on top.
const MULTIPART_OVERHEAD_BYTES: u64 = 1 << 20;

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

/// A recording on its way in.
pub(super) struct Recording {
    id: JobId,
    /// The audio, once its first byte is expected.
    upload: Option<Upload>,
    reference: Option<String>,
    options: Options,
}

impl Recording {
    /// One of which nothing was read yet but `options`.
    pub(super) fn new(options: Options) -> Self {
        Self {
            id: JobId::generate(),
            upload: None,
            reference: None,
            options,
        }
    }

    /// Reads the body. What was read of one that is refused must be [`abandon`](Self::abandon)ed.
    pub(super) async fn read(
        &mut self,
        state: &AppState,
        request: Request,
    ) -> Result<(), ApiError> {
        let kind = Kind::of(request.headers());
        if let Err(refused) = check_announced(state, &kind, &request) {
            receive::discard_body(request.into_body()).await;
            return Err(refused);
        }
        match kind {
            Kind::Multipart => {
                let multipart = Multipart::from_request(request, &())
                    .await
                    .map_err(|error| ApiError::new(Code::MalformedMultipart, error.body_text()))?;
                self.read_multipart(state, multipart).await
            }
            Kind::Raw => {
                let body = request.into_body();
                self.read_audio(state, body.into_data_stream()).await
            }
            Kind::Unsupported(media_type) => {
                receive::discard_body(request.into_body()).await;
                Err(ApiError::new(
                    Code::UnsupportedMediaType,
                    format_args!(
                        "send the recording as multipart/form-data or as the whole body, with its \
                         own media type or application/octet-stream; given: {media_type}"
                    ),
                ))
            }
        }
    }

    async fn read_audio<E: receive::Broken>(
        &mut self,
        state: &AppState,
        audio: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(), ApiError> {
        let upload = state.storage.put_upload(self.id).await?;
        let upload = self.upload.insert(upload);
        receive::store(audio, upload, state.max_upload_bytes, idle(state)).await
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
            let name = field.name().unwrap_or_default().to_owned();
            let refused = if parts > MAX_PARTS {
                Some(format!("at most {MAX_PARTS} parts"))
            } else if name == "file" && self.upload.is_some() {
                Some("one part named file".to_owned())
            } else {
                None
            };
            if let Some(wanted) = refused {
                receive::discard(field).await;
                let detail = format!("a body must have {wanted}; given: more");
                return Err(ApiError::new(Code::MalformedMultipart, detail));
            }
            match name.as_str() {
                "file" => {
                    let file_name = field.file_name().unwrap_or_default();
                    self.options.set_file_name(file_name);
                    self.read_audio(state, field).await?;
                }
                "reference" => {
                    let limit = state.settings.max_reference_bytes;
                    let text = receive::text("the reference", field, limit, idle(state)).await?;
                    self.reference = Some(text);
                }
                _ => {
                    let limit = MAX_OPTION_BYTES;
                    let text = receive::text("an option", field, limit, idle(state)).await?;
                    self.options.set(&name, &text);
                }
            }
        }
        Ok(())
    }

    /// Removes what was read of a recording that is refused.
    pub(super) async fn abandon(&mut self) {
        if let Some(upload) = self.upload.take()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(%error, "an upload that was refused is left behind");
        }
    }

    /// Makes the recording a job.
    pub(super) async fn accept(mut self, state: AppState) -> Result<JobReceipt, ApiError> {
        let (mut job, upload) = match self.check(&state) {
            Ok(accepted) => accepted,
            Err(refused) => {
                self.abandon().await;
                return Err(refused);
            }
        };
        job.audio_bytes = upload.finish().await?;
        if let Err(error) = keep(&state, &job, self.reference).await {
            if let Err(error) = state.storage.delete_job(job.id).await {
                tracing::warn!(%error, job = %job.id, "an upload without a job is left behind");
            }
            return Err(error);
        }
        counter!(UPLOADED_BYTES).increment(job.audio_bytes);
        state.wake.wake();
        Ok(JobReceipt {
            job_id: job.id.to_string(),
            status: JobStatus::Created.into(),
            warning: job.warning,
        })
    }

    /// The job to be, whose size is not known yet, and its audio.
    fn check(&mut self, state: &AppState) -> Result<(NewJob, Upload), ApiError> {
        let options = std::mem::take(&mut self.options);
        let (options, name, warning) = options.finish(state.model.as_deref())?;
        let name = name.unwrap_or_else(|| self.id.to_string());
        if let Some(reference) = &self.reference {
            scoring::reference(reference, &name)
                .map_err(|error| ApiError::new(Code::InvalidReference, error))?;
        }
        let empty = self.upload.as_ref().map(|upload| upload.size_bytes() == 0);
        match (empty, self.upload.take()) {
            (Some(false), Some(upload)) => {
                let job = NewJob {
                    id: self.id,
                    name,
                    options,
                    audio_bytes: 0,
                    warning,
                };
                Ok((job, upload))
            }
            (Some(_), upload) => {
                self.upload = upload;
                Err(ApiError::new(Code::EmptyAudio, "the recording has 0 bytes"))
            }
            (None, _) => Err(ApiError::new(
                Code::MalformedMultipart,
                "the body has no part named file",
            )),
        }
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
