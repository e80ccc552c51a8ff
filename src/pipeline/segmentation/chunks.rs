//! A stream of samples and frames, chunk by chunk.

use crate::dsp::{FRAME_SHIFT, MEL_BINS};

/// Cuts a recording into chunks of `length` samples every `step`; both are whole log-mel frames. Where
/// the last one reaches past the end it is filled with zeros, and has fewer log-mel frames.
#[derive(Debug)]
pub(super) struct Chunks {
    length: usize,
    step: usize,
    /// Samples from the next chunk's first one on.
    samples: Vec<f32>,
    /// Log-mel rows from the next chunk's first one on.
    rows: Vec<f32>,
    /// Number of the next chunk.
    next: usize,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk<'a> {
    /// As long as every chunk.
    pub(super) samples: &'a [f32],
    /// Those among them that the recording has.
    pub(super) present: usize,
    /// Log-mel rows of what is present.
    pub(super) rows: &'a [f32],
}

impl Chunks {
    pub(super) fn new(length: usize, step: usize) -> Self {
        Self {
            length,
            step,
            samples: Vec::new(),
            rows: Vec::new(),
            next: 0,
        }
    }

    pub(super) fn push(&mut self, samples: &[f32], rows: &[f32]) {
        self.samples.extend_from_slice(samples);
        self.rows.extend_from_slice(rows);
    }

    /// Hands over each chunk that is complete or, at the `end`, what is left.
    pub(super) fn each<E>(
        &mut self,
        end: bool,
        mut each: impl FnMut(Chunk<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows = self.length / FRAME_SHIFT * MEL_BINS;
        while self.samples.len() >= self.length && self.rows.len() >= rows {
            each(Chunk {
                samples: &self.samples[..self.length],
                present: self.length,
                rows: &self.rows[..rows],
            })?;
            self.next += 1;
            self.samples.drain(..self.step);
            self.rows.drain(..self.step / FRAME_SHIFT * MEL_BINS);
        }
        // What follows the last chunk's end was in none yet.
        let seen = if self.next == 0 {
            0
        } else {
            self.length - self.step
        };
        if end && self.samples.len() > seen {
            let present = self.samples.len().min(self.length);
            self.samples.truncate(present);
            self.samples.resize(self.length, 0.0);
            let rows = self.rows.len().min(rows);
            each(Chunk {
                samples: &self.samples,
                present,
                rows: &self.rows[..rows],
            })?;
            self.next += 1;
            self.samples.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where each chunk begins, and how much of it is there, for so many samples.
    fn cut(samples: usize) -> Vec<(f32, usize, usize)> {
        let mut chunks = Chunks::new(1600, 800);
        let mut found = Vec::new();
        let mut note = |chunk: Chunk<'_>| {
            assert_eq!(chunk.samples.len(), 1600);
            found.push((chunk.samples[0], chunk.present, chunk.rows.len() / MEL_BINS));
            Ok::<_, ()>(())
        };
        for start in (0..samples).step_by(160) {
            let block: Vec<f32> = (start..(start + 160).min(samples))
                .map(|n| n as f32)
                .collect();
            chunks.push(&block, &[0.0; MEL_BINS]);
            chunks.each(false, &mut note).unwrap();
        }
        chunks.each(true, &mut note).unwrap();
        found
    }

    #[test]
    fn every_sample_is_in_a_chunk_and_the_last_may_be_short() {
        assert_eq!(cut(0), []);
        assert_eq!(cut(100), [(0.0, 100, 1)]);
        assert_eq!(cut(1600), [(0.0, 1600, 10)]);
        assert_eq!(cut(1601), [(0.0, 1600, 10), (800.0, 801, 6)]);
        assert_eq!(cut(2400), [(0.0, 1600, 10), (800.0, 1600, 10)]);
        assert_eq!(
            cut(2500),
            [(0.0, 1600, 10), (800.0, 1600, 10), (1600.0, 900, 6)]
        );
    }
}
