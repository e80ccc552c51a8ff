//! What the tier formats share: the stretches of each speaker, in whole milliseconds.

use super::plain::{milliseconds, speaker};
use crate::domain::Annotation;

/// One speaker's stretches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tier {
    /// The speaker, on one line.
    pub(super) name: String,
    /// Start and end in milliseconds: in order, none empty, none overlapping another.
    pub(super) intervals: Vec<(u64, u64)>,
}

/// The speakers in order of first appearance. Names that are the same once they are on one line
/// are the same speaker: a tier has to be told by its name.
pub(super) fn tiers(annotation: &Annotation) -> Vec<Tier> {
    let mut tiers: Vec<Tier> = Vec::new();
    for turn in annotation.turns() {
        let [start, end] = [turn.segment.start, turn.segment.end].map(milliseconds);
        if start == end {
            continue;
        }
        let name = speaker(&turn.speaker);
        let known = tiers.iter().position(|tier| tier.name == name);
        let place = known.unwrap_or_else(|| {
            tiers.push(Tier {
                name: name.into_owned(),
                intervals: Vec::new(),
            });
            tiers.len() - 1
        });
        let tier = &mut tiers[place];
        match tier.intervals.last_mut() {
            // Turns come in order of start.
            Some(last) if start < last.1 => last.1 = last.1.max(end),
            _ => tier.intervals.push((start, end)),
        }
    }
    tiers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Segment, SpeakerLabel, Turn};

    #[test]
    fn one_speakers_overlaps_are_joined_and_others_are_not() {
        let turn = |start, end, name: &str| Turn {
            segment: Segment::new(start, end),
            speaker: SpeakerLabel::named(name),
            confidence: None,
        };
        let turns = [
            turn(0.0, 2.0, "a b"),
            turn(0.5, 0.6, "c"),
            turn(1.0, 3.0, "a\nb"),
            turn(3.0, 3.5, "a b"),
            turn(4.0, 4.0002, "c"),
        ];
        let tier = |name: &str, intervals: &[(u64, u64)]| Tier {
            name: name.to_owned(),
            intervals: intervals.to_vec(),
        };
        assert_eq!(
            tiers(&turns.into_iter().collect()),
            [
                tier("a b", &[(0, 3000), (3000, 3500)]),
                tier("c", &[(500, 600)])
            ]
        );
    }
}
