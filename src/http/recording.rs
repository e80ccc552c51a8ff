//! Reading a recording and its options off the wire, and making a job of them.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Multipart, Request},
    http::{HeaderMap, header},
};
use futures::{Stream, TryStreamExt as _};
use metrics::counter;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{
    AppState,
    admission::Admission,
    error::{ApiError, Code, FieldError},
    extract::{JsonBody, MAX_JSON_BYTES},
    idempotency::{self, Attempt, Fingerprint},
    metrics::UPLOADED_BYTES,
    options::{Asked, Options},
    receive,
    views::JobReceipt,
};
use crate::{
    db::{JobOwner, NewJob, Task},
    domain::{JobId, JobStatus, MediaKey},
    formats::voices::EnrolmentJson,
    jobs::scoring,
    outbound::Url,
    storage::{Artefact, AudioSlot, StorageError, Upload},
};

/// Multipart bodies may have this many parts; there are fewer options.
const MAX_PARTS: usize = 64;

/// The longest value of an option, in bytes.
const MAX_OPTION_BYTES: usize = 4096;

/// What a multipart body may have around its file: options, voiceprints, part headers; a reference
/// comes on top.
const MULTIPART_OVERHEAD_BYTES: u64 = (1 << 20) + MAX_JSON_BYTES as u64;

/// What `url` must be.
const URL: &str = "must be the media:// name of an upload, or a URL";

enum Kind {
    Multipart,
    Json,
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
            "application/json" => Self::Json,
            json if json.ends_with("+json") => Self::Unsupported(media_type.to_owned()),
            _ => Self::Raw,
        }
    }
}

/// Refuses what is too large by its own account before a byte of it is read.
fn check_announced(
    state: &AppState,
    limit: u64,
    kind: &Kind,
    request: &Request,
) -> Result<(), ApiError> {
    let allowed = match kind {
        Kind::Multipart => {
            limit + state.settings.max_reference_bytes as u64 + MULTIPART_OVERHEAD_BYTES
        }
        // Its own limit is told where it is read.
        Kind::Json => u64::MAX,
        Kind::Raw | Kind::Unsupported(_) => limit,
    };
    receive::announced(request.headers(), limit, allowed)
}

/// Where the audio of a job is.
enum Audio {
    /// Here, once the first byte is expected.
    Upload(Upload),
    /// Uploaded before.
    Media(MediaKey),
    /// Elsewhere.
    Remote(Url),
}

/// What is compared with what.
pub(super) enum Side {
    /// A voiceprint, which was checked.
    Voiceprint(String),
    /// What names a recording, which was not.
    Url(Value),
}

/// A job to be, its audio, and the voiceprints that come with it.
type Checked = (NewJob, Audio, Option<Vec<EnrolmentJson>>);

/// What the caller is told.
pub(super) struct Accepted {
    pub(super) receipt: JobReceipt,
    /// It was told so before.
    pub(super) again: bool,
}

/// A recording on its way in.
pub(super) struct Recording {
    id: JobId,
    audio: Option<Audio>,
    /// What it is compared with, if that is a recording too.
    second: Option<Audio>,
    reference: Option<String>,
    options: Options,
    admission: Admission,
    /// Of everything that was presented so far.
    fingerprint: Fingerprint,
}

impl Recording {
    /// One of which nothing was read yet but `options`.
    pub(super) fn new(options: Options, admission: Admission, fingerprint: Fingerprint) -> Self {
        Self {
            id: JobId::generate(),
            audio: None,
            second: None,
            reference: None,
            options,
            admission,
            fingerprint,
        }
    }

    /// Reads the body. What was read of one that is refused must be [`abandon`](Self::abandon)ed.
    pub(super) async fn read(
        &mut self,
        state: &AppState,
        request: Request,
    ) -> Result<(), ApiError> {
        let kind = Kind::of(request.headers());
        if let Err(refused) = check_announced(state, self.limit(state), &kind, &request) {
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
            Kind::Json => self.read_json(state, request).await,
            Kind::Raw => {
                let body = request.into_body();
                self.read_audio(state, body.into_data_stream()).await
            }
            Kind::Unsupported(media_type) => {
                receive::discard_body(request.into_body()).await;
                Err(ApiError::new(
                    Code::UnsupportedMediaType,
                    format_args!(
                        "send the recording as multipart/form-data, as the whole body with its own \
                         media type or application/octet-stream, or its url in application/json; \
                         given: {media_type}"
                    ),
                ))
            }
        }
    }

    /// The largest file that the job is made of.
    fn limit(&self, state: &AppState) -> u64 {
        match self.options.task() {
            Task::Voiceprint => state.max_upload_bytes.min(state.voices.max_bytes),
            Task::Diarize | Task::Identify { .. } | Task::Verify { .. } => state.max_upload_bytes,
        }
    }

    async fn read_audio<E: receive::Broken>(
        &mut self,
        state: &AppState,
        audio: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<(), ApiError> {
        let mut upload = state.storage.put_upload(self.id, AudioSlot::First).await?;
        let mut digest = self.admission.attempt.as_ref().map(|_| Sha256::new());
        let audio = audio.inspect_ok(|bytes| {
            if let Some(digest) = &mut digest {
                digest.update(bytes);
            }
        });
        let stored = receive::store(audio, &mut upload, self.limit(state), idle(state)).await;
        self.audio = Some(Audio::Upload(upload));
        if let Some(digest) = digest {
            self.fingerprint.add_digest("audio", &digest.finalize());
        }
        stored
    }

    async fn read_json(&mut self, state: &AppState, request: Request) -> Result<(), ApiError> {
        let JsonBody(body): JsonBody<Map<String, Value>> =
            JsonBody::from_request(request, state).await?;
        for (name, value) in &body {
            self.fingerprint.add(name, value.to_string());
            if name != "url" {
                self.options.set_json(name, value);
            }
        }
        self.audio = self.audio_at(state, "url", body.get("url"));
        Ok(())
    }

    /// Reads the body of a comparison, which has something to fetch at least on one of its sides.
    pub(super) fn compare(&mut self, state: &AppState, sides: [Side; 2]) {
        for (side, slot) in sides.into_iter().zip(["first", "second"]) {
            match side {
                Side::Voiceprint(voiceprint) => self.options.compare_with(slot, voiceprint),
                Side::Url(url) => {
                    let audio = self.audio_at(state, &format!("{slot}.url"), Some(&url));
                    if self.audio.is_none() {
                        self.audio = audio;
                    } else {
                        self.options.set_second(match &audio {
                            Some(Audio::Remote(url)) => Some(url.to_string()),
                            _ => None,
                        });
                        self.second = audio;
                    }
                }
            }
        }
    }

    /// Where the audio is that `field` names; a field that names none is kept as an error.
    fn audio_at(&mut self, state: &AppState, field: &str, value: Option<&Value>) -> Option<Audio> {
        let url = match value {
            Some(Value::String(url)) => url,
            other => {
                let given = other.map_or_else(|| "nothing".to_owned(), ToString::to_string);
                self.options.refuse(field, URL, &given);
                return None;
            }
        };
        match url.parse::<MediaKey>() {
            Ok(key) => {
                self.options.set_file_name(key.as_str());
                Some(Audio::Media(key.of(self.admission.key())))
            }
            Err(error) if url.starts_with("media:") => {
                self.options.refuse(field, error, url);
                None
            }
            Err(_) => match state.outbound.check(url) {
                Ok(url) => {
                    self.options.set_file_name(url.path());
                    Some(Audio::Remote(url))
                }
                Err(error) => {
                    let wanted = format_args!("cannot be used: {error}");
                    self.options.refuse(field, wanted, url);
                    None
                }
            },
        }
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
            } else if name == "file" && self.audio.is_some() {
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
                    self.fingerprint.add("file", file_name);
                    self.options.set_file_name(file_name);
                    self.read_audio(state, field).await?;
                }
                "reference" => {
                    let limit = state.settings.max_reference_bytes;
                    let text = receive::text("the reference", field, limit, idle(state)).await?;
                    self.fingerprint.add(&name, &text);
                    self.reference = Some(text);
                }
                _ => {
                    let limit = match name.as_str() {
                        "voiceprints" => MAX_JSON_BYTES,
                        _ => MAX_OPTION_BYTES,
                    };
                    let text = receive::text("an option", field, limit, idle(state)).await?;
                    self.fingerprint.add(&name, &text);
                    self.options.set(&name, &text);
                }
            }
        }
        Ok(())
    }

    /// Removes what was read of a recording that is refused.
    pub(super) async fn abandon(&mut self) {
        self.admission.release().await;
        if let Some(Audio::Upload(upload)) = self.audio.take()
            && let Err(error) = upload.abort().await
        {
            tracing::warn!(%error, "an upload that was refused is left behind");
        }
    }

    /// Makes the recording a job.
    pub(super) async fn accept(mut self, state: AppState) -> Result<Accepted, ApiError> {
        let fingerprint = std::mem::take(&mut self.fingerprint).finish();
        if let Some(Attempt::Again {
            fingerprint: first,
            answer,
        }) = &self.admission.attempt
        {
            let again = if *first == fingerprint {
                serde_json::from_str(answer).map_err(ApiError::internal)
            } else {
                Err(idempotency::mismatch())
            };
            self.abandon().await;
            return again.map(|receipt| Accepted {
                receipt,
                again: true,
            });
        }
        let (mut job, audio, voiceprints) = match self.check(&state) {
            Ok(accepted) => accepted,
            Err(refused) => {
                self.abandon().await;
                return Err(refused);
            }
        };
        job.audio_bytes = match audio {
            Audio::Upload(upload) => {
                let size_bytes = upload.finish().await?;
                counter!(UPLOADED_BYTES).increment(size_bytes);
                size_bytes
            }
            Audio::Media(key) => link(&state, &key, job.id, AudioSlot::First).await?,
            Audio::Remote(url) => {
                // The worker fetches it, and learns its size.
                job.source_url = Some(url.into());
                0
            }
        };
        if let Some(Audio::Media(key)) = &self.second {
            match link(&state, key, job.id, AudioSlot::Second).await {
                Ok(size_bytes) => job.audio_bytes += size_bytes,
                Err(refused) => {
                    forget(&state, job.id).await;
                    return Err(refused);
                }
            }
        }
        let receipt = JobReceipt {
            job_id: job.id.to_string(),
            status: JobStatus::Created.into(),
            warning: job.warning.clone(),
        };
        let answer = serde_json::to_string(&receipt).map_err(ApiError::internal)?;
        job.owner = self.admission.owner(fingerprint, answer);
        let reference = self.reference.take();
        if let Err(error) = keep(&state, &job, reference, voiceprints).await {
            forget(&state, job.id).await;
            return Err(error);
        }
        state.wake.wake();
        Ok(Accepted {
            receipt,
            again: false,
        })
    }

    /// The job to be, whose size is not known yet, its audio, and the voiceprints that come with it.
    fn check(&mut self, state: &AppState) -> Result<Checked, ApiError> {
        let mut options = std::mem::take(&mut self.options);
        let webhook = options.take_webhook(&state.outbound);
        let Asked {
            options,
            name,
            warning,
            voiceprints,
        } = options.finish(state.model.as_deref())?;
        let name = name.unwrap_or_else(|| self.id.to_string());
        if let Some(reference) = &self.reference {
            scoring::reference(reference, &name)
                .map_err(|error| ApiError::new(Code::InvalidReference, error))?;
        }
        if let Some(Audio::Upload(upload)) = &self.audio
            && upload.size_bytes() == 0
        {
            return Err(ApiError::new(Code::EmptyAudio, "the recording has 0 bytes"));
        }
        let audio = self.audio.take().ok_or_else(|| {
            ApiError::new(Code::MalformedMultipart, "the body has no part named file")
        })?;
        let job = NewJob {
            id: self.id,
            name,
            options,
            audio_bytes: 0,
            warning,
            owner: JobOwner::default(),
            source_url: None,
            webhook,
        };
        Ok((job, audio, voiceprints))
    }
}

/// Removes what is stored for a job that there will not be.
async fn forget(state: &AppState, id: JobId) {
    if let Err(error) = state.storage.delete_job(id).await {
        tracing::warn!(%error, job = %id, "an upload without a job is left behind");
    }
}

/// Makes what was uploaded as `key` the audio of job `id`; gives its size in bytes.
async fn link(
    state: &AppState,
    key: &MediaKey,
    id: JobId,
    slot: AudioSlot,
) -> Result<u64, ApiError> {
    match state.storage.link_media(key, id, slot).await {
        Ok(size_bytes) => Ok(size_bytes),
        Err(StorageError::Missing(_)) => Err(ApiError::fields(vec![FieldError {
            field: "url".to_owned(),
            message: format!("nothing was uploaded as {key}, or its time is over"),
        }])),
        Err(error) => Err(error.into()),
    }
}

async fn keep(
    state: &AppState,
    job: &NewJob,
    reference: Option<String>,
    voiceprints: Option<Vec<EnrolmentJson>>,
) -> Result<(), ApiError> {
    if let Some(voiceprints) = voiceprints {
        let json = serde_json::to_vec(&voiceprints).map_err(ApiError::internal)?;
        let storage = &state.storage;
        storage
            .put_artefact(job.id, 0, Artefact::Voiceprints, json.into())
            .await?;
    }
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
