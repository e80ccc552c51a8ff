//! Why a recording could not be diarized.

use thiserror::Error;

use crate::audio::AudioError;
use crate::clustering::ClusteringError;
use crate::domain::Cancelled;
use crate::models::ModelError;

/// One variant for each room below, and two of the pipeline's own.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// The audio.
    #[error(transparent)]
    Audio(#[from] AudioError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The embeddings cannot be grouped.
    #[error(transparent)]
    Clustering(ClusteringError),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The checkpoint that the run took over is not of this recording and these settings after all:
    /// to be discarded.
    #[error("the checkpoint does not fit the recording")]
    StaleCheckpoint,
    /// The pipeline that hears overlap was asked for without its model.
    #[error("pipeline.method is segmentation, and there is no segmentation model")]
    NoSegmentation,
    /// Embeddings given in place of the model's do not belong to this recording.
    #[error("the recording has {expected} windows; embeddings given: {given}")]
    WindowCount {
        /// Windows of 1.5 s every 0.75 s.
        expected: usize,
        /// Rows given.
        given: usize,
    },
    /// An embedding given in place of the model's has no direction.
    #[error("the embedding given for window {window} (from 0) is zero or not finite")]
    NoDirection {
        /// The window, from 0.
        window: usize,
    },
}

impl From<ClusteringError> for PipelineError {
    fn from(error: ClusteringError) -> Self {
        match error {
            ClusteringError::Unwanted => Self::Cancelled,
            error => Self::Clustering(error),
        }
    }
}

impl From<Cancelled> for PipelineError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}
