//! Overlapping windows vote for the speaker of an instant.

use ndarray::Array2;

use super::guidance;
use crate::domain::{LocalFrames, LocalSpeakers, Segment};

/// The windows of a recording and how far each speaks for every speaker.
pub(super) struct Votes {
    /// When each window takes place, in order.
    windows: Vec<Segment>,
    /// How far each window speaks for each speaker, `(windows, speakers)`.
    scores: Array2<f32>,
    /// What counts instead where a segmentation model was asked: the scores of its frames.
    guided: Option<(LocalFrames, Array2<f32>)>,
}

/// The outcome of one vote.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Winner {
    /// The speaker's number.
    pub(super) speaker: usize,
    /// How far ahead of the second: 0 to 1.
    pub(super) margin: f32,
}

impl Votes {
    /// Windows in order and how far each speaks for every speaker; at least one window and one
    /// speaker.
    pub(super) fn new(windows: Vec<Segment>, scores: Array2<f32>) -> Self {
        Self {
            windows,
            scores,
            guided: None,
        }
    }

    /// The same with votes that frames of one local speaker share over `seconds`.
    pub(super) fn guided(self, locals: &LocalSpeakers, seconds: f64) -> Self {
        if self.speakers() < 2 || locals.count() == 0 || seconds <= 0.0 {
            return self;
        }
        let mut plain = Array2::zeros((locals.count(), self.speakers()));
        let mut first = 0;
        for (frame, mut row) in plain.rows_mut().into_iter().enumerate() {
            let time = locals.frames.middle(frame);
            first = self.first_after(first, time);
            if let Some(scores) = row.as_slice_mut() {
                self.score(time, first, scores);
            }
        }
        let shared = guidance::shared(&plain, locals, seconds);
        Self {
            guided: Some((locals.frames, shared)),
            ..self
        }
    }

    /// Who speaks at each of `times`, ascending.
    ///
    /// A window's weight falls linearly from 1 at its middle to 0 at its ends; the score of a
    /// speaker is the weighted mean of the windows'. Where no window has any weight, the
    /// one whose middle is nearest decides.
    pub(super) fn winners(&self, times: impl IntoIterator<Item = f64>) -> Vec<Winner> {
        self.winners_but(None, times)
    }

    /// Who else speaks at each of `times`, ascending, beside `first`; there are two speakers at least.
    pub(super) fn seconds(
        &self,
        first: usize,
        times: impl IntoIterator<Item = f64>,
    ) -> Vec<Winner> {
        self.winners_but(Some(first), times)
    }

    /// How many speakers there are.
    pub(super) fn speakers(&self) -> usize {
        self.scores.ncols()
    }

    fn winners_but(
        &self,
        taken: Option<usize>,
        times: impl IntoIterator<Item = f64>,
    ) -> Vec<Winner> {
        let mut scores = vec![0.0_f32; self.scores.ncols()];
        let mut first = 0;
        times
            .into_iter()
            .map(|time| {
                first = self.first_after(first, time);
                match &self.guided {
                    Some((frames, guided)) => {
                        let frame = frames.nearest(time).min(guided.nrows() - 1);
                        scores
                            .iter_mut()
                            .zip(guided.row(frame))
                            .for_each(|(s, own)| *s = *own);
                    }
                    None => self.score(time, first, &mut scores),
                }
                if let Some(taken) = taken {
                    scores[taken] = f32::MIN;
                }
                winner(&scores)
            })
            .collect()
    }

    /// The first window from `first` on that is not over at `time`.
    fn first_after(&self, mut first: usize, time: f64) -> usize {
        while first < self.windows.len() && self.windows[first].end <= time {
            first += 1;
        }
        first
    }

    /// Fills in the speakers' scores at `time`; windows before `first` are over by then.
    fn score(&self, time: f64, first: usize, scores: &mut [f32]) {
        scores.fill(0.0);
        let mut total = 0.0;
        for index in first..self.windows.len() {
            let window = self.windows[index];
            if window.start >= time {
                break;
            }
            let half = 0.5 * window.duration();
            let weight = (1.0 - (time - window.middle()).abs() / half) as f32;
            if weight > 0.0 {
                total += weight;
                for (score, own) in scores.iter_mut().zip(self.scores.row(index)) {
                    *score += weight * own;
                }
            }
        }
        if total > 0.0 {
            for score in scores.iter_mut() {
                *score /= total;
            }
        } else {
            let nearest = self.nearest(time, first);
            for (score, own) in scores.iter_mut().zip(self.scores.row(nearest)) {
                *score = *own;
            }
        }
    }

    /// The window whose middle is nearest to `time`, given the first one that is not over.
    fn nearest(&self, time: f64, first: usize) -> usize {
        let distance = |index: usize| (self.windows[index].middle() - time).abs();
        let last = self.windows.len() - 1;
        let (before, after) = (first.saturating_sub(1), first.min(last));
        if distance(before) <= distance(after) {
            before
        } else {
            after
        }
    }
}

/// The best speaker, and `(best - second) / (1 - second)`: the part of the room between the second
/// and certainty that the best one fills. With one speaker the second counts as zero.
fn winner(scores: &[f32]) -> Winner {
    let mut best = (0, f32::MIN);
    let mut second = f32::MIN;
    for (speaker, &score) in scores.iter().enumerate() {
        if score > best.1 {
            second = best.1;
            best = (speaker, score);
        } else if score > second {
            second = score;
        }
    }
    let second = if second > f32::MIN { second } else { 0.0 };
    let room = 1.0 - second;
    let margin = if room > f32::EPSILON {
        ((best.1 - second) / room).clamp(0.0, 1.0)
    } else {
        0.0
    };
    Winner {
        speaker: best.0,
        margin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    fn votes() -> Votes {
        let windows = vec![
            Segment::new(0.0, 1.5),
            Segment::new(0.75, 2.25),
            Segment::new(6.0, 7.5),
        ];
        Votes::new(windows, arr2(&[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
    }

    #[test]
    fn the_nearer_middle_weighs_more() {
        let winners = votes().winners([0.2, 1.1, 1.15, 2.0]);
        let speakers: Vec<_> = winners.iter().map(|winner| winner.speaker).collect();
        assert_eq!(speakers, [0, 0, 1, 1]);
        assert!(winners[0].margin > 0.99 && winners[1].margin < 0.2);
    }

    #[test]
    fn where_no_window_is_the_nearest_one_decides() {
        let winners = votes().winners([3.0, 5.0, 9.0]);
        let speakers: Vec<_> = winners.iter().map(|winner| winner.speaker).collect();
        assert_eq!(speakers, [1, 0, 0]);
    }

    #[test]
    fn alone_the_margin_is_the_cosine() {
        assert!((winner(&[0.75]).margin - 0.75).abs() < 1e-6);
        assert!((winner(&[0.6, 0.2]).margin - 0.5).abs() < 1e-6);
        assert!(winner(&[1.0, 1.0]).margin.abs() < 1e-6);
    }
}
