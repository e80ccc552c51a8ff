//! What passes between a job's thread and the task that watches it.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use tokio_util::sync::CancellationToken;

use crate::domain::{Cancelled, ProgressHook, Step};

/// Why a running job is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Somebody called it off.
    Canceled,
    /// The worker is going away.
    HandBack,
    /// Another worker has the job.
    Lost,
}

/// How far a job is, written by its thread, and whether it is to stop, written by its watcher.
///
/// The numbers are independent of each other; one that is read a moment early does no harm.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The step's number in [`STEPS`] plus one; 0 before the first.
    step: AtomicU8,
    /// Percent, as bits of an `f32`.
    percent: AtomicU32,
    /// [`Stop`] as a number; 0 for none.
    stop: AtomicU8,
    /// Cancelled when the model is not needed any more.
    past_model: CancellationToken,
}

/// The steps with the percentage at which each begins; measured on long recordings, where all but
/// the first take next to nothing.
const STEPS: [(Step, f32); 3] = [
    (Step::Embeddings, 0.0),
    (Step::Clustering, 95.0),
    (Step::Assembly, 99.0),
];

impl Progress {
    /// At the start; `past_model` is cancelled when the last embedding is there.
    pub(super) fn new(past_model: CancellationToken) -> Self {
        Self {
            past_model,
            ..Self::default()
        }
    }

    /// The step and how many percent of the whole are done.
    pub(super) fn read(&self) -> (Option<Step>, f64) {
        let step = usize::from(self.step.load(Ordering::Relaxed));
        let step = step.checked_sub(1).and_then(|index| STEPS.get(index));
        let percent = f32::from_bits(self.percent.load(Ordering::Relaxed));
        (step.map(|(step, _)| *step), f64::from(percent))
    }

    /// Asks the job to stop; the first reason stands.
    pub(super) fn request_stop(&self, stop: Stop) {
        let number = match stop {
            Stop::Canceled => 1,
            Stop::HandBack => 2,
            Stop::Lost => 3,
        };
        let relaxed = Ordering::Relaxed;
        // An earlier reason is kept, which is no failure.
        let _ = self.stop.compare_exchange(0, number, relaxed, relaxed);
    }

    /// Why the job was asked to stop, if it was.
    pub(super) fn stop_requested(&self) -> Option<Stop> {
        match self.stop.load(Ordering::Relaxed) {
            1 => Some(Stop::Canceled),
            2 => Some(Stop::HandBack),
            3 => Some(Stop::Lost),
            _ => None,
        }
    }
}

impl ProgressHook for Progress {
    fn progress(&self, step: Step, fraction: Option<f32>) -> Result<(), Cancelled> {
        if step != Step::Embeddings {
            self.past_model.cancel();
        }
        if let Some(index) = STEPS.iter().position(|(other, _)| *other == step) {
            let from = STEPS[index].1;
            let to = STEPS.get(index + 1).map_or(100.0, |(_, from)| *from);
            let percent = from + (to - from) * fraction.unwrap_or(0.0).clamp(0.0, 1.0);
            self.step.store(index as u8 + 1, Ordering::Relaxed);
            self.percent.store(percent.to_bits(), Ordering::Relaxed);
        }
        match self.stop_requested() {
            Some(_) => Err(Cancelled),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_share_the_hundred_percent() {
        let progress = Progress::default();
        assert_eq!(progress.read(), (None, 0.0));
        assert_eq!(progress.progress(Step::Embeddings, Some(1.0)), Ok(()));
        assert_eq!(progress.read(), (Some(Step::Embeddings), 95.0));
        assert_eq!(progress.progress(Step::Assembly, Some(1.0)), Ok(()));
        assert_eq!(progress.read(), (Some(Step::Assembly), 100.0));
    }

    #[test]
    fn the_first_reason_to_stop_stands() {
        let progress = Progress::default();
        progress.request_stop(Stop::Lost);
        progress.request_stop(Stop::Canceled);
        assert_eq!(progress.stop_requested(), Some(Stop::Lost));
        assert_eq!(progress.progress(Step::Clustering, None), Err(Cancelled));
    }
}
