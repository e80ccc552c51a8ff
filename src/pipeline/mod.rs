//! From audio to turns.
//!
//! Three steps, plain synchronous code, with a [`ProgressHook`](crate::domain::ProgressHook) that
//! hears how far they are and may stop them:
//!
//! 1. [`Step::Embeddings`](crate::domain::Step): one streaming pass, a second of samples at a time.
//!    `scan` feeds each block to the speech detector (a probability per 16 ms) and the filterbank
//!    (80 bins per 10 ms), cuts windows of 1.5 s every 0.75 s, and hands those with enough speech
//!    to the model in batches without waiting for answers. Neither
//!    samples nor frames are kept: an hour adds embeddings (10 MB) and probabilities (1 MB).
//! 2. [`Step::Clustering`](crate::domain::Step): `(windows, dim)` to a speaker a window.
//! 3. [`Step::Assembly`](crate::domain::Step): `assembly` lets overlapping windows vote for every
//!    10 ms of speech and makes turns of the result.
//!
//! The last two steps need no audio: [`recluster`] repeats them on what a run has left.
//!
//! The output depends on the audio, the model and the settings alone: not on batch size, threads
//! or timing.

mod assembly;
mod channels;
mod checkpoint;
mod conclude;
mod diarize;
mod error;
mod gate;
mod guidance;
mod runs;
mod scan;
mod segmentation;
mod settings;
mod votes;

pub use channels::{ChannelProgress, join};
pub use checkpoint::Checkpoint;
pub use conclude::{Evidence, recluster};
pub use diarize::{EmbeddingSource, Pipeline};
pub use error::PipelineError;
pub use settings::{Method, PipelineSettings, Settings, SettingsError};
