//! The detector: samples to probabilities.

use std::fmt;

use earshot::Detector;

/// Samples per probability: 16 ms.
pub const FRAME_SAMPLES: usize = 256;

/// A stream of samples turned into the probability of speech, one per [`FRAME_SAMPLES`].
///
/// The small recurrent network of the `earshot` crate looks at a frame and what came before it,
/// never ahead.
pub struct SpeechDetector {
    detector: Box<Detector>,
    /// Samples of a frame that is not complete yet.
    pending: Vec<f32>,
    probabilities: Vec<f32>,
}

impl fmt::Debug for SpeechDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpeechDetector")
            .field("frames", &self.probabilities.len())
            .finish_non_exhaustive()
    }
}

impl Default for SpeechDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl SpeechDetector {
    /// A detector at the start of a recording.
    pub fn new() -> Self {
        Self {
            detector: Box::default(),
            pending: Vec::with_capacity(FRAME_SAMPLES),
            probabilities: Vec::new(),
        }
    }

    /// Takes in samples at 16 kHz; those outside `[-1, 1]` count as the nearer bound.
    pub fn push(&mut self, mut samples: &[f32]) {
        while !samples.is_empty() {
            let taken = samples.len().min(FRAME_SAMPLES - self.pending.len());
            let (now, later) = samples.split_at(taken);
            self.pending.extend(now.iter().map(|s| s.clamp(-1.0, 1.0)));
            if self.pending.len() == FRAME_SAMPLES {
                self.frame();
            }
            samples = later;
        }
    }

    /// Ends the recording: a last incomplete frame is filled with silence.
    pub fn finish(&mut self) {
        if !self.pending.is_empty() {
            self.pending.resize(FRAME_SAMPLES, 0.0);
            self.frame();
        }
    }

    /// The probabilities so far: number `i` speaks for the samples from `i * FRAME_SAMPLES` on.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// The probabilities, given away.
    pub fn into_probabilities(self) -> Vec<f32> {
        self.probabilities
    }

    fn frame(&mut self) {
        self.probabilities
            .push(self.detector.predict_f32(&self.pending));
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_any_size_give_the_same_bits() {
        let samples: Vec<f32> = (0..10_000).map(|i| (i as f32 * 0.07).sin() * 1.5).collect();
        let probabilities = |block: usize| {
            let mut detector = SpeechDetector::new();
            for block in samples.chunks(block) {
                detector.push(block);
            }
            detector.finish();
            detector.probabilities().to_vec()
        };
        let whole = probabilities(samples.len());
        assert_eq!(whole.len(), samples.len().div_ceil(FRAME_SAMPLES));
        assert!(whole.iter().all(|p| (0.0..=1.0).contains(p)));
        for block in [1, 100, 256, 257] {
            assert_eq!(probabilities(block), whole);
        }
    }

    #[test]
    fn silence_is_not_speech() {
        let mut detector = SpeechDetector::new();
        detector.push(&vec![0.0; 16_000]);
        assert!(detector.probabilities().iter().all(|p| *p < 0.5));
    }
}
