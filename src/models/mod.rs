//! Embedding models: the file's contract, the session that runs it, the thread that owns the
//! session.
//!
//! An embedding model is an ONNX file with input `[batch, frames, 80]` and output `[batch, dim]`
//! that describes itself by the metadata keys which sherpa-onnx reads ([`Metadata`]). [`Inference`]
//! loads one, checks it against that contract, and runs it on one thread of its own: callers bring
//! windows of features, which share batches with other callers' (`queue`), and wait for embeddings.
//! A segmentation model ([`Segmenter`]) says who of a few local speakers is active in each frame of a
//! chunk; it is small, and runs where it is needed. Only `onnx` below knows ONNX Runtime.

mod embedder;
mod error;
mod inference;
mod line;
mod locate;
mod metadata;
mod onnx;
mod queue;
mod runner;
mod segmentation;
mod settings;

pub use embedder::Embedder;
pub use error::ModelError;
pub use inference::{Description, Embedded, Inference};
pub use line::{Line, Pending};
pub use metadata::{Framework, Metadata, MetadataError};
pub use runner::BATCH_SIZE;
pub use segmentation::{SegmentationMetadata, Segmenter};
pub use settings::{Provider, Settings, SettingsError};
