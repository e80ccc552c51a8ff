//! The streaming pass: samples in, activity and embeddings of local speakers out.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};

use super::chunks::{Chunk, Chunks};
use super::powerset::{Activity, sets};
use crate::audio::AudioStream;
use crate::domain::{ProgressHook, SAMPLE_RATE, Step, StepSeconds};
use crate::dsp::{FRAME_SHIFT, Filterbank, MEL_BINS};
use crate::models::{Embedder, Inference, SegmentationMetadata, Segmenter};
use crate::pipeline::checkpoint::{Checkpoint, Known};
use crate::pipeline::error::PipelineError;
use crate::pipeline::scan::{WINDOWS, timed};
use crate::pipeline::settings::Settings;

/// Log-mel rows in a window that is embedded.
const WINDOW: usize = WINDOWS.length / FRAME_SHIFT;

/// Rows beyond whole windows that are worth a window of their own, together with rows before them.
const REST: usize = WINDOW / 3;

/// A speaker of one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) chunk: usize,
    pub(super) speaker: usize,
}

/// What one pass over a recording leaves.
#[derive(Debug, Clone)]
pub(in crate::pipeline) struct Heard {
    /// Samples decoded.
    pub(super) samples: usize,
    /// How the model's frames lie in time.
    pub(super) geometry: Geometry,
    /// Who is active in each chunk.
    pub(super) chunks: Vec<Activity>,
    /// The local speakers that were embedded, in order of chunks.
    pub(super) locals: Vec<Local>,
    /// One unit vector for each, `(locals, dim)`.
    pub(super) embeddings: Array2<f32>,
    /// How many windows come from a checkpoint.
    pub(in crate::pipeline) resumed: usize,
    /// Where the time went, as far as this pass is concerned.
    pub(in crate::pipeline) seconds: StepSeconds,
}

/// How chunks and frames lie in time, in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Samples in a chunk.
    pub(super) window: usize,
    /// From one chunk to the next.
    pub(super) step: usize,
    /// From one frame to the next.
    pub(super) shift: usize,
    /// What the first frame is about.
    pub(super) field: usize,
}

impl Geometry {
    fn new(metadata: &SegmentationMetadata, settings: &Settings) -> Self {
        let rows = (settings.chunk_step * f64::from(SAMPLE_RATE) / FRAME_SHIFT as f64).round();
        let window = metadata.window;
        Self {
            window,
            step: (rows as usize * FRAME_SHIFT)
                .clamp(FRAME_SHIFT, window / FRAME_SHIFT * FRAME_SHIFT),
            shift: metadata.shift,
            field: metadata.field,
        }
    }

    /// The frame of a chunk that is about a sample of it.
    fn frame(&self, sample: usize) -> usize {
        (sample + self.shift / 2).saturating_sub(self.field / 2) / self.shift
    }

    /// The recording's frame that is a chunk's first one.
    pub(super) fn offset(&self, chunk: usize) -> usize {
        (chunk * self.step + self.shift / 2) / self.shift
    }

    /// When a frame of the recording begins, in seconds: half way from the middle of the one before.
    pub(super) fn start(&self, frame: usize) -> f64 {
        let early = self.field as f64 / 2.0 - self.shift as f64 / 2.0;
        let samples = frame as f64 * self.shift as f64 + if frame == 0 { 0.0 } else { early };
        samples / f64::from(SAMPLE_RATE)
    }
}

/// Reads `audio` to its end, segments it and embeds its local speakers, but for the windows that
/// `checkpoint` knows.
pub(in crate::pipeline) fn scan(
    audio: &mut AudioStream,
    inference: &Inference,
    segmenter: &Segmenter,
    settings: &Settings,
    hook: &dyn ProgressHook,
    mut checkpoint: Option<&mut Checkpoint>,
) -> Result<Heard, PipelineError> {
    let metadata = segmenter.metadata();
    let geometry = Geometry::new(metadata, settings);
    let known = checkpoint.as_mut().map_or_else(Known::default, |kept| {
        kept.resume(
            &circumstances(inference, segmenter, &geometry),
            inference.dim(),
        )
    });
    let resumed = known.windows.len();
    let mut filterbank = Filterbank::new(inference.metadata().sample_scale());
    let mut chunks = Chunks::new(geometry.window / FRAME_SHIFT * FRAME_SHIFT, geometry.step);
    let mut listener = Listener {
        segmenter,
        geometry,
        sets: sets(metadata.speakers, metadata.at_once),
        chunks: Vec::new(),
        locals: Vec::new(),
        windows: Vec::new(),
        known: resumed,
        embedder: Embedder::new(inference, WINDOW).after(known.table),
        seconds: StepSeconds::default(),
    };
    let (mut samples, mut block, mut rows) = (0, Vec::new(), Vec::new());
    let (mut decode, mut mel) = (0.0, 0.0);
    loop {
        block.clear();
        rows.clear();
        let more = timed(&mut decode, || audio.read(&mut block))?;
        samples += block.len();
        timed(&mut mel, || {
            if more {
                filterbank.push(&block, &mut rows);
            } else {
                filterbank.finish(&mut rows);
            }
        });
        chunks.push(&block, &rows);
        hook.progress(Step::Embeddings, audio.fraction())?;
        chunks.each(!more, |chunk| {
            // A chunk's work is too long to be asked only once a block.
            hook.progress(Step::Embeddings, audio.fraction())?;
            listener.hear(chunk)
        })?;
        if !more {
            break;
        }
        listener.embedder.collect()?;
        if let Some(kept) = checkpoint.as_mut() {
            let numbers: Vec<usize> = (0..listener.pushed()).collect();
            kept.save(&numbers, listener.embedder.table());
        }
    }
    let mut heard = listener.finish(samples)?;
    heard.seconds.decode = decode;
    heard.seconds.filterbank = mel;
    Ok(heard)
}

/// What decides which windows are embedded and what comes out, beside the recording.
fn circumstances(inference: &Inference, segmenter: &Segmenter, geometry: &Geometry) -> String {
    let model = inference.description();
    format!(
        "model {}, {} values, on {}, batches of {}; segmentation {}, {geometry:?}",
        model.sha256,
        model.dim,
        model.provider,
        model.batch_size,
        segmenter.sha256()
    )
}

/// Chunks on their way to the models.
struct Listener<'a> {
    segmenter: &'a Segmenter,
    geometry: Geometry,
    sets: Vec<u32>,
    chunks: Vec<Activity>,
    locals: Vec<Local>,
    /// The windows of each local speaker, by number.
    windows: Vec<Range<usize>>,
    /// Windows that have embeddings already.
    known: usize,
    embedder: Embedder,
    seconds: StepSeconds,
}

impl Listener<'_> {
    fn pushed(&self) -> usize {
        self.windows.last().map_or(0, |last| last.end)
    }

    fn hear(&mut self, chunk: Chunk<'_>) -> Result<(), PipelineError> {
        let segmenter = self.segmenter;
        let classes = timed(&mut self.seconds.speech, || segmenter.run(chunk.samples))?;
        let speakers = segmenter.metadata().speakers;
        let mut activity = Activity::new(&classes.view(), &self.sets, speakers);
        activity.truncate((self.geometry.frame(chunk.present) + 1).min(activity.frames()));
        let number = self.chunks.len();
        for speaker in 0..speakers {
            let rows = self.own_rows(&activity, speaker, chunk.rows);
            if let Some(rows) = rows {
                self.locals.push(Local {
                    chunk: number,
                    speaker,
                });
                self.embed(&rows)?;
            }
        }
        self.chunks.push(activity);
        Ok(())
    }

    /// The log-mel rows to know a local speaker by: those in which it is active alone or, where they are
    /// few, all in which it is active; none if these are few too.
    fn own_rows(&self, activity: &Activity, speaker: usize, rows: &[f32]) -> Option<Vec<f32>> {
        let frame = |row: usize| {
            let frame = self.geometry.frame(row * FRAME_SHIFT + FRAME_SHIFT / 2);
            frame.min(activity.frames() - 1)
        };
        let chosen = |is_own: &dyn Fn(usize) -> bool| -> Vec<f32> {
            let rows = rows.chunks_exact(MEL_BINS).enumerate();
            let own = rows.filter(|(row, _)| is_own(frame(*row)));
            own.flat_map(|(_, values)| values).copied().collect()
        };
        let alone = chosen(&|frame| activity.is_alone(frame, speaker));
        if alone.len() >= FEW_ALONE * MEL_BINS {
            return Some(alone);
        }
        let active = chosen(&|frame| activity.is_active(frame, speaker));
        (active.len() >= FEW_ACTIVE * MEL_BINS).then_some(active)
    }

    /// Embeds rows window by window: repeated where they do not fill one.
    fn embed(&mut self, rows: &[f32]) -> Result<(), PipelineError> {
        let count = rows.len() / MEL_BINS;
        let mut starts: Vec<usize> = (0..count / WINDOW).map(|window| window * WINDOW).collect();
        if count > WINDOW && count % WINDOW >= REST {
            starts.push(count - WINDOW);
        }
        let first = self.pushed();
        if starts.is_empty() {
            let repeated: Vec<f32> = rows
                .iter()
                .copied()
                .cycle()
                .take(WINDOW * MEL_BINS)
                .collect();
            self.push(first, &repeated)?;
            self.windows.push(first..first + 1);
            return Ok(());
        }
        for (index, start) in starts.iter().enumerate() {
            self.push(
                first + index,
                &rows[start * MEL_BINS..(start + WINDOW) * MEL_BINS],
            )?;
        }
        self.windows.push(first..first + starts.len());
        Ok(())
    }

    fn push(&mut self, number: usize, window: &[f32]) -> Result<(), PipelineError> {
        if number >= self.known {
            self.embedder.push(window)?;
        }
        Ok(())
    }

    fn finish(self, samples: usize) -> Result<Heard, PipelineError> {
        if self.pushed() < self.known {
            return Err(PipelineError::StaleCheckpoint);
        }
        let embedded = self.embedder.finish()?;
        let means = means(&embedded.embeddings.view(), &self.windows);
        Ok(Heard {
            samples,
            geometry: self.geometry,
            chunks: self.chunks,
            locals: self.locals,
            embeddings: means,
            resumed: self.known,
            seconds: StepSeconds {
                embedding: embedded.seconds,
                ..self.seconds
            },
        })
    }
}

/// Log-mel rows, of 10 ms, from which on those of a speaker alone are enough.
const FEW_ALONE: usize = 40;

/// Log-mel rows below which nobody is known.
const FEW_ACTIVE: usize = 15;

/// The L2-normalised mean of each range of rows, `(ranges, dim)`.
fn means(rows: &ArrayView2<'_, f32>, ranges: &[Range<usize>]) -> Array2<f32> {
    let mut means = Array2::zeros((ranges.len(), rows.ncols()));
    for (mut mean, range) in means.rows_mut().into_iter().zip(ranges) {
        let own = rows.slice_axis(Axis(0), Slice::from(range.clone()));
        let sum: Array1<f32> = own.sum_axis(Axis(0));
        let norm = sum.dot(&sum).sqrt().max(f32::MIN_POSITIVE);
        mean.assign(&(sum / norm));
    }
    means
}
