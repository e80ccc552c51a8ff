//! Clusters where windows are dense.

use ndarray::{ArrayView2, Axis};

use ::hdbscan::{DistanceMetric, Hdbscan, HdbscanHyperParams};

use super::agglomerative::Agglomerative;
use super::centroids;
use super::condense::{self, Condensed};
use super::denoise::{centre, denoise};
use super::distances;
use super::settings::Settings;
use super::{Clustering, ClusteringError, Clusters, MAX_POINTS, Wanted, check};
use crate::domain::{SpeakerBounds, Warning};

/// Points closer than this count as this far apart: density is one over distance, so duplicates
/// would be infinitely dense and outweigh every speaker.
const LEAST_DISTANCE: f32 = 0.1;

/// HDBSCAN (R. Campello et al., "Density-based clustering based on hierarchical density
/// estimates", 2013) on Euclidean distances between unit vectors.
///
/// Windows it takes for noise go to the nearest cluster. One speaker may be dense in several
/// places, so its clusters are then merged bottom-up as [`Agglomerative`] does, down to the
/// threshold or the number of speakers asked for. Clusters cannot be split: where it finds fewer
/// than asked for, [`Agglomerative`] takes over and a warning says so.
#[derive(Debug, Clone)]
pub struct DensityBased {
    settings: Settings,
    merging: Agglomerative,
}

impl DensityBased {
    /// The algorithm with these settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            merging: Agglomerative::new(settings),
        }
    }

    /// The dense group of each point, noise in the nearest one; a single group if nothing is
    /// dense.
    fn groups(
        &self,
        points: &ArrayView2<'_, f32>,
        least: usize,
    ) -> Result<Vec<usize>, ClusteringError> {
        let count = points.nrows();
        let rows = distances::euclidean(points, LEAST_DISTANCE);
        let parameters = HdbscanHyperParams::builder()
            .min_cluster_size(least)
            .min_samples(self.settings.hdbscan_min_samples.min(count))
            .dist_metric(DistanceMetric::Precalculated)
            .build();
        let found = Hdbscan::new(&rows, parameters)
            .cluster()
            .map_err(|error| ClusteringError::Hdbscan(error.to_string()))?;
        let dense: Vec<_> = (0..count).filter(|&point| found[point] >= 0).collect();
        if dense.is_empty() {
            return Ok(vec![0; count]);
        }
        let mut labels: Vec<_> = dense.iter().map(|&point| found[point] as usize).collect();
        let groups = centroids::renumber(&mut labels);
        let centroids = centroids::of(&points.select(Axis(0), &dense).view(), &labels, groups);
        let mut all = centroids::nearest(points, &centroids);
        for (point, label) in dense.into_iter().zip(labels) {
            all[point] = label;
        }
        Ok(all)
    }
}

impl Clustering for DensityBased {
    fn name(&self) -> &'static str {
        "hdbscan"
    }

    fn cluster_while(
        &self,
        embeddings: ArrayView2<'_, f32>,
        bounds: SpeakerBounds,
        wanted: Wanted<'_>,
    ) -> Result<Clusters, ClusteringError> {
        check(&embeddings)?;
        // HDBSCAN needs two windows to speak of a cluster.
        let least = self.settings.least(embeddings.nrows()).max(2);
        if embeddings.nrows() <= least {
            return self.merging.cluster_while(embeddings, bounds, wanted);
        }
        let centred = centre(&embeddings, self.settings.centring);
        let denoised = denoise(
            &centred.view(),
            self.settings.neighbours,
            MAX_POINTS,
            wanted,
        )?;
        let condensed = condense::to_limit(&denoised.view(), wanted)?;
        let groups = self.groups(&condensed.points.view(), least)?;
        let dense = Condensed::by_group(&denoised.view(), condensed.spread(&groups));
        let clusters = self.merging.cluster_points(&centred.view(), &dense, bounds);
        if clusters.centroids.nrows() >= bounds.min() {
            return Ok(clusters);
        }
        let found = clusters.centroids.nrows();
        let mut clusters = self.merging.cluster_while(embeddings, bounds, wanted)?;
        clusters.warning = clusters.warning.or(Some(Warning::OtherClustering {
            asked: self.name(),
            used: self.merging.name(),
            reason: format!(
                "it found {found} speakers and {} were asked for",
                bounds.min()
            ),
        }));
        Ok(clusters)
    }
}
