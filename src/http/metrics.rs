//! Prometheus metrics: the recorder, and the names that this room writes.

use std::sync::{Mutex, OnceLock, PoisonError};

use metrics::{describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::jobs::metrics as jobs;

/// Seconds until a response began, by method, route and status.
pub(super) const REQUEST_DURATION: &str = "http_server_request_duration_seconds";
/// Requests being answered.
pub(super) const ACTIVE_REQUESTS: &str = "http_server_active_requests";
/// Bytes of audio taken in.
pub(super) const UPLOADED_BYTES: &str = "diarist_uploaded_bytes_total";
/// Webhooks that ended, by how.
pub(super) const WEBHOOKS: &str = "diarist_webhooks_total";
/// Jobs in the database, by status.
pub(super) const JOBS: &str = "diarist_jobs";
/// Jobs waiting for a worker.
pub(super) const QUEUE_DEPTH: &str = "diarist_queue_depth";

/// Bounds of request durations in seconds, as OpenTelemetry advises.
const REQUEST_BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
/// Bounds of job durations in seconds.
const JOB_BUCKETS: [f64; 12] = [
    0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 7200.0,
];
/// Bounds of real-time factors.
const FACTOR_BUCKETS: [f64; 10] = [
    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0,
];
/// Bounds of counts.
const COUNT_BUCKETS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The process's recorder, installed at the first call.
///
/// # Errors
/// When another recorder is installed already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _guard = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let buckets = |builder: PrometheusBuilder, name: &str, values: &[f64]| {
        builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), values)
    };
    let builder = PrometheusBuilder::new();
    let builder = buckets(builder, REQUEST_DURATION, &REQUEST_BUCKETS)?;
    let builder = buckets(builder, jobs::JOB_DURATION, &JOB_BUCKETS)?;
    let builder = buckets(builder, jobs::STEP_DURATION, &JOB_BUCKETS)?;
    let builder = buckets(builder, jobs::REAL_TIME_FACTOR, &FACTOR_BUCKETS)?;
    let builder = buckets(builder, jobs::BATCH_SIZE, &COUNT_BUCKETS)?;
    let handle = builder.install_recorder()?;
    describe();
    Ok(RECORDER.get_or_init(|| handle).clone())
}

fn describe() {
    describe_histogram!(
        REQUEST_DURATION,
        "Seconds until a response began, by method, route and status."
    );
    describe_gauge!(ACTIVE_REQUESTS, "Requests being answered.");
    describe_counter!(UPLOADED_BYTES, "Bytes of audio taken in.");
    describe_counter!(WEBHOOKS, "Webhooks that ended: delivered or given_up.");
    describe_gauge!(JOBS, "Jobs in the database, by status.");
    describe_gauge!(QUEUE_DEPTH, "Jobs waiting for a worker.");
    jobs::describe();
}
