//! The pipeline as its callers see it.

use std::time::Instant;

use ndarray::Array2;
use tracing::info_span;

use super::assembly::{Assembled, assemble};
use super::error::PipelineError;
use super::gate::Gate;
use super::scan::{Scan, WINDOWS, content, timed, with_embeddings, with_model};
use super::settings::PipelineSettings;
use super::votes::Votes;
use crate::audio::AudioStream;
use crate::clustering::{self, Clustering};
use crate::domain::{
    Diarization, ProgressHook, SAMPLE_RATE, SpeakerBounds, Step, Timeline, Warning,
};
use crate::models::Inference;
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
}

impl Pipeline {
    /// A pipeline with these settings, which are taken to be valid.
    pub fn new(settings: PipelineSettings, embeddings: EmbeddingSource) -> Self {
        Self {
            clustering: clustering::by_name(&settings.clustering),
            settings,
            embeddings,
        }
    }

    /// Reads `audio` to its end and tells who speaks when.
    ///
    /// Silence is no error: it has no turns.
    ///
    /// # Errors
    /// [`PipelineError`], among them [`PipelineError::Cancelled`] as soon as `hook` asks for it.
    pub fn run(
        &self,
        mut audio: AudioStream,
        bounds: SpeakerBounds,
        hook: &dyn ProgressHook,
    ) -> Result<Diarization, PipelineError> {
        let begun = Instant::now();
        let settings = &self.settings;
        let gate = Gate::new(settings.speech.offset, settings.pipeline.min_speech);
        let scan = info_span!("scan").in_scope(|| match &self.embeddings {
            EmbeddingSource::Model(inference) => with_model(&mut audio, inference, gate, hook),
            EmbeddingSource::Given(embeddings) => {
                with_embeddings(&mut audio, embeddings, gate, hook)
            }
        })?;
        let mut seconds = scan.seconds;
        let mut warnings: Vec<_> = audio.warning().into_iter().collect();

        hook.progress(Step::Clustering, Some(0.0))?;
        let clusters = timed(&mut seconds.clustering, || {
            let _span = info_span!("clustering").entered();
            self.clustering.cluster(scan.embeddings.view(), bounds)
        })?;
        hook.progress(Step::Clustering, Some(1.0))?;

        hook.progress(Step::Assembly, Some(0.0))?;
        let speech = timed(&mut seconds.speech, || {
            within(
                &scan,
                &speech::segments(&scan.probabilities, &settings.speech),
            )
        });
        let Assembled { annotation, order } = timed(&mut seconds.assembly, || {
            let _span = info_span!("assembly").entered();
            self.assemble(&scan, &speech, clusters.cosines)
        });
        hook.progress(Step::Assembly, Some(1.0))?;

        let found = order.len();
        let labels = renumbered(&clusters.labels, order, clusters.centroids.nrows());
        warnings.extend(clusters.warning);
        if !speech.is_empty() && found < clusters.centroids.nrows() {
            warnings.extend(outvoted(bounds, found));
        }
        seconds.total = begun.elapsed().as_secs_f64();
        Ok(Diarization {
            exclusive: annotation.clone(),
            annotation,
            windows: scan.windows,
            sliding_window: WINDOWS,
            embeddings: scan.embeddings,
            labels,
            audio_seconds: scan.samples as f64 / f64::from(SAMPLE_RATE),
            speech_seconds: speech.duration(),
            seconds,
            warnings,
        })
    }

    fn assemble(&self, scan: &Scan, speech: &Timeline, cosines: Array2<f32>) -> Assembled {
        if scan.windows.is_empty() {
            return Assembled {
                annotation: Vec::new().into_iter().collect(),
                order: Vec::new(),
            };
        }
        let windows = scan.windows.iter();
        let windows = windows.map(|&index| content(index, scan.samples)).collect();
        let votes = Votes::new(windows, cosines);
        assemble(speech, &votes, &self.settings.pipeline)
    }
}

/// `speech` up to the end of the recording: the detector's last frame may reach past it.
fn within(scan: &Scan, speech: &Timeline) -> Timeline {
    let end = scan.samples as f64 / f64::from(SAMPLE_RATE);
    let recording = [crate::domain::Segment::new(0.0, end)];
    speech.crop(&recording.into_iter().collect())
}

/// Window labels by speaker number: the clusters in `order` come first, then those that no frame
/// was given to.
fn renumbered(labels: &[usize], mut order: Vec<usize>, clusters: usize) -> Vec<usize> {
    order.extend(
        (0..clusters)
            .filter(|cluster| !order.contains(cluster))
            .collect::<Vec<_>>(),
    );
    let mut number = vec![0; clusters];
    for (position, &cluster) in order.iter().enumerate() {
        number[cluster] = position;
    }
    labels.iter().map(|&label| number[label]).collect()
}

/// A warning if clusters that won no frame are missing from what was asked for.
fn outvoted(bounds: SpeakerBounds, found: usize) -> Option<Warning> {
    (!bounds.contains(found)).then(|| Warning::SpeakersNotHonoured {
        asked: match bounds.exact() {
            Some(exact) => format!("{exact} speakers"),
            None => format!("at least {} speakers", bounds.min()),
        },
        found,
        reason: "the windows of the others were outvoted by overlapping ones".to_owned(),
    })
}
