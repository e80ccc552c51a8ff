//! Logging and tracing: one subscriber for the whole process. The log goes to stderr, spans go to an
//! OpenTelemetry collector where the environment names one.
//!
//! Events and spans carry names, counts and times, never audio, request bodies or header values.

mod traces;

use std::io::{self, IsTerminal};

use serde::Deserialize;
use thiserror::Error;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt, registry};

use traces::Traces;
pub use traces::continue_trace;

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
    /// Spans cannot be sent.
    #[error("traces cannot be sent as OTEL_EXPORTER_OTLP_* say: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Somebody was faster.
    #[error("logging is set up already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Flushes what is not sent yet when it is dropped: keep it until the process ends.
#[derive(Debug)]
#[must_use]
pub struct Telemetry {
    _traces: Option<Traces>,
}

/// Starts logging, and tracing if the environment asks for it, for the whole process.
///
/// # Errors
/// When the filter or the collector's address cannot be read, and when it was started before.
pub fn start(settings: &Settings) -> Result<Telemetry, TelemetryError> {
    let lines = fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let lines = match settings.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let traces = Traces::from_environment()?;
    // The log's filter is the log's alone: a quiet log may go with full traces.
    let spans = traces.as_ref().map(|traces| {
        tracing_opentelemetry::layer()
            .with_tracer(traces.tracer())
            .with_filter(LevelFilter::INFO)
    });
    registry()
        .with(lines.with_filter(settings.filter()?))
        .with(spans)
        .try_init()?;
    Ok(Telemetry { _traces: traces })
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
