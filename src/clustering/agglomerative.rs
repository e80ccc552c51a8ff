//! Bottom-up merging: start with every window alone, always merge the two closest clusters.

use kodama::{Method, linkage};
use ndarray::{Array2, ArrayView2};

use super::centroids;
use super::condense::{self, Condensed};
use super::denoise::{centre, denoise};
use super::distances;
use super::partition::{Dendrogram, Merge};
use super::settings::{Linkage, Settings};
use super::{Clustering, ClusteringError, Clusters, MAX_POINTS, Wanted, check, unmet};
use crate::domain::SpeakerBounds;

/// Agglomerative hierarchical clustering on cosine distances (D. Müllner, "Modern hierarchical,
/// agglomerative clustering algorithms", 2011, as `kodama` implements it).
///
/// The dendrogram is cut at the threshold. If that gives too few or too many speakers, counting
/// only clusters of at least `min_cluster_size` windows, the cut moves to the nearest height that
/// gives as many as asked for. Smaller clusters then dissolve into the nearest large one.
///
/// Linkages that are defined on Euclidean distances (Ward, centroid, median) get those between the
/// unit vectors, and the threshold is converted alike.
#[derive(Debug, Clone)]
pub struct Agglomerative {
    settings: Settings,
}

impl Agglomerative {
    /// The algorithm with these settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
        }
    }

    /// Groups windows that are already condensed to points. Refinement looks at the windows
    /// themselves.
    pub(super) fn cluster_points(
        &self,
        windows: &ArrayView2<'_, f32>,
        condensed: &Condensed,
        bounds: SpeakerBounds,
    ) -> Clusters {
        let count = windows.nrows();
        let linkage = self.settings.linkage;
        let dendrogram = dendrogram(&condensed.points.view(), condensed.weights.clone(), linkage);
        let threshold = if euclidean(linkage) {
            distances::chord(self.settings.threshold)
        } else {
            self.settings.threshold
        };
        let preferred = dendrogram.merges_within(threshold);
        let counts = bounds.min()..=bounds.max().unwrap_or(usize::MAX);
        // Fewer points than speakers: each is a speaker, and a warning says so.
        let (merges, least) = dendrogram
            .cut(preferred, &counts, self.settings.least(count))
            .unwrap_or((0, 1));
        let mut labels = condensed.spread(&dendrogram.labels(merges));
        centroids::dissolve_small(windows, &mut labels, least);
        centroids::refine(windows, &mut labels, self.settings.refinements);
        let found = centroids::renumber(&mut labels);
        let centroids = centroids::of(windows, &labels, found);
        Clusters {
            scores: windows.dot(&centroids.t()),
            centroids,
            labels,
            warning: unmet(bounds, found, count),
        }
    }
}

impl Clustering for Agglomerative {
    fn name(&self) -> &'static str {
        "agglomerative"
    }

    fn cluster_while(
        &self,
        embeddings: ArrayView2<'_, f32>,
        bounds: SpeakerBounds,
        wanted: Wanted<'_>,
    ) -> Result<Clusters, ClusteringError> {
        check(&embeddings)?;
        if embeddings.nrows() == 0 {
            return Ok(Clusters {
                labels: Vec::new(),
                centroids: Array2::zeros((0, embeddings.ncols())),
                scores: Array2::zeros((0, 0)),
                warning: None,
            });
        }
        let centred = centre(&embeddings, self.settings.centring);
        let denoised = denoise(
            &centred.view(),
            self.settings.neighbours,
            MAX_POINTS,
            wanted,
        )?;
        let condensed = condense::to_limit(&denoised.view(), wanted)?;
        Ok(self.cluster_points(&centred.view(), &condensed, bounds))
    }
}

fn euclidean(linkage: Linkage) -> bool {
    match linkage {
        Linkage::Ward | Linkage::Centroid | Linkage::Median => true,
        Linkage::Single | Linkage::Complete | Linkage::Average | Linkage::Weighted => false,
    }
}

/// The dendrogram over `points`, which stand for `weights` windows each.
pub(super) fn dendrogram(
    points: &ArrayView2<'_, f32>,
    weights: Vec<usize>,
    by: Linkage,
) -> Dendrogram {
    let mut condensed = distances::cosine(points);
    if euclidean(by) {
        for distance in &mut condensed {
            *distance = distances::chord(*distance);
        }
    }
    let method = match by {
        Linkage::Single => Method::Single,
        Linkage::Complete => Method::Complete,
        Linkage::Average => Method::Average,
        Linkage::Weighted => Method::Weighted,
        Linkage::Ward => Method::Ward,
        Linkage::Centroid => Method::Centroid,
        Linkage::Median => Method::Median,
    };
    let steps = linkage(&mut condensed, points.nrows(), method);
    let merges = steps.steps().iter().map(|step| Merge {
        pair: [step.cluster1, step.cluster2],
        distance: step.dissimilarity,
    });
    Dendrogram::new(merges.collect(), weights)
}
