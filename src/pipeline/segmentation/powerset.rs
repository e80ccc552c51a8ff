//! Classes of a segmentation model as activity of local speakers.

use ndarray::ArrayView2;

/// The sets that the classes stand for: of at most `at_once` of `speakers`, by size and then in
/// lexicographic order, each as bits (A. Plaquet and H. Bredin, "Powerset multi-class cross entropy loss
/// for neural speaker diarization", Interspeech 2023).
pub(super) fn sets(speakers: usize, at_once: usize) -> Vec<u32> {
    let mut sets: Vec<u32> = (0..1 << speakers)
        .filter(|set: &u32| set.count_ones() as usize <= at_once)
        .collect();
    // Of two sets of one size that comes first which has the lowest speaker that the other lacks.
    sets.sort_by_key(|set| (set.count_ones(), set.reverse_bits() ^ u32::MAX));
    sets
}

/// How active local speakers are in the frames of one chunk.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Activity {
    /// The probability that each speaker is active, `(frames, speakers)` row by row, in 255ths.
    pub(super) probabilities: Vec<u8>,
    /// The speakers that are active in each frame, as bits: the most probable set.
    pub(super) active: Vec<u8>,
    pub(super) speakers: usize,
}

impl Activity {
    /// From log-probabilities of classes, `(frames, classes)`, that stand for `sets`.
    pub(super) fn new(classes: &ArrayView2<'_, f32>, sets: &[u32], speakers: usize) -> Self {
        let mut probabilities = Vec::with_capacity(classes.nrows() * speakers);
        let mut active = Vec::with_capacity(classes.nrows());
        for frame in classes.rows() {
            let mut best = (0, f32::NEG_INFINITY);
            let mut marginal = vec![0.0_f32; speakers];
            let mut total = 0.0_f32;
            for (&log, &set) in frame.iter().zip(sets) {
                if log > best.1 {
                    best = (set, log);
                }
                let probability = log.exp();
                total += probability;
                for (speaker, sum) in marginal.iter_mut().enumerate() {
                    if set & (1 << speaker) != 0 {
                        *sum += probability;
                    }
                }
            }
            active.push(best.0 as u8);
            let share = |sum: f32| (255.0 * sum / total.max(f32::MIN_POSITIVE)).round();
            probabilities.extend(marginal.into_iter().map(|sum| share(sum) as u8));
        }
        Self {
            probabilities,
            active,
            speakers,
        }
    }

    /// Frames in the chunk.
    pub(super) fn frames(&self) -> usize {
        self.active.len()
    }

    /// Whether `speaker` is active in `frame`.
    pub(super) fn is_active(&self, frame: usize, speaker: usize) -> bool {
        self.active[frame] & (1 << speaker) != 0
    }

    /// Whether `speaker` alone is active in `frame`.
    pub(super) fn is_alone(&self, frame: usize, speaker: usize) -> bool {
        self.active[frame] == 1 << speaker
    }

    /// The probability that `speaker` is active in `frame`, 0 to 1.
    pub(super) fn probability(&self, frame: usize, speaker: usize) -> f32 {
        f32::from(self.probabilities[frame * self.speakers + speaker]) / 255.0
    }

    /// Leaves out what lies from frame `end` on: nothing is there.
    pub(super) fn truncate(&mut self, end: usize) {
        self.active.truncate(end);
        self.probabilities.truncate(end * self.speakers);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn sets_are_in_pyannotes_order() {
        // Nobody, A, B, C, AB, AC, BC.
        assert_eq!(
            sets(3, 2),
            [0b000, 0b001, 0b010, 0b100, 0b011, 0b101, 0b110]
        );
        assert_eq!(sets(2, 1), [0b00, 0b01, 0b10]);
        let of_four = sets(4, 2);
        // AB, AC, AD, BC, BD, CD.
        assert_eq!(
            of_four[5..],
            [0b0011, 0b0101, 0b1001, 0b0110, 0b1010, 0b1100]
        );
    }

    #[test]
    fn the_most_probable_set_is_active_and_probabilities_are_marginal() {
        let classes = array![[0.1_f32, 0.2, 0.05, 0.05, 0.4, 0.1, 0.1]].mapv(f32::ln);
        let activity = Activity::new(&classes.view(), &sets(3, 2), 3);
        assert_eq!(activity.active, [0b011]);
        assert!(activity.is_active(0, 1) && !activity.is_alone(0, 1) && !activity.is_active(0, 2));
        for (speaker, expected) in [0.7, 0.55, 0.25].into_iter().enumerate() {
            assert!((activity.probability(0, speaker) - expected).abs() < 0.003);
        }
    }
}
