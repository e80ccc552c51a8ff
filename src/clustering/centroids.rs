//! Clusters as means of their members.

use std::collections::HashMap;

use ndarray::{Array2, ArrayView2, Axis};

/// L2-normalised means of the rows of each cluster, `(clusters, dim)`. A cluster whose rows
/// cancel out has a centroid of zeros.
pub fn of(points: &ArrayView2<'_, f32>, labels: &[usize], clusters: usize) -> Array2<f32> {
    let mut centroids = Array2::<f32>::zeros((clusters, points.ncols()));
    for (point, &label) in points.rows().into_iter().zip(labels) {
        let mut centroid = centroids.row_mut(label);
        centroid += &point;
    }
    for mut centroid in centroids.rows_mut() {
        let norm = centroid.dot(&centroid).sqrt();
        if norm > 0.0 {
            centroid /= norm;
        }
    }
    centroids
}

/// The nearest centroid of each point by cosine; of equals the first.
pub(super) fn nearest(points: &ArrayView2<'_, f32>, centroids: &Array2<f32>) -> Vec<usize> {
    let cosines = points.dot(&centroids.t()); // (points, clusters)
    let best = |row: ndarray::ArrayView1<'_, f32>| {
        let better = |best: (usize, f32), (index, &cosine): (usize, &f32)| {
            if cosine > best.1 {
                (index, cosine)
            } else {
                best
            }
        };
        row.iter().enumerate().fold((0, f32::MIN), better).0
    };
    cosines.axis_iter(Axis(0)).map(best).collect()
}

/// Clusters of fewer than `least` windows dissolve into the nearest of the others; if all are
/// that small, the largest stays.
pub(super) fn dissolve_small(points: &ArrayView2<'_, f32>, labels: &mut [usize], least: usize) {
    let clusters = renumber(labels);
    let mut sizes = vec![0; clusters];
    for &label in &*labels {
        sizes[label] += 1;
    }
    let largest = sizes.iter().copied().max().unwrap_or_default();
    let large: Vec<_> = (0..clusters)
        .filter(|&cluster| sizes[cluster] >= least.min(largest))
        .collect();
    if large.len() == clusters {
        return;
    }
    let all = of(points, labels, clusters);
    let homes = nearest(&all.view(), &all.select(Axis(0), &large));
    for label in labels.iter_mut() {
        if sizes[*label] < least.min(largest) {
            *label = large[homes[*label]];
        }
    }
}

/// Gives every window to the nearest centroid, up to `passes` times (Lloyd's iterations); stops
/// where nothing changes, and before a cluster would lose its last window.
pub(super) fn refine(points: &ArrayView2<'_, f32>, labels: &mut Vec<usize>, passes: usize) {
    let clusters = renumber(labels);
    for _ in 0..passes {
        let better = nearest(points, &of(points, labels, clusters));
        let mut inhabited = vec![false; clusters];
        for &label in &better {
            inhabited[label] = true;
        }
        if better == *labels || inhabited.contains(&false) {
            return;
        }
        *labels = better;
    }
}

/// Numbers clusters from 0 in order of first appearance; returns how many there are.
pub(super) fn renumber(labels: &mut [usize]) -> usize {
    let mut numbers = HashMap::new();
    for label in labels {
        let next = numbers.len();
        *label = *numbers.entry(*label).or_insert(next);
    }
    numbers.len()
}
