//! Window labels to turns.

use super::runs::runs;
use super::settings::Settings;
use super::votes::{Votes, Winner};
use crate::domain::{Annotation, Segment, SpeakerLabel, Timeline, Turn};

/// Seconds a frame of the vote lasts.
const FRAME: f64 = 0.01;

/// Who speaks when, by cluster number.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    segment: Segment,
    cluster: usize,
    /// Mean margin over the piece.
    confidence: f64,
}

/// Turns, and the clusters in order of first appearance: the speaker with number `n` is cluster
/// `order[n]`.
pub(super) struct Assembled {
    /// Turns, which overlap where several speak.
    pub(super) annotation: Annotation,
    /// The first speaker's of every instant.
    pub(super) exclusive: Annotation,
    pub(super) order: Vec<usize>,
}

/// Lets the windows vote for every frame of `speech` and joins what one speaker says.
///
/// Turns begin and end where speech does, or where the vote changes within it. In `overlap` the runner-up
/// of the vote speaks too: whoever is heard in the windows around.
pub(super) fn assemble(
    speech: &Timeline,
    overlap: &Timeline,
    votes: &Votes,
    settings: &Settings,
) -> Assembled {
    let least = (settings.min_duration_on / FRAME).round() as usize;
    let mut pieces: Vec<Piece> = Vec::new();
    for segment in speech.segments() {
        for piece in divide(*segment, |times| votes.winners(times), least) {
            match pieces.last_mut() {
                Some(last) if continues(last, &piece, settings.min_duration_off) => {
                    join(last, &piece);
                }
                _ => pieces.push(piece),
            }
        }
    }
    let all = with_seconds(&pieces, overlap, votes, least);
    let mut order = Vec::new();
    for piece in &all {
        if !order.contains(&piece.cluster) {
            order.push(piece.cluster);
        }
    }
    let number = |cluster| order.iter().position(|&other| other == cluster);
    let turn = |piece: &Piece| Turn {
        segment: piece.segment,
        speaker: SpeakerLabel::nth(number(piece.cluster).unwrap_or_default()),
        confidence: Some(piece.confidence as f32),
    };
    Assembled {
        annotation: all.iter().map(turn).collect(),
        exclusive: pieces.iter().map(turn).collect(),
        order,
    }
}

/// `pieces` and what second speakers say in `overlap`, in order of start. Where a second speaker's part
/// meets a turn of their own, the two are one.
fn with_seconds(pieces: &[Piece], overlap: &Timeline, votes: &Votes, least: usize) -> Vec<Piece> {
    let mut all = pieces.to_vec();
    if votes.speakers() < 2 || overlap.is_empty() {
        return all;
    }
    let overlaps = overlap.segments();
    let mut first = 0;
    for piece in pieces {
        while first < overlaps.len() && overlaps[first].end <= piece.segment.start {
            first += 1;
        }
        let near = overlaps[first..].iter();
        for both in near.take_while(|both| both.start < piece.segment.end) {
            if let Some(segment) = piece.segment.intersection(both) {
                let speaks = |times: Vec<f64>| votes.seconds(piece.cluster, times);
                all.extend(divide(segment, speaks, least));
            }
        }
    }
    all.sort_by(|a, b| a.cluster.cmp(&b.cluster).then(a.segment.cmp(&b.segment)));
    let mut joined: Vec<Piece> = Vec::new();
    for piece in all {
        match joined.last_mut() {
            // Pieces of one speaker never overlap: a second speaker is another than the first.
            Some(last) if continues(last, &piece, 0.0) => join(last, &piece),
            _ => joined.push(piece),
        }
    }
    joined.sort_by(|a, b| a.segment.cmp(&b.segment).then(a.cluster.cmp(&b.cluster)));
    joined
}

/// One stretch of speech, divided among those who win its frames.
fn divide(
    segment: Segment,
    winners: impl FnOnce(Vec<f64>) -> Vec<Winner>,
    least: usize,
) -> Vec<Piece> {
    let frames = (segment.duration() / FRAME).round().max(1.0);
    let frame = segment.duration() / frames;
    let times = (0..frames as usize).map(|index| segment.start + (index as f64 + 0.5) * frame);
    let mut start = 0;
    let runs = runs(&winners(times.collect()), least).into_iter();
    runs.map(|run| {
        let from = segment.start + start as f64 * frame;
        start += run.frames;
        // The last one ends where speech does, without a rounding error.
        let to = if start == frames as usize {
            segment.end
        } else {
            segment.start + start as f64 * frame
        };
        Piece {
            segment: Segment::new(from, to),
            cluster: run.speaker,
            confidence: f64::from(run.margin) / run.frames as f64,
        }
    })
    .collect()
}

fn continues(last: &Piece, next: &Piece, pause: f64) -> bool {
    last.cluster == next.cluster
        && next.segment.start - last.segment.end <= pause + Segment::PRECISION
}

/// Extends `last` to the end of `next`; confidences are weighted by speech.
fn join(last: &mut Piece, next: &Piece) {
    let [a, b] = [&*last, next].map(|piece| piece.segment.duration());
    last.confidence = (last.confidence * a + next.confidence * b) / (a + b);
    last.segment.end = next.segment.end;
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// Windows of 1.5 s every 0.75 s with these clusters.
    fn votes(clusters: &[usize]) -> Votes {
        let windows = (0..clusters.len())
            .map(|index| Segment::new(0.75 * index as f64, 0.75 * index as f64 + 1.5))
            .collect();
        let mut cosines = Array2::zeros((clusters.len(), 2));
        for (index, &cluster) in clusters.iter().enumerate() {
            cosines[[index, cluster]] = 1.0;
        }
        Votes::new(windows, cosines)
    }

    fn speech(segments: &[(f64, f64)]) -> Timeline {
        let segments = segments.iter();
        segments
            .map(|&(start, end)| Segment::new(start, end))
            .collect()
    }

    fn lines(assembled: &Assembled) -> Vec<String> {
        let turns = assembled.annotation.turns().iter();
        turns
            .map(|turn| {
                let Segment { start, end } = turn.segment;
                format!("{} {start:.2} {end:.2}", turn.speaker)
            })
            .collect()
    }

    #[test]
    fn speakers_are_numbered_by_first_appearance_and_bounded_by_speech() {
        let votes = votes(&[1, 1, 1, 1, 0, 0, 0, 0]);
        let assembled = assemble(
            &speech(&[(0.5, 5.5)]),
            &speech(&[]),
            &votes,
            &Settings::default(),
        );
        // Between the middles of windows 3 (3.0) and 4 (3.75) lies 3.375.
        assert_eq!(
            lines(&assembled),
            ["SPEAKER_00 0.50 3.37", "SPEAKER_01 3.37 5.50"]
        );
        assert_eq!(assembled.order, [1, 0]);
    }

    #[test]
    fn short_pauses_are_bridged_and_long_ones_are_not() {
        let votes = votes(&[0; 10]);
        let speech = speech(&[(0.0, 1.0), (1.2, 2.0), (4.0, 5.0)]);
        let assembled = assemble(&speech, &Timeline::default(), &votes, &Settings::default());
        assert_eq!(
            lines(&assembled),
            ["SPEAKER_00 0.00 2.00", "SPEAKER_00 4.00 5.00"]
        );
        let confidence = assembled.annotation.turns()[0].confidence.unwrap();
        assert!((confidence - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_flicker_within_speech_is_no_turn() {
        let votes = votes(&[0, 0, 0, 0, 0, 0]);
        let settings = Settings {
            min_duration_on: 20.0,
            ..Settings::default()
        };
        let assembled = assemble(
            &speech(&[(0.0, 0.05), (1.0, 4.0)]),
            &speech(&[]),
            &votes,
            &settings,
        );
        assert_eq!(
            assembled.annotation.turns().len(),
            2,
            "speech is never dropped"
        );
    }

    #[test]
    fn where_several_speak_the_runner_up_does_too() {
        let votes = votes(&[0, 0, 0, 0, 1, 1, 1, 1]);
        let both = speech(&[(3.0, 3.8), (1.0, 1.1), (9.0, 9.5)]);
        let assembled = assemble(&speech(&[(0.5, 6.5)]), &both, &votes, &Settings::default());
        // Each goes on as the second speaker, and what is no speech has none.
        assert_eq!(
            lines(&assembled),
            [
                "SPEAKER_00 0.50 3.80",
                "SPEAKER_01 1.00 1.10",
                "SPEAKER_01 3.00 6.50"
            ]
        );
        let exclusive = assembled.exclusive.turns();
        assert_eq!(exclusive.len(), 2);
        let gap = exclusive[1].segment.start - exclusive[0].segment.end;
        assert!(gap.abs() < 1e-9, "{gap}");
    }
}
