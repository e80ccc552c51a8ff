//! Samples to log-mel frames.

use std::fmt;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::mel::MelFilters;
use super::{FFT_SIZE, FRAME_LENGTH, FRAME_SHIFT, MEL_BINS};

/// Share of the previous sample that pre-emphasis takes away.
const PREEMPHASIS: f64 = 0.97;

/// Energies below this count as this: the spacing of `f32` at 1, as in Kaldi.
const ENERGY_FLOOR: f32 = f32::EPSILON;

/// Samples before a frame's first full shift: frame `f` starts at `f * FRAME_SHIFT - LEAD`, so
/// that its middle lies in the middle of its shift.
const LEAD: usize = (FRAME_LENGTH - FRAME_SHIFT) / 2;

/// Samples taken in at once: bounds the buffer whatever a caller pushes.
const BLOCK: usize = 16_000;

/// A stream of samples turned into a stream of log-mel frames.
///
/// Kaldi's `fbank` (Povey et al., "The Kaldi Speech Recognition Toolkit", ASRU 2011) with 16 kHz,
/// 25 ms frames every 10 ms, `snip_edges=false` (frames centred on their shift, edges mirrored),
/// no dither, DC removed per frame, pre-emphasis 0.97, Povey window, 512-point power spectrum,
/// 80 mel bins from 20 to 7600 Hz, natural logarithm. A recording of `n` samples gives
/// `(n + 80) / 160` frames.
///
/// Up to the power spectrum it computes in double precision: in single precision a weak band beside
/// a strong one would be off by more than 1e-4.
///
/// Frames leave as soon as the samples they need are in; [`Filterbank::finish`] gives the last
/// ones. What a frame holds does not depend on how the samples were cut into blocks.
pub struct Filterbank {
    scale: f32,
    window: [f64; FRAME_LENGTH],
    filters: MelFilters,
    fft: Arc<dyn RealToComplex<f64>>,
    /// Samples still needed, times `scale`; the first is number `offset` of the stream.
    buffer: Vec<f32>,
    offset: usize,
    /// Frames given out so far.
    frames: usize,
    /// The first frame that is computed.
    first: usize,
    input: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
    power: Vec<f32>,
}

impl fmt::Debug for Filterbank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filterbank")
            .field("scale", &self.scale)
            .field("frames", &self.frames)
            .finish_non_exhaustive()
    }
}

impl Filterbank {
    /// A filterbank at the start of a recording; samples in `[-1, 1]` are multiplied by `scale`
    /// (1 or 32768, as the model's metadata demands).
    pub fn new(scale: f32) -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(FFT_SIZE);
        Self {
            scale,
            window: povey_window(),
            filters: MelFilters::new(),
            buffer: Vec::with_capacity(BLOCK + 2 * FRAME_LENGTH),
            offset: 0,
            frames: 0,
            first: 0,
            input: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            scratch: fft.make_scratch_vec(),
            power: vec![0.0; MelFilters::POWER_BINS],
            fft,
        }
    }

    /// Gives rows of zeros in place of the frames before number `first`, for a caller who knows
    /// already what he wants of them.
    #[must_use]
    pub fn from_frame(mut self, first: usize) -> Self {
        self.first = first;
        self
    }

    /// Takes in samples and appends the frames that they complete, rows of [`MEL_BINS`], to
    /// `frames`.
    pub fn push(&mut self, samples: &[f32], frames: &mut Vec<f32>) {
        for block in samples.chunks(BLOCK) {
            let scale = self.scale;
            self.buffer.extend(block.iter().map(|s| s * scale));
            let end = self.offset + self.buffer.len();
            while self.frames * FRAME_SHIFT + FRAME_LENGTH - LEAD <= end {
                self.frame(end, frames);
            }
            // What mirroring at the end may still look at: one frame length.
            let needed = (self.frames * FRAME_SHIFT).saturating_sub(FRAME_LENGTH);
            if needed > self.offset {
                self.buffer.drain(..needed - self.offset);
                self.offset = needed;
            }
        }
    }

    /// Ends the recording: appends the frames that reach past its last sample, and makes the
    /// filterbank ready for the next recording.
    pub fn finish(&mut self, frames: &mut Vec<f32>) {
        let end = self.offset + self.buffer.len();
        while self.frames < (end + FRAME_SHIFT / 2) / FRAME_SHIFT {
            self.frame(end, frames);
        }
        self.buffer.clear();
        self.offset = 0;
        self.frames = 0;
        self.first = 0;
    }

    /// Appends the next frame of a stream that has `end` samples so far.
    fn frame(&mut self, end: usize, frames: &mut Vec<f32>) {
        let first = (self.frames * FRAME_SHIFT) as isize - LEAD as isize;
        self.frames += 1;
        if self.frames <= self.first {
            frames.resize(frames.len() + MEL_BINS, 0.0);
            return;
        }
        let buffered = first - self.offset as isize;
        let inside = usize::try_from(buffered)
            .ok()
            .and_then(|start| self.buffer.get(start..start + FRAME_LENGTH));
        if let Some(samples) = inside {
            condition(samples, &self.window, &mut self.input);
        } else {
            let samples: [f32; FRAME_LENGTH] = std::array::from_fn(|i| {
                self.buffer[mirrored(first + i as isize, end) - self.offset]
            });
            condition(&samples, &self.window, &mut self.input);
        }
        // Lengths are those the plan asked for, the only error there is.
        let transformed =
            self.fft
                .process_with_scratch(&mut self.input, &mut self.spectrum, &mut self.scratch);
        debug_assert!(transformed.is_ok());
        for (power, value) in self.power.iter_mut().zip(&self.spectrum) {
            *power = value.norm_sqr() as f32;
        }
        let start = frames.len();
        frames.resize(start + MEL_BINS, 0.0);
        let row = &mut frames[start..];
        self.filters.apply(&self.power, row);
        for energy in row {
            *energy = energy.max(ENERGY_FLOOR).ln();
        }
    }
}

/// Removes DC from a frame, emphasises it, multiplies it by the window and pads it with zeros.
fn condition(frame: &[f32], window: &[f64; FRAME_LENGTH], input: &mut [f64]) {
    let mean = sum(frame) / FRAME_LENGTH as f64;
    // Taking the mean off a sample and off the share of the one before it.
    let offset = mean * (1.0 - PREEMPHASIS);
    let (windowed, padding) = input.split_at_mut(FRAME_LENGTH);
    padding.fill(0.0);
    for ((value, pair), window) in windowed[1..]
        .iter_mut()
        .zip(frame.windows(2))
        .zip(&window[1..])
    {
        *value = (f64::from(pair[1]) - PREEMPHASIS * f64::from(pair[0]) - offset) * window;
    }
    // The first sample stands in for the one before it.
    windowed[0] = (1.0 - PREEMPHASIS) * (f64::from(frame[0]) - mean) * window[0];
}

/// Sum in eight lanes: one after the other would be slower.
fn sum(frame: &[f32]) -> f64 {
    const { assert!(FRAME_LENGTH.is_multiple_of(8)) };
    let mut lanes = [0.0; 8];
    for chunk in frame.chunks_exact(8) {
        for (lane, sample) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(*sample);
        }
    }
    lanes.iter().sum()
}

/// The number of the sample that stands at `index` once both edges of a recording of `end`
/// samples are mirrored, as often as it takes.
fn mirrored(index: isize, end: usize) -> usize {
    let end = end as isize;
    let mut index = index;
    while !(0..end).contains(&index) {
        index = if index < 0 {
            -index - 1
        } else {
            2 * end - 1 - index
        };
    }
    index as usize
}

/// A Hann window raised to the power 0.85: Kaldi's default.
fn povey_window() -> [f64; FRAME_LENGTH] {
    std::array::from_fn(|i| {
        let phase = std::f64::consts::TAU * i as f64 / (FRAME_LENGTH - 1) as f64;
        (0.5 - 0.5 * phase.cos()).powf(0.85)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(samples: &[f32], block: usize) -> Vec<f32> {
        let mut filterbank = Filterbank::new(1.0);
        let mut frames = Vec::new();
        for block in samples.chunks(block) {
            filterbank.push(block, &mut frames);
        }
        filterbank.finish(&mut frames);
        frames
    }

    fn noise(length: usize) -> Vec<f32> {
        let mut state = 1_u32;
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect()
    }

    #[test]
    fn blocks_of_any_size_give_the_same_bits() {
        for length in [0, 1, 79, 80, 119, 121, 239, 400, 1_000, 40_037] {
            let samples = noise(length);
            let whole = frames(&samples, length.max(1));
            assert_eq!(
                whole.len(),
                (length + 80) / 160 * MEL_BINS,
                "{length} samples"
            );
            for block in [1, 7, 160, 1_001, 16_001] {
                assert_eq!(
                    frames(&samples, block),
                    whole,
                    "{length} samples by {block}"
                );
            }
        }
    }

    #[test]
    fn a_finished_filterbank_starts_afresh() {
        let samples = noise(5_000);
        let mut filterbank = Filterbank::new(1.0);
        let mut both = Vec::new();
        for _ in 0..2 {
            filterbank.push(&samples, &mut both);
            filterbank.finish(&mut both);
        }
        let (first, second) = both.split_at(both.len() / 2);
        assert_eq!(first, second);
    }

    /// `tests/fixtures/golden` was written by the front end that the model was trained with.
    #[test]
    fn frames_equal_the_training_front_end() {
        let golden = |name: &str| -> ndarray::ArrayD<f32> {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/golden");
            ndarray_npy::read_npy(format!("{folder}/{name}.npy")).unwrap()
        };
        let waveform = golden("waveform").into_raw_vec_and_offset().0;
        let close = |samples: &[f32], expected: &ndarray::ArrayD<f32>| {
            let frames = frames(samples, 1_000);
            assert_eq!([frames.len() / MEL_BINS, MEL_BINS], expected.shape());
            let off = |(a, b): (&f32, &f32)| (a - b).abs();
            let worst = frames.iter().zip(expected).map(off).fold(0.0, f32::max);
            assert!(worst < 1e-4, "off by {worst}");
        };
        close(&waveform, &golden("features"));
        close(&waveform[..4_000], &golden("short"));
    }

    #[test]
    fn silence_is_the_floor() {
        let floor = vec![ENERGY_FLOOR.ln(); 10 * MEL_BINS];
        assert_eq!(frames(&[0.0; 1_600], 400), floor);
    }
}
