//! Who speaks in each window, and how many speakers there are, as one Bayesian model.

mod sequence;

use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::agglomerative::Agglomerative;
use super::centroids;
use super::denoise::centre;
use super::settings::Settings;
use super::{Clustering, ClusteringError, Clusters, Wanted, still};
use crate::domain::SpeakerBounds;
use sequence::posterior;

/// Variance of a voice's windows around their mean and of voices around theirs, all dimensions
/// together; measured on windows of one speaker in simulated conversations. Unit vectors have 1 to share
/// out, so that other models differ little.
const WITHIN: f32 = 0.53;
const BETWEEN: f32 = 0.49;

/// Directions that embeddings really use: 99.9% of their variance lies in so many.
const DIMENSIONS: f32 = 100.0;

/// What a window's first cluster weighs, beside 1 for every other one.
const FIRST_WEIGHT: f64 = 1097.0;

/// Iterations at most, and the gain in the evidence (in nats) from which on they go on.
const ITERATIONS: usize = 40;
const GAIN: f64 = 0.01;

/// Variational Bayes over a hidden Markov model (F. Landini et al., "Bayesian HMM clustering of
/// x-vector sequences (`VBx`) in speaker diarization", 2022).
///
/// Windows are a sequence: the next one is the same speaker's with probability `vbx_loop`. Speakers'
/// means and windows around them are Gaussian (PLDA), here with the same variance in every
/// direction, which makes products of unit vectors all that counts. It begins with what
/// [`Agglomerative`] finds; a cluster that explains nothing which others do not explain as well loses its windows
/// to them. So the number of speakers follows from the evidence, and hardly from a threshold.
///
/// Where it would leave fewer speakers than asked for, what it began with stands.
#[derive(Debug, Clone)]
pub struct Vbx {
    settings: Settings,
    start: Agglomerative,
}

impl Vbx {
    /// The algorithm with these settings.
    pub fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            start: Agglomerative::new(settings),
        }
    }

    /// How probable it is that each window is each of the `first` clusters', `(windows, clusters)`.
    fn responsibilities(
        &self,
        windows: &ArrayView2<'_, f32>,
        first: &[usize],
        clusters: usize,
        wanted: Wanted<'_>,
    ) -> Result<Array2<f64>, ClusteringError> {
        let mut shares = first_shares(first, clusters);
        let mut prior = Array1::from_elem(clusters, 1.0 / clusters as f64);
        let mut last = f64::MIN;
        for _ in 0..ITERATIONS {
            still(wanted)?;
            let speakers = self.speakers(windows, &shares);
            let found = posterior(speakers.log_likelihoods, &prior, self.settings.vbx_loop);
            (shares, prior) = (found.shares, found.prior);
            let evidence = found.log_evidence - speakers.cost;
            if evidence - last < GAIN {
                break;
            }
            last = evidence;
        }
        Ok(shares)
    }

    /// The speakers' distributions, given who says how much of each window.
    fn speakers(&self, windows: &ArrayView2<'_, f32>, shares: &Array2<f64>) -> Speakers {
        let Settings { vbx_fa, vbx_fb, .. } = self.settings;
        let variance = WITHIN / DIMENSIONS;
        let ratio = BETWEEN / WITHIN;
        let spoken = shares.sum_axis(Axis(0)).mapv(|sum| sum as f32); // windows of each
        let shrunk = spoken.mapv(|sum| 1.0 / (1.0 + vbx_fa / vbx_fb * sum * ratio));
        let weights = shares.mapv(|share| share as f32);
        let mut means = weights.t().dot(windows); // (clusters, dim)
        for (mut mean, shrunk) in means.rows_mut().into_iter().zip(&shrunk) {
            mean *= vbx_fa / vbx_fb * ratio * shrunk;
        }
        let squares = means.map_axis(Axis(1), |mean| mean.dot(&mean));
        let away = (&squares / variance + &shrunk * (DIMENSIONS * ratio)) * 0.5;
        let log_likelihoods = (windows.dot(&means.t()) / variance - &away) * vbx_fa;
        let information =
            &shrunk.mapv(|s| DIMENSIONS * (s.ln() - s + 1.0)) - &(&squares / (variance * ratio));
        Speakers {
            log_likelihoods: log_likelihoods.mapv(f64::from),
            cost: f64::from(-0.5 * vbx_fb * information.sum()),
        }
    }
}

/// What speakers' distributions say.
struct Speakers {
    /// Of each window from each speaker, but for what is the same for all, `(windows, clusters)`.
    log_likelihoods: Array2<f64>,
    /// How far the distributions are from what is known of speakers in general, in nats.
    cost: f64,
}

fn first_shares(first: &[usize], clusters: usize) -> Array2<f64> {
    let mut shares = Array2::ones((first.len(), clusters));
    for (mut row, &cluster) in shares.rows_mut().into_iter().zip(first) {
        row[cluster] = FIRST_WEIGHT;
        row /= FIRST_WEIGHT + clusters as f64 - 1.0;
    }
    shares
}

impl Clustering for Vbx {
    fn name(&self) -> &'static str {
        "vbx"
    }

    fn cluster_while(
        &self,
        embeddings: ArrayView2<'_, f32>,
        bounds: SpeakerBounds,
        wanted: Wanted<'_>,
    ) -> Result<Clusters, ClusteringError> {
        let start = self.start.cluster_while(embeddings, bounds, wanted)?;
        let clusters = start.centroids.nrows();
        if clusters < 2 {
            return Ok(start);
        }
        let windows = centre(&embeddings, self.settings.centring);
        let windows = windows.view();
        let shares = self.responsibilities(&windows, &start.labels, clusters, wanted)?;
        let own = best(&shares);
        let mut labels = own.clone();
        let least = self.settings.least(labels.len());
        centroids::dissolve_small(&windows, &mut labels, least);
        let found = centroids::renumber(&mut labels);
        if found < bounds.min() {
            return Ok(start);
        }
        Ok(Clusters {
            centroids: centroids::of(&windows, &labels, found),
            scores: joined(&shares, &own, &labels, found),
            labels,
            warning: start.warning,
        })
    }
}

/// The likeliest cluster of each window; of equals the first.
fn best(shares: &Array2<f64>) -> Vec<usize> {
    let better = |best: (usize, f64), (index, &share): (usize, &f64)| {
        if share > best.1 { (index, share) } else { best }
    };
    let rows = shares.rows().into_iter();
    rows.map(|row| row.iter().enumerate().fold((0, f64::MIN), better).0)
        .collect()
}

/// `shares` by final cluster: windows of a cluster keep together, so each goes where its windows went.
/// What is left without windows goes nowhere.
fn joined(shares: &Array2<f64>, own: &[usize], labels: &[usize], found: usize) -> Array2<f32> {
    let mut homes = vec![None; shares.ncols()];
    for (&cluster, &label) in own.iter().zip(labels) {
        homes[cluster] = Some(label);
    }
    let mut scores = Array2::zeros((labels.len(), found));
    for (column, home) in shares.columns().into_iter().zip(homes) {
        if let Some(home) = home {
            let mut score = scores.column_mut(home);
            score += &column.mapv(|share| share as f32);
        }
    }
    scores
}
