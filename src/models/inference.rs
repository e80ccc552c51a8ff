//! The inference thread and the handle to it.

use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

use ndarray::{Array2, Array3, Axis};
use tracing::Span;

use super::runner::Runner;
use super::{Metadata, ModelError, Provider, Settings};

/// Batches that wait in front of the thread; whoever brings one more waits itself.
const QUEUE: usize = 4;

/// A running model: the handle that pipelines share. The thread ends with the last handle.
///
/// One thread owns the ONNX session; no lock is held while it computes. Batches of windows always
/// run in one shape, `(batch_size, frames, 80)`, the missing rows filled with zeros: convolution
/// algorithms and memory plans are chosen per shape (on a GPU a new shape can cost hundreds of
/// times a run), and matrix kernels for one row round differently from those for many, so that
/// without the fill a window's embedding would depend on how many came with it.
#[derive(Debug, Clone)]
pub struct Inference(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Taken only when the last handle goes.
    queue: Option<SyncSender<Job>>,
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

/// Embeddings to come. Dropping it withdraws the work, if it has not begun.
#[derive(Debug)]
pub struct Pending {
    reply: Receiver<Result<Embedded, ModelError>>,
    _wanted: Arc<()>,
}

impl Pending {
    /// Waits for the embeddings.
    ///
    /// # Errors
    /// [`ModelError`] if the features have no valid shape or the run failed.
    pub fn wait(self) -> Result<Embedded, ModelError> {
        self.reply.recv().unwrap_or(Err(ModelError::Stopped))
    }
}

pub(super) enum Work {
    /// Windows to be computed in the batch's own shape.
    Windows(Array3<f32>),
    /// One recording, computed as it is.
    Whole(Array3<f32>),
    /// So many full batches of windows, for their time alone.
    Bare(usize),
}

/// Work and who waits for it.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) reply: SyncSender<Result<Embedded, ModelError>>,
    /// Alive as long as somebody waits.
    pub(super) wanted: Weak<()>,
    pub(super) span: Span,
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
        let (queue, jobs) = sync_channel(QUEUE);
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
                            runner.serve(&jobs);
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
            queue: Some(queue),
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

    /// Hands in windows `(1 to batch_size, frames, 80)`, mean-normalised where the metadata says
    /// so. Waits while the queue is full.
    pub fn submit(&self, features: Array3<f32>) -> Pending {
        self.send(Work::Windows(features))
    }

    /// Hands in one recording `(1 to MAX_WHOLE_FRAMES, 80)` to be embedded as one.
    pub fn submit_whole(&self, features: Array2<f32>) -> Pending {
        self.send(Work::Whole(features.insert_axis(Axis(0))))
    }

    /// Seconds that ONNX Runtime alone needs for `batches` full batches of windows of the
    /// pipeline's length: the yardstick for everything around it.
    ///
    /// # Errors
    /// [`ModelError`] if a run fails.
    pub fn bare_seconds(&self, batches: usize) -> Result<f64, ModelError> {
        Ok(self.send(Work::Bare(batches)).wait()?.seconds)
    }

    fn send(&self, work: Work) -> Pending {
        let (reply, receiver) = sync_channel(1);
        let wanted = Arc::new(());
        let job = Job {
            work,
            reply,
            wanted: Arc::downgrade(&wanted),
            span: Span::current(),
        };
        if let Some(queue) = &self.0.queue {
            // If the thread is gone the job is dropped, and with it the reply: `wait` says so.
            drop(queue.send(job));
        }
        Pending {
            reply: receiver,
            _wanted: wanted,
        }
    }
}

impl Drop for Shared {
    /// Waits for the thread, so that no session runs while the process tears down its libraries.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
