//! Lines for people: `SPEAKER_00: what they said`.

use std::fmt::Write as _;

use super::UNKNOWN;
use crate::domain::Transcript;
use crate::formats::plain::{one_line, speaker};

/// Writes a line for every utterance.
pub fn write(transcript: &Transcript) -> String {
    let mut lines = String::new();
    for utterance in transcript.utterances() {
        let who = utterance.speaker.map_or(UNKNOWN.into(), speaker);
        let said = utterance.text();
        // Writing to a string cannot fail.
        let _ = writeln!(lines, "{who}: {}", one_line(&said));
    }
    lines
}
