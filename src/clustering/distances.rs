//! Distances between unit vectors.

use ndarray::{ArrayView2, Axis, Slice};

/// Rows multiplied at once: the product of a block is what is kept besides the result.
const BLOCK: usize = 256;

/// Calls `visit(i, j, cosine)` for every pair `i < j` of rows, ordered by `i`, then `j`.
fn for_each_pair(points: &ArrayView2<'_, f32>, mut visit: impl FnMut(usize, usize, f32)) {
    let count = points.nrows();
    for first in (0..count).step_by(BLOCK) {
        let block = points.slice_axis(Axis(0), Slice::from(first..(first + BLOCK).min(count)));
        let rest = points.slice_axis(Axis(0), Slice::from(first..));
        let cosines = block.dot(&rest.t()); // (block, rest)
        for (i, row) in cosines.rows().into_iter().enumerate() {
            for (j, &cosine) in row.iter().enumerate().skip(i + 1) {
                visit(first + i, first + j, cosine);
            }
        }
    }
}

/// Cosine distances, 0 to 2: the upper triangle row by row, `n (n - 1) / 2` values.
pub(super) fn cosine(points: &ArrayView2<'_, f32>) -> Vec<f32> {
    let count = points.nrows();
    let mut condensed = Vec::with_capacity(count * count.saturating_sub(1) / 2);
    for_each_pair(points, |_, _, cosine| {
        condensed.push((1.0 - cosine).clamp(0.0, 2.0));
    });
    condensed
}

/// Euclidean distances, 0 to 2: `n` full rows. None is below `least`, but a point's to itself.
pub(super) fn euclidean(points: &ArrayView2<'_, f32>, least: f32) -> Vec<Vec<f32>> {
    let count = points.nrows();
    let mut rows = vec![vec![0.0; count]; count];
    for_each_pair(points, |i, j, cosine| {
        let distance = chord((1.0 - cosine).clamp(0.0, 2.0)).max(least);
        rows[i][j] = distance;
        rows[j][i] = distance;
    });
    rows
}

/// The Euclidean distance of two unit vectors at this cosine distance.
pub(super) fn chord(cosine_distance: f32) -> f32 {
    (2.0 * cosine_distance).sqrt()
}
