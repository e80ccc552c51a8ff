//! A speaker for every word.

use std::collections::HashMap;

use crate::domain::{Annotation, Segment, Transcript};

/// A word that nobody speaks during may be given to a turn at most this far away, in seconds.
pub const MAX_DISTANCE: f64 = 0.5;

/// The same with room for a rounding error.
const REACH: f64 = MAX_DISTANCE + Segment::PRECISION;

/// Gives every word its speaker, by the turns of which no two overlap.
///
/// A word goes to the speaker whose turns share most time with it; if none do, to the one with the
/// nearest turn within [`MAX_DISTANCE`]; else to nobody. Of equals, the speaker who is heard first
/// in the recording has it.
pub fn assign(transcript: &mut Transcript, exclusive: &Annotation) {
    let speakers = exclusive.speakers();
    let ranks: HashMap<_, _> = speakers.iter().zip(0_usize..).collect();
    let turns = exclusive.turns().iter();
    let turns: Vec<(Segment, usize)> = turns
        .map(|turn| (turn.segment, ranks[&turn.speaker]))
        .collect();
    let mut first = 0;
    for word in transcript.words_mut() {
        // Words come in order of start, and turns that do not overlap in order of end too.
        while first < turns.len() && turns[first].0.end < word.segment.start - REACH {
            first += 1;
        }
        word.speaker = nearest(word.segment, &turns[first..]).map(|rank| speakers[rank].clone());
    }
}

/// The rank of the speaker that a word at `segment` belongs to; turns before those given are too
/// far away.
fn nearest(segment: Segment, turns: &[(Segment, usize)]) -> Option<usize> {
    let reach = segment.end + REACH;
    let near = turns.iter().take_while(|(turn, _)| turn.start <= reach);
    let mut shared: Vec<(usize, f64)> = Vec::new();
    let mut closest: Option<(f64, usize)> = None;
    for &(turn, rank) in near {
        if let Some(common) = segment.intersection(&turn) {
            match shared.iter_mut().find(|(other, _)| *other == rank) {
                Some((_, seconds)) => *seconds += common.duration(),
                None => shared.push((rank, common.duration())),
            }
        }
        let distance = (turn.start - segment.end)
            .max(segment.start - turn.end)
            .max(0.0);
        let better = closest.is_none_or(|(least, other)| {
            distance < least - Segment::PRECISION
                || (distance <= least + Segment::PRECISION && rank < other)
        });
        if better && distance <= REACH {
            closest = Some((distance, rank));
        }
    }
    let most = shared.into_iter().reduce(|best, other| {
        let more = other.1 > best.1 + Segment::PRECISION;
        let equal = (other.1 - best.1).abs() <= Segment::PRECISION;
        if more || (equal && other.0 < best.0) {
            other
        } else {
            best
        }
    });
    most.map(|(rank, _)| rank).or(closest.map(|(_, rank)| rank))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{SpeakerLabel, Turn, Word};

    fn annotation(turns: &[(f64, f64, usize)]) -> Annotation {
        let turns = turns.iter().map(|&(start, end, who)| Turn {
            segment: Segment::new(start, end),
            speaker: SpeakerLabel::nth(who),
            confidence: None,
        });
        turns.collect::<Annotation>().exclusive()
    }

    fn transcript(words: &[(f64, f64)]) -> Transcript {
        let words = words.iter().map(|&(start, end)| Word {
            text: "x".to_owned(),
            segment: Segment::new(start, end),
            speaker: None,
            confidence: None,
            spaced: true,
        });
        words.collect()
    }

    fn speakers(turns: &[(f64, f64, usize)], words: &[(f64, f64)]) -> Vec<Option<SpeakerLabel>> {
        let mut transcript = transcript(words);
        assign(&mut transcript, &annotation(turns));
        let words = transcript.words().iter();
        words.map(|word| word.speaker.clone()).collect()
    }

    #[test]
    fn most_time_decides_then_nearness_then_nobody() {
        let turns = [(0.0, 2.0, 0), (2.0, 4.0, 1), (6.0, 8.0, 0)];
        let words = [
            (1.2_f64, 2.4_f64), // mostly the first
            (1.7, 2.4),         // mostly the second
            (1.8, 2.2),         // half and half: the one heard first
            (3.9, 6.3),         // 0.1 s of the second, 0.3 s of the first
            (4.3, 4.4),         // 0.3 s after the second
            (5.0, 5.0),         // as far from both, too far
            (5.4, 5.5),         // 0.5 s before the first
            (9.0, 9.5),
            (7.0, 7.0), // no length, but within a turn
        ];
        let mut sorted = words;
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let found: Vec<_> = sorted.into_iter().zip(speakers(&turns, &words)).collect();
        let of = |word: (f64, f64)| {
            let (_, speaker) = found.iter().find(|(other, _)| *other == word).unwrap();
            speaker.as_ref().map(SpeakerLabel::as_str)
        };
        let expected = [
            Some(0),
            Some(1),
            Some(0),
            Some(0),
            Some(1),
            None,
            Some(0),
            None,
            Some(0),
        ];
        for (word, expected) in words.into_iter().zip(expected) {
            let expected = expected.map(SpeakerLabel::nth);
            assert_eq!(
                of(word),
                expected.as_ref().map(SpeakerLabel::as_str),
                "{word:?}"
            );
        }
    }

    #[test]
    fn several_turns_of_one_speaker_count_together() {
        let turns = [(0.0, 0.3, 0), (0.3, 0.8, 1), (0.8, 1.2, 0)];
        assert_eq!(
            speakers(&turns, &[(0.0, 1.2)]),
            [Some(SpeakerLabel::nth(0))]
        );
        assert_eq!(speakers(&[], &[(0.0, 1.0)]), [None]);
    }

    /// The rule word by word, without the order of anything.
    fn plainly(turns: &Annotation, word: Segment) -> Option<SpeakerLabel> {
        let speakers = turns.speakers();
        let shared = |speaker: &SpeakerLabel| -> f64 {
            let timeline = turns.speaker_timeline(speaker);
            let common = timeline
                .segments()
                .iter()
                .filter_map(|s| s.intersection(&word));
            common.map(|s| s.duration()).sum()
        };
        let distance = |speaker: &SpeakerLabel| -> f64 {
            let timeline = turns.speaker_timeline(speaker);
            let distances = timeline.segments().iter();
            let distances = distances.map(|s| (s.start - word.end).max(word.start - s.end));
            distances.fold(f64::INFINITY, f64::min).max(0.0)
        };
        let best = |value: &dyn Fn(&SpeakerLabel) -> f64| {
            let most = speakers.iter().map(value).fold(f64::NEG_INFINITY, f64::max);
            speakers.iter().find(|s| value(s) > most - 1e-5).cloned()
        };
        if speakers.iter().any(|speaker| shared(speaker) > 0.0) {
            return best(&shared);
        }
        let near = best(&|speaker| -distance(speaker))?;
        (distance(&near) <= MAX_DISTANCE + 1e-5).then_some(near)
    }

    proptest! {
        #[test]
        fn the_sweep_finds_what_the_rule_says(
            turns in prop::collection::vec((0..200_u32, 1..30_u32, 0..4_usize), 0..20),
            words in prop::collection::vec((0..230_u32, 0..40_u32), 0..40),
        ) {
            // On a grid of 50 ms, so that ties and touching ends happen.
            let time = |steps: u32| f64::from(steps) * 0.05;
            let turns: Vec<_> = turns
                .into_iter()
                .map(|(start, length, who)| (time(start), time(start + length), who))
                .collect();
            let words: Vec<_> = words
                .into_iter()
                .map(|(start, length)| (time(start), time(start + length)))
                .collect();
            let turns = annotation(&turns);
            let mut transcript = transcript(&words);
            assign(&mut transcript, &turns);
            for word in transcript.words() {
                prop_assert_eq!(&word.speaker, &plainly(&turns, word.segment), "{:?}", word.segment);
            }
        }
    }
}
