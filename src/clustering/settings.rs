//! How embeddings are grouped.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The section `[clustering]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The algorithm.
    pub method: Method,
    /// How the agglomerative algorithm measures clusters against each other.
    pub linkage: Linkage,
    /// Cosine distance (0 to 2) beyond which clusters are different speakers.
    pub threshold: f32,
    /// Windows a speaker has at least, when the number of speakers is found automatically.
    pub min_cluster_size: usize,
    /// In a short recording a speaker needs no more than this share of its windows.
    pub min_cluster_share: f32,
    /// Share of the recording's mean embedding that is taken from every one of them.
    pub centring: f32,
    /// Windows that each is averaged with before clustering, itself included; 0 for none.
    pub neighbours: usize,
    /// How often windows are given to the nearest centroid after clustering.
    pub refinements: usize,
    /// Neighbours that make a neighbourhood dense, for `hdbscan`.
    pub hdbscan_min_samples: usize,
    /// How far windows count as evidence, for `vbx`: neighbours share half of what they hear.
    pub vbx_fa: f32,
    /// What a further speaker must be worth, for `vbx`.
    pub vbx_fb: f32,
    /// Probability that the next window is the same speaker's, for `vbx`.
    pub vbx_loop: f64,
}

/// An algorithm's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Bottom-up merging.
    Agglomerative,
    /// Density.
    Hdbscan,
    /// Variational Bayes.
    Vbx,
}

impl std::str::FromStr for Method {
    type Err = SettingsError;

    fn from_str(name: &str) -> Result<Self, SettingsError> {
        match name {
            "agglomerative" => Ok(Self::Agglomerative),
            "hdbscan" => Ok(Self::Hdbscan),
            "vbx" => Ok(Self::Vbx),
            other => Err(SettingsError(format!(
                "clustering must be \"agglomerative\", \"hdbscan\" or \"vbx\"; given: {other:?}"
            ))),
        }
    }
}

/// How the distance between two clusters follows from that of their members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Linkage {
    /// The closest pair.
    Single,
    /// The farthest pair.
    Complete,
    /// The mean over pairs (UPGMA).
    Average,
    /// The mean of the merged clusters' distances (WPGMA).
    Weighted,
    /// The growth of the variance.
    Ward,
    /// The means' distance (UPGMC).
    Centroid,
    /// The midpoints' distance (WPGMC).
    Median,
}

/// A setting beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SettingsError(String);

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::Vbx,
            linkage: Linkage::Average,
            threshold: 0.55,
            min_cluster_size: 6,
            min_cluster_share: 0.05,
            centring: 0.0,
            neighbours: 5,
            refinements: 2,
            hdbscan_min_samples: 3,
            vbx_fa: 0.3,
            vbx_fb: 2.0,
            vbx_loop: 0.7,
        }
    }
}

impl Settings {
    /// Checks every value against its limit.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let checks = [
            ("threshold", f64::from(self.threshold), 0.0..=2.0, "0 and 2"),
            (
                "min_cluster_size",
                self.min_cluster_size as f64,
                1.0..=10_000.0,
                "1 and 10000",
            ),
            (
                "min_cluster_share",
                f64::from(self.min_cluster_share),
                0.0..=0.5,
                "0 and 0.5",
            ),
            ("centring", f64::from(self.centring), 0.0..=0.9, "0 and 0.9"),
            (
                "neighbours",
                self.neighbours as f64,
                0.0..=100.0,
                "0 and 100",
            ),
            (
                "refinements",
                self.refinements as f64,
                0.0..=100.0,
                "0 and 100",
            ),
            (
                "hdbscan_min_samples",
                self.hdbscan_min_samples as f64,
                1.0..=1000.0,
                "1 and 1000",
            ),
            ("vbx_fa", f64::from(self.vbx_fa), 0.01..=10.0, "0.01 and 10"),
            (
                "vbx_fb",
                f64::from(self.vbx_fb),
                0.01..=100.0,
                "0.01 and 100",
            ),
            ("vbx_loop", self.vbx_loop, 0.0..=0.999, "0 and 0.999"),
        ];
        for (key, value, range, limits) in checks {
            if !range.contains(&value) {
                return Err(SettingsError(format!(
                    "clustering.{key} must be between {limits}; given: {value}"
                )));
            }
        }
        Ok(())
    }

    /// Windows a speaker needs in a recording of `windows`.
    pub(super) fn least(&self, windows: usize) -> usize {
        let share = (self.min_cluster_share * windows as f32).round() as usize;
        self.min_cluster_size.min(share.max(1))
    }
}
