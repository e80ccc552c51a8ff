//! Who said what: a transcript that is put to a job, merged with its turns.

use std::time::Duration;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    domain::Transcript,
    formats::json::DiarizationOutput,
    http::{
        AppState,
        error::{ApiError, Code},
        extract::{Id, Params},
        found::{Found, RevisionParam},
        negotiate::accepted,
        receive,
        views::Problem,
    },
    storage::{Artefact, StorageError},
    words::{self, KeptTranscript, write::Form},
};

/// A form that words with speakers can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WordsFormat {
    /// Words and turns with their text, under pyannoteAI's names.
    Json,
    /// `OpenAI`'s transcription by speaker, with the words beside its segments.
    DiarizedJson,
    /// `SubRip` subtitles.
    Srt,
    /// `WebVTT` subtitles.
    #[serde(alias = "webvtt")]
    Vtt,
    /// Lines for people.
    Text,
    /// NIST's words with times; it has no speakers.
    Ctm,
    /// NIST's segments with speakers.
    Stm,
    /// `MeetEval`'s segments with speakers, in JSON.
    Seglst,
}

/// Media types and what they stand for, the preferred one first.
const OFFERED: [(&str, WordsFormat); 5] = [
    ("application/json", WordsFormat::Json),
    ("text/plain", WordsFormat::Text),
    ("text/vtt", WordsFormat::Vtt),
    ("application/x-subrip", WordsFormat::Srt),
    ("text/srt", WordsFormat::Srt),
];

impl WordsFormat {
    const fn form(self) -> Form {
        match self {
            Self::Json => Form::Json,
            Self::DiarizedJson => Form::DiarizedJson,
            Self::Srt => Form::Srt,
            Self::Vtt => Form::WebVtt,
            Self::Text => Form::Text,
            Self::Ctm => Form::Ctm,
            Self::Stm => Form::Stm,
            Self::Seglst => Form::SegLst,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::DiarizedJson | Self::Seglst => "application/json",
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
            Self::Text | Self::Ctm | Self::Stm => "text/plain; charset=utf-8",
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct PutParams {
    /// The form wanted; goes before `Accept`.
    format: Option<WordsFormat>,
    /// Let every sentence of up to 50 words have one speaker, whoever has more than half of its
    /// words. Kept with the transcript.
    #[serde(default, alias = "smooth_punctuation")]
    smooth_punctuation: bool,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct GetParams {
    /// The form wanted; goes before `Accept`.
    format: Option<WordsFormat>,
}

/// Merges a transcript with the result's turns and keeps it with the job.
///
/// `OpenAI`'s and Whisper's verbose JSON (words or segments), `WhisperX`'s and Deepgram's JSON and
/// CTM are told apart by content, whatever the media type. A word goes to the speaker whose turns
/// share most time with it (of equals, to the one heard first), else to the nearest turn within
/// 0.5 s, else its speaker is null. A transcript put later replaces the earlier one.
#[utoipa::path(
    put,
    path = "/v1/jobs/{id}/words",
    tag = "results",
    params(("id" = String, Path, description = "The job's id"), PutParams, RevisionParam),
    request_body(content(
        (serde_json::Value = "application/json", example = json!({"words": [
            {"word": "Hello", "start": 0.6, "end": 0.9}, {"word": "Hi", "start": 3.2, "end": 3.4}]})),
        (String = "text/plain", example = json!("talk 1 0.60 0.30 Hello\ntalk 1 3.20 0.20 Hi\n")),
    )),
    responses(
        (status = 200, description = "The words with their speakers", content(
            (serde_json::Value = "application/json", example = json!({
                "wordLevelTranscription": [
                    {"start": 0.6, "end": 0.9, "text": "Hello", "speaker": "SPEAKER_00"},
                    {"start": 9.2, "end": 9.4, "text": "Hm", "speaker": null}],
                "turnLevelTranscription": [
                    {"start": 0.6, "end": 0.9, "text": "Hello", "speaker": "SPEAKER_00"},
                    {"start": 9.2, "end": 9.4, "text": "Hm", "speaker": null}]})),
            (String = "text/plain"),
            (String = "application/x-subrip"),
            (String = "text/vtt"),
        )),
        (status = 400, description = "The transcript cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "None of the formats is accepted", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The transcript is too large", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put(
    State(state): State<AppState>,
    Id(id): Id,
    Params(params): Params<PutParams>,
    Params(which): Params<RevisionParam>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let idle = Duration::from_secs(state.settings.upload_idle_seconds);
    let limit = state.settings.max_words_bytes;
    let text = receive::text("the transcript", body.into_data_stream(), limit, idle).await?;
    let format = wanted(params.format, &headers)?;
    let found = Found::find(&state, id, which).await?;
    let name = found.job.name.clone();
    if text.trim().is_empty() {
        return Err(ApiError::new(
            Code::InvalidTranscript,
            "the transcript is empty",
        ));
    }
    let smooth = params.smooth_punctuation;
    let (kept, json) = blocking(move || {
        let transcript = words::parse(&text, &name)
            .map_err(|error| ApiError::new(Code::InvalidTranscript, error))?;
        let kept = KeptTranscript::new(&transcript, smooth);
        let json = serde_json::to_vec(&kept).map_err(ApiError::internal)?;
        Ok((kept, json))
    })
    .await?;
    let storage = &state.storage;
    storage
        .put_artefact(id, 0, Artefact::Words, json.into())
        .await?;
    merged(&state, &found, kept, format).await
}

/// The words that were put to the job, with their speakers.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/words",
    tag = "results",
    params(("id" = String, Path, description = "The job's id"), GetParams, RevisionParam),
    responses(
        (status = 200, description = "The words with their speakers", content(
            (serde_json::Value = "application/json", example = json!({
                "wordLevelTranscription": [
                    {"start": 0.6, "end": 0.9, "text": "Hello", "speaker": "SPEAKER_00"},
                    {"start": 9.2, "end": 9.4, "text": "Hm", "speaker": null}],
                "turnLevelTranscription": [
                    {"start": 0.6, "end": 0.9, "text": "Hello", "speaker": "SPEAKER_00"},
                    {"start": 9.2, "end": 9.4, "text": "Hm", "speaker": null}]})),
            (String = "text/plain"),
            (String = "application/x-subrip"),
            (String = "text/vtt"),
        )),
        (status = 404, description = "No such job, or no transcript was put to it", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "None of the formats is accepted", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet)", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get(
    State(state): State<AppState>,
    Id(id): Id,
    Params(params): Params<GetParams>,
    Params(which): Params<RevisionParam>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let format = wanted(params.format, &headers)?;
    let found = Found::find(&state, id, which).await?;
    let kept = match state.storage.get_artefact(id, 0, Artefact::Words).await {
        Ok(kept) => kept,
        Err(StorageError::Missing(_)) => {
            return Err(ApiError::new(
                Code::WordsNotFound,
                "no transcript was put to this job; PUT one here first",
            ));
        }
        Err(error) => return Err(error.into()),
    };
    let kept = blocking(move || serde_json::from_slice(&kept).map_err(ApiError::internal)).await?;
    merged(&state, &found, kept, format).await
}

fn wanted(format: Option<WordsFormat>, headers: &HeaderMap) -> Result<WordsFormat, ApiError> {
    format.map_or_else(|| accepted(headers, &OFFERED), Ok)
}

/// The transcript with the speakers that the result's turns give it.
async fn merged(
    state: &AppState,
    found: &Found,
    kept: KeptTranscript,
    format: WordsFormat,
) -> Result<Response, ApiError> {
    let result = found.artefact(state, Artefact::Result).await?;
    let recording = found.recording(state).await?;
    let text = blocking(move || {
        let result: DiarizationOutput =
            serde_json::from_slice(&result).map_err(ApiError::internal)?;
        let smooth = kept.smooth_punctuation;
        let mut transcript: Transcript = kept.into_transcript();
        words::assign(&mut transcript, &result.exclusive());
        if smooth {
            words::smooth(&mut transcript);
        }
        format
            .form()
            .write(&transcript, &recording.name, recording.seconds)
            .map_err(ApiError::internal)
    })
    .await?;
    let headers = [
        (header::CONTENT_TYPE, format.content_type()),
        (header::VARY, "accept"),
    ];
    Ok((headers, text).into_response())
}

/// Hours of speech are too much work for a thread that others wait for.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(ApiError::internal)?
}
