//! What a segmentation model tells apart without knowing anybody.

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::SAMPLE_RATE;

/// Who of a few local speakers is alone, frame by frame, in chunks that overlap. Names hold within a
/// chunk: the first local speaker of the next one may be anybody.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalSpeakers {
    /// Probability, in 255ths, that a local speaker speaks and nobody else does, `(chunks, frames,
    /// speakers)`.
    pub alone: Array3<u8>,
    /// Where the frames lie.
    pub frames: LocalFrames,
}

/// Where the frames of overlapping chunks lie in a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalFrames {
    /// Samples a frame covers.
    pub field: usize,
    /// Samples from one frame to the next.
    pub shift: usize,
    /// Frames from one chunk to the next.
    pub stride: usize,
}

impl LocalFrames {
    /// Middle of a frame of the recording, in seconds.
    pub fn middle(&self, frame: usize) -> f64 {
        self.middle_sample(frame) / f64::from(SAMPLE_RATE)
    }

    fn middle_sample(&self, frame: usize) -> f64 {
        frame as f64 * self.shift as f64 + self.field as f64 / 2.0
    }

    /// Where a frame of the recording begins, in seconds: half way from the middle of the one before.
    pub fn border(&self, frame: usize) -> f64 {
        if frame == 0 {
            return 0.0;
        }
        (self.middle_sample(frame) - self.shift as f64 / 2.0) / f64::from(SAMPLE_RATE)
    }

    /// The frame of the recording whose middle is nearest to `seconds`.
    pub fn nearest(&self, seconds: f64) -> usize {
        let first = self.field as f64 / 2.0;
        let frames = (seconds * f64::from(SAMPLE_RATE) - first) / self.shift as f64;
        frames.round().max(0.0) as usize
    }
}

impl LocalSpeakers {
    /// How many frames of the recording are in some chunk.
    pub fn count(&self) -> usize {
        let (chunks, frames, _) = self.alone.dim();
        match chunks {
            0 => 0,
            _ => (chunks - 1) * self.frames.stride + frames,
        }
    }
}
