//! The best one-to-one mapping: which speaker of a hypothesis stands for which one of a reference,
//! or which name.

use pathfinding::prelude::{Matrix, kuhn_munkres};

/// A weight in units small enough that rounding moves no score (of seconds: nanoseconds), wide enough
/// that no sum overflows.
fn units(weight: f64) -> i128 {
    (weight * 1e9).round() as i128
}

/// For every speaker of the hypothesis its speaker of the reference, if any, so that the weights of
/// the pairs add up to as much as possible (H. W. Kuhn, "The Hungarian method for the assignment
/// problem", 1955). A pair whose weight is not above zero is never made.
///
/// `weights[h][r]` is what pairing `h` with `r` is worth, say the seconds that they share; every row
/// has `references` entries.
pub fn optimal_mapping(weights: &[Vec<f64>], references: usize) -> Vec<Option<usize>> {
    let hypotheses = weights.len();
    if hypotheses == 0 || references == 0 {
        return vec![None; hypotheses];
    }
    // The solver wants no more rows than columns.
    let rows = hypotheses.min(references);
    let columns = hypotheses.max(references);
    let tall = hypotheses > references;
    let weight = |row: usize, column: usize| {
        let (hypothesis, reference) = if tall { (column, row) } else { (row, column) };
        weights[hypothesis][reference]
    };
    let units = Matrix::from_fn(rows, columns, |(row, column)| units(weight(row, column)));
    let (_, assigned) = kuhn_munkres(&units);
    let mut mapping = vec![None; hypotheses];
    for (row, column) in assigned.into_iter().enumerate() {
        if weight(row, column) > 0.0 {
            let (hypothesis, reference) = if tall { (column, row) } else { (row, column) };
            mapping[hypothesis] = Some(reference);
        }
    }
    mapping
}

#[cfg(test)]
mod tests {
    use super::optimal_mapping as optimal;

    #[test]
    fn the_best_total_beats_the_best_pair() {
        let shared = [vec![5.0, 4.0], vec![4.0, 0.0]];
        assert_eq!(optimal(&shared, 2), [Some(1), Some(0)]);
    }

    #[test]
    fn spare_speakers_on_either_side_stay_alone() {
        assert_eq!(
            optimal(&[vec![1.0], vec![3.0], vec![0.0]], 1),
            [None, Some(0), None]
        );
        assert_eq!(optimal(&[vec![1.0, 0.0, 2.0]], 3), [Some(2)]);
        assert_eq!(optimal(&[vec![0.0, 0.0]], 2), [None]);
        assert_eq!(optimal(&[vec![]], 0), [None]);
    }
}
