//! Windows of frames, cut out of one stream.

use crate::domain::SlidingWindow;

use super::{FRAME_SHIFT, MEL_BINS};

/// Cuts the frames of a recording into windows.
///
/// Window `i` holds the frames from `i * step` on, in the order of [`SlidingWindow`]. A window
/// that would reach past the last frame holds the last frames of the recording instead, and where
/// the whole recording is shorter than a window its frames are repeated until the window is full:
/// every window has the same shape and none sees invented silence.
#[derive(Debug)]
pub struct FrameWindows {
    window: SlidingWindow,
    /// Frames a window holds.
    length: usize,
    /// Frames from one window to the next.
    step: usize,
    /// Rows still needed; the first is frame number `offset`.
    buffer: Vec<f32>,
    offset: usize,
    /// Number of the next window.
    next: usize,
}

impl FrameWindows {
    /// Windows as `window` lays them out; its length and step are multiples of
    /// [`FRAME_SHIFT`], at least one each, or are rounded down to that.
    pub fn new(window: SlidingWindow) -> Self {
        Self {
            window,
            length: (window.length / FRAME_SHIFT).max(1),
            step: (window.step / FRAME_SHIFT).max(1),
            buffer: Vec::new(),
            offset: 0,
            next: 0,
        }
    }

    /// Frames a window holds.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Takes in rows of [`MEL_BINS`] values and hands each window they complete to `each`, with
    /// its number, as `length` rows one after another.
    pub fn push(&mut self, frames: &[f32], mut each: impl FnMut(usize, &[f32])) {
        self.buffer.extend_from_slice(frames);
        let end = self.offset + self.buffer.len() / MEL_BINS;
        while self.next * self.step + self.length <= end {
            each(self.next, self.rows(self.next * self.step));
            self.next += 1;
        }
        let needed = (self.next * self.step).min(end.saturating_sub(self.length));
        if needed > self.offset {
            self.buffer.drain(..(needed - self.offset) * MEL_BINS);
            self.offset = needed;
        }
    }

    /// Ends a recording of `samples` samples: hands out the windows that reach past its end, so
    /// that there are [`SlidingWindow::count`] in all; none where there is no frame.
    pub fn finish(self, samples: usize, mut each: impl FnMut(usize, &[f32])) {
        let end = self.offset + self.buffer.len() / MEL_BINS;
        if end == 0 {
            return;
        }
        for index in self.next..self.window.count(samples) {
            if let Some(last) = end.checked_sub(self.length) {
                each(index, self.rows(last));
            } else {
                let wanted = self.length * MEL_BINS;
                let repeated: Vec<f32> = self.buffer.iter().copied().cycle().take(wanted).collect();
                each(index, &repeated);
            }
        }
    }

    /// The window's rows from frame number `first` on.
    fn rows(&self, first: usize) -> &[f32] {
        let start = (first - self.offset) * MEL_BINS;
        &self.buffer[start..start + self.length * MEL_BINS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and last frame number of each window of a recording, fed in blocks of `block`
    /// frames.
    fn windows(samples: usize, block: usize) -> Vec<(usize, f32, f32)> {
        let frames: Vec<f32> = (0..(samples + 80) / 160)
            .flat_map(|frame| [frame as f32; MEL_BINS])
            .collect();
        let mut seen = Vec::new();
        let mut note = |index: usize, rows: &[f32]| {
            assert_eq!(rows.len(), 150 * MEL_BINS);
            seen.push((index, rows[0], rows[rows.len() - 1]));
        };
        let mut windows = FrameWindows::new(SlidingWindow::EMBEDDING);
        for block in frames.chunks(block * MEL_BINS) {
            windows.push(block, &mut note);
        }
        windows.finish(samples, &mut note);
        seen
    }

    #[test]
    fn windows_follow_the_grid_and_the_last_one_ends_at_the_end() {
        let expected = vec![(0, 0.0, 149.0), (1, 75.0, 224.0), (2, 130.0, 279.0)];
        for block in [1, 40, 150, 1_000] {
            assert_eq!(windows(280 * 160, block), expected);
        }
    }

    #[test]
    fn there_are_as_many_windows_as_the_geometry_says() {
        for samples in [80, 8_000, 23_999, 24_000, 24_001, 36_000, 36_001, 100_000] {
            let count = SlidingWindow::EMBEDDING.count(samples);
            assert_eq!(windows(samples, 33).len(), count, "{samples} samples");
        }
        assert_eq!(windows(79, 33), []);
    }

    #[test]
    fn a_short_recording_is_repeated() {
        assert_eq!(windows(100 * 160, 7), vec![(0, 0.0, 49.0)]);
    }
}
