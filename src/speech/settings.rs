//! Thresholds and durations.

use serde::Deserialize;
use thiserror::Error;

/// When a frame counts as speech, and which stretches are worth keeping.
#[derive(Debug, Clone, PartialEq, Deserialize)]
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
            onset: 0.5,
            offset: 0.35,
            min_duration_off: 0.2,
            min_duration_on: 0.1,
            padding: 0.05,
        }
    }
}

/// A setting outside its limits.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("speech.{name} must be {limit}; given: {value}")]
pub struct SettingsError {
    /// The setting.
    pub name: &'static str,
    /// What it may be.
    pub limit: &'static str,
    /// What it is.
    pub value: f64,
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
        let (onset, offset) = (f64::from(self.onset), f64::from(self.offset));
        let checks = [
            ("onset", probability(self.onset), "between 0 and 1", onset),
            (
                "offset",
                probability(self.offset),
                "between 0 and 1",
                offset,
            ),
            ("offset", offset <= onset, "at most speech.onset", offset),
            (
                "min_duration_off",
                duration(self.min_duration_off),
                seconds,
                self.min_duration_off,
            ),
            (
                "min_duration_on",
                duration(self.min_duration_on),
                seconds,
                self.min_duration_on,
            ),
            ("padding", duration(self.padding), seconds, self.padding),
        ];
        match checks.into_iter().find(|(_, holds, _, _)| !holds) {
            None => Ok(()),
            Some((name, _, limit, value)) => Err(SettingsError { name, limit, value }),
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
        let wrong = Settings {
            onset: 1.5,
            ..Settings::default()
        };
        assert_eq!(
            message(wrong),
            "speech.onset must be between 0 and 1; given: 1.5"
        );
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
        assert!(message(nan).starts_with("speech.padding must be between 0 and 10 seconds"));
    }
}
