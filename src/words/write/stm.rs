//! STM, the segment time-marked format (NIST SCTK): `<file> <channel> <speaker> <start> <end>
//! <text>`.

use std::fmt::Write as _;

use super::UNKNOWN;
use crate::domain::Transcript;
use crate::formats::plain::{milliseconds, one_line, seconds};
use crate::formats::rttm;

/// Writes a line for every utterance of recording `file`.
pub fn write(file: &str, transcript: &Transcript) -> String {
    let file = rttm::name(file);
    let mut stm = String::new();
    for utterance in transcript.utterances() {
        let speaker = rttm::name(utterance.speaker.map_or(UNKNOWN, |label| label.as_str()));
        let segment = utterance.segment();
        let [start, end] = [segment.start, segment.end].map(|time| seconds(milliseconds(time)));
        let text = utterance.text();
        let text = one_line(&text);
        // Writing to a string cannot fail.
        let _ = writeln!(stm, "{file} 1 {speaker} {start} {end} {text}");
    }
    stm
}
