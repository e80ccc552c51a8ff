//! What a cosine says about two voices.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// From a cosine to a probability: logistic regression on trials with known answers, for even odds
/// beforehand (N. Brümmer and J. du Preez, "Application-independent evaluation of speaker
/// detection", Computer Speech & Language 20, 2006).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// How steeply the log-odds rise with the cosine.
    pub slope: f32,
    /// The cosine at which one speaker is as probable as two.
    pub midpoint: f32,
}

impl Calibration {
    /// The probability, 0 to 1, that voices at this cosine are one speaker's.
    pub fn probability(&self, cosine: f32) -> f32 {
        1.0 / (1.0 + (-self.slope * (cosine - self.midpoint)).exp())
    }
}

/// A threshold by its name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdName {
    /// Few speakers are turned away, more impostors accepted.
    Lenient,
    /// As many are turned away as impostors accepted.
    #[default]
    Balanced,
    /// Few impostors are accepted, more speakers turned away.
    Strict,
}

/// A name that no threshold has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("must be one of lenient, balanced, strict")]
pub struct UnknownThreshold;

impl ThresholdName {
    /// Every name.
    pub const ALL: [Self; 3] = [Self::Lenient, Self::Balanced, Self::Strict];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lenient => "lenient",
            Self::Balanced => "balanced",
            Self::Strict => "strict",
        }
    }
}

impl fmt::Display for ThresholdName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ThresholdName {
    type Err = UnknownThreshold;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|name| name.as_str() == text)
            .ok_or(UnknownThreshold)
    }
}

/// Cosines from which voices count as one speaker's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// [`ThresholdName::Lenient`].
    pub lenient: f32,
    /// [`ThresholdName::Balanced`].
    pub balanced: f32,
    /// [`ThresholdName::Strict`].
    pub strict: f32,
}

impl Thresholds {
    /// The threshold of that name.
    pub fn get(&self, name: ThresholdName) -> f32 {
        match name {
            ThresholdName::Lenient => self.lenient,
            ThresholdName::Balanced => self.balanced,
            ThresholdName::Strict => self.strict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_rise_through_one_half_at_the_midpoint() {
        let calibration = Calibration {
            slope: 20.0,
            midpoint: 0.4,
        };
        assert!((calibration.probability(0.4) - 0.5).abs() < 1e-6);
        // 1 / (1 + e^-2)
        assert!((calibration.probability(0.5) - 0.880_797).abs() < 1e-5);
        assert!(calibration.probability(-1.0) < 1e-6);
        assert!(calibration.probability(1.0) <= 1.0);
    }

    #[test]
    fn names_survive_text() {
        for name in ThresholdName::ALL {
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        assert_eq!("Strict".parse::<ThresholdName>(), Err(UnknownThreshold));
    }
}
