//! Any sample rate to 16 kHz.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

use super::AudioError;
use crate::domain::SAMPLE_RATE;

/// A band-limited streaming resampler to [`SAMPLE_RATE`], mono.
///
/// `n` samples in give exactly `round(n * 16000 / rate)` samples out, and sample `k` of the output
/// lies at the time `k / 16000` s of the input: the filter's delay is taken off the front, so that
/// turn times neither shift nor drift. Input at 16 kHz passes through untouched.
///
/// Method: FFT overlap-add with a sinc under a squared Blackman-Harris window (rubato's synchronous
/// resampler), its transition band ending at the lower of the two Nyquist frequencies.
pub(super) struct Resampler {
    rate: u32,
    fft: Option<Fft<f32>>,
    /// Input that does not fill a chunk yet.
    input: Vec<f32>,
    output: Vec<f32>,
    /// Output samples of the filter's delay still to be dropped.
    delay: usize,
    consumed: u64,
    produced: u64,
}

/// Samples of one FFT block, at the lower of the two rates: long enough for a filter that passes
/// 98 % of the band, short enough to stay in the cache.
const BLOCK: u32 = 1024;

/// Input frames of one FFT block: a multiple of the shortest stretch of time that is whole in both
/// rates, and an even one, so that half a block (the filter's delay) is whole as well.
fn block_frames(rate: u32) -> u32 {
    let mut gcd = (rate, SAMPLE_RATE);
    while gcd.1 > 0 {
        gcd = (gcd.1, gcd.0 % gcd.1);
    }
    let lower = rate.min(SAMPLE_RATE) / gcd.0;
    rate / gcd.0 * BLOCK.div_ceil(lower).next_multiple_of(2)
}

impl Resampler {
    /// A resampler from `rate` hertz.
    pub(super) fn new(rate: u32) -> Result<Self, AudioError> {
        let fft = (rate != SAMPLE_RATE)
            .then(|| {
                Fft::new_custom(
                    rate as usize,
                    SAMPLE_RATE as usize,
                    block_frames(rate) as usize,
                    1,
                    1,
                    WindowFunction::BlackmanHarris2,
                    FixedSync::Both,
                )
            })
            .transpose()
            .map_err(|_| AudioError::SampleRate(rate))?;
        let delay = fft.as_ref().map_or(0, rubato::Resampler::output_delay);
        let output = vec![0.0; fft.as_ref().map_or(0, rubato::Resampler::output_frames_max)];
        Ok(Self {
            rate,
            fft,
            input: Vec::new(),
            output,
            delay,
            consumed: 0,
            produced: 0,
        })
    }

    /// The rate this resampler converts from, in hertz.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes `samples` and appends what is ready to `resampled`.
    pub(super) fn push(&mut self, samples: &[f32], resampled: &mut Vec<f32>) {
        self.consumed += samples.len() as u64;
        let Some(fft) = &mut self.fft else {
            resampled.extend_from_slice(samples);
            return;
        };
        self.input.extend_from_slice(samples);
        let chunk = fft.input_frames_next();
        let mut done = 0;
        while self.input.len() - done >= chunk {
            let block = &self.input[done..done + chunk];
            let made = process(fft, block, &mut self.output);
            done += chunk;
            let dropped = made.min(self.delay);
            self.delay -= dropped;
            self.produced += (made - dropped) as u64;
            resampled.extend_from_slice(&self.output[dropped..made]);
        }
        self.input.drain(..done);
    }

    /// Ends the input: appends the rest, so that the total is exact.
    pub(super) fn finish(&mut self, resampled: &mut Vec<f32>) {
        let Some(fft) = &self.fft else { return };
        let silence = vec![0.0; fft.input_frames_next()];
        let rate = u64::from(self.rate);
        let total = (self.consumed * u64::from(SAMPLE_RATE) + rate / 2) / rate;
        // The rest of the input and the filter's delay fill less than three chunks.
        for _ in 0..3 {
            if self.produced < total {
                self.push(&silence, resampled);
            }
        }
        let surplus = usize::try_from(self.produced.saturating_sub(total)).unwrap_or(usize::MAX);
        resampled.truncate(resampled.len().saturating_sub(surplus));
        self.input.clear();
    }
}

/// Runs one chunk and returns the number of samples at the start of `output` it made.
fn process(fft: &mut Fft<f32>, block: &[f32], output: &mut [f32]) -> usize {
    let room = output.len();
    let (Ok(from), Ok(mut to)) = (
        InterleavedSlice::new(block, 1, block.len()),
        InterleavedSlice::new_mut(output, 1, room),
    ) else {
        return 0;
    };
    // The sizes are the resampler's own, which leaves it nothing to complain about.
    fft.process_into_buffer(&from, &mut to, None)
        .map_or(0, |(_, made)| made)
}
