//! What is known about voices, as JSON in pyannoteAI's shape: enrolments, and results of jobs that
//! compare voices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::json::TurnJson;

/// A voiceprint with its name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnrolmentJson {
    /// Whose it is.
    pub label: String,
    /// The voiceprint as text.
    pub voiceprint: String,
}

/// Which voiceprint a speaker's is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoiceprintMatch {
    /// `SPEAKER_00` and so on.
    pub speaker: String,
    /// The name given, if any.
    #[serde(rename = "match")]
    pub label: Option<String>,
    /// The confidence in every name, 0 to 100.
    pub confidence: BTreeMap<String, u8>,
}

/// A turn of somebody who may be known by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentifiedTurn {
    /// The name or, without one, the number.
    pub speaker: String,
    /// Seconds from the start of the recording, to the millisecond.
    pub start: f64,
    /// Seconds from the start of the recording, to the millisecond.
    pub end: f64,
    /// `SPEAKER_00` and so on.
    pub diarization_speaker: String,
    /// The name, if any.
    #[serde(rename = "match")]
    pub label: Option<String>,
    /// The speaker's channel, from 1, where channels were diarized by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
    /// The confidence in the speaker, 0 to 100, by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<BTreeMap<String, u8>>,
}

/// A voiceprint, and what went less than perfectly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VoiceprintOutput {
    /// The voiceprint as text.
    pub voiceprint: String,
    /// What went less than perfectly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Whether two voices are one speaker's, and what went less than perfectly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerificationOutput {
    /// The comparison.
    pub verification: VerificationJson,
    /// What went less than perfectly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// A comparison of two voices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerificationJson {
    /// The cosine of the two, -1 to 1.
    pub score: f32,
    /// The probability that they are one speaker's, 0 to 1, if either was as likely beforehand.
    pub probability: f32,
    /// What the decision rests on.
    pub threshold: ThresholdJson,
    /// Whether the score reaches the threshold.
    pub decision: Decision,
}

/// A threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdJson {
    /// Its name.
    pub name: String,
    /// The least score that is accepted.
    pub score: f32,
}

/// What becomes of a claim that two voices are one speaker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// They count as one speaker's.
    Accept,
    /// They do not.
    Reject,
}

/// `turns` with the names that `matches` give.
pub fn identified(turns: &[TurnJson], matches: &[VoiceprintMatch]) -> Vec<IdentifiedTurn> {
    let turns = turns.iter().map(|turn| {
        let label = label(matches, &turn.speaker);
        IdentifiedTurn {
            speaker: label.unwrap_or(&turn.speaker).to_owned(),
            start: turn.start,
            end: turn.end,
            diarization_speaker: turn.speaker.clone(),
            label: label.map(str::to_owned),
            channel: turn.channel,
            confidence: turn.confidence.clone(),
        }
    });
    turns.collect()
}

/// The name that `matches` give to `speaker`.
pub fn label<'a>(matches: &'a [VoiceprintMatch], speaker: &str) -> Option<&'a str> {
    let own = matches.iter().find(|own| own.speaker == speaker)?;
    own.label.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_that_of_pyannote_ai() {
        let turn = |speaker: &str| TurnJson {
            speaker: speaker.to_owned(),
            start: 0.5,
            end: 1.25,
            channel: None,
            confidence: None,
        };
        let matched = |speaker: &str, label: Option<&str>| VoiceprintMatch {
            speaker: speaker.to_owned(),
            label: label.map(str::to_owned),
            confidence: BTreeMap::from([("Sam".to_owned(), 16)]),
        };
        let matches = [
            matched("SPEAKER_00", Some("Sam")),
            matched("SPEAKER_01", None),
        ];
        let turns = identified(&[turn("SPEAKER_00"), turn("SPEAKER_01")], &matches);
        assert_eq!(
            serde_json::to_value((matches, turns)).unwrap(),
            serde_json::json!([
                [
                    {"speaker": "SPEAKER_00", "match": "Sam", "confidence": {"Sam": 16}},
                    {"speaker": "SPEAKER_01", "match": null, "confidence": {"Sam": 16}},
                ],
                [
                    {"speaker": "Sam", "start": 0.5, "end": 1.25,
                     "diarizationSpeaker": "SPEAKER_00", "match": "Sam"},
                    {"speaker": "SPEAKER_01", "start": 0.5, "end": 1.25,
                     "diarizationSpeaker": "SPEAKER_01", "match": null},
                ]
            ])
        );
    }
}
