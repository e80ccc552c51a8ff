//! The inference thread and the handle to it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use ndarray::{Array2, Array3, Axis};
use tracing::Span;

use super::line::{Line, Pending};
use super::queue::{Queue, Work};
use super::runner::Runner;
use super::{Metadata, ModelError, Provider, Settings};
use crate::domain::EmbeddingSpace;
use crate::dsp::MEL_BINS;

/// A running model: the handle that pipelines share. The thread ends with the last handle.
///
/// One thread owns the ONNX session; no lock is held while it computes. It fills its batches with
/// windows of all who bring some ([`Line`]). Batches always run in one shape, `(batch_size, frames,
/// 80)`, the missing rows filled with zeros: convolution algorithms and memory plans are chosen per
/// shape (on a GPU a new shape can cost hundreds of times a run), and matrix kernels for one row
/// round differently from those for many, so that without the fill a window's embedding would
/// depend on how many came with it.
#[derive(Debug, Clone)]
pub struct Inference(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Arc<Queue>,
    /// Taken only when the last handle goes.
    thread: Option<JoinHandle<()>>,
    metadata: Metadata,
    description: Description,
}

/// What runs, for people and for the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The model's name: the metadata's, or the file's.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// The file's SHA-256 in hexadecimal.
    pub sha256: String,
    /// The space that its embeddings lie in.
    pub space: EmbeddingSpace,
    /// Values in an embedding.
    pub dim: usize,
    /// Where it runs: CUDA or CPU.
    pub provider: Provider,
    /// Threads inside an operator.
    pub threads: usize,
    /// Windows in a batch.
    pub batch_size: usize,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            dim,
            provider,
            threads,
            batch_size,
            ..
        } = self;
        let hash = &self.sha256[..12.min(self.sha256.len())];
        write!(
            f,
            "{name} (sha256 {hash}, {dim} values) on {provider}, threads: {threads}, batch: {batch_size}"
        )
    }
}

/// The embeddings of a batch.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// One row of unit length per window, `(batch, dim)`.
    pub embeddings: Array2<f32>,
    /// Seconds inside ONNX Runtime.
    pub seconds: f64,
}

impl Inference {
    /// Longest recording that [`Inference::submit_whole`] takes, in frames: five minutes. Memory
    /// grows with the length.
    pub const MAX_WHOLE_FRAMES: usize = 30_000;

    /// Loads the model, checks it, warms it up, and keeps it on a thread of its own.
    ///
    /// # Errors
    /// [`ModelError`] if ONNX Runtime or the model is missing or the model breaks its contract.
    pub fn start(settings: &Settings) -> Result<Self, ModelError> {
        let queue = Arc::new(Queue::new(settings.batch_size));
        let served = Served(Arc::clone(&queue));
        let (ready, started) = sync_channel(1);
        let settings = settings.clone();
        let span = Span::current();
        let thread = std::thread::Builder::new()
            .name("inference".into())
            .spawn(move || {
                let _entered = span.enter();
                match Runner::start(&settings) {
                    Ok((mut runner, description)) => {
                        let metadata = runner.metadata().clone();
                        if ready.send(Ok((metadata, description))).is_ok() {
                            runner.serve(&served.0);
                        }
                    }
                    // Nobody left to tell: the caller waits for this message or has panicked.
                    Err(error) => drop(ready.send(Err(error))),
                }
            })
            .map_err(|error| ModelError::Run {
                reason: format!("cannot start a thread: {error}"),
            })?;
        let (metadata, description) = started.recv().unwrap_or(Err(ModelError::Stopped))?;
        Ok(Self(Arc::new(Shared {
            queue,
            thread: Some(thread),
            metadata,
            description,
        })))
    }

    /// What the model's file says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// Values in an embedding.
    pub fn dim(&self) -> usize {
        self.0.metadata.dim
    }

    /// Windows in a batch at most.
    pub fn batch_size(&self) -> usize {
        self.0.description.batch_size
    }

    /// What runs where.
    pub fn description(&self) -> &Description {
        &self.0.description
    }

    /// A line for windows that come one by one.
    pub fn line(&self) -> Line {
        Line::new(self.clone(), &self.0.queue)
    }

    /// Hands in windows `(1 to batch_size, frames, 80)`, mean-normalised where the metadata says
    /// so.
    pub fn submit(&self, features: &Array3<f32>) -> Pending {
        if let Err(error) = check("the batch", features.dim().0, self.batch_size()) {
            return Pending::refused(&self.0.queue, error);
        }
        let mut line = self.line();
        for window in features.outer_iter() {
            if let Err(error) = line.push(window.to_owned()) {
                return Pending::refused(&self.0.queue, error);
            }
        }
        line.finish()
    }

    /// Hands in one recording `(1 to MAX_WHOLE_FRAMES, 80)` to be embedded as one.
    pub fn submit_whole(&self, features: Array2<f32>) -> Pending {
        match check_frames(&features) {
            Ok(()) => {
                let work = Work::Whole(features.insert_axis(Axis(0)));
                Pending::alone(&self.0.queue, work, 1)
            }
            Err(error) => Pending::refused(&self.0.queue, error),
        }
    }

    /// Seconds that ONNX Runtime alone needs for `batches` full batches of windows of the
    /// pipeline's length: the yardstick for everything around it.
    ///
    /// # Errors
    /// [`ModelError`] if a run fails.
    pub fn bare_seconds(&self, batches: usize) -> Result<f64, ModelError> {
        let pending = Pending::alone(&self.0.queue, Work::Bare(batches), 0);
        Ok(pending.wait()?.seconds)
    }
}

/// The queue as the thread has it: when the thread ends, for whatever reason, nobody waits on.
struct Served(Arc<Queue>);

impl Drop for Served {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl Drop for Shared {
    /// Waits for the thread, so that no session runs while the process tears down its libraries.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Refuses features that no network of the contract takes.
pub(super) fn check_frames(features: &Array2<f32>) -> Result<(), ModelError> {
    let (frames, bins) = features.dim();
    check("the number of frames", frames, Inference::MAX_WHOLE_FRAMES)?;
    if bins == MEL_BINS {
        return Ok(());
    }
    Err(ModelError::Features {
        what: "the number of mel bins",
        expected: MEL_BINS.to_string(),
        given: bins,
    })
}

fn check(what: &'static str, given: usize, most: usize) -> Result<(), ModelError> {
    if (1..=most).contains(&given) {
        return Ok(());
    }
    Err(ModelError::Features {
        what,
        expected: format!("between 1 and {most}"),
        given,
    })
}
