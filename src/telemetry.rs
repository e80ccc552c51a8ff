//! Logging: one subscriber for the whole process, on stderr.
//!
//! Events carry names, counts and times, never audio, request bodies or header values.

use std::io::{self, IsTerminal};

use serde::Deserialize;
use thiserror::Error;
use tracing_subscriber::EnvFilter;

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Section `[log]` of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged, in tracing's notation.
    pub filter: String,
}

impl Settings {
    /// Checks the filter's notation.
    ///
    /// # Errors
    /// [`TelemetryError::Filter`] names the setting and the value.
    pub fn validate(&self) -> Result<(), TelemetryError> {
        self.filter().map(drop)
    }

    fn filter(&self) -> Result<EnvFilter, TelemetryError> {
        EnvFilter::try_new(&self.filter).map_err(|source| TelemetryError::Filter {
            given: self.filter.clone(),
            source,
        })
    }
}

/// Logging could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter is in no notation known.
    #[error(
        "log.filter must be a level or levels by module, as in `info,diarist=debug`; \
         given: {given} ({source})"
    )]
    Filter {
        /// The filter.
        given: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Somebody was faster.
    #[error("logging is set up already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts logging for the whole process.
///
/// # Errors
/// When the filter cannot be read, and when it was started before.
pub fn start(settings: &Settings) -> Result<(), TelemetryError> {
    use tracing_subscriber::util::SubscriberInitExt as _;

    let builder = tracing_subscriber::fmt()
        .with_env_filter(settings.filter()?)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match settings.format {
        LogFormat::Text => builder.finish().try_init()?,
        LogFormat::Json => builder.json().finish().try_init()?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_a_problem() {
        let settings = |filter: &str| Settings {
            format: LogFormat::Text,
            filter: filter.to_owned(),
        };
        settings("info,diarist=debug").validate().unwrap();
        let problem = settings("diarist=loud").validate().unwrap_err();
        assert!(
            problem.to_string().contains("given: diarist=loud"),
            "{problem}"
        );
    }
}
