//! `SubRip` subtitles, `[speaker]: text`.

use std::fmt::Write as _;

use super::subtitles::{cues, shown};
use crate::domain::Transcript;
use crate::formats::plain::{one_line, speaker};
use crate::formats::timestamp::with_milliseconds;

/// Writes numbered cues.
pub fn write(transcript: &Transcript) -> String {
    let mut srt = String::new();
    for (cue, number) in cues(transcript).zip(1..) {
        let shown = shown(&cue);
        let [start, end] = [shown.start, shown.end].map(|time| with_milliseconds(time, ','));
        let text = cue.text();
        let text = one_line(&text);
        let who = cue.speaker.map(|label| format!("[{}]: ", speaker(label)));
        let who = who.unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(srt, "{number}\n{start} --> {end}\n{who}{text}\n\n");
    }
    srt
}
