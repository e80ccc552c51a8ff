//! Names of the metrics that workers write.

use metrics::{describe_counter, describe_gauge, describe_histogram};

pub use crate::models::BATCH_SIZE;

/// Attempts that ended, by what became of the job.
pub const JOBS_TOTAL: &str = "diarist_jobs_total";
/// Seconds from claim to end of an attempt that succeeded.
pub const JOB_DURATION: &str = "diarist_job_duration_seconds";
/// Seconds of audio diarized.
pub const AUDIO_SECONDS: &str = "diarist_audio_seconds_total";
/// Seconds of work a second of audio.
pub const REAL_TIME_FACTOR: &str = "diarist_real_time_factor";
/// Seconds of work of a job, by step.
pub const STEP_DURATION: &str = "diarist_step_duration_seconds";
/// Jobs running in this process.
pub const RUNNING: &str = "diarist_jobs_running";

/// Tells the recorder what they mean.
pub(crate) fn describe() {
    describe_counter!(
        JOBS_TOTAL,
        "Attempts that ended, by what became of the job."
    );
    describe_histogram!(JOB_DURATION, "Seconds from claim to success.");
    describe_counter!(AUDIO_SECONDS, "Seconds of audio diarized.");
    describe_histogram!(REAL_TIME_FACTOR, "Seconds of work a second of audio.");
    describe_histogram!(STEP_DURATION, "Seconds of work of a job, by step.");
    describe_gauge!(RUNNING, "Jobs running in this process.");
    describe_histogram!(BATCH_SIZE, "Windows in a batch of the model.");
}
