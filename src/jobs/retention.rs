//! Section `[retention]` of the settings.

use std::time::Duration;

use chrono::TimeDelta;
use serde::Deserialize;
use thiserror::Error;

/// How long what jobs leave behind is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Hours that a job's audio is kept after its end; 0 for ever.
    pub audio_hours: f64,
    /// Hours that a job and its results are kept after its end; 0 for ever.
    pub result_hours: f64,
}

/// A setting beyond its limit.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("retention.{key} must be between 0 and {max}; given: {value}", max = Retention::MAX_HOURS)]
pub struct RetentionError {
    key: &'static str,
    value: f64,
}

impl Retention {
    /// The longest time: a hundred years.
    const MAX_HOURS: f64 = 876_000.0;

    /// Checks every value against its limit.
    ///
    /// # Errors
    /// The first one beyond it.
    pub fn validate(&self) -> Result<(), RetentionError> {
        let checks = [
            ("audio_hours", self.audio_hours),
            ("result_hours", self.result_hours),
        ];
        match checks
            .into_iter()
            .find(|(_, value)| !(0.0..=Self::MAX_HOURS).contains(value))
        {
            None => Ok(()),
            Some((key, value)) => Err(RetentionError { key, value }),
        }
    }

    pub(super) fn audio(&self) -> Option<TimeDelta> {
        kept(self.audio_hours)
    }

    pub(super) fn results(&self) -> Option<TimeDelta> {
        kept(self.result_hours)
    }

    /// Between two looks: often enough that nothing is kept much longer than it should be.
    pub(super) fn interval(&self) -> Duration {
        const SHORTEST: f64 = 1.0;
        const LONGEST: f64 = 600.0;
        let hours = [self.audio_hours, self.result_hours].into_iter();
        let least = hours.filter(|hours| *hours > 0.0).fold(1.0, f64::min);
        Duration::from_secs_f64((least * 360.0).clamp(SHORTEST, LONGEST))
    }
}

fn kept(hours: f64) -> Option<TimeDelta> {
    (hours > 0.0).then(|| TimeDelta::milliseconds((hours * 3_600_000.0) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_is_named_with_its_limit_and_value() {
        let retention = Retention {
            audio_hours: 24.0,
            result_hours: -1.0,
        };
        assert_eq!(
            retention.validate().unwrap_err().to_string(),
            "retention.result_hours must be between 0 and 876000; given: -1"
        );
        let retention = Retention {
            result_hours: f64::NAN,
            ..retention
        };
        assert!(retention.validate().is_err());
    }

    #[test]
    fn looks_are_as_frequent_as_the_shorter_time_asks_for() {
        let interval = |audio_hours, result_hours| {
            let retention = Retention {
                audio_hours,
                result_hours,
            };
            retention.interval().as_secs()
        };
        assert_eq!(interval(0.0, 0.0), 360);
        assert_eq!(interval(0.1, 24.0), 36);
        assert_eq!(interval(0.0, 0.000_1), 1);
    }
}
