//! Stretches of one speaker within a stretch of speech.

use super::votes::Winner;

/// Consecutive frames of one speaker.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    /// The speaker's number.
    pub(super) speaker: usize,
    /// How many frames.
    pub(super) frames: usize,
    /// Sum of the frames' margins.
    pub(super) margin: f32,
}

/// Runs of frames with one winner; of them, those shorter than `least` frames go to the longer of
/// their neighbours, the shortest first. A single run stays however short it is.
pub(super) fn runs(winners: &[Winner], least: usize) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for winner in winners {
        push(
            &mut runs,
            Run {
                speaker: winner.speaker,
                frames: 1,
                margin: winner.margin,
            },
        );
    }
    while let Some(index) = shortest(&runs, least) {
        let before = index.checked_sub(1).map_or(0, |before| runs[before].frames);
        let after = runs.get(index + 1).map_or(0, |after| after.frames);
        let heir = if before >= after {
            index - 1
        } else {
            index + 1
        };
        runs[index].speaker = runs[heir].speaker;
        // The frames were not this speaker's: they add length but no confidence.
        runs[index].margin = 0.0;
        let mut joined = Vec::with_capacity(runs.len());
        for run in runs {
            push(&mut joined, run);
        }
        runs = joined;
    }
    runs
}

/// Appends a run, or adds it to the last one if the speaker is the same.
fn push(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        Some(last) if last.speaker == run.speaker => {
            last.frames += run.frames;
            last.margin += run.margin;
        }
        _ => runs.push(run),
    }
}

/// The shortest run below `least` frames, if it has neighbours.
fn shortest(runs: &[Run], least: usize) -> Option<usize> {
    let short = (0..runs.len()).filter(|&index| runs[index].frames < least);
    short
        .min_by_key(|&index| runs[index].frames)
        .filter(|_| runs.len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(speakers: &[usize], least: usize) -> Vec<(usize, usize)> {
        let winners: Vec<_> = speakers
            .iter()
            .map(|&speaker| Winner {
                speaker,
                margin: 0.5,
            })
            .collect();
        let runs = runs(&winners, least);
        runs.iter().map(|run| (run.speaker, run.frames)).collect()
    }

    #[test]
    fn short_runs_go_to_the_longer_neighbour() {
        assert_eq!(lengths(&[0, 0, 0, 1, 2, 2, 2, 2], 2), [(0, 3), (2, 5)]);
        assert_eq!(lengths(&[0, 0, 0, 1, 0, 0], 2), [(0, 6)]);
        assert_eq!(lengths(&[1, 0, 0], 2), [(0, 3)]);
        assert_eq!(lengths(&[1], 5), [(1, 1)]);
        assert_eq!(lengths(&[], 5), []);
    }

    #[test]
    fn frames_taken_over_carry_no_confidence() {
        let winner = |speaker| Winner {
            speaker,
            margin: 1.0,
        };
        let runs = runs(&[winner(0), winner(0), winner(0), winner(1)], 2);
        assert_eq!(runs.len(), 1);
        assert!((runs[0].margin - 3.0).abs() < 1e-6);
    }
}
