//! What the pipeline does between its libraries.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{clustering, speech};

/// The section `[pipeline]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How speech is found and whose it is.
    pub method: Method,
    /// Seconds from one chunk to the next, of those that a segmentation model hears.
    pub chunk_step: f64,
    /// Probability from which on somebody speaks, of the segmentation model's.
    pub speech_threshold: f32,
    /// Probability from which on several do.
    pub overlap_threshold: f32,
    /// Seconds that speech may lie away from what the speech detector hears.
    pub cross_check: f64,
    /// Seconds over which frames of one local speaker share their votes.
    pub guidance: f64,
    /// Share of a window (0 to 1) that must be speech for the window to be embedded.
    pub min_speech: f32,
    /// Seconds a speaker holds the floor at least; shorter turns within a stretch of speech go to
    /// a neighbour.
    pub min_duration_on: f64,
    /// Pauses of one speaker up to this many seconds do not end a turn.
    pub min_duration_off: f64,
}

/// A pipeline by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A speech detector, and windows of 1.5 s that are each one speaker's.
    Windows,
    /// A segmentation model, which hears who of a few local speakers is active, several at once.
    Segmentation,
}

/// The sections that decide what a recording's diarization is, given a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PipelineSettings {
    /// Speech activity.
    pub speech: speech::Settings,
    /// Clustering.
    pub clustering: clustering::Settings,
    /// The rest.
    pub pipeline: Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::Segmentation,
            chunk_step: 5.0,
            speech_threshold: 0.4,
            overlap_threshold: 0.5,
            cross_check: 0.5,
            guidance: 1.0,
            min_speech: 0.5,
            min_duration_on: 0.3,
            min_duration_off: 0.3,
        }
    }
}

/// A setting beyond its limit.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("pipeline.{key} must be between {least} and {most}; given: {value}")]
pub struct SettingsError {
    key: &'static str,
    least: f64,
    most: f64,
    value: f64,
}

impl Settings {
    /// Checks every value against its limit.
    pub fn validate(&self) -> Result<(), SettingsError> {
        for (key, value, least, most) in [
            ("chunk_step", self.chunk_step, 0.1, 10.0),
            (
                "speech_threshold",
                f64::from(self.speech_threshold),
                0.0,
                1.0,
            ),
            (
                "overlap_threshold",
                f64::from(self.overlap_threshold),
                0.0,
                1.0,
            ),
            ("guidance", self.guidance, 0.0, 60.0),
            ("cross_check", self.cross_check, 0.0, 86_400.0),
            ("min_speech", f64::from(self.min_speech), 0.0, 1.0),
            ("min_duration_on", self.min_duration_on, 0.0, 10.0),
            ("min_duration_off", self.min_duration_off, 0.0, 10.0),
        ] {
            if !(least..=most).contains(&value) {
                return Err(SettingsError {
                    key,
                    least,
                    most,
                    value,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn values_beyond_their_limits_are_named() {
        assert_eq!(Settings::default().validate(), Ok(()));
        let settings = Settings {
            min_speech: f32::NAN,
            ..Settings::default()
        };
        assert_eq!(
            settings.validate().unwrap_err().to_string(),
            "pipeline.min_speech must be between 0 and 1; given: NaN"
        );
    }
}
