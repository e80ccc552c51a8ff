//! Triangular filters on the mel scale.

use crate::domain::SAMPLE_RATE;

use super::{FFT_SIZE, MEL_BINS};

/// Lower edge of the first filter, in hertz.
const LOW_FREQUENCY: f32 = 20.0;
/// Upper edge of the last filter, in hertz.
const HIGH_FREQUENCY: f32 = 7600.0;

/// One filter: weights for consecutive bins of the power spectrum.
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
    pub(super) fn new() -> Self {
        let low = mel(LOW_FREQUENCY);
        let width = (mel(HIGH_FREQUENCY) - low) / (MEL_BINS + 1) as f32;
        Self(
            (0..MEL_BINS)
                .map(|bin| {
                    let left = low + bin as f32 * width;
                    let center = low + (bin + 1) as f32 * width;
                    let right = low + (bin + 2) as f32 * width;
                    Filter::triangle(left, center, right)
                })
                .collect(),
        )
    }

    /// Energy in each mel bin: `power` has at least `FFT_SIZE / 2` bins, `energies` has
    /// [`MEL_BINS`].
    pub(super) fn apply(&self, power: &[f32], energies: &mut [f32]) {
        for (energy, filter) in energies.iter_mut().zip(&self.0) {
            let bins = &power[filter.first_bin..];
            *energy = filter.weights.iter().zip(bins).map(|(w, p)| w * p).sum();
        }
    }
}

impl Filter {
    /// The triangle from `left` over `center` to `right`, in mel.
    fn triangle(left: f32, center: f32, right: f32) -> Self {
        let bin_width = SAMPLE_RATE as f32 / FFT_SIZE as f32;
        let mut filter = Self {
            first_bin: 0,
            weights: Vec::new(),
        };
        for bin in 0..FFT_SIZE / 2 {
            let position = mel(bin_width * bin as f32);
            if position <= left || position >= right {
                continue;
            }
            if filter.weights.is_empty() {
                filter.first_bin = bin;
            }
            filter.weights.push(if position <= center {
                (position - left) / (center - left)
            } else {
                (right - position) / (right - center)
            });
        }
        filter
    }
}

fn mel(hertz: f32) -> f32 {
    1127.0 * (1.0 + hertz / 700.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_spectrum_lights_every_bin_and_the_edges_stay_out() {
        let filters = MelFilters::new();
        let mut energies = [0.0; MEL_BINS];
        filters.apply(&[1.0; FFT_SIZE / 2 + 1], &mut energies);
        assert!(energies.iter().all(|energy| *energy > 0.0));
        assert_eq!(filters.0[0].first_bin, 1, "20 Hz lies between bin 0 and 1");
        let last = &filters.0[MEL_BINS - 1];
        let top = (last.first_bin + last.weights.len() - 1) as f32 * 31.25;
        assert!(top < HIGH_FREQUENCY && top > HIGH_FREQUENCY - 31.25);
    }
}
