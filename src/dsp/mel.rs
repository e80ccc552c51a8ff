//! Triangular filters on the mel scale.

use crate::domain::SAMPLE_RATE;

use super::{FFT_SIZE, MEL_BINS};

/// Lower edge of the first filter, in hertz.
const LOW_FREQUENCY: f64 = 20.0;
/// Upper edge of the last filter, in hertz.
const HIGH_FREQUENCY: f64 = 7600.0;

/// Weights are kept in multiples of this, so that the sums below run in as many lanes.
const LANES: usize = 8;

/// One filter: weights for consecutive bins of the power spectrum, zeros at the end.
#[derive(Debug)]
struct Filter {
    first_bin: usize,
    weights: Vec<f32>,
}

/// The filters that turn a power spectrum into mel energies, as Kaldi builds them: triangles of
/// equal width on the scale `1127 ln(1 + f / 700)`, not normalised by area, without the Nyquist
/// bin.
#[derive(Debug)]
pub(super) struct MelFilters(Vec<Filter>);

impl MelFilters {
    /// Bins that a power spectrum must have room for: its own and what padded filters reach.
    pub(super) const POWER_BINS: usize = FFT_SIZE / 2 + 1 + LANES;

    pub(super) fn new() -> Self {
        let low = mel(LOW_FREQUENCY);
        let width = (mel(HIGH_FREQUENCY) - low) / (MEL_BINS + 1) as f64;
        Self(
            (0..MEL_BINS)
                .map(|bin| {
                    let left = low + bin as f64 * width;
                    let center = low + (bin + 1) as f64 * width;
                    let right = low + (bin + 2) as f64 * width;
                    Filter::triangle(left, center, right)
                })
                .collect(),
        )
    }

    /// Energy in each mel bin: `power` has [`Self::POWER_BINS`], `energies` has [`MEL_BINS`].
    pub(super) fn apply(&self, power: &[f32], energies: &mut [f32]) {
        for (energy, filter) in energies.iter_mut().zip(&self.0) {
            let bins = &power[filter.first_bin..];
            let mut lanes = [0.0; LANES];
            let chunks = filter
                .weights
                .chunks_exact(LANES)
                .zip(bins.chunks_exact(LANES));
            for (weights, bins) in chunks {
                for ((lane, weight), bin) in lanes.iter_mut().zip(weights).zip(bins) {
                    *lane += weight * bin;
                }
            }
            *energy = lanes.iter().sum();
        }
    }
}

impl Filter {
    /// The triangle from `left` over `center` to `right`, in mel.
    fn triangle(left: f64, center: f64, right: f64) -> Self {
        let bin_width = f64::from(SAMPLE_RATE) / FFT_SIZE as f64;
        let mut filter = Self {
            first_bin: 0,
            weights: Vec::new(),
        };
        for bin in 0..FFT_SIZE / 2 {
            let position = mel(bin_width * bin as f64);
            if position <= left || position >= right {
                continue;
            }
            if filter.weights.is_empty() {
                filter.first_bin = bin;
            }
            let weight = if position <= center {
                (position - left) / (center - left)
            } else {
                (right - position) / (right - center)
            };
            filter.weights.push(weight as f32);
        }
        let padded = filter.weights.len().next_multiple_of(LANES);
        filter.weights.resize(padded, 0.0);
        filter
    }
}

fn mel(hertz: f64) -> f64 {
    1127.0 * (1.0 + hertz / 700.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_spectrum_lights_every_bin_and_the_edges_stay_out() {
        let filters = MelFilters::new();
        let mut energies = [0.0; MEL_BINS];
        filters.apply(&[1.0; MelFilters::POWER_BINS], &mut energies);
        assert!(energies.iter().all(|energy| *energy > 0.0));
        assert_eq!(filters.0[0].first_bin, 1, "20 Hz lies between bin 0 and 1");
        let last = &filters.0[MEL_BINS - 1];
        let used = last.weights.iter().filter(|weight| **weight > 0.0).count();
        let top = (last.first_bin + used - 1) as f64 * 31.25;
        assert!(top < HIGH_FREQUENCY && top > HIGH_FREQUENCY - 31.25);
    }
}
