//! `OpenAI`'s `diarized_json`, with the words beside it: that format has no place for them.

use std::collections::HashMap;

use serde::Serialize;

use super::{UNKNOWN, rounded};
use crate::domain::{SpeakerLabel, Transcript};

/// A transcript by speaker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiarizedJson {
    /// Always `transcribe`.
    pub task: &'static str,
    /// Length of the recording in seconds.
    pub duration: f64,
    /// All that was said.
    pub text: String,
    /// Consecutive words of a speaker, joined.
    pub segments: Vec<SegmentJson>,
    /// Every word.
    pub words: Vec<WordJson>,
    /// What it was made of.
    pub usage: UsageJson,
}

/// Consecutive words of a speaker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentJson {
    /// Always `transcript.text.segment`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `seg_001` and so on.
    pub id: String,
    /// Seconds from the start of the recording, to the millisecond.
    pub start: f64,
    /// Seconds from the start of the recording, to the millisecond.
    pub end: f64,
    /// What was said.
    pub text: String,
    /// `A`, `B`, ... in order of first word; a name where it is known; [`UNKNOWN`].
    pub speaker: String,
}

/// One word.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WordJson {
    /// The word.
    pub word: String,
    /// Seconds from the start of the recording, to the millisecond.
    pub start: f64,
    /// Seconds from the start of the recording, to the millisecond.
    pub end: f64,
    /// As in the segments; null if nobody was near.
    pub speaker: Option<String>,
}

/// How much audio was transcribed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UsageJson {
    /// Always `duration`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Seconds, whole ones.
    pub seconds: u64,
}

impl DiarizedJson {
    /// The transcript of a recording of `duration` seconds.
    pub fn new(transcript: &Transcript, duration: f64) -> Self {
        let names = names(transcript);
        let name = |label: Option<&SpeakerLabel>| label.map(|label| names[label].clone());
        let segments = transcript.utterances().zip(1..).map(|(utterance, number)| {
            let segment = utterance.segment();
            SegmentJson {
                kind: "transcript.text.segment",
                id: format!("seg_{number:03}"),
                start: rounded(segment.start),
                end: rounded(segment.end),
                text: utterance.text(),
                speaker: name(utterance.speaker).unwrap_or_else(|| UNKNOWN.to_owned()),
            }
        });
        let words = transcript.words().iter().map(|word| WordJson {
            word: word.text.clone(),
            start: rounded(word.segment.start),
            end: rounded(word.segment.end),
            speaker: name(word.speaker.as_ref()),
        });
        Self {
            task: "transcribe",
            duration: rounded(duration),
            text: transcript.text(),
            segments: segments.collect(),
            words: words.collect(),
            usage: UsageJson {
                kind: "duration",
                seconds: duration.round() as u64,
            },
        }
    }
}

/// What each speaker is called: letters for those that are only numbered.
fn names(transcript: &Transcript) -> HashMap<&SpeakerLabel, String> {
    let mut names = HashMap::new();
    let mut numbered = 0;
    for label in transcript
        .words()
        .iter()
        .filter_map(|word| word.speaker.as_ref())
    {
        names.entry(label).or_insert_with(|| {
            if label.is_numbered() {
                numbered += 1;
                letters(numbered)
            } else {
                label.to_string()
            }
        });
    }
    names
}

/// `A` for 1, `Z` for 26, `AA` for 27.
fn letters(mut number: u32) -> String {
    let mut letters = Vec::new();
    while number > 0 {
        let digit = (number - 1) % 26;
        letters.push(char::from(b'A' + digit as u8));
        number = (number - 1) / 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn after_z_comes_aa() {
        let letters = [1, 2, 26, 27, 52, 53, 702, 703].map(super::letters);
        assert_eq!(letters, ["A", "B", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }
}
