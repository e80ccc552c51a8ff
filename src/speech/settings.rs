//! Thresholds and durations.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// When a frame counts as speech, and which stretches are worth keeping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Probability from which speech begins, 0 to 1.
    pub onset: f32,
    /// Probability below which speech ends, 0 to `onset`.
    pub offset: f32,
    /// Pauses shorter than this are speech, in seconds.
    pub min_duration_off: f64,
    /// Speech shorter than this is not, in seconds; measured before padding.
    pub min_duration_on: f64,
    /// Added before and after each stretch of speech, in seconds.
    pub padding: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            onset: 0.55,
            offset: 0.45,
            min_duration_off: 0.3,
            min_duration_on: 0.1,
            padding: 0.04,
        }
    }
}

/// A setting outside its limits.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("speech.{name} must be {limit}; given: {given}")]
pub struct SettingsError {
    /// The setting.
    pub name: &'static str,
    /// What it may be.
    pub limit: &'static str,
    /// What it is.
    pub given: String,
}

impl Settings {
    /// Longest duration any of the settings may ask for, in seconds.
    const LONGEST: f64 = 10.0;

    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting outside its limits.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let probability = |value: f32| (0.0..=1.0).contains(&value);
        let duration = |value: f64| (0.0..=Self::LONGEST).contains(&value);
        let seconds = "between 0 and 10 seconds";
        let Self {
            onset,
            offset,
            min_duration_off: off,
            min_duration_on: on,
            padding,
        } = *self;
        let checks = [
            (
                "onset",
                probability(onset),
                "between 0 and 1",
                onset.to_string(),
            ),
            (
                "offset",
                probability(offset),
                "between 0 and 1",
                offset.to_string(),
            ),
            (
                "offset",
                offset <= onset,
                "at most speech.onset",
                offset.to_string(),
            ),
            ("min_duration_off", duration(off), seconds, off.to_string()),
            ("min_duration_on", duration(on), seconds, on.to_string()),
            ("padding", duration(padding), seconds, padding.to_string()),
        ];
        match checks.into_iter().find(|(_, holds, _, _)| !holds) {
            None => Ok(()),
            Some((name, _, limit, given)) => Err(SettingsError { name, limit, given }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_and_a_wrong_value_is_named_with_its_limit() {
        Settings::default().validate().unwrap();
        let message = |settings: Settings| settings.validate().unwrap_err().to_string();
        let crossed = Settings {
            offset: 0.75,
            ..Settings::default()
        };
        assert_eq!(
            message(crossed),
            "speech.offset must be at most speech.onset; given: 0.75"
        );
        let nan = Settings {
            padding: f64::NAN,
            ..Settings::default()
        };
        assert_eq!(
            message(nan),
            "speech.padding must be between 0 and 10 seconds; given: NaN"
        );
    }
}
