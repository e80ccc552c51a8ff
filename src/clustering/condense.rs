//! Many windows as fewer points.
//!
//! A distance matrix grows with the square of the windows. Beyond [`MAX_POINTS`] windows the
//! recording is cut into stretches, the most similar windows within each stretch are merged
//! first, and what remains is clustered over the whole recording: the two-level scheme that `NeMo`
//! uses for long recordings (T. J. Park et al., "`NeMo` speaker diarization", long-form clustering)
//! and BIRCH for databases (T. Zhang et al., SIGMOD 1996). Only neighbours in the dendrogram's
//! lowest branches are merged early, far below the threshold between speakers.

use ndarray::{Array2, ArrayView2, Axis, Slice};

use super::settings::Linkage;
use super::{ClusteringError, MAX_POINTS, Wanted, agglomerative, still};

/// Points that stand for windows.
#[derive(Debug)]
pub(super) struct Condensed {
    /// Means of the windows that each point stands for, `(points, dim)`. They are not normalised:
    /// the product of two means is the mean cosine between their members, which is what average
    /// linkage asks for.
    pub(super) points: Array2<f32>,
    /// How many windows each point stands for.
    pub(super) weights: Vec<usize>,
    /// The point of each window.
    pub(super) membership: Vec<usize>,
}

impl Condensed {
    /// One point for each group of `windows`; groups are numbered from 0 without gaps.
    pub(super) fn by_group(windows: &ArrayView2<'_, f32>, membership: Vec<usize>) -> Self {
        let count = membership.iter().max().map_or(0, |last| last + 1);
        let mut points = Array2::zeros((count, windows.ncols()));
        let mut weights = vec![0; count];
        for (window, &point) in windows.rows().into_iter().zip(&membership) {
            let mut sum = points.row_mut(point);
            sum += &window;
            weights[point] += 1;
        }
        for (mut sum, &weight) in points.axis_iter_mut(Axis(0)).zip(&weights) {
            sum /= weight as f32;
        }
        Self {
            points,
            weights,
            membership,
        }
    }

    /// The label of each window, given that of each point.
    pub(super) fn spread(&self, labels: &[usize]) -> Vec<usize> {
        self.membership.iter().map(|&point| labels[point]).collect()
    }
}

/// At most `limit` points (and at least one for every `limit` windows) for `windows` in order of
/// time; each window is a point of its own if there are no more than that.
pub(super) fn condense(
    windows: &ArrayView2<'_, f32>,
    limit: usize,
    wanted: Wanted<'_>,
) -> Result<Condensed, ClusteringError> {
    let count = windows.nrows();
    let stretches = count.div_ceil(limit).max(1);
    if stretches == 1 {
        return Ok(Condensed::by_group(windows, (0..count).collect()));
    }
    let length = count.div_ceil(stretches);
    let quota = (limit / stretches).max(1);
    let mut membership = Vec::with_capacity(count);
    let mut groups = 0;
    for first in (0..count).step_by(length) {
        still(wanted)?;
        let stretch = windows.slice_axis(Axis(0), Slice::from(first..(first + length).min(count)));
        let weights = vec![1; stretch.nrows()];
        let dendrogram = agglomerative::dendrogram(&stretch, weights, Linkage::Average);
        let mut labels = dendrogram.labels(stretch.nrows().saturating_sub(quota));
        let found = super::centroids::renumber(&mut labels);
        membership.extend(labels.into_iter().map(|label| groups + label));
        groups += found;
    }
    Ok(Condensed::by_group(windows, membership))
}

/// [`condense`] to the room's own limit.
pub(super) fn to_limit(
    windows: &ArrayView2<'_, f32>,
    wanted: Wanted<'_>,
) -> Result<Condensed, ClusteringError> {
    let condensed = condense(windows, MAX_POINTS, wanted)?;
    still(wanted)?;
    Ok(condensed)
}
