//! Classes of a segmentation model as numbers of speakers.

use ndarray::ArrayView1;

/// How many speakers are active in each class: classes stand for the sets of at most `at_once` of
/// `speakers`, by size (A. Plaquet and H. Bredin, "Powerset multi-class cross entropy loss for neural
/// speaker diarization", Interspeech 2023).
pub(super) fn sizes(speakers: usize, at_once: usize) -> Vec<usize> {
    let sets = (0..1_u32 << speakers).map(|set| set.count_ones() as usize);
    let mut sizes: Vec<usize> = sets.filter(|size| *size <= at_once).collect();
    sizes.sort_unstable();
    sizes
}

/// The probabilities that somebody is active in a frame, and that several are, from log-probabilities of
/// classes with so many speakers each.
pub(super) fn activity(classes: &ArrayView1<'_, f32>, sizes: &[usize]) -> (f32, f32) {
    let (mut all, mut some, mut several) = (0.0, 0.0, 0.0);
    for (log, &size) in classes.iter().zip(sizes) {
        let probability = log.exp();
        all += probability;
        some += if size > 0 { probability } else { 0.0 };
        several += if size > 1 { probability } else { 0.0 };
    }
    let all = f32::max(all, f32::MIN_POSITIVE);
    (some / all, several / all)
}

/// How probable it is that each speaker is the only one active, in 255ths.
pub(super) fn alone(classes: &ArrayView1<'_, f32>, sizes: &[usize]) -> impl Iterator<Item = u8> {
    let all: f32 = classes.iter().map(|log| log.exp()).sum();
    let all = f32::max(all, f32::MIN_POSITIVE);
    let single = classes.iter().zip(sizes).filter(|(_, size)| **size == 1);
    single.map(move |(log, _)| (255.0 * log.exp() / all).round() as u8)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn classes_are_sets_by_size() {
        assert_eq!(sizes(3, 2), [0, 1, 1, 1, 2, 2, 2]);
        assert_eq!(sizes(2, 1), [0, 1, 1]);
        assert_eq!(sizes(4, 2).len(), 11);
    }

    #[test]
    fn probabilities_are_those_of_all_sets_of_a_size() {
        let classes = array![0.1_f32, 0.2, 0.05, 0.05, 0.4, 0.1, 0.1].mapv(f32::ln);
        let (some, several) = activity(&classes.view(), &sizes(3, 2));
        assert!((some - 0.9).abs() < 1e-6 && (several - 0.6).abs() < 1e-6);
    }
}
