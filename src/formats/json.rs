//! The result as JSON, in the shape of pyannoteAI's job output.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::voices::{self, IdentifiedTurn, VoiceprintMatch};
use crate::domain::{Annotation, Diarization, Segment, SpeakerLabel, Turn};

/// Seconds a value of [`FrameConfidence`] stands for.
const RESOLUTION: f64 = 0.02;

/// Everything the service can tell about a recording; optional parts are left out by whoever was
/// not asked for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiarizationOutput {
    /// Who spoke when.
    pub diarization: Vec<TurnJson>,
    /// The same with at most one speaker at any instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclusive_diarization: Option<Vec<TurnJson>>,
    /// How sure the speaker is, frame by frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<FrameConfidence>,
    /// The turns with names, where voiceprints came with the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identification: Option<Vec<IdentifiedTurn>>,
    /// Whose voiceprints the speakers' are, where some came with the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voiceprints: Option<Vec<VoiceprintMatch>>,
    /// What went less than perfectly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnJson {
    /// `SPEAKER_00` and so on.
    pub speaker: String,
    /// Seconds from the start of the recording, to the millisecond.
    pub start: f64,
    /// Seconds from the start of the recording, to the millisecond.
    pub end: f64,
    /// The speaker's channel, from 1, where channels were diarized by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
    /// The speaker's confidence, 0 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<BTreeMap<String, u8>>,
}

/// Confidence over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FrameConfidence {
    /// 0 to 100, that of the turn in the middle of the frame; 100 where nobody speaks.
    pub score: Vec<u8>,
    /// Seconds a frame lasts.
    pub resolution: f64,
}

impl DiarizationOutput {
    /// The result with all its optional parts.
    pub fn new(diarization: &Diarization) -> Self {
        let warnings: Vec<_> = diarization
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect();
        Self {
            diarization: turns(&diarization.annotation, true, diarization),
            exclusive_diarization: Some(turns(&diarization.exclusive, false, diarization)),
            confidence: Some(frames(&diarization.exclusive, diarization.audio_seconds)),
            identification: None,
            voiceprints: None,
            warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
        }
    }

    /// The same with the names that `matches` give.
    #[must_use]
    pub fn identified(self, matches: Vec<VoiceprintMatch>) -> Self {
        Self {
            identification: Some(voices::identified(&self.diarization, &matches)),
            voiceprints: Some(matches),
            ..self
        }
    }

    /// Who speaks when, by name where there is one, with at most one speaker at any instant.
    pub fn exclusive(&self) -> Annotation {
        let names = self.voiceprints.as_deref().unwrap_or_default();
        let turns = self.exclusive_diarization.as_ref();
        let turns = turns.unwrap_or(&self.diarization).iter().map(|turn| Turn {
            segment: Segment::new(turn.start, turn.end),
            speaker: SpeakerLabel::named(
                voices::label(names, &turn.speaker).unwrap_or(&turn.speaker),
            ),
            confidence: None,
        });
        turns.collect::<Annotation>().exclusive()
    }
}

fn turns(
    annotation: &Annotation,
    with_confidence: bool,
    diarization: &Diarization,
) -> Vec<TurnJson> {
    let turns = annotation.turns().iter();
    turns
        .map(|turn| {
            let speaker = turn.speaker.to_string();
            let confidence = turn.confidence.filter(|_| with_confidence);
            TurnJson {
                channel: diarization.channel_of(&turn.speaker),
                confidence: confidence
                    .map(|confidence| BTreeMap::from([(speaker.clone(), percent(confidence))])),
                speaker,
                start: milliseconds(turn.segment.start),
                end: milliseconds(turn.segment.end),
            }
        })
        .collect()
}

fn frames(annotation: &Annotation, seconds: f64) -> FrameConfidence {
    let mut score = vec![100; (seconds / RESOLUTION).ceil() as usize];
    for turn in annotation.turns() {
        let Some(confidence) = turn.confidence else {
            continue;
        };
        // The frames whose middle lies within the turn.
        let [from, to] = [turn.segment.start, turn.segment.end]
            .map(|time| ((time / RESOLUTION - 0.5).ceil().max(0.0) as usize).min(score.len()));
        score[from..to].fill(percent(confidence));
    }
    FrameConfidence {
        score,
        resolution: RESOLUTION,
    }
}

fn percent(confidence: f32) -> u8 {
    (confidence.clamp(0.0, 1.0) * 100.0).round() as u8
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{SlidingWindow, StepSeconds, Timeline, Warning};

    #[test]
    fn the_shape_is_that_of_pyannote_ai() {
        let turn = Turn {
            segment: Segment::new(0.0301, 0.08),
            speaker: SpeakerLabel::nth(0),
            confidence: Some(0.875),
        };
        let annotation: Annotation = [turn].into_iter().collect();
        let diarization = Diarization {
            resumed_windows: 0,
            annotation: annotation.clone(),
            exclusive: annotation,
            windows: vec![0],
            sliding_window: SlidingWindow::EMBEDDING,
            embeddings: ndarray::Array2::zeros((1, 4)),
            labels: vec![0],
            speaker_channels: Vec::new(),
            audio_seconds: 0.09,
            speech: Timeline::default(),
            overlap: Timeline::default(),
            locals: None,
            seconds: StepSeconds::default(),
            warnings: vec![Warning::Truncated {
                reason: "end of stream".to_owned(),
            }],
        };
        let json = serde_json::to_value(DiarizationOutput::new(&diarization)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "diarization": [
                    {"speaker": "SPEAKER_00", "start": 0.03, "end": 0.08,
                     "confidence": {"SPEAKER_00": 88}}
                ],
                "exclusiveDiarization": [{"speaker": "SPEAKER_00", "start": 0.03, "end": 0.08}],
                "confidence": {"score": [100, 100, 88, 88, 100], "resolution": 0.02},
                "warning": "the audio breaks off and the result covers what came before: end of stream"
            })
        );
    }
}
