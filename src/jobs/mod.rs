//! What happens to a job after it was accepted.
//!
//! [`run`] takes dispatches off the queue and makes an attempt at each job: claim its row, run the
//! pipeline on a thread, keep what it found, write how it ended. The way of a job:
//!
//! `worker` (the queue) -> `attempt` (claim, lease, progress, end) -> `diarize` (the work itself,
//! on a blocking thread) -> `storage`. Errors that another attempt would meet again end a job at
//! once (`failure`); the others are tried again, a limited number of times.

mod attempt;
mod clock;
mod diarize;
mod environment;
mod failure;
mod fetch;
mod housekeeping;
pub mod metrics;
mod progress;
pub mod recluster;
mod recording;
mod retention;
pub mod scoring;
mod settings;
mod verify;
pub mod voices;
mod wake;
mod worker;

pub use clock::ClockWatch;
pub use environment::Environment;
pub use housekeeping::keep_house;
pub use retention::{Retention, RetentionError};
pub use settings::{Settings, SettingsError};
pub use wake::Wake;
pub use worker::run;

/// The clustering algorithms that a job may ask for.
pub const CLUSTERINGS: [&str; 3] = ["agglomerative", "hdbscan", "vbx"];

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_offered_is_there() {
        for name in super::CLUSTERINGS {
            assert!(name.parse::<crate::clustering::Method>().is_ok(), "{name}");
        }
    }
}
