//! The inference thread and the handle to it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Instant;
use std::{fmt, io};

use ndarray::{Array2, Array3, ArrayView3, Axis};
use sha2::{Digest as _, Sha256};
use tracing::Span;

use super::onnx::EmbeddingSession;
use super::{Metadata, ModelError, Provider, Settings};
use crate::domain::SlidingWindow;
use crate::dsp::{FRAME_SHIFT, MEL_BINS};

/// Batches that wait in front of the thread; whoever brings one more waits itself.
const QUEUE: usize = 4;

/// Frames of a window of the pipeline: the shape that the warm-up prepares.
const WINDOW_FRAMES: usize = SlidingWindow::EMBEDDING.length / FRAME_SHIFT;

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

enum Work {
    /// Windows to be computed in the batch's own shape.
    Windows(Array3<f32>),
    /// One recording, computed as it is.
    Whole(Array3<f32>),
    /// So many full batches of windows, for their time alone.
    Bare(usize),
}

struct Job {
    work: Work,
    reply: SyncSender<Result<Embedded, ModelError>>,
    wanted: Weak<()>,
    span: Span,
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
                        let metadata = runner.session.metadata.clone();
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

/// The inside of the thread.
struct Runner {
    session: EmbeddingSession,
    batch_size: usize,
    /// A full batch, for those that are not.
    padded: Array3<f32>,
}

impl Runner {
    fn start(settings: &Settings) -> Result<(Self, Description), ModelError> {
        let session = EmbeddingSession::load(settings)?;
        let description = Description {
            name: match (&session.metadata.name, session.path.file_stem()) {
                (Some(name), _) => name.clone(),
                (None, Some(stem)) => stem.to_string_lossy().into_owned(),
                (None, None) => String::new(),
            },
            sha256: sha256(&session.path).map_err(|source| ModelError::Read {
                path: session.path.clone(),
                source,
            })?,
            path: session.path.clone(),
            dim: session.metadata.dim,
            provider: session.provider,
            threads: session.threads,
            batch_size: settings.batch_size,
        };
        let mut runner = Self {
            session,
            batch_size: settings.batch_size,
            padded: Array3::zeros((settings.batch_size, WINDOW_FRAMES, MEL_BINS)),
        };
        runner.bare(1)?;
        Ok((runner, description))
    }

    /// Works until nobody can bring work any more.
    fn serve(&mut self, jobs: &Receiver<Job>) {
        for job in jobs {
            if job.wanted.strong_count() == 0 {
                continue;
            }
            let _entered = job.span.enter();
            let result =
                catch_unwind(AssertUnwindSafe(|| self.work(job.work))).unwrap_or_else(|_| {
                    Err(ModelError::Run {
                        reason: "panic".into(),
                    })
                });
            // The caller may have gone away meanwhile.
            drop(job.reply.send(result));
        }
    }

    fn work(&mut self, work: Work) -> Result<Embedded, ModelError> {
        match work {
            Work::Windows(features) => {
                self.check("the batch", features.shape()[0], self.batch_size)?;
                self.check_frames(&features)?;
                self.windows(&features)
            }
            Work::Whole(features) => {
                self.check_frames(&features)?;
                self.timed(features.view(), true)
            }
            Work::Bare(batches) => Ok(Embedded {
                embeddings: Array2::zeros((0, self.session.metadata.dim)),
                seconds: self.bare(batches)?,
            }),
        }
    }

    fn windows(&mut self, features: &Array3<f32>) -> Result<Embedded, ModelError> {
        let (rows, frames, _) = features.dim();
        if rows == self.batch_size {
            return self.timed(features.view(), false);
        }
        let mut padded = std::mem::take(&mut self.padded);
        if padded.dim().1 != frames {
            padded = Array3::zeros((self.batch_size, frames, MEL_BINS));
        }
        let (mut taken, mut spare) = padded.view_mut().split_at(Axis(0), rows);
        taken.assign(features);
        spare.fill(0.0);
        let result = self.run(padded.view(), false);
        self.padded = padded;
        let (embeddings, seconds) = result?;
        normalised(
            embeddings.slice_axis(Axis(0), (..rows).into()).to_owned(),
            seconds,
        )
    }

    fn timed(&mut self, features: ArrayView3<'_, f32>, once: bool) -> Result<Embedded, ModelError> {
        let (embeddings, seconds) = self.run(features, once)?;
        normalised(embeddings, seconds)
    }

    fn bare(&mut self, batches: usize) -> Result<f64, ModelError> {
        let features = Array3::from_shape_fn(
            (self.batch_size, WINDOW_FRAMES, MEL_BINS),
            |(window, frame, bin)| ((window * 31 + frame * 17 + bin * 7) % 13) as f32 / 6.0 - 1.0,
        );
        let mut seconds = 0.0;
        for _ in 0..batches {
            seconds += self.run(features.view(), false)?.1;
        }
        Ok(seconds)
    }

    /// The network's output and the seconds it took.
    fn run(
        &mut self,
        features: ArrayView3<'_, f32>,
        once: bool,
    ) -> Result<(Array2<f32>, f64), ModelError> {
        let begun = Instant::now();
        let output = self.session.run(features, once)?;
        Ok((output, begun.elapsed().as_secs_f64()))
    }

    fn check_frames(&self, features: &Array3<f32>) -> Result<(), ModelError> {
        let (_, frames, bins) = features.dim();
        self.check("the number of frames", frames, Inference::MAX_WHOLE_FRAMES)?;
        if bins == MEL_BINS {
            return Ok(());
        }
        Err(ModelError::Features {
            what: "the number of mel bins",
            expected: MEL_BINS.to_string(),
            given: bins,
        })
    }

    fn check(&self, what: &'static str, given: usize, most: usize) -> Result<(), ModelError> {
        if (1..=most).contains(&given) {
            return Ok(());
        }
        Err(ModelError::Features {
            what,
            expected: format!("between 1 and {most}"),
            given,
        })
    }
}

/// Scales every row to unit length.
fn normalised(mut embeddings: Array2<f32>, seconds: f64) -> Result<Embedded, ModelError> {
    for (row, mut embedding) in embeddings.rows_mut().into_iter().enumerate() {
        let norm = embedding
            .iter()
            .map(|v| f64::from(*v).powi(2))
            .sum::<f64>()
            .sqrt();
        if !norm.is_finite() || norm <= f64::from(f32::MIN_POSITIVE) {
            return Err(ModelError::NotADirection { row });
        }
        embedding.mapv_inplace(|value| (f64::from(value) / norm) as f32);
    }
    Ok(Embedded {
        embeddings,
        seconds,
    })
}

fn sha256(path: &std::path::Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = BufReader::with_capacity(1 << 20, File::open(path)?);
    loop {
        let block = file.fill_buf()?;
        if block.is_empty() {
            break;
        }
        hasher.update(block);
        let length = block.len();
        file.consume(length);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
