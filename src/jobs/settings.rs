//! Section `[jobs]` of the settings.

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::db::Lane;

/// How jobs are run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Jobs that run at once in one process on recordings that are not short
    /// ([`Lane`](crate::db::Lane)). As many more may be past the model, in clustering.
    pub concurrency: usize,
    /// Jobs that run beside those on short ones.
    pub short_concurrency: usize,
    /// How often a job may fail, or take its worker with it, before it has failed for good.
    pub attempts: u32,
    /// Seconds to wait before a job that failed is tried again; twice as long each further time.
    pub retry_seconds: f64,
    /// Seconds after which a worker that says nothing is taken to be dead.
    pub lease_seconds: u64,
    /// Seconds between two looks for jobs that another process queued.
    pub poll_seconds: f64,
    /// Jobs that may wait for a worker; 0 for any number.
    pub max_waiting: u64,
}

/// A setting beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("jobs.{key} must be between {limits}; given: {value}")]
pub struct SettingsError {
    key: &'static str,
    limits: &'static str,
    value: String,
}

impl Settings {
    /// Checks every value against its limit.
    ///
    /// # Errors
    /// The first one beyond it.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let checks = [
            (
                "concurrency",
                self.concurrency as f64,
                1.0..=256.0,
                "1 and 256",
            ),
            (
                "short_concurrency",
                self.short_concurrency as f64,
                1.0..=256.0,
                "1 and 256",
            ),
            (
                "attempts",
                f64::from(self.attempts),
                1.0..=100.0,
                "1 and 100",
            ),
            (
                "retry_seconds",
                self.retry_seconds,
                0.0..=3600.0,
                "0 and 3600",
            ),
            (
                "lease_seconds",
                self.lease_seconds as f64,
                3.0..=3600.0,
                "3 and 3600",
            ),
            (
                "poll_seconds",
                self.poll_seconds,
                0.05..=60.0,
                "0.05 and 60",
            ),
            (
                "max_waiting",
                self.max_waiting as f64,
                0.0..=1_000_000.0,
                "0 and 1000000",
            ),
        ];
        for (key, value, range, limits) in checks {
            if !range.contains(&value) {
                let value = value.to_string();
                return Err(SettingsError { key, limits, value });
            }
        }
        Ok(())
    }

    /// Jobs that run at once in `lane`.
    pub(super) fn concurrency(&self, lane: Lane) -> usize {
        match lane {
            Lane::Long => self.concurrency,
            Lane::Short => self.short_concurrency,
        }
    }

    pub(super) fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds)
    }

    pub(super) fn poll(&self) -> Duration {
        Duration::from_secs_f64(self.poll_seconds)
    }

    /// How long a job waits that has failed `failures` times.
    pub(super) fn retry_delay(&self, failures: i64) -> Duration {
        const LONGEST_SECONDS: f64 = 3600.0;
        let doublings = failures.clamp(0, 20) as i32;
        let seconds = self.retry_seconds * 2_f64.powi(doublings);
        Duration::from_secs_f64(seconds.min(LONGEST_SECONDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_is_named_with_its_limit_and_value() {
        let settings = Settings {
            concurrency: 0,
            short_concurrency: 1,
            attempts: 3,
            retry_seconds: 2.0,
            lease_seconds: 6,
            poll_seconds: 0.5,
            max_waiting: 0,
        };
        assert_eq!(
            settings.validate().unwrap_err().to_string(),
            "jobs.concurrency must be between 1 and 256; given: 0"
        );
        assert_eq!(settings.retry_delay(1), Duration::from_secs(4));
        assert_eq!(settings.retry_delay(i64::MAX), Duration::from_hours(1));
    }
}
