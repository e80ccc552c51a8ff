//! Cutting a dendrogram into clusters.

use std::ops::RangeInclusive;

/// Merges in the order in which they happen. Clusters are numbered: points first, then
/// merge `i` makes cluster `points + i`.
#[derive(Debug, Clone)]
pub(super) struct Dendrogram {
    merges: Vec<Merge>,
    /// How many windows each point stands for.
    weights: Vec<usize>,
}

/// Two clusters become one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Merge {
    /// The clusters.
    pub(super) pair: [usize; 2],
    /// How far apart they were.
    pub(super) distance: f32,
}

impl Dendrogram {
    /// A dendrogram over points that stand for `weights` windows each: one merge fewer than
    /// points.
    pub(super) fn new(merges: Vec<Merge>, weights: Vec<usize>) -> Self {
        Self { merges, weights }
    }

    /// How many merges happen at or below `threshold`.
    pub(super) fn merges_within(&self, threshold: f32) -> usize {
        self.merges
            .iter()
            .take_while(|merge| merge.distance <= threshold)
            .count()
    }

    /// How many clusters of at least `least` windows there are after 0, 1, 2, ... merges.
    fn large_clusters(&self, least: usize) -> Vec<usize> {
        let mut sizes = self.weights.clone();
        let mut large = sizes.iter().filter(|&&size| size >= least).count();
        let mut counts = vec![large];
        for merge in &self.merges {
            let [a, b] = merge.pair.map(|cluster| sizes[cluster]);
            let before = usize::from(a >= least) + usize::from(b >= least);
            large = large - before + usize::from(a + b >= least);
            sizes.push(a + b);
            counts.push(large);
        }
        counts
    }

    /// How many merges give a number of large clusters within `counts`, as close to `preferred`
    /// merges as can be, and from how many windows a cluster counts as large then. A cut with
    /// the size asked for comes first; where there is none, smaller clusters count too.
    ///
    /// Absent only if there are fewer points than `counts` wants clusters.
    pub(super) fn cut(
        &self,
        preferred: usize,
        counts: &RangeInclusive<usize>,
        least: usize,
    ) -> Option<(usize, usize)> {
        (1..=least).rev().find_map(|least| {
            let clusters = self.large_clusters(least);
            let fitting = (0..clusters.len()).filter(|&merges| counts.contains(&clusters[merges]));
            // Of two cuts as close, the one with fewer speakers.
            let best = fitting
                .min_by_key(|&merges| (merges.abs_diff(preferred), std::cmp::Reverse(merges)))?;
            Some((best, least))
        })
    }

    /// The cluster of each point after the first `merges`: any numbers, the same for the same
    /// cluster.
    pub(super) fn labels(&self, merges: usize) -> Vec<usize> {
        let points = self.weights.len();
        let mut labels: Vec<_> = (0..points + merges).collect();
        // Parents come after their children, so one pass from the top settles all.
        let mut parent: Vec<Option<usize>> = vec![None; points + merges];
        for (index, merge) in self.merges[..merges].iter().enumerate() {
            for child in merge.pair {
                parent[child] = Some(points + index);
            }
        }
        for cluster in (0..points + merges).rev() {
            if let Some(parent) = parent[cluster] {
                labels[cluster] = labels[parent];
            }
        }
        labels.truncate(points);
        labels
    }
}
