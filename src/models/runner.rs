//! The inside of the inference thread.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use ndarray::{Array2, Array3, Axis};
use sha2::{Digest as _, Sha256};

use super::inference::{Job, Work};
use super::onnx::EmbeddingSession;
use super::{Description, Embedded, Inference, Metadata, ModelError, Settings};
use crate::domain::SlidingWindow;
use crate::dsp::{FRAME_SHIFT, MEL_BINS};

/// The metric of how many windows a batch has; the rest of it is filled with zeros.
pub const BATCH_SIZE: &str = "diarist_batch_size";

/// Frames of a window of the pipeline: the shape that the warm-up prepares.
const WINDOW_FRAMES: usize = SlidingWindow::EMBEDDING.length / FRAME_SHIFT;

/// A session and the buffer that fills up its batches.
pub(super) struct Runner {
    session: EmbeddingSession,
    batch_size: usize,
    /// A full batch, for those that are not.
    padded: Array3<f32>,
}

impl Runner {
    /// Loads the model and warms it up.
    pub(super) fn start(settings: &Settings) -> Result<(Self, Description), ModelError> {
        let session = EmbeddingSession::load(settings, &probe(settings.batch_size))?;
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
        let runner = Self {
            session,
            batch_size: settings.batch_size,
            padded: Array3::zeros((settings.batch_size, WINDOW_FRAMES, MEL_BINS)),
        };
        Ok((runner, description))
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.session.metadata
    }

    /// Works until nobody can bring work any more.
    pub(super) fn serve(&mut self, jobs: &Receiver<Job>) {
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
                check("the batch", features.shape()[0], self.batch_size)?;
                check_frames(&features)?;
                metrics::histogram!(BATCH_SIZE).record(features.shape()[0] as f64);
                self.windows(&features)
            }
            Work::Whole(features) => {
                check_frames(&features)?;
                self.timed(&features, true)
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
            return self.timed(features, false);
        }
        let mut padded = std::mem::take(&mut self.padded);
        if padded.dim().1 != frames {
            padded = Array3::zeros((self.batch_size, frames, MEL_BINS));
        }
        let (mut taken, mut spare) = padded.view_mut().split_at(Axis(0), rows);
        taken.assign(features);
        spare.fill(0.0);
        let result = self.run(&padded, false);
        self.padded = padded;
        let (embeddings, seconds) = result?;
        normalised(
            embeddings.slice_axis(Axis(0), (..rows).into()).to_owned(),
            seconds,
        )
    }

    fn timed(&mut self, features: &Array3<f32>, once: bool) -> Result<Embedded, ModelError> {
        let (embeddings, seconds) = self.run(features, once)?;
        normalised(embeddings, seconds)
    }

    fn bare(&mut self, batches: usize) -> Result<f64, ModelError> {
        let features = probe(self.batch_size);
        let mut seconds = 0.0;
        for _ in 0..batches {
            seconds += self.run(&features, false)?.1;
        }
        Ok(seconds)
    }

    /// The network's output and the seconds it took.
    fn run(
        &mut self,
        features: &Array3<f32>,
        once: bool,
    ) -> Result<(Array2<f32>, f64), ModelError> {
        let begun = Instant::now();
        let output = self.session.run(features, once)?;
        Ok((output, begun.elapsed().as_secs_f64()))
    }
}

/// A full batch of windows of the pipeline's length, none of them silent.
fn probe(batch_size: usize) -> Array3<f32> {
    Array3::from_shape_fn(
        (batch_size, WINDOW_FRAMES, MEL_BINS),
        |(window, frame, bin)| ((window * 31 + frame * 17 + bin * 7) % 13) as f32 / 6.0 - 1.0,
    )
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

fn sha256(path: &Path) -> io::Result<String> {
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
    let mut text = String::new();
    for byte in hasher.finalize() {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

fn check_frames(features: &Array3<f32>) -> Result<(), ModelError> {
    let (_, frames, bins) = features.dim();
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::sync::{Arc, Weak};

    use super::*;

    #[test]
    fn work_that_nobody_waits_for_is_dropped() {
        let model = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/models/sound.onnx"
        );
        let settings = Settings {
            path: Some(model.into()),
            ..Settings::default()
        };
        let (mut runner, _) = Runner::start(&settings).unwrap();
        let (queue, jobs) = sync_channel(2);
        let waiting = Arc::new(());
        let replies = [Weak::new(), Arc::downgrade(&waiting)].map(|wanted| {
            let (reply, receiver) = sync_channel(1);
            let job = Job {
                work: Work::Bare(0),
                reply,
                wanted,
                span: tracing::Span::none(),
            };
            queue.send(job).unwrap();
            receiver
        });
        drop(queue);
        runner.serve(&jobs);
        assert!(replies[0].recv().is_err());
        assert!(replies[1].recv().unwrap().is_ok());
    }
}
