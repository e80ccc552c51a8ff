//! Which speaker of the hypothesis stands for which one of the reference.

use pathfinding::prelude::{Matrix, kuhn_munkres};

/// Seconds in units small enough that rounding moves no score: nanoseconds, wide enough that no
/// sum overflows.
fn weight(seconds: f64) -> i128 {
    (seconds * 1e9).round() as i128
}

/// For every speaker of the hypothesis its speaker of the reference, if any, so that paired
/// speakers share as much time as possible (H. W. Kuhn, "The Hungarian method for the assignment
/// problem", 1955). Speakers who share no time are never paired.
///
/// `shared[h][r]` are the seconds that `h` and `r` share; every row has `references` entries.
pub(super) fn optimal(shared: &[Vec<f64>], references: usize) -> Vec<Option<usize>> {
    let hypotheses = shared.len();
    if hypotheses == 0 || references == 0 {
        return vec![None; hypotheses];
    }
    // The solver wants no more rows than columns.
    let rows = hypotheses.min(references);
    let columns = hypotheses.max(references);
    let tall = hypotheses > references;
    let seconds = |row: usize, column: usize| {
        let (hypothesis, reference) = if tall { (column, row) } else { (row, column) };
        shared[hypothesis][reference]
    };
    let weights = Matrix::from_fn(rows, columns, |(row, column)| weight(seconds(row, column)));
    let (_, assigned) = kuhn_munkres(&weights);
    let mut mapping = vec![None; hypotheses];
    for (row, column) in assigned.into_iter().enumerate() {
        if seconds(row, column) > 0.0 {
            let (hypothesis, reference) = if tall { (column, row) } else { (row, column) };
            mapping[hypothesis] = Some(reference);
        }
    }
    mapping
}

#[cfg(test)]
mod tests {
    use super::optimal;

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
