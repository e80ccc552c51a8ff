//! Voices, over the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::formats::voices::{self, IdentifiedTurn, VerificationJson, VoiceprintMatch};

/// A turn of somebody who may be known by name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IdentifiedTurn)]
pub(super) struct Identified {
    /// The name or, without one, the number.
    #[schema(example = "Sam")]
    speaker: String,
    /// Seconds from the start of the recording.
    #[schema(example = 6.665)]
    start: f64,
    /// Seconds from the start of the recording.
    #[schema(example = 7.165)]
    end: f64,
    /// The number.
    #[schema(example = "SPEAKER_00")]
    diarization_speaker: String,
    /// The name; null without one.
    #[serde(rename = "match")]
    #[schema(required = true, example = "Sam")]
    label: Option<String>,
    /// The speaker's channel, from 1; if `channels=separate` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    channel: Option<u16>,
    /// Confidence in the turn's speaker, 0 to 100, by number; if `turnLevelConfidence` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<BTreeMap<String, u8>>,
}

/// Whose voiceprint a speaker's is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VoiceprintMatch)]
pub(super) struct Match {
    /// The number.
    #[schema(example = "SPEAKER_00")]
    speaker: String,
    /// The name given; null if nobody's voiceprint is similar enough, or somebody else was given it.
    #[serde(rename = "match")]
    #[schema(required = true, example = "Sam")]
    label: Option<String>,
    /// By name, how probable it is that the voice is theirs: 0 to 100.
    #[schema(example = json!({"Sam": 93, "Kim": 2}))]
    confidence: BTreeMap<String, u8>,
}

pub(super) fn identified(turns: Vec<IdentifiedTurn>, with_confidence: bool) -> Vec<Identified> {
    let turns = turns.into_iter().map(|turn| Identified {
        speaker: turn.speaker,
        start: turn.start,
        end: turn.end,
        diarization_speaker: turn.diarization_speaker,
        label: turn.label,
        channel: turn.channel,
        confidence: turn.confidence.filter(|_| with_confidence),
    });
    turns.collect()
}

impl From<VoiceprintMatch> for Match {
    fn from(own: VoiceprintMatch) -> Self {
        Self {
            speaker: own.speaker,
            label: own.label,
            confidence: own.confidence,
        }
    }
}

/// A comparison of two voices.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Verification {
    /// The cosine of their embeddings, -1 to 1.
    #[schema(minimum = -1, maximum = 1, example = 0.72)]
    score: f32,
    /// The probability that they are one speaker's, 0 to 1, if that was as likely as not beforehand.
    #[schema(minimum = 0, maximum = 1, example = 0.97)]
    probability: f32,
    threshold: Threshold,
    decision: Decision,
}

/// What a decision rests on.
#[derive(Debug, Serialize, ToSchema)]
struct Threshold {
    /// `lenient`, `balanced` or `strict`.
    #[schema(example = "balanced")]
    name: String,
    /// The least score that is accepted.
    #[schema(minimum = -1, maximum = 1, example = 0.542)]
    score: f32,
}

/// What becomes of a claim that two voices are one speaker's.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Decision {
    /// They count as one speaker's.
    Accept,
    /// They do not.
    Reject,
}

impl From<VerificationJson> for Verification {
    fn from(own: VerificationJson) -> Self {
        Self {
            score: own.score,
            probability: own.probability,
            threshold: Threshold {
                name: own.threshold.name,
                score: own.threshold.score,
            },
            decision: match own.decision {
                voices::Decision::Accept => Decision::Accept,
                voices::Decision::Reject => Decision::Reject,
            },
        }
    }
}
