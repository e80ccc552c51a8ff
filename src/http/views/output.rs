//! What came of a job, over the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::voices::{Identified, Match, Verification, identified};
use crate::{
    db::{Failure, JobOptions, Task},
    formats::{
        json::{DiarizationOutput, FrameConfidence, TurnJson},
        voices::{VerificationOutput, VoiceprintOutput},
    },
};

/// What came of a job.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Output {
    /// Who spoke when, in order of start; turns of different speakers may overlap. Present if the
    /// job succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    diarization: Option<Vec<Turn>>,
    /// The same with at most one speaker at any instant; if `exclusive` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    exclusive_diarization: Option<Vec<Turn>>,
    /// Confidence over time; if `confidence` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<Confidence>,
    /// The turns with the names of those who were recognised; if voiceprints came with the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    identification: Option<Vec<Identified>>,
    /// Whose voiceprints the speakers' are; if voiceprints came with the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    voiceprints: Option<Vec<Match>>,
    /// The voice as text; if the job was for that. It can be kept and sent with `POST /v1/identify`
    /// or `POST /v1/verify` for as long as the service runs the model that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        content_encoding = "base64",
        example = "RFZQMQcHBwcHBwcHBwcHBwcHBweamRk/AAAAAM3MTL8="
    )]
    voiceprint: Option<String>,
    /// Whether two voices are one speaker's; if the job was for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<Verification>,
    /// What went less than perfectly.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    /// Why the job failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The same for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
}

/// One uninterrupted stretch of speech by one speaker.
#[derive(Debug, Serialize, ToSchema)]
struct Turn {
    #[schema(example = "SPEAKER_00")]
    speaker: String,
    /// Seconds from the start of the recording.
    #[schema(example = 6.665)]
    start: f64,
    /// Seconds from the start of the recording.
    #[schema(example = 7.165)]
    end: f64,
    /// The speaker's channel, from 1; if `channels=separate` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    channel: Option<u16>,
    /// Confidence by speaker, 0 to 100; if `turnLevelConfidence` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<BTreeMap<String, u8>>,
}

/// Confidence over time.
#[derive(Debug, Serialize, ToSchema)]
struct Confidence {
    /// 0 to 100, one value per frame.
    score: Vec<u8>,
    /// Seconds a frame lasts.
    resolution: f64,
}

/// What a job that succeeded has stored.
pub(in crate::http) enum JobResult {
    Diarization(DiarizationOutput),
    Voiceprint(VoiceprintOutput),
    Verification(VerificationOutput),
}

impl JobResult {
    /// Reads what a job for `task` has stored.
    pub(in crate::http) fn read(task: &Task, json: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(match task {
            Task::Diarize | Task::Identify { .. } => {
                Self::Diarization(serde_json::from_slice(json)?)
            }
            Task::Voiceprint => Self::Voiceprint(serde_json::from_slice(json)?),
            Task::Verify { .. } => Self::Verification(serde_json::from_slice(json)?),
        })
    }

    pub(super) fn output(self, options: &JobOptions) -> Output {
        match self {
            Self::Diarization(result) => Output::new(result, options),
            Self::Voiceprint(result) => Output {
                voiceprint: Some(result.voiceprint),
                ..Output::default()
            },
            Self::Verification(result) => Output {
                verification: Some(result.verification.into()),
                ..Output::default()
            },
        }
    }
}

impl Output {
    /// That of a job that failed.
    pub(super) fn failed(failure: Failure) -> Self {
        Self {
            error: Some(failure.message),
            error_code: Some(failure.code),
            ..Self::default()
        }
    }

    /// The same with this warning, or none.
    pub(super) fn with_warning(self, warning: Option<String>) -> Self {
        Self { warning, ..self }
    }

    /// Of all that is known, what was asked for.
    pub(super) fn new(result: DiarizationOutput, options: &JobOptions) -> Self {
        let with_confidence = options.turn_level_confidence;
        let exclusive = result.exclusive_diarization.filter(|_| options.exclusive);
        Self {
            diarization: Some(turns(result.diarization, with_confidence)),
            exclusive_diarization: exclusive.map(|exclusive| turns(exclusive, with_confidence)),
            confidence: result
                .confidence
                .filter(|_| options.confidence)
                .map(|FrameConfidence { score, resolution }| Confidence { score, resolution }),
            identification: result
                .identification
                .map(|turns| identified(turns, with_confidence)),
            voiceprints: result
                .voiceprints
                .map(|matches| matches.into_iter().map(Into::into).collect()),
            ..Self::default()
        }
    }
}

fn turns(turns: Vec<TurnJson>, with_confidence: bool) -> Vec<Turn> {
    let turns = turns.into_iter().map(|turn| Turn {
        speaker: turn.speaker,
        start: turn.start,
        end: turn.end,
        channel: turn.channel,
        confidence: turn.confidence.filter(|_| with_confidence),
    });
    turns.collect()
}
