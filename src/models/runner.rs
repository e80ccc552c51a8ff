//! The inside of the inference thread.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use ndarray::{Array2, Array3, ArrayView2, Axis, Slice};
use sha2::{Digest as _, Sha256};

use super::onnx::EmbeddingSession;
use super::queue::{Answer, Queue, Share, Turn, Work};
use super::{Description, Embedded, Metadata, ModelError, Settings};
use crate::domain::{EmbeddingSpace, SlidingWindow};
use crate::dsp::{FRAME_SHIFT, MEL_BINS};

/// The metric of how many windows a batch has; the rest of it is filled with zeros.
pub const BATCH_SIZE: &str = "diarist_batch_size";

/// Frames of a window of the pipeline: the shape that the warm-up prepares.
const WINDOW_FRAMES: usize = SlidingWindow::EMBEDDING.length / FRAME_SHIFT;

/// A session and the buffer that its batches are put together in.
pub(super) struct Runner {
    session: EmbeddingSession,
    batch_size: usize,
    batch: Array3<f32>,
}

impl Runner {
    /// Loads the model and warms it up.
    pub(super) fn start(settings: &Settings) -> Result<(Self, Description), ModelError> {
        let session = EmbeddingSession::load(settings, &probe(settings.batch_size))?;
        let sha256 = sha256(&session.path).map_err(|source| ModelError::Read {
            path: session.path.clone(),
            source,
        })?;
        let description = Description {
            name: match (&session.metadata.name, session.path.file_stem()) {
                (Some(name), _) => name.clone(),
                (None, Some(stem)) => stem.to_string_lossy().into_owned(),
                (None, None) => String::new(),
            },
            sha256: hex::encode(sha256),
            space: session.metadata.space.unwrap_or_else(|| of_file(&sha256)),
            path: session.path.clone(),
            dim: session.metadata.dim,
            provider: session.provider,
            threads: session.threads,
            batch_size: settings.batch_size,
        };
        let runner = Self {
            session,
            batch_size: settings.batch_size,
            batch: Array3::zeros((settings.batch_size, WINDOW_FRAMES, MEL_BINS)),
        };
        Ok((runner, description))
    }

    pub(super) fn metadata(&self) -> &Metadata {
        &self.session.metadata
    }

    /// Works until nobody can bring work any more.
    pub(super) fn serve(&mut self, queue: &Queue) {
        while let Some(turn) = queue.next() {
            match turn {
                Turn::Batch(shares) => self.shares(&shares),
                Turn::Alone(work, reply) => {
                    let answer = unpanicked(|| self.alone(&work));
                    // The caller may have gone away meanwhile.
                    drop(reply.send(answer));
                }
            }
        }
    }

    fn alone(&mut self, work: &Work) -> Answer {
        match work {
            Work::Whole(features) => {
                let (output, seconds) = self.run(features, true)?;
                normalised(&output.view(), seconds)
            }
            Work::Bare(batches) => {
                let features = probe(self.batch_size);
                let mut seconds = 0.0;
                for _ in 0..*batches {
                    seconds += self.run(&features, false)?.1;
                }
                Ok(Embedded {
                    embeddings: Array2::zeros((0, self.session.metadata.dim)),
                    seconds,
                })
            }
        }
    }

    /// Runs one batch and tells each caller what is his.
    fn shares(&mut self, shares: &[Share]) {
        let rows: usize = shares.iter().map(|share| share.windows.len()).sum();
        metrics::histogram!(BATCH_SIZE).record(rows as f64);
        match unpanicked(|| self.windows(shares)) {
            Ok((output, seconds)) => {
                let mut first = 0;
                for share in shares {
                    let count = share.windows.len();
                    let own = output.slice_axis(Axis(0), Slice::from(first..first + count));
                    let answer = normalised(&own, seconds * count as f64 / rows as f64);
                    drop(share.reply.send(answer));
                    first += count;
                }
            }
            Err(error) => match shares {
                [only] => drop(only.reply.send(Err(error))),
                // One caller's windows may be to blame: the others' are computed without them.
                several => several.chunks(1).for_each(|one| self.shares(one)),
            },
        }
    }

    /// The network's output for windows that fit into one batch, and the seconds it took.
    fn windows(&mut self, shares: &[Share]) -> Result<(Array2<f32>, f64), ModelError> {
        let windows: Vec<_> = shares.iter().flat_map(|share| &share.windows).collect();
        let frames = windows.first().map_or(0, |window| window.nrows());
        let shape = (self.batch_size, frames, MEL_BINS);
        let mut batch = std::mem::take(&mut self.batch);
        if batch.dim() != shape {
            batch = Array3::zeros(shape);
        }
        let (mut taken, mut spare) = batch.view_mut().split_at(Axis(0), windows.len());
        for (mut row, window) in taken.outer_iter_mut().zip(windows) {
            row.assign(window);
        }
        spare.fill(0.0);
        let result = self.run(&batch, false);
        self.batch = batch;
        result
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

/// Turns a panic into an error: the thread goes on.
fn unpanicked<T>(work: impl FnOnce() -> Result<T, ModelError>) -> Result<T, ModelError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(ModelError::Run {
            reason: "panic".into(),
        })
    })
}

/// A full batch of windows of the pipeline's length, none of them silent.
fn probe(batch_size: usize) -> Array3<f32> {
    Array3::from_shape_fn(
        (batch_size, WINDOW_FRAMES, MEL_BINS),
        |(window, frame, bin)| ((window * 31 + frame * 17 + bin * 7) % 13) as f32 / 6.0 - 1.0,
    )
}

/// The rows at unit length.
fn normalised(output: &ArrayView2<'_, f32>, seconds: f64) -> Answer {
    let mut embeddings = output.to_owned();
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

/// The space of a file that does not tell where it comes from: its own.
fn of_file(sha256: &[u8; 32]) -> EmbeddingSpace {
    let mut name = [0; EmbeddingSpace::BYTES];
    name.copy_from_slice(&sha256[..EmbeddingSpace::BYTES]);
    EmbeddingSpace::from_bytes(name)
}

fn sha256(path: &Path) -> io::Result<[u8; 32]> {
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
    Ok(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(model: &str, queue: &Queue) {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/models/");
        let settings = Settings {
            path: Some(format!("{fixtures}{model}.onnx").into()),
            threads: 1,
            ..Settings::default()
        };
        let (mut runner, _) = Runner::start(&settings).unwrap();
        queue.close();
        runner.serve(queue);
    }

    /// Two windows of numbers from `first` on.
    fn windows(first: f32) -> [Array2<f32>; 2] {
        [0.0, 1.0].map(|step| {
            Array2::from_shape_fn((WINDOW_FRAMES, MEL_BINS), |(frame, bin)| {
                first + step + (frame % 7) as f32 - (bin % 5) as f32
            })
        })
    }

    /// What callers get who bring these windows at the same time.
    fn together<const N: usize>(model: &str, callers: [[Array2<f32>; 2]; N]) -> [Answer; N] {
        let queue = Queue::new(8);
        let answers = callers.map(|windows| {
            let (ticket, answers) = queue.join();
            for window in windows {
                queue.push(ticket, window);
            }
            queue.finish(ticket);
            answers
        });
        serve(model, &queue);
        answers.map(|answers| answers.recv().unwrap())
    }

    #[test]
    fn callers_that_share_a_batch_get_each_their_own() {
        let [one, two] = together("sound", [windows(1.0), windows(5.0)]);
        let (one, two) = (one.unwrap(), two.unwrap());
        let [alone] = together("sound", [windows(1.0)]);
        assert_eq!(one.embeddings, alone.unwrap().embeddings);
        assert_ne!(one.embeddings, two.embeddings);
        assert!(one.seconds > 0.0 && (one.seconds - two.seconds).abs() < 1e-9);
    }

    #[test]
    fn windows_without_a_direction_are_their_own_callers_trouble() {
        let mut broken = windows(1.0);
        broken[1].fill(f32::NAN);
        let [broken, sound] = together("sound", [broken, windows(5.0)]);
        assert!(
            matches!(broken, Err(ModelError::NotADirection { row: 1 })),
            "{broken:?}"
        );
        assert_eq!(sound.unwrap().embeddings.nrows(), 2);
    }

    #[test]
    fn windows_that_break_the_run_are_their_own_callers_trouble() {
        let mut broken = windows(1.0);
        broken[1].fill(1e9);
        let callers = [windows(5.0), broken, windows(2.0)];
        let [before, broken, after] = together("fails-above-a-million", callers);
        assert!(matches!(broken, Err(ModelError::Run { .. })), "{broken:?}");
        for sound in [before, after] {
            assert_eq!(sound.unwrap().embeddings.nrows(), 2);
        }
    }
}
