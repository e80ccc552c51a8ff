//! `WebVTT` subtitles (W3C), the speaker as the voice.

use std::fmt::Write as _;

use super::subtitles::{cues, shown};
use crate::domain::Transcript;
use crate::formats::plain::{one_line, speaker};
use crate::formats::timestamp::with_milliseconds;
use crate::formats::webvtt::escaped;

/// Writes cues, with a voice where the speaker is known.
pub fn write(transcript: &Transcript) -> String {
    let mut webvtt = "WEBVTT\n\n".to_owned();
    for cue in cues(transcript) {
        let shown = shown(&cue);
        let [start, end] = [shown.start, shown.end].map(|time| with_milliseconds(time, '.'));
        let text = escaped(&one_line(&cue.text()));
        let spoken = match cue.speaker {
            Some(label) => format!("<v {}>{text}</v>", escaped(&speaker(label))),
            None => text,
        };
        // Writing to a string cannot fail.
        let _ = write!(webvtt, "{start} --> {end}\n{spoken}\n\n");
    }
    webvtt
}
