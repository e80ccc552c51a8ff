//! Words and turns with their text as JSON, under pyannoteAI's names.

use serde::Serialize;

use super::rounded;
use crate::domain::{SpeakerLabel, Transcript};

/// A transcript with speakers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TranscriptJson {
    /// Every word.
    pub word_level_transcription: Vec<SpokenJson>,
    /// Consecutive words of a speaker, joined.
    pub turn_level_transcription: Vec<SpokenJson>,
}

/// Something said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpokenJson {
    /// Seconds from the start of the recording, to the millisecond.
    pub start: f64,
    /// Seconds from the start of the recording, to the millisecond.
    pub end: f64,
    /// What.
    pub text: String,
    /// Who; null if nobody was near.
    pub speaker: Option<String>,
    /// How sure the transcriber is, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
}

impl TranscriptJson {
    /// All there is to say.
    pub fn new(transcript: &Transcript) -> Self {
        let speaker = |label: Option<&SpeakerLabel>| label.map(ToString::to_string);
        let words = transcript.words().iter().map(|word| SpokenJson {
            start: rounded(word.segment.start),
            end: rounded(word.segment.end),
            text: word.text.clone(),
            speaker: speaker(word.speaker.as_ref()),
            confidence: word.confidence,
        });
        let turns = transcript.utterances().map(|utterance| {
            let segment = utterance.segment();
            SpokenJson {
                start: rounded(segment.start),
                end: rounded(segment.end),
                text: utterance.text(),
                speaker: speaker(utterance.speaker),
                confidence: None,
            }
        });
        Self {
            word_level_transcription: words.collect(),
            turn_level_transcription: turns.collect(),
        }
    }
}
