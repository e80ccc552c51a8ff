//! SubRip subtitles: one numbered cue a turn, the speaker in brackets where words would be.

use std::fmt::Write as _;

use super::plain::speaker;
use super::timestamp::with_milliseconds;
use crate::domain::Annotation;

/// Writes one cue for every turn.
pub fn write(annotation: &Annotation) -> String {
    let mut srt = String::new();
    for (index, turn) in annotation.turns().iter().enumerate() {
        let start = with_milliseconds(turn.segment.start, ',');
        let end = with_milliseconds(turn.segment.end, ',');
        // Writing to a string cannot fail.
        let _ = write!(
            srt,
            "{}\n{start} --> {end}\n[{}]\n\n",
            index + 1,
            speaker(&turn.speaker)
        );
    }
    srt
}

#[cfg(test)]
mod tests {
    use crate::domain::{Segment, SpeakerLabel, Turn};

    #[test]
    fn cues_are_numbered_from_one() {
        let turn = Turn {
            segment: Segment::new(0.5, 3661.0),
            speaker: SpeakerLabel::nth(1),
            confidence: None,
        };
        assert_eq!(
            super::write(&[turn].into_iter().collect()),
            "1\n00:00:00,500 --> 01:01:01,000\n[SPEAKER_01]\n\n"
        );
    }
}
