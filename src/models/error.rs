//! What can go wrong with a model.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::MetadataError;

/// A model that cannot be loaded, or that failed while it ran.
#[derive(Debug, Error)]
pub enum ModelError {
    /// ONNX Runtime's shared library is nowhere.
    #[error(
        "ONNX Runtime's shared library was not found; get it with `make onnxruntime`, or say where \
         it is by model.onnxruntime or ORT_DYLIB_PATH; looked in: {}", list(.searched)
    )]
    NoLibrary {
        /// Folders looked in.
        searched: Vec<PathBuf>,
    },
    /// The shared library is there but does not load.
    #[error("cannot load ONNX Runtime from {}: {reason}", path.display())]
    Library {
        /// Which file.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// The shipped model is nowhere.
    #[error(
        "the shipped model {} was not found; name a model by model.path or --model; looked in: {}",
        file.display(), list(.searched)
    )]
    NoModel {
        /// The file's place below the folders.
        file: PathBuf,
        /// Folders looked in.
        searched: Vec<PathBuf>,
    },
    /// The model file cannot be read.
    #[error("cannot read the model {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// ONNX Runtime does not take the file.
    #[error("cannot load the model {}: {reason}", path.display())]
    Load {
        /// Which file.
        path: PathBuf,
        /// What ONNX Runtime said.
        reason: String,
    },
    /// The file's metadata is not what an embedding model must say.
    #[error("the model {} is refused: {source}", path.display())]
    Metadata {
        /// Which file.
        path: PathBuf,
        /// Which key.
        source: MetadataError,
    },
    /// The file's inputs or outputs are not those of an embedding model.
    #[error("the model {} is refused: {what} must be {expected}; given: {given}", path.display())]
    Shape {
        /// Which file.
        path: PathBuf,
        /// Which part of its interface.
        what: String,
        /// What it must be.
        expected: String,
        /// What it is.
        given: String,
    },
    /// CUDA was asked for and does not work.
    #[error(
        "model.provider is cuda, which does not work here: {reason}; `scripts/fetch-onnxruntime.sh \
         gpu` gets ONNX Runtime with CUDA and names the libraries that are missing"
    )]
    Cuda {
        /// What ONNX Runtime said.
        reason: String,
    },
    /// The features handed in do not have the shape of a batch.
    #[error("{what} must be {expected}; given: {given}")]
    Features {
        /// Which axis.
        what: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        given: usize,
    },
    /// A run failed; the next one may succeed.
    #[error("the model failed: {reason}")]
    Run {
        /// What ONNX Runtime said.
        reason: String,
    },
    /// The network gave values that are no numbers, or all zeros.
    #[error("the model gave an embedding that is not a direction: row {row} of the batch")]
    NotADirection {
        /// Which window.
        row: usize,
    },
    /// The inference thread is gone.
    #[error("the inference thread has stopped")]
    Stopped,
}

impl From<ndarray::ShapeError> for ModelError {
    /// Values that do not fill the shape they were meant for.
    fn from(error: ndarray::ShapeError) -> Self {
        Self::Run {
            reason: error.to_string(),
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
    paths.join(", ")
}
