//! Audacity's label track: `start`, `end` and the label, separated by tabs, one line a turn.

use std::fmt::Write as _;

use super::plain::{milliseconds, seconds, speaker};
use crate::domain::Annotation;

/// Writes one label for every turn, times in seconds.
pub fn write(annotation: &Annotation) -> String {
    let mut labels = String::new();
    for turn in annotation.turns() {
        let [start, end] =
            [turn.segment.start, turn.segment.end].map(|time| seconds(milliseconds(time)));
        // A tab or a line break in a name would be taken for a separator.
        let name = speaker(&turn.speaker);
        // Writing to a string cannot fail.
        let _ = writeln!(labels, "{start}\t{end}\t{name}");
    }
    labels
}

#[cfg(test)]
mod tests {
    use crate::domain::{Segment, SpeakerLabel, Turn};

    #[test]
    fn a_label_a_turn() {
        let turn = Turn {
            segment: Segment::new(0.5, 3661.0),
            speaker: SpeakerLabel::named("Ann\tLee"),
            confidence: None,
        };
        assert_eq!(
            super::write(&[turn].into_iter().collect()),
            "0.500\t3661.000\tAnn Lee\n"
        );
    }
}
