//! Section `[voices]` of the settings.

use serde::Deserialize;
use thiserror::Error;

use super::{Calibration, Thresholds};

/// How voices are compared, and what voiceprints are made of.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// From a cosine to a probability: how steep.
    pub slope: f32,
    /// From a cosine to a probability: where it is one half.
    pub midpoint: f32,
    /// Cosines from which voices count as one speaker's, by name.
    pub thresholds: Thresholds,
    /// The longest recording that a voiceprint is made of, in seconds.
    pub max_seconds: f64,
    /// The largest file that a voiceprint is made of, in bytes.
    pub max_bytes: u64,
}

/// A setting beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("voices.{key} must be {wanted}; given: {value}")]
pub struct SettingsError {
    key: &'static str,
    wanted: &'static str,
    value: String,
}

impl Settings {
    /// From a cosine to a probability.
    pub fn calibration(&self) -> Calibration {
        Calibration {
            slope: self.slope,
            midpoint: self.midpoint,
        }
    }

    /// Checks every value against its limit.
    ///
    /// # Errors
    /// The first one beyond it.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let Thresholds {
            lenient,
            balanced,
            strict,
        } = self.thresholds;
        let cosine = |value: f32| (-1.0..=1.0).contains(&value);
        let between = "between -1 and 1";
        let checks = [
            (
                "slope",
                self.slope > 0.0 && self.slope <= 1000.0,
                "above 0 and at most 1000",
                self.slope.to_string(),
            ),
            (
                "midpoint",
                cosine(self.midpoint),
                between,
                self.midpoint.to_string(),
            ),
            (
                "thresholds",
                [lenient, balanced, strict].into_iter().all(cosine)
                    && lenient <= balanced
                    && balanced <= strict,
                "between -1 and 1, lenient at most balanced and that at most strict",
                format!("{lenient}, {balanced}, {strict}"),
            ),
            (
                "max_seconds",
                (1.0..=3600.0).contains(&self.max_seconds),
                "between 1 and 3600",
                self.max_seconds.to_string(),
            ),
            (
                "max_bytes",
                self.max_bytes > 0,
                "at least 1",
                self.max_bytes.to_string(),
            ),
        ];
        match checks.into_iter().find(|(_, ok, ..)| !ok) {
            Some((key, _, wanted, value)) => Err(SettingsError { key, wanted, value }),
            None => Ok(()),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slope: 19.3,
            midpoint: 0.546,
            thresholds: Thresholds {
                lenient: 0.424,
                balanced: 0.542,
                strict: 0.72,
            },
            max_seconds: 30.0,
            max_bytes: 104_857_600,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_setting_is_named_with_its_limit_and_value() {
        Settings::default().validate().unwrap();
        let wrong = Settings {
            thresholds: Thresholds {
                lenient: 0.6,
                balanced: 0.4,
                strict: 0.5,
            },
            ..Settings::default()
        };
        assert_eq!(
            wrong.validate().unwrap_err().to_string(),
            "voices.thresholds must be between -1 and 1, lenient at most balanced and that at most \
             strict; given: 0.6, 0.4, 0.5"
        );
    }
}
