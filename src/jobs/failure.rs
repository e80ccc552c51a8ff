//! What an attempt can fail of, and whether another one may help.

use crate::{
    audio::AudioError, db::Failure, outbound::OutboundError, pipeline::PipelineError,
    storage::StorageError,
};

/// Why an attempt has no result.
#[derive(Debug)]
pub(super) enum AttemptError {
    /// It was asked to stop.
    Stopped,
    /// It would fail again: the input is to blame.
    Permanent(Failure),
    /// It may succeed another time: something around it is to blame.
    Retryable(Failure),
    /// It cannot succeed before an operator has done something, and is not to blame for it.
    Postponed(Failure),
}

impl AttemptError {
    /// The job's thread panicked. What it said is in the log, not in the answer.
    pub(super) fn crashed() -> Self {
        Self::Retryable(Failure::new("internal_error", "the job's thread crashed"))
    }

    /// An error inside the service: logged here, answered without its particulars.
    pub(super) fn internal(what: &'static str, error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "{what}");
        Self::Retryable(Failure::new("internal_error", what))
    }
}

impl From<AudioError> for AttemptError {
    fn from(error: AudioError) -> Self {
        let failure = Failure::new(error.code(), error.to_string());
        match error {
            AudioError::Read(error) => match error.downcast::<StorageError>() {
                Ok(error) => error.into(),
                Err(_) => Self::Retryable(failure),
            },
            AudioError::NotAFile
            | AudioError::EmptyFile
            | AudioError::TooLarge { .. }
            | AudioError::TooLong { .. }
            | AudioError::UnknownContainer
            | AudioError::Malformed { .. }
            | AudioError::NoAudioTrack { .. }
            | AudioError::UnsupportedCodec { .. }
            | AudioError::SampleRate(_)
            | AudioError::NoSuchChannel { .. }
            | AudioError::Sample { .. }
            | AudioError::NoSamples { .. } => Self::Permanent(failure),
        }
    }
}

impl From<OutboundError> for AttemptError {
    fn from(error: OutboundError) -> Self {
        let failure = Failure::new(error.code(), format!("url: {error}"));
        if error.is_transient() {
            Self::Retryable(failure)
        } else {
            Self::Permanent(failure)
        }
    }
}

impl From<StorageError> for AttemptError {
    fn from(error: StorageError) -> Self {
        tracing::error!(%error, "storage");
        match error {
            StorageError::Missing(_) => Self::Retryable(Failure::new(
                "audio_missing",
                "the recording is no longer stored",
            )),
            StorageError::Folder { .. }
            | StorageError::Read(_)
            | StorageError::Encryption(_)
            | StorageError::Store(_) => Self::Retryable(Failure::new(
                "storage_error",
                "the store could not be read or written",
            )),
            StorageError::KeyMissing(_) => Self::Postponed(Failure::new(
                "audio_key_missing",
                "the recording is encrypted with a key that the server has not",
            )),
            StorageError::Damaged(_) => Self::Permanent(Failure::new(
                "audio_damaged",
                "the stored recording is damaged",
            )),
        }
    }
}

impl From<PipelineError> for AttemptError {
    fn from(error: PipelineError) -> Self {
        match error {
            PipelineError::Audio(error) => error.into(),
            PipelineError::Cancelled => Self::Stopped,
            PipelineError::Model(error) => Self::internal("the model failed", &error),
            PipelineError::Clustering(error) => Self::internal("clustering failed", &error),
            PipelineError::NoSegmentation => Self::internal("a model is missing", &error),
            PipelineError::WindowCount { .. }
            | PipelineError::NoDirection { .. }
            | PipelineError::StaleCheckpoint => {
                Self::internal("the embeddings do not fit the recording", &error)
            }
        }
    }
}
