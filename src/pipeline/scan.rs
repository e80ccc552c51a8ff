//! The streaming pass: samples in, speech and embeddings out.

use std::time::Instant;

use ndarray::{Array2, Axis};

use super::checkpoint::{Checkpoint, Known};
use super::error::PipelineError;
use super::gate::{Gate, Verdict};
use super::segmentation::{Activity, Listener};
use crate::audio::AudioStream;
use crate::domain::{ProgressHook, SAMPLE_RATE, Segment, SlidingWindow, Step, StepSeconds};
use crate::dsp::{FRAME_SHIFT, Filterbank, FrameWindows};
use crate::models::{Embedded, Embedder, Inference};
use crate::speech::SpeechDetector;

/// The windows that the pipeline cuts.
pub(super) const WINDOWS: SlidingWindow = SlidingWindow::EMBEDDING;

/// What one pass over a recording leaves.
pub(super) struct Scan {
    /// Samples decoded.
    pub(super) samples: usize,
    /// Probability of speech per 16 ms.
    pub(super) probabilities: Vec<f32>,
    /// When anybody speaks, and when several do, if a segmentation model was asked.
    pub(super) activity: Option<Activity>,
    /// The numbers of the embedded windows, ascending.
    pub(super) windows: Vec<usize>,
    /// One unit vector for each, `(windows, dim)`.
    pub(super) embeddings: Array2<f32>,
    /// How many of them come from a checkpoint.
    pub(super) resumed: usize,
    /// Where the time went, as far as this pass is concerned.
    pub(super) seconds: StepSeconds,
}

impl Scan {
    /// Length of the recording.
    pub(super) fn seconds_of_audio(&self) -> f64 {
        self.samples as f64 / f64::from(SAMPLE_RATE)
    }
}

/// When the content of window `index` takes place in a recording of `samples` samples: where a
/// window would reach past the end it holds the last 1.5 s instead, or all of a shorter recording.
pub(super) fn content(index: usize, samples: usize) -> Segment {
    let end = (index * WINDOWS.step + WINDOWS.length).min(samples);
    let start = end.saturating_sub(WINDOWS.length);
    let seconds = |samples: usize| samples as f64 / f64::from(SAMPLE_RATE);
    Segment::new(seconds(start), seconds(end))
}

/// The part of the pass that needs no embeddings: decoding and speech detection.
struct Reader<'a> {
    audio: &'a mut AudioStream,
    hook: &'a dyn ProgressHook,
    detector: SpeechDetector,
    listener: Option<Listener<'a>>,
    block: Vec<f32>,
    samples: usize,
    seconds: StepSeconds,
}

impl<'a> Reader<'a> {
    fn new(
        audio: &'a mut AudioStream,
        listener: Option<Listener<'a>>,
        hook: &'a dyn ProgressHook,
    ) -> Self {
        Self {
            audio,
            hook,
            detector: SpeechDetector::new(),
            listener,
            block: Vec::new(),
            samples: 0,
            seconds: StepSeconds::default(),
        }
    }

    /// Moves on to the next block; `false` at the end.
    fn advance(&mut self) -> Result<bool, PipelineError> {
        self.block.clear();
        let more = timed(&mut self.seconds.decode, || {
            self.audio.read(&mut self.block)
        })?;
        self.samples += self.block.len();
        timed(&mut self.seconds.speech, || {
            if more {
                self.detector.push(&self.block);
            } else {
                self.detector.finish();
            }
            match &mut self.listener {
                Some(listener) => listener.push(&self.block, !more),
                None => Ok(()),
            }
        })?;
        self.hook
            .progress(Step::Embeddings, self.audio.fraction())?;
        Ok(more)
    }

    fn into_scan(self, windows: Vec<usize>, embeddings: Array2<f32>) -> Scan {
        Scan {
            samples: self.samples,
            probabilities: self.detector.into_probabilities(),
            activity: self.listener.map(Listener::finish),
            windows,
            embeddings,
            resumed: 0,
            seconds: self.seconds,
        }
    }
}

/// Reads `audio` to its end and embeds the windows that `gate` chooses, but for those that
/// `checkpoint` knows.
pub(super) fn with_model(
    audio: &mut AudioStream,
    inference: &Inference,
    gate: Gate,
    listener: Option<Listener<'_>>,
    hook: &dyn ProgressHook,
    mut checkpoint: Option<&mut Checkpoint>,
) -> Result<Scan, PipelineError> {
    let mut reader = Reader::new(audio, listener, hook);
    let mut cutter = FrameWindows::new(WINDOWS);
    let known = checkpoint.as_mut().map_or_else(Known::default, |kept| {
        kept.resume(&circumstances(inference, &gate), inference.dim())
    });
    let mut filterbank = Filterbank::new(inference.metadata().sample_scale());
    if let Some(last) = known.windows.last() {
        // Where the recording ends soon after this window, the last one may begin before the next.
        filterbank = filterbank.from_frame(last * WINDOWS.step / FRAME_SHIFT);
    }
    let resumed = known.windows.len();
    let mut choice = Choice {
        gate,
        known: known.windows,
        best: Vec::new(),
        embedder: Embedder::new(inference, cutter.length()).after(known.table),
        failed: None,
    };
    let mut frames = Vec::new();
    loop {
        let more = reader.advance()?;
        frames.clear();
        timed(&mut reader.seconds.filterbank, || {
            if more {
                filterbank.push(&reader.block, &mut frames);
            } else {
                filterbank.finish(&mut frames);
            }
        });
        let probabilities = reader.detector.probabilities();
        let end = (!more).then_some(reader.samples);
        cutter.push(&frames, |index, rows| {
            choice.offer(index, rows, probabilities, end);
        });
        if !more {
            cutter.finish(reader.samples, |index, rows| {
                choice.offer(index, rows, probabilities, end);
            });
            break;
        }
        choice.check()?;
        choice.embedder.collect()?;
        if let Some(kept) = checkpoint.as_mut() {
            kept.save(&choice.gate.windows, choice.embedder.table());
        }
    }
    let (windows, embedded) = choice.finish()?;
    reader.seconds.embedding = embedded.seconds;
    Ok(Scan {
        resumed,
        ..reader.into_scan(windows, embedded.embeddings)
    })
}

/// What decides which windows are embedded and what comes out, beside the recording.
fn circumstances(inference: &Inference, gate: &Gate) -> String {
    let model = inference.description();
    format!(
        "model {}, {} values, on {}, batches of {}; {gate}",
        model.sha256, model.dim, model.provider, model.batch_size
    )
}

/// Reads `audio` to its end and takes the chosen windows' embeddings from `all`, one row for each
/// window of the recording.
pub(super) fn with_embeddings(
    audio: &mut AudioStream,
    all: &Array2<f32>,
    mut gate: Gate,
    listener: Option<Listener<'_>>,
    hook: &dyn ProgressHook,
) -> Result<Scan, PipelineError> {
    let mut reader = Reader::new(audio, listener, hook);
    while reader.advance()? {}
    let expected = WINDOWS.count(reader.samples);
    if expected != all.nrows() {
        let given = all.nrows();
        return Err(PipelineError::WindowCount { expected, given });
    }
    for index in 0..expected {
        gate.judge(index, reader.detector.probabilities(), Some(reader.samples));
    }
    gate.settle();
    let mut embeddings = all.select(Axis(0), &gate.windows);
    for (mut row, &window) in embeddings.rows_mut().into_iter().zip(&gate.windows) {
        let norm = row.dot(&row).sqrt();
        if !(norm.is_finite() && norm > 0.0) {
            return Err(PipelineError::NoDirection { window });
        }
        row /= norm;
    }
    Ok(reader.into_scan(gate.windows, embeddings))
}

/// Windows on their way to the model.
struct Choice {
    gate: Gate,
    /// The first windows that are to be chosen, with embeddings already.
    known: Vec<usize>,
    /// Frames of the window that is embedded if no other is.
    best: Vec<f32>,
    embedder: Embedder,
    failed: Option<PipelineError>,
}

impl Choice {
    fn offer(&mut self, index: usize, rows: &[f32], probabilities: &[f32], end: Option<usize>) {
        match self.gate.judge(index, probabilities, end) {
            Verdict::Chosen if self.failed.is_none() => {
                self.failed = match self.known.get(self.gate.windows.len() - 1) {
                    Some(&known) if known == index => None,
                    Some(_) => Some(PipelineError::StaleCheckpoint),
                    None => self.embedder.push(rows).err().map(Into::into),
                };
            }
            Verdict::Best => self.best = rows.to_vec(),
            Verdict::Chosen | Verdict::Passed => {}
        }
    }

    /// The first failure, if there was one.
    fn check(&mut self) -> Result<(), PipelineError> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn finish(mut self) -> Result<(Vec<usize>, Embedded), PipelineError> {
        self.check()?;
        if self.gate.windows.len() < self.known.len() {
            return Err(PipelineError::StaleCheckpoint);
        }
        if self.gate.settle() {
            self.embedder.push(&self.best)?;
        }
        Ok((self.gate.windows, self.embedder.finish()?))
    }
}

/// Does `work` and adds the seconds it took to `seconds`.
pub(super) fn timed<T>(seconds: &mut f64, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    *seconds += begun.elapsed().as_secs_f64();
    result
}
