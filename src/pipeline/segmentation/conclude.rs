//! The steps that need no audio: from local speakers to turns.

use ndarray::Array2;
use tracing::info_span;

use super::casting::cast;
use super::reconstruct::reconstruct;
use super::scan::Heard;
use crate::clustering::{Clustering, Embeddings};
use crate::domain::{Diarization, ProgressHook, SAMPLE_RATE, SlidingWindow, SpeakerBounds, Step};
use crate::pipeline::conclude::{outvoted, renumbered};
use crate::pipeline::error::PipelineError;
use crate::pipeline::scan::timed;
use crate::pipeline::settings::Settings;
use crate::pipeline::votes::margin;

/// Clusters, reconstructs and numbers speakers.
pub(in crate::pipeline) fn conclude(
    heard: Heard,
    clustering: &dyn Clustering,
    settings: &Settings,
    bounds: SpeakerBounds,
    hook: &dyn ProgressHook,
) -> Result<Diarization, PipelineError> {
    let mut seconds = heard.seconds;
    hook.progress(Step::Clustering, Some(0.0))?;
    let chunks: Vec<usize> = heard.locals.iter().map(|local| local.chunk).collect();
    let clusters = timed(&mut seconds.clustering, || {
        let _span = info_span!("clustering").entered();
        let wanted = || hook.progress(Step::Clustering, Some(0.0)).is_ok();
        let embeddings = Embeddings::apart(heard.embeddings.view(), &chunks);
        clustering.cluster_while(embeddings, bounds, &wanted)
    })?;
    hook.progress(Step::Clustering, Some(1.0))?;

    hook.progress(Step::Assembly, Some(0.0))?;
    let count = clusters.centroids.nrows();
    let (labels, made) = timed(&mut seconds.assembly, || {
        let _span = info_span!("assembly").entered();
        let labels = cast(&heard.locals, &clusters.cosines);
        let margins = margins(&labels, &clusters.cosines);
        let made = reconstruct(&heard, &labels, count, &margins, settings);
        (labels, made)
    });
    hook.progress(Step::Assembly, Some(1.0))?;

    let found = made.order.len();
    let labels = renumbered(&labels, made.order, count);
    let mut warnings: Vec<_> = clusters.warning.into_iter().collect();
    if !made.speech.is_empty() && found < count {
        warnings.extend(outvoted(bounds, found));
    }
    Ok(Diarization {
        annotation: made.annotation,
        exclusive: made.exclusive,
        windows: chunks,
        sliding_window: SlidingWindow {
            length: heard.geometry.window,
            step: heard.geometry.step,
        },
        embeddings: heard.embeddings,
        labels,
        speaker_channels: Vec::new(),
        resumed_windows: heard.resumed,
        audio_seconds: heard.samples as f64 / f64::from(SAMPLE_RATE),
        speech: made.speech,
        seconds,
        warnings,
    })
}

/// How far each local speaker's cluster leads the next best one.
fn margins(labels: &[usize], cosines: &Array2<f32>) -> Vec<f32> {
    let rows = labels.iter().zip(cosines.rows());
    rows.map(|(&label, row)| {
        let others = row.iter().enumerate().filter(|(other, _)| *other != label);
        let second = others.map(|(_, &cosine)| cosine).reduce(f32::max);
        margin(row[label], second.unwrap_or(0.0))
    })
    .collect()
}
