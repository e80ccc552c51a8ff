//! Which windows have enough speech to tell whose it is.

use std::fmt;

use super::scan::WINDOWS;
use crate::speech::FRAME_SAMPLES;

/// Chooses windows in order; if none has enough speech, the one with most of it is chosen after
/// all.
#[derive(Debug)]
pub(super) struct Gate {
    /// Probability from which a frame counts.
    threshold: f32,
    /// Share of a window's frames that must count.
    min_speech: f32,
    /// The chosen windows so far.
    pub(super) windows: Vec<usize>,
    /// The window with most speech, and its share, as long as none was chosen.
    best: Option<(usize, f32)>,
}

/// What it chooses by.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            threshold,
            min_speech,
            ..
        } = self;
        write!(f, "frames from {threshold}, windows from {min_speech}")
    }
}

/// What becomes of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Embed it.
    Chosen,
    /// Keep it: unless one is chosen, this is the best there is.
    Best,
    /// Forget it.
    Passed,
}

impl Gate {
    pub(super) fn new(threshold: f32, min_speech: f32) -> Self {
        Self {
            threshold,
            min_speech,
            windows: Vec::new(),
            best: None,
        }
    }

    /// Judges the next window; `end` is the end of the recording in samples, where known.
    ///
    /// All probabilities of a window are there by the time the filterbank has completed it, as
    /// the filterbank looks 120 samples beyond and the detector's last whole frame does not.
    pub(super) fn judge(
        &mut self,
        index: usize,
        probabilities: &[f32],
        end: Option<usize>,
    ) -> Verdict {
        let share = self.speech(index, probabilities, end);
        if share > 0.0 && share >= self.min_speech {
            self.windows.push(index);
            return Verdict::Chosen;
        }
        let most = self.best.map_or(0.0, |(_, share)| share);
        if self.windows.is_empty() && share > most {
            self.best = Some((index, share));
            return Verdict::Best;
        }
        Verdict::Passed
    }

    /// Chooses the best window if none was chosen: whether the caller is to embed it.
    pub(super) fn settle(&mut self) -> bool {
        match self.best {
            Some((index, _)) if self.windows.is_empty() => {
                self.windows.push(index);
                true
            }
            _ => false,
        }
    }

    /// Share of the frames of a window that are speech.
    fn speech(&self, index: usize, probabilities: &[f32], end: Option<usize>) -> f32 {
        let last = index * WINDOWS.step + WINDOWS.length;
        let last = end.map_or(last, |end| last.min(end));
        let first = last.saturating_sub(WINDOWS.length);
        // A recording below one frame still has one.
        let range = first / FRAME_SAMPLES..(last / FRAME_SAMPLES).max(1);
        let frames = probabilities.get(range).unwrap_or_default();
        let active = frames.iter().filter(|p| **p >= self.threshold).count();
        active as f32 / frames.len().max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_with_enough_speech_are_chosen() {
        let mut probabilities = vec![0.0; 400];
        probabilities[93..].fill(0.9);
        let mut gate = Gate::new(0.5, 0.5);
        // Window 1 covers the frames from 46 to 140: half of them speak.
        let verdicts: Vec<_> = (0..3)
            .map(|index| gate.judge(index, &probabilities, None))
            .collect();
        assert_eq!(
            verdicts,
            [Verdict::Passed, Verdict::Chosen, Verdict::Chosen]
        );
        assert_eq!(gate.windows, [1, 2]);
        assert!(!gate.settle());
    }

    #[test]
    fn a_little_speech_is_better_than_none() {
        let mut probabilities = vec![0.0; 400];
        probabilities[200..210].fill(0.9);
        let mut gate = Gate::new(0.5, 0.5);
        let verdicts = [0, 1, 2, 3].map(|index| gate.judge(index, &probabilities, None));
        assert_eq!(verdicts[3], Verdict::Best);
        assert!(gate.settle());
        assert!(matches!(gate.windows[..], [3 | 4]));
    }

    #[test]
    fn silence_is_never_embedded_and_short_recordings_count_what_they_have() {
        let mut gate = Gate::new(0.5, 0.0);
        assert_eq!(gate.judge(0, &[0.0; 93], None), Verdict::Passed);
        assert!(!gate.settle());
        let mut gate = Gate::new(0.5, 0.9);
        assert_eq!(gate.judge(0, &[0.9], Some(100)), Verdict::Chosen);
    }
}
