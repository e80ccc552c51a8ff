//! The pipeline as its callers see it.

use std::time::Instant;

use ndarray::Array2;
use tracing::info_span;

use super::checkpoint::Checkpoint;
use super::conclude::{Evidence, conclude};
use super::error::PipelineError;
use super::gate::Gate;
use super::scan::{Scan, timed, with_embeddings, with_model};
use super::segmentation::Listener;
use super::settings::{Method, PipelineSettings};
use crate::audio::AudioStream;
use crate::clustering::{self, Clustering};
use crate::domain::{Diarization, ProgressHook, SpeakerBounds, Timeline};
use crate::models::{Inference, Segmenter};
use crate::speech;

/// Where embeddings come from.
#[derive(Debug, Clone)]
pub enum EmbeddingSource {
    /// The model.
    Model(Inference),
    /// Made elsewhere: one row for every window of the one recording they belong to,
    /// [`SlidingWindow::count`](crate::domain::SlidingWindow::count) in all.
    Given(Array2<f32>),
}

/// Diarizes recordings, one at a time.
pub struct Pipeline {
    settings: PipelineSettings,
    clustering: Box<dyn Clustering>,
    embeddings: EmbeddingSource,
    segmenter: Option<Segmenter>,
}

impl Pipeline {
    /// A pipeline with these settings, which are taken to be valid.
    pub fn new(settings: PipelineSettings, embeddings: EmbeddingSource) -> Self {
        Self {
            clustering: clustering::by_name(&settings.clustering),
            settings,
            embeddings,
            segmenter: None,
        }
    }

    /// The same with the model that [`Method::Segmentation`] needs.
    #[must_use]
    pub fn with_segmenter(self, segmenter: Option<Segmenter>) -> Self {
        Self { segmenter, ..self }
    }

    /// Reads `audio` to its end and tells who speaks when.
    ///
    /// Silence is no error: it has no turns.
    ///
    /// # Errors
    /// [`PipelineError`], among them [`PipelineError::Cancelled`] as soon as `hook` asks for it.
    pub fn run(
        &self,
        audio: AudioStream,
        bounds: SpeakerBounds,
        hook: &dyn ProgressHook,
    ) -> Result<Diarization, PipelineError> {
        self.run_with(audio, bounds, hook, None)
    }

    /// As [`Pipeline::run`], but keeps the model's embeddings in `checkpoint` on the way, and goes on
    /// from those that an earlier run kept there. The result is the same.
    ///
    /// # Errors
    /// [`PipelineError::StaleCheckpoint`] too: the caller discards it and starts over.
    pub fn run_with(
        &self,
        mut audio: AudioStream,
        bounds: SpeakerBounds,
        hook: &dyn ProgressHook,
        checkpoint: Option<&mut Checkpoint>,
    ) -> Result<Diarization, PipelineError> {
        let begun = Instant::now();
        let settings = &self.settings;
        let gate = Gate::new(settings.speech.offset, settings.pipeline.min_speech);
        let listener = match (settings.pipeline.method, &self.segmenter) {
            (Method::Windows, _) => None,
            (Method::Segmentation, Some(segmenter)) => {
                Some(Listener::new(segmenter, &settings.pipeline))
            }
            (Method::Segmentation, None) => return Err(PipelineError::NoSegmentation),
        };
        let scan = info_span!("scan").in_scope(|| match &self.embeddings {
            EmbeddingSource::Model(inference) => {
                with_model(&mut audio, inference, gate, listener, hook, checkpoint)
            }
            EmbeddingSource::Given(embeddings) => {
                with_embeddings(&mut audio, embeddings, gate, listener, hook)
            }
        })?;
        let mut seconds = scan.seconds;
        let (speech, overlap, locals) = timed(&mut seconds.speech, || {
            let detected = speech::segments(&scan.probabilities, &settings.speech);
            if let Some(activity) = &scan.activity {
                let length = scan.seconds_of_audio();
                let (speech, overlap) = activity.timelines(&detected, &settings.pipeline, length);
                (speech, overlap, Some(activity.locals.clone()))
            } else {
                (within(&scan, &detected), Timeline::default(), None)
            }
        });
        let resumed_windows = scan.resumed;
        let evidence = Evidence {
            samples: scan.samples,
            speech,
            overlap,
            locals,
            windows: scan.windows,
            embeddings: scan.embeddings,
        };
        let mut diarization = conclude(
            evidence,
            &*self.clustering,
            &settings.pipeline,
            bounds,
            seconds,
            hook,
        )?;
        diarization.resumed_windows = resumed_windows;
        diarization.seconds.total = begun.elapsed().as_secs_f64();
        // What happened to the audio comes first.
        let warnings = audio.warning().into_iter().chain(diarization.warnings);
        diarization.warnings = warnings.collect();
        Ok(diarization)
    }
}

/// `speech` up to the end of the recording: the detector's last frame may reach past it.
fn within(scan: &Scan, speech: &Timeline) -> Timeline {
    let recording = [crate::domain::Segment::new(0.0, scan.seconds_of_audio())];
    speech.crop(&recording.into_iter().collect())
}
