//! Windows of fixed length at a fixed step.

use super::{SAMPLE_RATE, Segment};

/// Windows of `length` samples, one every `step` samples, at [`SAMPLE_RATE`].
///
/// Window `i` covers the samples `[i * step, i * step + length)`. A recording of `n` samples has
/// as many windows as it takes to cover it: the last one may reach past the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlidingWindow {
    /// Samples a window holds.
    pub length: usize,
    /// Samples from one window's start to the next one's.
    pub step: usize,
}

impl SlidingWindow {
    /// Windows of 1.5 s every 0.75 s, the pipeline's own.
    pub const EMBEDDING: Self = Self {
        length: 24_000,
        step: 12_000,
    };

    /// How many windows cover `samples` samples: none for none, else at least one.
    pub fn count(&self, samples: usize) -> usize {
        if samples == 0 {
            0
        } else {
            samples.saturating_sub(self.length).div_ceil(self.step) + 1
        }
    }

    /// When window `index` takes place.
    pub fn segment(&self, index: usize) -> Segment {
        let rate = f64::from(SAMPLE_RATE);
        let start = index * self.step;
        Segment::new(start as f64 / rate, (start + self.length) as f64 / rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_every_sample_and_none_is_spare() {
        let windows = SlidingWindow::EMBEDDING;
        let counts = [0, 1, 24_000, 24_001, 36_000, 36_001].map(|n| windows.count(n));
        assert_eq!(counts, [0, 1, 1, 2, 2, 3]);
    }
}
