//! Which speaker of the recording each local speaker is.

use ndarray::{Array2, ArrayView1};

use super::scan::Local;

/// Candidates that are tried for each local speaker of a chunk: with as many as a chunk has speakers, the
/// best choice is among them.
fn candidates(cosines: &ArrayView1<'_, f32>, most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cosines.len()).collect();
    order.sort_by(|&a, &b| cosines[b].total_cmp(&cosines[a]).then(a.cmp(&b)));
    order.truncate(most);
    order
}

/// Gives each local speaker the cluster that it is closest to by `cosines` `(locals, clusters)`, those of
/// one chunk different ones, so that the chunk's cosines are highest in sum. Where there are fewer
/// clusters than a chunk has speakers, several may have one.
pub(super) fn cast(locals: &[Local], cosines: &Array2<f32>) -> Vec<usize> {
    let mut labels = Vec::with_capacity(locals.len());
    for chunk in locals.chunk_by(|a, b| a.chunk == b.chunk) {
        let first = labels.len();
        let rows: Vec<_> = (first..first + chunk.len())
            .map(|row| cosines.row(row))
            .collect();
        if rows.len() > cosines.ncols() {
            labels.extend(rows.iter().map(|row| candidates(row, 1)[0]));
            continue;
        }
        let choices: Vec<_> = rows.iter().map(|row| candidates(row, rows.len())).collect();
        let mut best = (f32::NEG_INFINITY, Vec::new());
        choose(&rows, &choices, &mut Vec::new(), 0.0, &mut best);
        labels.extend(best.1);
    }
    labels
}

/// Tries all choices of different clusters for the remaining rows.
fn choose(
    rows: &[ArrayView1<'_, f32>],
    choices: &[Vec<usize>],
    taken: &mut Vec<usize>,
    sum: f32,
    best: &mut (f32, Vec<usize>),
) {
    let row = taken.len();
    if row == rows.len() {
        if sum > best.0 {
            *best = (sum, taken.clone());
        }
        return;
    }
    for &cluster in &choices[row] {
        if !taken.contains(&cluster) {
            taken.push(cluster);
            choose(rows, choices, taken, sum + rows[row][cluster], best);
            taken.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    fn locals(chunks: &[usize]) -> Vec<Local> {
        let locals = chunks.iter().map(|&chunk| Local { chunk, speaker: 0 });
        locals.collect()
    }

    #[test]
    fn those_of_one_chunk_are_different_people() {
        let cosines = arr2(&[[0.9, 0.8, 0.1], [0.85, 0.2, 0.1], [0.9, 0.8, 0.1]]);
        // The first two meet: the second has most to lose.
        assert_eq!(cast(&locals(&[0, 0, 1]), &cosines), [1, 0, 0]);
        assert_eq!(cast(&locals(&[0, 1, 2]), &cosines), [0, 0, 0]);
        assert_eq!(cast(&locals(&[4, 4, 4]), &cosines), [0, 2, 1]);
        assert!(cast(&[], &cosines).is_empty());
    }

    #[test]
    fn with_too_few_clusters_they_share() {
        assert_eq!(cast(&locals(&[0, 0]), &arr2(&[[0.5], [0.1]])), [0, 0]);
    }
}
