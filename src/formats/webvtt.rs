//! WebVTT subtitles (W3C): one cue a turn, the speaker as its voice.

use std::fmt::Write as _;

use super::plain::speaker;
use super::timestamp::with_milliseconds;
use crate::domain::Annotation;

/// Writes one cue for every turn.
pub fn write(annotation: &Annotation) -> String {
    let mut webvtt = "WEBVTT\n\n".to_owned();
    for turn in annotation.turns() {
        let start = with_milliseconds(turn.segment.start, '.');
        let end = with_milliseconds(turn.segment.end, '.');
        let name = escaped(&speaker(&turn.speaker));
        // Writing to a string cannot fail.
        let _ = write!(webvtt, "{start} --> {end}\n<v {name}>{name}</v>\n\n");
    }
    webvtt
}

/// `text` with the characters that would end a voice span or start an entity written as such.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use crate::domain::{Segment, SpeakerLabel, Turn};

    #[test]
    fn the_speaker_is_the_voice() {
        let turn = Turn {
            segment: Segment::new(0.0, 1.5),
            speaker: SpeakerLabel::named("R&D"),
            confidence: None,
        };
        assert_eq!(
            super::write(&[turn].into_iter().collect()),
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\n<v R&amp;D>R&amp;D</v>\n\n"
        );
    }
}
