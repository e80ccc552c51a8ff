//! Other turns from what a job has left: no audio, no model.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use thiserror::Error;

use super::voices::{KeptVoiceprintsError, matches, read_enrolments};
use crate::{
    clustering,
    db::RevisionOptions,
    domain::{SAMPLE_RATE, SpeakerBounds, SpeakerBoundsError, Timeline},
    formats::{
        json::DiarizationOutput,
        metrics::Metrics,
        npy::{self, NpyError},
        rttm,
        voices::label,
    },
    pipeline::{self, Evidence, PipelineError},
    storage::Artefact,
    voices::{Calibration, Matching},
};

/// The artefacts that turns can be made of again.
#[derive(Debug, Clone)]
pub struct Remains {
    /// [`Artefact::Embeddings`].
    pub embeddings: Bytes,
    /// [`Artefact::Labels`].
    pub labels: Bytes,
    /// [`Artefact::Speech`].
    pub speech: Bytes,
    /// [`Artefact::Overlap`], if the job heard some.
    pub overlap: Option<Bytes>,
    /// [`Artefact::Locals`], if a segmentation model was asked.
    pub locals: Option<Bytes>,
    /// [`Artefact::Metrics`], for the settings and the length.
    pub metrics: Bytes,
    /// [`Artefact::Voiceprints`] and how their names are given, if the job is for that.
    pub voiceprints: Option<(Bytes, Matching)>,
}

/// Another result of the same recording.
#[derive(Debug)]
pub struct Reclustered {
    /// What is to be kept.
    pub artefacts: Vec<(Artefact, Bytes)>,
    /// The result.
    pub output: DiarizationOutput,
    /// How many speakers it has.
    pub speakers: usize,
}

/// Why there is no other result.
#[derive(Debug, Error)]
pub enum ReclusterError {
    /// Counts that contradict each other.
    #[error(transparent)]
    Bounds(#[from] SpeakerBoundsError),
    /// An algorithm that does not exist.
    #[error(transparent)]
    Method(clustering::SettingsError),
    /// A threshold that no distance reaches.
    #[error(transparent)]
    Threshold(clustering::SettingsError),
    /// What was kept cannot be read, and ought to be.
    #[error("the job's embeddings cannot be used: {0}")]
    Remains(#[from] NpyError),
    /// As above.
    #[error("the job's voiceprints cannot be used: {0}")]
    Voiceprints(#[from] KeptVoiceprintsError),
    /// As above.
    #[error("the job's metrics cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// Embeddings that cannot be grouped.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The result cannot be written.
    #[error("the result cannot be written: {0}")]
    Write(#[from] npy::WriteNpyError),
}

/// The settings that a job ran with, as its metrics tell.
#[derive(Deserialize)]
struct Record {
    clustering: clustering::Settings,
    pipeline: pipeline::Settings,
    speech: serde_json::Value,
    voices: Option<Calibration>,
}

/// Clusters and assembles the recording `name` anew: with the settings that its job ran with,
/// except where `options` say otherwise. Counts that are not given are free.
///
/// # Errors
/// Options that make no sense, or remains that cannot be read.
pub fn recluster(
    name: &str,
    remains: &Remains,
    options: &RevisionOptions,
) -> Result<Reclustered, ReclusterError> {
    let bounds = SpeakerBounds::new(
        options.num_speakers,
        options.min_speakers,
        options.max_speakers,
    )?;
    let first: Metrics = serde_json::from_slice(&remains.metrics)?;
    let Record {
        mut clustering,
        pipeline,
        speech,
        voices: calibration,
    } = Record::deserialize(&first.settings)?;
    if let Some(method) = &options.clustering {
        clustering.method = method.parse().map_err(ReclusterError::Method)?;
    }
    clustering.threshold = options.threshold.unwrap_or(clustering.threshold);
    clustering.validate().map_err(ReclusterError::Threshold)?;
    let evidence = Evidence {
        samples: (first.audio_seconds * f64::from(SAMPLE_RATE)).round() as usize,
        speech: npy::read_speech(&remains.speech)?,
        overlap: match &remains.overlap {
            Some(overlap) => npy::read_speech(overlap)?,
            None => Timeline::default(),
        },
        locals: match (&remains.locals, first.local_frames) {
            (Some(locals), Some(frames)) => Some(npy::read_locals(locals, frames)?),
            _ => None,
        },
        windows: npy::read_windows(&remains.labels)?,
        embeddings: npy::read_embeddings(&remains.embeddings)?,
    };
    let diarization = pipeline::recluster(evidence, &clustering, &pipeline, bounds)?;
    let record = json!({
        "clustering": clustering,
        "pipeline": pipeline,
        "speech": speech,
        "voices": calibration,
        "options": options,
    });
    let metrics = Metrics::new(&diarization, first.model, record);
    let mut output = DiarizationOutput::new(&diarization);
    if let (Some((kept, matching)), Some(calibration)) = (&remains.voiceprints, calibration) {
        let known = read_enrolments(kept)?;
        output = output.identified(matches(&diarization, &known, *matching, calibration));
    }
    let names = output.voiceprints.as_deref().unwrap_or_default();
    let rttm = rttm::write_result(name, &diarization, |speaker| label(names, speaker));
    let mut labels = Vec::new();
    npy::write_labels(&diarization, &mut labels)?;
    Ok(Reclustered {
        artefacts: vec![
            (Artefact::Rttm, rttm.into()),
            (Artefact::Result, serde_json::to_vec(&output)?.into()),
            (Artefact::Labels, labels.into()),
            (
                Artefact::Metrics,
                serde_json::to_vec_pretty(&metrics)?.into(),
            ),
        ],
        speakers: metrics.speakers,
        output,
    })
}
