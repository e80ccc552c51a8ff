//! Lines for people: `SPEAKER_00  00:00:12 - 00:00:28`.

use std::fmt::Write as _;

use super::plain::speaker;
use super::timestamp::clock;
use crate::domain::Annotation;

/// Writes one line a turn, times rounded to the second.
pub fn write(annotation: &Annotation) -> String {
    let mut text = String::new();
    for turn in annotation.turns() {
        let start = clock(turn.segment.start.round() as u64);
        let end = clock(turn.segment.end.round() as u64);
        let name = speaker(&turn.speaker);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}  {start} - {end}");
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::domain::{Segment, SpeakerLabel, Turn};

    #[test]
    fn a_line_a_turn() {
        let turn = Turn {
            segment: Segment::new(12.2, 27.9),
            speaker: SpeakerLabel::nth(0),
            confidence: None,
        };
        assert_eq!(
            super::write(&[turn].into_iter().collect()),
            "SPEAKER_00  00:00:12 - 00:00:28\n"
        );
    }
}
