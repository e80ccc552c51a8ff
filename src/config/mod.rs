//! Settings: embedded defaults, then a file, then the environment, then flags.
//!
//! `config.default.toml` is the reference: it states every key with its default and its limits.
//! Each room owns the struct of its section; this module composes them and nothing else. A room's
//! struct derives `Deserialize` with `deny_unknown_fields`, and the error of its `validate` is a
//! sentence that begins with the key and names the limit and the value.

mod leaf;
mod load;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::pipeline::PipelineSettings;
use crate::{
    audio, clustering, http, jobs, models, outbound, pipeline, speech, storage, telemetry, voices,
};
pub use load::{ConfigError, Overrides, load};

/// The commented defaults, as shipped.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// What one process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// HTTP and jobs in one process.
    All,
    /// HTTP only.
    Api,
    /// Jobs only.
    Worker,
}

impl Role {
    /// The name in settings and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }
}

/// All settings of the program.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where HTTP listens.
    pub listen: SocketAddr,
    /// Folder for the database, audio and results.
    pub data_dir: PathBuf,
    /// What this process does.
    pub role: Role,
    /// Seconds that work in progress has to finish after a signal to stop.
    pub shutdown_seconds: u64,
    /// Who may ask.
    pub access: http::AccessSettings,
    /// What audio is accepted.
    pub audio: audio::Limits,
    /// How embeddings are grouped.
    pub clustering: clustering::Settings,
    /// What the server takes.
    pub http: http::Settings,
    /// How jobs are run.
    pub jobs: jobs::Settings,
    /// Logging.
    pub log: telemetry::Settings,
    /// The embedding model.
    pub model: models::Settings,
    /// Requests to hosts that callers name.
    pub outbound: outbound::Settings,
    /// How long what jobs leave behind is kept.
    pub retention: jobs::Retention,
    /// Speech activity.
    pub speech: speech::Settings,
    /// How audio is kept.
    pub storage: storage::Settings,
    /// Windows and turns.
    pub pipeline: pipeline::Settings,
    /// Comparing voices.
    pub voices: voices::Settings,
    /// Telling callers of a job's end.
    pub webhooks: http::WebhookSettings,
}

impl Settings {
    /// Seconds a shutdown may take at most.
    const MAX_SHUTDOWN_SECONDS: u64 = 3600;

    /// The sections that decide what a recording's diarization is, given a model.
    pub fn steps(&self) -> PipelineSettings {
        PipelineSettings {
            speech: self.speech.clone(),
            clustering: self.clustering.clone(),
            pipeline: self.pipeline.clone(),
        }
    }

    /// A sentence per value beyond its limit, beginning with the key; empty when all is well.
    pub fn validate(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.data_dir.as_os_str().is_empty() {
            problems.push("data_dir must not be empty".to_owned());
        }
        if self.shutdown_seconds > Self::MAX_SHUTDOWN_SECONDS {
            problems.push(format!(
                "shutdown_seconds must be at most {}; given: {}",
                Self::MAX_SHUTDOWN_SECONDS,
                self.shutdown_seconds
            ));
        }
        let rooms = [
            sentence(self.access.validate()),
            sentence(self.audio.validate()),
            sentence(self.clustering.validate()),
            sentence(self.http.validate()),
            sentence(self.jobs.validate()),
            sentence(self.log.validate()),
            sentence(self.model.validate()),
            sentence(self.outbound.validate()),
            sentence(self.retention.validate()),
            sentence(self.speech.validate()),
            sentence(self.storage.validate()),
            sentence(self.pipeline.validate()),
            sentence(self.voices.validate()),
            sentence(self.webhooks.validate()),
        ];
        problems.extend(rooms.into_iter().flatten());
        problems
    }
}

fn sentence<E: std::fmt::Display>(checked: Result<(), E>) -> Option<String> {
    checked.err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_states_the_defaults_that_the_rooms_have() {
        let settings = load(None, Vec::new()).unwrap();
        assert_eq!(settings.access, http::AccessSettings::default());
        assert_eq!(settings.audio, audio::Limits::default());
        assert_eq!(settings.model, models::Settings::default());
        assert_eq!(settings.outbound, outbound::Settings::default());
        assert_eq!(settings.retention, jobs::Retention::default());
        assert_eq!(settings.storage, storage::Settings::default());
        assert_eq!(settings.speech, speech::Settings::default());
        assert_eq!(settings.clustering, clustering::Settings::default());
        assert_eq!(settings.pipeline, pipeline::Settings::default());
        assert_eq!(settings.voices, voices::Settings::default());
    }
}
