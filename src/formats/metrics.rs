//! What a job cost and how good it was, as JSON.

use serde::{Deserialize, Serialize};

use super::score::ScoreJson;
use crate::domain::{Diarization, LocalFrames, StepSeconds};

/// The metrics artefact of one recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// Length of the decoded audio.
    pub audio_seconds: f64,
    /// Speech in it.
    pub speech_seconds: f64,
    /// Speakers found.
    pub speakers: usize,
    /// Turns found.
    pub turns: usize,
    /// Windows embedded.
    pub windows: usize,
    /// Those among them that an earlier attempt had embedded before it was interrupted.
    #[serde(default)]
    pub resumed_windows: usize,
    /// Where the frames of the kept local speakers lie; absent if no segmentation model was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_frames: Option<LocalFrames>,
    /// Where the time went; steps overlap and need not add up.
    pub seconds: SecondsJson,
    /// Seconds of work a second of audio; absent for empty audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_time_factor: Option<f64>,
    /// What made the embeddings: name, SHA-256, provider, threads.
    pub model: serde_json::Value,
    /// The settings in force.
    pub settings: serde_json::Value,
    /// What went less than perfectly.
    pub warnings: Vec<String>,
    /// The score against a reference, if one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<ScoreJson>,
}

/// Seconds of wall-clock time by step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecondsJson {
    /// Decoding, mixing down and resampling.
    pub decode: f64,
    /// Speech activity.
    pub speech: f64,
    /// Log-mel filterbank.
    pub filterbank: f64,
    /// Inside the embedding model.
    pub embedding: f64,
    /// Clustering.
    pub clustering: f64,
    /// Assembly of turns.
    pub assembly: f64,
    /// From the first byte to the last turn.
    pub total: f64,
}

impl From<StepSeconds> for SecondsJson {
    fn from(seconds: StepSeconds) -> Self {
        Self {
            decode: seconds.decode,
            speech: seconds.speech,
            filterbank: seconds.filterbank,
            embedding: seconds.embedding,
            clustering: seconds.clustering,
            assembly: seconds.assembly,
            total: seconds.total,
        }
    }
}

impl Metrics {
    /// The metrics of a result made by `model` under `settings`, not yet scored.
    pub fn new(
        diarization: &Diarization,
        model: serde_json::Value,
        settings: serde_json::Value,
    ) -> Self {
        let audio_seconds = diarization.audio_seconds;
        let total = diarization.seconds.total;
        Self {
            audio_seconds,
            speech_seconds: diarization.speech.duration(),
            speakers: diarization.annotation.speakers().len(),
            turns: diarization.annotation.turns().len(),
            windows: diarization.windows.len(),
            resumed_windows: diarization.resumed_windows,
            local_frames: diarization.locals.as_ref().map(|locals| locals.frames),
            seconds: diarization.seconds.into(),
            real_time_factor: (audio_seconds > 0.0).then(|| total / audio_seconds),
            model,
            settings,
            warnings: diarization
                .warnings
                .iter()
                .map(ToString::to_string)
                .collect(),
            score: None,
        }
    }
}
