//! Frames of one local speaker share their votes.
//!
//! Windows of 1.5 s know who speaks and are half a second wrong about when. A segmentation model knows to
//! the frame where one voice ends and the next begins, and not whose they are. So every frame takes the
//! mean of the votes around, of those frames in which the same local speaker is heard: where voices
//! change, votes do not reach across.

use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};

use crate::domain::{LocalSpeakers, SAMPLE_RATE};

/// What the ends of a chunk weigh, beside 1 for its middle: a model knows least there.
pub(super) const END_WEIGHT: f32 = 0.1;

/// Local speakers that are never heard in a frame's surroundings say nothing about it.
const LEAST: f32 = 1e-6;

/// How much frame `index` of `count` in a chunk counts.
pub(super) fn weight(index: usize, count: usize) -> f32 {
    let away = ((index as f32 + 0.5) / (0.5 * count as f32) - 1.0).abs();
    1.0 - (1.0 - END_WEIGHT) * away.min(1.0)
}

/// `votes` `(frames, speakers)` of a recording, shared within local speakers: frame `u` counts for frame
/// `t` as `exp(-|t - u| / seconds)` times the probabilities that both are the same local speaker's. Means
/// over the chunks that hold a frame.
pub(super) fn shared(votes: &Array2<f32>, locals: &LocalSpeakers, seconds: f64) -> Array2<f32> {
    let frame = locals.frames.shift as f64 / f64::from(SAMPLE_RATE);
    let decay = (-frame / seconds).exp() as f32;
    let mut sums = Array2::<f32>::zeros(votes.raw_dim());
    let mut weights = Array1::<f32>::zeros(votes.nrows());
    for (chunk, alone) in locals.alone.axis_iter(Axis(0)).enumerate() {
        let first = chunk * locals.frames.stride;
        let own = votes.slice_axis(Axis(0), Slice::from(first..first + alone.nrows()));
        let (around, totals) = around(&own, &alone, decay);
        for (index, (around, &total)) in around.rows().into_iter().zip(&totals).enumerate() {
            if total > LEAST {
                let weight = weight(index, alone.nrows());
                let mut sum = sums.row_mut(first + index);
                sum.scaled_add(weight / total, &around);
                weights[first + index] += weight;
            }
        }
    }
    for ((mut sum, &weight), votes) in sums.rows_mut().into_iter().zip(&weights).zip(votes.rows()) {
        if weight > 0.0 {
            sum /= weight;
        } else {
            sum.assign(&votes);
        }
    }
    sums
}

/// For each frame of a chunk, the sum of all frames' votes by how much they count for it, `(frames,
/// speakers)`, and the sum of how much they count. Exponentials decay recursively: once forward and
/// once backward.
fn around(
    votes: &ArrayView2<'_, f32>,
    alone: &ArrayView2<'_, u8>,
    decay: f32,
) -> (Array2<f32>, Array1<f32>) {
    let mut sums = Array2::zeros(votes.raw_dim());
    let mut totals = Array1::zeros(votes.nrows());
    for local in alone.columns() {
        let local = local.mapv(|share| f32::from(share) / 255.0);
        let mut memory = Array1::zeros(votes.ncols());
        let mut total = 0.0;
        let mut recall = |index: usize, memory: &Array1<f32>, total: f32| {
            sums.row_mut(index).scaled_add(local[index], memory);
            totals[index] += local[index] * total;
        };
        for (index, votes) in votes.rows().into_iter().enumerate() {
            memory *= decay;
            memory.scaled_add(local[index], &votes);
            total = total * decay + local[index];
            recall(index, &memory, total);
        }
        memory.fill(0.0);
        total = 0.0;
        for (index, votes) in votes.rows().into_iter().enumerate().rev() {
            memory *= decay;
            total *= decay;
            recall(index, &memory, total);
            memory.scaled_add(local[index], &votes);
            total += local[index];
        }
    }
    (sums, totals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LocalFrames;
    use ndarray::{Array3, arr2};

    fn locals(alone: Array3<u8>, stride: usize) -> LocalSpeakers {
        let frames = LocalFrames {
            field: 320,
            shift: 320,
            stride,
        };
        LocalSpeakers { alone, frames }
    }

    #[test]
    fn sums_are_those_over_all_pairs_of_frames() {
        let votes = arr2(&[[0.9_f32, 0.1], [0.7, 0.3], [0.2, 0.8], [0.5, 0.5]]);
        let alone = arr2(&[[230, 0], [128, 102], [25, 230], [0, 0]]);
        let (found, totals) = around(&votes.view(), &alone.view(), 0.5);
        let alone = alone.mapv(|share| f32::from(share) / 255.0);
        for t in 0..4 {
            let mut expected = [0.0_f32; 3];
            for u in 0..4 {
                let same =
                    alone.row(t).dot(&alone.row(u)) * 0.5_f32.powi((t as i32 - u as i32).abs());
                expected[0] += same * votes[[u, 0]];
                expected[1] += same * votes[[u, 1]];
                expected[2] += same;
            }
            let found = [found[[t, 0]], found[[t, 1]], totals[t]];
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn turns_change_where_the_local_speaker_does() {
        // The votes turn at frame 6, the voices at frame 7; both chunks say so, under other names.
        let votes = Array2::from_shape_fn((12, 2), |(frame, speaker)| {
            if (frame < 6) == (speaker == 0) {
                0.8
            } else {
                0.2
            }
        });
        let mut alone = Array3::zeros((2, 8, 2));
        for frame in 0..8 {
            alone[[0, frame, usize::from(frame >= 7)]] = 255;
            alone[[1, frame, usize::from(frame + 4 < 7)]] = 255;
        }
        let shared = shared(&votes, &locals(alone, 4), 10.0);
        for (frame, scores) in shared.rows().into_iter().enumerate() {
            assert_eq!(scores[0] > scores[1], frame < 7, "frame {frame}: {scores}");
        }
    }

    #[test]
    fn where_nobody_is_heard_alone_votes_stay() {
        let votes = arr2(&[[0.6_f32, 0.4], [0.3, 0.7], [0.5, 0.5], [0.0, 1.0]]);
        let shared = shared(&votes, &locals(Array3::zeros((1, 4, 3)), 4), 1.0);
        assert_eq!(shared, votes);
    }
}
