//! `SegLST`, the segment-wise long-form speech transcription format of `MeetEval`.

use serde::Serialize;

use super::{UNKNOWN, rounded};
use crate::domain::Transcript;

/// Something said, as the format has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentJson {
    /// The recording.
    pub session_id: String,
    /// Seconds from the start of the recording, to the millisecond.
    pub start_time: f64,
    /// Seconds from the start of the recording, to the millisecond.
    pub end_time: f64,
    /// What was said.
    pub words: String,
    /// Who.
    pub speaker: String,
}

/// A segment for every utterance of recording `session`.
pub fn segments(session: &str, transcript: &Transcript) -> Vec<SegmentJson> {
    let utterances = transcript.utterances();
    utterances
        .map(|utterance| {
            let segment = utterance.segment();
            let speaker = utterance.speaker.map_or(UNKNOWN, |label| label.as_str());
            SegmentJson {
                session_id: session.to_owned(),
                start_time: rounded(segment.start),
                end_time: rounded(segment.end),
                words: utterance.text(),
                speaker: speaker.to_owned(),
            }
        })
        .collect()
}
