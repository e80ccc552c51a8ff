//! The pipeline's steps, as users see them while a job runs.

use std::fmt;

/// A named step of the pipeline, in the order in which they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Decoding, resampling, filterbank, speech activity and embeddings: one streaming pass.
    Embeddings,
    /// Grouping window embeddings by speaker.
    Clustering,
    /// Turning window labels into turns.
    Assembly,
}

impl Step {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Embeddings => "embeddings",
            Self::Clustering => "clustering",
            Self::Assembly => "assembly",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The caller asked for the work to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// Told how far the pipeline is; may stop it.
///
/// Called from the pipeline's own thread, often: implementations must be quick.
pub trait ProgressHook {
    /// `step` has done `fraction` (0 to 1) of its work; the fraction is absent while the total
    /// is not known (a stream that does not state its length).
    ///
    /// # Errors
    /// [`Cancelled`] makes the pipeline stop as soon as it can.
    fn progress(&self, step: Step, fraction: Option<f32>) -> Result<(), Cancelled>;
}

/// A hook that neither listens nor stops anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl ProgressHook for NoProgress {
    fn progress(&self, _step: Step, _fraction: Option<f32>) -> Result<(), Cancelled> {
        Ok(())
    }
}
