//! A stream of samples, chunk by chunk.

/// Cuts a recording into chunks of `length` samples every `step`. Where the last one reaches past the
/// end it is filled with zeros.
#[derive(Debug)]
pub(super) struct Chunks {
    length: usize,
    step: usize,
    /// Samples from the next chunk's first one on.
    samples: Vec<f32>,
    /// Number of the next chunk.
    next: usize,
}

impl Chunks {
    pub(super) fn new(length: usize, step: usize) -> Self {
        Self {
            length,
            step,
            samples: Vec::new(),
            next: 0,
        }
    }

    /// How many chunks there have been.
    pub(super) fn handed_over(&self) -> usize {
        self.next
    }

    pub(super) fn push(&mut self, samples: &[f32]) {
        self.samples.extend_from_slice(samples);
    }

    /// Hands over each chunk that is complete or, at the `end`, what is left: its number, its samples,
    /// and how many of them the recording has.
    pub(super) fn each<E>(
        &mut self,
        end: bool,
        mut each: impl FnMut(usize, &[f32], usize) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.samples.len() >= self.length {
            each(self.next, &self.samples[..self.length], self.length)?;
            self.next += 1;
            self.samples.drain(..self.step);
        }
        // What follows the last chunk's end was in none yet.
        let seen = match self.next {
            0 => 0,
            _ => self.length - self.step,
        };
        if end && self.samples.len() > seen {
            let present = self.samples.len();
            self.samples.resize(self.length, 0.0);
            each(self.next, &self.samples, present)?;
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
    fn cut(samples: usize) -> Vec<(usize, f32, usize)> {
        let mut chunks = Chunks::new(1600, 800);
        let mut found = Vec::new();
        let mut note = |number: usize, samples: &[f32], present: usize| {
            assert_eq!(samples.len(), 1600);
            found.push((number, samples[0], present));
            Ok::<_, ()>(())
        };
        for start in (0..samples).step_by(160) {
            let block = start..(start + 160).min(samples);
            let block: Vec<f32> = block.map(|n| n as f32).collect();
            chunks.push(&block);
            chunks.each(false, &mut note).unwrap();
        }
        chunks.each(true, &mut note).unwrap();
        found
    }

    #[test]
    fn every_sample_is_in_a_chunk_and_the_last_may_be_short() {
        assert!(cut(0).is_empty());
        assert_eq!(cut(100), [(0, 0.0, 100)]);
        assert_eq!(cut(1600), [(0, 0.0, 1600)]);
        assert_eq!(cut(1601), [(0, 0.0, 1600), (1, 800.0, 801)]);
        assert_eq!(cut(2400), [(0, 0.0, 1600), (1, 800.0, 1600)]);
        assert_eq!(
            cut(2500),
            [(0, 0.0, 1600), (1, 800.0, 1600), (2, 1600.0, 900)]
        );
    }
}
