//! The steps that need no audio: from embeddings and speech to turns.

use ndarray::Array2;
use tracing::info_span;

use super::assembly::{Assembled, assemble};
use super::error::PipelineError;
use super::scan::{WINDOWS, content, timed};
use super::settings::Settings;
use super::votes::Votes;
use crate::clustering::{self, Clustering};
use crate::domain::{
    Annotation, Diarization, LocalSpeakers, NoProgress, ProgressHook, SAMPLE_RATE, SpeakerBounds,
    Step, StepSeconds, Timeline, Warning,
};

/// All that turns are made of.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Samples in the recording.
    pub samples: usize,
    /// When somebody speaks.
    pub speech: Timeline,
    /// When several do, as far as that is known.
    pub overlap: Timeline,
    /// Who is alone, as far as that is known.
    pub locals: Option<LocalSpeakers>,
    /// The numbers of the embedded windows, ascending.
    pub windows: Vec<usize>,
    /// One unit vector for each, `(windows, dim)`.
    pub embeddings: Array2<f32>,
}

impl Evidence {
    /// What a result was made of.
    pub fn of(diarization: &Diarization) -> Self {
        let samples = diarization.audio_seconds * f64::from(SAMPLE_RATE);
        Self {
            samples: samples.round() as usize,
            speech: diarization.speech.clone(),
            overlap: diarization.overlap.clone(),
            locals: diarization.locals.clone(),
            windows: diarization.windows.clone(),
            embeddings: diarization.embeddings.clone(),
        }
    }
}

/// Clusters and assembles anew what an earlier run has left.
///
/// With the settings and bounds of that run the outcome is that run's.
///
/// # Errors
/// Embeddings that cannot be grouped.
pub fn recluster(
    evidence: Evidence,
    clustering: &clustering::Settings,
    settings: &Settings,
    bounds: SpeakerBounds,
) -> Result<Diarization, PipelineError> {
    let clustering = clustering::by_name(clustering);
    let seconds = StepSeconds::default();
    conclude(
        evidence,
        &*clustering,
        settings,
        bounds,
        seconds,
        &NoProgress,
    )
}

/// Clusters, assembles and numbers speakers; `seconds` is what was spent before.
pub(super) fn conclude(
    evidence: Evidence,
    clustering: &dyn Clustering,
    settings: &Settings,
    bounds: SpeakerBounds,
    mut seconds: StepSeconds,
    hook: &dyn ProgressHook,
) -> Result<Diarization, PipelineError> {
    hook.progress(Step::Clustering, Some(0.0))?;
    let clusters = timed(&mut seconds.clustering, || {
        let _span = info_span!("clustering").entered();
        let wanted = || hook.progress(Step::Clustering, Some(0.0)).is_ok();
        clustering.cluster_while(evidence.embeddings.view(), bounds, &wanted)
    })?;
    hook.progress(Step::Clustering, Some(1.0))?;

    hook.progress(Step::Assembly, Some(0.0))?;
    let Assembled {
        annotation,
        exclusive,
        order,
    } = timed(&mut seconds.assembly, || {
        let _span = info_span!("assembly").entered();
        assembled(&evidence, clusters.scores, settings)
    });
    hook.progress(Step::Assembly, Some(1.0))?;

    let found = order.len();
    let labels = renumbered(&clusters.labels, order, clusters.centroids.nrows());
    let mut warnings: Vec<_> = clusters.warning.into_iter().collect();
    if !evidence.speech.is_empty() && found < clusters.centroids.nrows() {
        warnings.extend(outvoted(bounds, found));
    }
    seconds.total = seconds.clustering + seconds.assembly;
    Ok(Diarization {
        annotation,
        exclusive,
        windows: evidence.windows,
        sliding_window: WINDOWS,
        embeddings: evidence.embeddings,
        labels,
        speaker_channels: Vec::new(),
        resumed_windows: 0,
        audio_seconds: evidence.samples as f64 / f64::from(SAMPLE_RATE),
        speech: evidence.speech,
        overlap: evidence.overlap,
        locals: evidence.locals,
        seconds,
        warnings,
    })
}

fn assembled(evidence: &Evidence, scores: Array2<f32>, settings: &Settings) -> Assembled {
    if evidence.windows.is_empty() {
        return Assembled {
            annotation: Annotation::default(),
            exclusive: Annotation::default(),
            order: Vec::new(),
        };
    }
    let windows = evidence.windows.iter();
    let windows = windows.map(|&index| content(index, evidence.samples));
    let mut votes = Votes::new(windows.collect(), scores);
    if let Some(locals) = &evidence.locals {
        votes = votes.guided(locals, settings.guidance);
    }
    assemble(&evidence.speech, &evidence.overlap, &votes, settings)
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
