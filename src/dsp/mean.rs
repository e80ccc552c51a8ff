//! Mean normalisation.

use super::MEL_BINS;

/// Subtracts from every mel bin its mean over the frames: `global-mean` in a model's metadata.
///
/// `frames` holds rows of [`MEL_BINS`] values; no rows, no change.
pub fn subtract_mean(frames: &mut [f32]) {
    let count = frames.len() / MEL_BINS;
    if count == 0 {
        return;
    }
    let mut mean = [0.0_f32; MEL_BINS];
    for frame in frames.chunks_exact(MEL_BINS) {
        for (sum, value) in mean.iter_mut().zip(frame) {
            *sum += value;
        }
    }
    for sum in &mut mean {
        *sum /= count as f32;
    }
    for frame in frames.chunks_exact_mut(MEL_BINS) {
        for (value, mean) in frame.iter_mut().zip(&mean) {
            *value -= mean;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bin_has_mean_zero_afterwards() {
        let mut frames: Vec<f32> = (0..5 * MEL_BINS).map(|i| (i * i % 97) as f32).collect();
        subtract_mean(&mut frames);
        for bin in 0..MEL_BINS {
            let sum: f32 = frames.iter().skip(bin).step_by(MEL_BINS).sum();
            assert!(sum.abs() < 1e-3, "bin {bin}: {sum}");
        }
        subtract_mean(&mut []);
    }
}
