//! Section `[http]` of the settings.

use serde::Deserialize;
use thiserror::Error;

/// What the server takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The largest reference, in bytes.
    pub max_reference_bytes: usize,
    /// How long an upload may stand still, in seconds.
    pub upload_idle_seconds: u64,
}

/// A setting beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("http.{key} must be between 1 and {most}; given: {value}")]
pub struct SettingsError {
    key: &'static str,
    most: u64,
    value: u64,
}

impl Settings {
    /// Checks every value against its limit.
    ///
    /// # Errors
    /// The first one beyond it.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let checks = [
            (
                "max_reference_bytes",
                self.max_reference_bytes as u64,
                1 << 30,
            ),
            ("upload_idle_seconds", self.upload_idle_seconds, 3600),
        ];
        for (key, value, most) in checks {
            if !(1..=most).contains(&value) {
                return Err(SettingsError { key, most, value });
            }
        }
        Ok(())
    }
}
