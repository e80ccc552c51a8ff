//! A transcript as it is kept with a job: as it came, without speakers, since other turns give it
//! others.

use serde::{Deserialize, Serialize};

use crate::domain::{Segment, Transcript, Word};

/// A transcript and how it is to be merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeptTranscript {
    /// Whether sentences are to have one speaker.
    pub smooth_punctuation: bool,
    words: Vec<KeptWord>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct KeptWord {
    text: String,
    start: f64,
    end: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f32>,
    spaced: bool,
}

impl KeptTranscript {
    /// What is to be kept of `transcript`.
    pub fn new(transcript: &Transcript, smooth_punctuation: bool) -> Self {
        let words = transcript.words().iter().map(|word| KeptWord {
            text: word.text.clone(),
            start: word.segment.start,
            end: word.segment.end,
            confidence: word.confidence,
            spaced: word.spaced,
        });
        Self {
            smooth_punctuation,
            words: words.collect(),
        }
    }

    /// The transcript.
    pub fn into_transcript(self) -> Transcript {
        let words = self.words.into_iter().map(|word| Word {
            text: word.text,
            segment: Segment::new(word.start, word.end),
            speaker: None,
            confidence: word.confidence,
            spaced: word.spaced,
        });
        words.collect()
    }
}
