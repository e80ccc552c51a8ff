//! Grouping window embeddings by speaker.
//!
//! [`by_name`] builds the algorithm that the settings name; every algorithm is a [`Clustering`]:
//! embeddings `(windows, dim)` in, one cluster a window out, numbered from 0 in order of first
//! appearance. All of them
//!
//! - honour [`SpeakerBounds`] wherever there are as many windows as speakers asked for, and say
//!   so in a warning where there are not;
//! - give windows of clusters too small to be a speaker to the nearest large one (phantom
//!   speakers are the commonest complaint about diarization);
//! - give the same output for the same input, always;
//! - take from windows what the recording has in common, and average them with their likes,
//!   before comparing them (`denoise`);
//! - keep at most [`MAX_POINTS`] points in a distance matrix; more windows are first condensed by
//!   `condense`, so that memory stays bounded for recordings of any length.

mod agglomerative;
mod centroids;
mod condense;
mod denoise;
mod density;
mod distances;
mod partition;
mod settings;
mod vbx;

use ndarray::{Array2, ArrayView2};
use thiserror::Error;

use crate::domain::{SpeakerBounds, Warning};

pub use agglomerative::Agglomerative;
pub use centroids::of as centroids;
pub use density::DensityBased;
pub use settings::{Linkage, Method, Settings, SettingsError};
pub use vbx::Vbx;

/// The most points in a distance matrix: 50 MB of `f32` above the diagonal, over an hour of
/// windows.
pub const MAX_POINTS: usize = 5000;

/// A way to group embeddings.
pub trait Clustering: Send + Sync {
    /// The name it goes by in settings.
    fn name(&self) -> &'static str;

    /// Groups `embeddings`, L2-normalised, `(windows, dim)` in order of time.
    ///
    /// # Errors
    /// Values that are not finite. No windows make no clusters, and one makes one.
    fn cluster(
        &self,
        embeddings: ArrayView2<'_, f32>,
        bounds: SpeakerBounds,
    ) -> Result<Clusters, ClusteringError> {
        self.cluster_while(embeddings, bounds, &|| true)
    }

    /// The same, but given up soon after `wanted` says `false`. It is asked often; between two times
    /// lies at most the work on one distance matrix.
    ///
    /// # Errors
    /// [`ClusteringError::Unwanted`] too.
    fn cluster_while(
        &self,
        embeddings: ArrayView2<'_, f32>,
        bounds: SpeakerBounds,
        wanted: Wanted<'_>,
    ) -> Result<Clusters, ClusteringError>;
}

/// Tells whether the result is still wanted.
pub type Wanted<'a> = &'a dyn Fn() -> bool;

/// Gives up what nobody wants.
fn still(wanted: Wanted<'_>) -> Result<(), ClusteringError> {
    if wanted() {
        Ok(())
    } else {
        Err(ClusteringError::Unwanted)
    }
}

/// Who is who.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// The cluster of each window; clusters are numbered in order of first appearance.
    pub labels: Vec<usize>,
    /// The L2-normalised mean of each cluster's centred windows, `(clusters, dim)`.
    pub centroids: Array2<f32>,
    /// How far each window speaks for each cluster, at most 1, `(windows, clusters)`: its probability
    /// where the algorithm has one, otherwise the cosine of the centred window and the centroid.
    pub scores: Array2<f32>,
    /// What could not be honoured, or was done in another way.
    pub warning: Option<Warning>,
}

/// Embeddings that cannot be grouped.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ClusteringError {
    /// NaN or an infinity: the model or its input is broken.
    #[error("the embedding in row {row} (from 0) holds a value that is not finite: {value}")]
    NotFinite {
        /// The row, from 0.
        row: usize,
        /// The value.
        value: f32,
    },
    /// Nobody wants the result any more.
    #[error("the clustering is not wanted any more")]
    Unwanted,
    /// The library refused.
    #[error("hdbscan: {0}")]
    Hdbscan(String),
}

/// The algorithm that `settings` name.
pub fn by_name(settings: &Settings) -> Box<dyn Clustering> {
    match settings.method {
        Method::Agglomerative => Box::new(Agglomerative::new(settings)),
        Method::Hdbscan => Box::new(DensityBased::new(settings)),
        Method::Vbx => Box::new(Vbx::new(settings)),
    }
}

/// Refuses NaN and infinities before they reach a comparison.
fn check(embeddings: &ArrayView2<'_, f32>) -> Result<(), ClusteringError> {
    for (row, values) in embeddings.rows().into_iter().enumerate() {
        if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
            return Err(ClusteringError::NotFinite { row, value });
        }
    }
    Ok(())
}

/// A warning if `found` clusters are not what was asked for.
fn unmet(bounds: SpeakerBounds, found: usize, windows: usize) -> Option<Warning> {
    if windows == 0 || bounds.contains(found) {
        return None;
    }
    let asked = match (bounds.exact(), bounds.max()) {
        (Some(exact), _) => format!("{exact} speakers"),
        (None, Some(max)) if found > max => format!("at most {max} speakers"),
        _ => format!("at least {} speakers", bounds.min()),
    };
    Some(Warning::SpeakersNotHonoured {
        asked,
        found,
        reason: format!("the recording has speech for {windows} windows only"),
    })
}

#[cfg(test)]
mod tests;
