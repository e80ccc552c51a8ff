//! Which model, on what.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use thiserror::Error;

/// Where the network is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// On a CUDA device if that works, else on the CPU.
    Auto,
    /// On a CUDA device, or not at all.
    Cuda,
    /// On the CPU.
    Cpu,
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
        })
    }
}

/// The embedding model and how to run it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The ONNX file; absent (or empty): the model shipped with Diarist.
    #[serde(deserialize_with = "nothing_if_empty")]
    pub path: Option<PathBuf>,
    /// Where to compute.
    pub provider: Provider,
    /// Threads that share one operator; 0: as many as there are physical cores.
    pub threads: usize,
    /// Windows computed at once.
    pub batch_size: usize,
    /// The segmentation model, an ONNX file; absent (or empty): the one shipped with Diarist.
    #[serde(deserialize_with = "nothing_if_empty")]
    pub segmentation: Option<PathBuf>,
    /// ONNX Runtime's shared library; absent (or empty): looked for.
    #[serde(deserialize_with = "nothing_if_empty")]
    pub onnxruntime: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: None,
            provider: Provider::Auto,
            threads: 0,
            batch_size: 8,
            segmentation: None,
            onnxruntime: None,
        }
    }
}

fn nothing_if_empty<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    PathBuf::deserialize(from).map(|path| (!path.as_os_str().is_empty()).then_some(path))
}

/// A setting outside its limits.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("model.{name} must be between {least} and {most}; given: {given}")]
pub struct SettingsError {
    /// The setting.
    pub name: &'static str,
    /// The smallest value allowed.
    pub least: usize,
    /// The largest value allowed.
    pub most: usize,
    /// What it is.
    pub given: usize,
}

impl Settings {
    const MAX_THREADS: usize = 256;
    const MAX_BATCH_SIZE: usize = 256;

    /// Checks every setting; whether the files exist is found out when they are opened.
    ///
    /// # Errors
    /// The first setting outside its limits.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let limits = [
            ("threads", self.threads, 0, Self::MAX_THREADS),
            ("batch_size", self.batch_size, 1, Self::MAX_BATCH_SIZE),
        ];
        for (name, given, least, most) in limits {
            if !(least..=most).contains(&given) {
                return Err(SettingsError {
                    name,
                    least,
                    most,
                    given,
                });
            }
        }
        Ok(())
    }

    /// The number of threads in force: physical cores, but no more than the process may use.
    pub(super) fn threads(&self) -> usize {
        if self.threads > 0 {
            return self.threads;
        }
        let usable = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        num_cpus::get_physical().clamp(1, usable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_and_a_wrong_value_is_named_with_its_limit() {
        Settings::default().validate().unwrap();
        let wrong = Settings {
            batch_size: 0,
            ..Settings::default()
        };
        assert_eq!(
            wrong.validate().unwrap_err().to_string(),
            "model.batch_size must be between 1 and 256; given: 0"
        );
    }
}
