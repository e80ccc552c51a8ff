//! What the service is willing to decode.

use serde::Deserialize;
use thiserror::Error;

/// The largest input worth starting on.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Size of the file, in bytes.
    pub max_bytes: u64,
    /// Length of the audio, in seconds.
    pub max_duration_seconds: f64,
}

/// A limit that makes no sense.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum LimitsError {
    /// No file is smaller than this.
    #[error("audio.max_bytes must be at least 1; given: {0}")]
    Bytes(u64),
    /// Not a length of time.
    #[error("audio.max_duration_seconds must be above 0 and at most {most}; given: {0}", most = Limits::LONGEST_SECONDS)]
    Duration(f64),
}

impl Limits {
    /// The largest duration that may be allowed: a week, in seconds.
    pub const LONGEST_SECONDS: f64 = 604_800.0;

    /// Checks that the limits are limits.
    ///
    /// # Errors
    /// [`LimitsError`] names the setting, what it must be and what it is.
    pub fn validate(&self) -> Result<(), LimitsError> {
        if self.max_bytes == 0 {
            return Err(LimitsError::Bytes(self.max_bytes));
        }
        let longest = Self::LONGEST_SECONDS;
        if !(self.max_duration_seconds > 0.0 && self.max_duration_seconds <= longest) {
            return Err(LimitsError::Duration(self.max_duration_seconds));
        }
        Ok(())
    }
}

impl Default for Limits {
    /// 4 GiB and 24 hours.
    fn default() -> Self {
        Self {
            max_bytes: 4 << 30,
            max_duration_seconds: 86_400.0,
        }
    }
}

/// How to decode one file.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct DecodeOptions {
    /// What to refuse.
    pub limits: Limits,
    /// The channel to take, counted from 1 as RTTM counts them; absent for the mean of all.
    pub channel: Option<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_name_the_setting_and_the_value() {
        assert_eq!(Limits::default().validate(), Ok(()));
        let limits = Limits {
            max_duration_seconds: f64::NAN,
            ..Limits::default()
        };
        let message = limits.validate().unwrap_err().to_string();
        assert!(message.starts_with("audio.max_duration_seconds must be above 0"));
        assert!(message.ends_with("given: NaN"), "{message}");
    }
}
