//! Who spoke when.

use std::collections::HashSet;

use super::{Segment, SpeakerLabel, Timeline};

/// One uninterrupted stretch of speech by one speaker.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// When.
    pub segment: Segment,
    /// Who.
    pub speaker: SpeakerLabel,
    /// How far the speaker's cluster leads the next best one, from 0 (a coin toss) to 1; absent
    /// where nothing was compared, as in a reference.
    pub confidence: Option<f32>,
}

/// The turns of one recording, in order of start; turns of different speakers may overlap.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Annotation {
    turns: Vec<Turn>,
}

impl Annotation {
    /// The turns in order.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// Whether nobody speaks.
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The distinct speakers in order of first appearance.
    pub fn speakers(&self) -> Vec<SpeakerLabel> {
        let mut seen = HashSet::new();
        self.turns
            .iter()
            .filter(|turn| seen.insert(&turn.speaker))
            .map(|turn| turn.speaker.clone())
            .collect()
    }

    /// The segments of one speaker.
    pub fn speaker_timeline(&self, speaker: &SpeakerLabel) -> Timeline {
        self.turns
            .iter()
            .filter(|turn| turn.speaker == *speaker)
            .map(|turn| turn.segment)
            .collect()
    }

    /// The parts of the turns that lie inside `timeline`.
    #[must_use]
    pub fn crop(&self, timeline: &Timeline) -> Self {
        let bounds = timeline.support(0.0);
        let bounds = bounds.segments();
        let mut first = 0;
        let mut kept = Vec::new();
        for turn in &self.turns {
            while first < bounds.len() && bounds[first].end <= turn.segment.start {
                first += 1;
            }
            let near = bounds[first..]
                .iter()
                .take_while(|bound| bound.start < turn.segment.end);
            kept.extend(
                near.filter_map(|bound| turn.segment.intersection(bound))
                    .map(|segment| Turn {
                        segment,
                        ..turn.clone()
                    }),
            );
        }
        kept.into_iter().collect()
    }

    /// The same with at most one speaker at any instant: whoever began first has the floor until
    /// they stop.
    #[must_use]
    pub fn exclusive(&self) -> Self {
        let mut taken_to = f64::NEG_INFINITY;
        let mut kept = Vec::with_capacity(self.turns.len());
        for turn in &self.turns {
            let rest = Segment::new(turn.segment.start.max(taken_to), turn.segment.end);
            if !rest.is_empty() {
                taken_to = rest.end;
                kept.push(Turn {
                    segment: rest,
                    ..turn.clone()
                });
            }
        }
        Self { turns: kept }
    }

    /// All segments, whoever speaks.
    pub fn timeline(&self) -> Timeline {
        self.turns.iter().map(|turn| turn.segment).collect()
    }
}

impl FromIterator<Turn> for Annotation {
    fn from_iter<I: IntoIterator<Item = Turn>>(turns: I) -> Self {
        let mut turns: Vec<_> = turns
            .into_iter()
            .filter(|turn| !turn.segment.is_empty())
            .collect();
        turns.sort_by(|a, b| {
            a.segment
                .cmp(&b.segment)
                .then_with(|| a.speaker.cmp(&b.speaker))
        });
        Self { turns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_began_first_has_the_floor() {
        let turn = |start, end, who| Turn {
            segment: Segment::new(start, end),
            speaker: SpeakerLabel::nth(who),
            confidence: None,
        };
        let overlapping = [
            turn(0.0, 5.0, 0),
            turn(1.0, 2.0, 1),
            turn(4.0, 7.0, 1),
            turn(6.0, 6.5, 0),
            turn(8.0, 9.0, 0),
        ];
        let exclusive = overlapping.into_iter().collect::<Annotation>().exclusive();
        let expected = [turn(0.0, 5.0, 0), turn(5.0, 7.0, 1), turn(8.0, 9.0, 0)];
        assert_eq!(exclusive.turns(), expected);
        assert_eq!(exclusive.exclusive(), exclusive);
    }
}
