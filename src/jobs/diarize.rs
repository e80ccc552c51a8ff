//! What a job does: plain synchronous code on a thread of its own.

use std::{fmt::Display, path::Path};

use bytes::Bytes;
use serde_json::json;

use super::{Environment, failure::AttemptError, progress::Progress, recording, scoring};
use crate::{
    audio::{AudioStream, DecodeOptions},
    db::{Failure, JobRecord},
    domain::{Diarization, ScoreOptions, SpeakerBounds},
    formats::{json::DiarizationOutput, metrics::Metrics, npy, rttm},
    pipeline::PipelineError,
    storage::Artefact,
};

/// A result, ready to be stored.
pub(super) struct Done {
    pub(super) artefacts: Vec<(Artefact, Bytes)>,
    pub(super) metrics: Metrics,
    pub(super) warning: Option<String>,
}

/// Diarizes the file at `path`, scores the result if there is a reference, and writes it in every
/// form that is kept.
pub(super) fn diarize(
    environment: &Environment,
    job: &JobRecord,
    path: &Path,
    reference: Option<&str>,
    progress: &Progress,
) -> Result<Done, AttemptError> {
    let options = &job.options;
    let bounds = SpeakerBounds::new(
        options.num_speakers,
        options.min_speakers,
        options.max_speakers,
    )
    .map_err(|error| AttemptError::Permanent(Failure::new("invalid_options", error.to_string())))?;
    let decode = DecodeOptions {
        limits: environment.limits,
        channel: options.channel,
    };
    let settings = environment.pipeline_settings(options);
    let record = json!({
        "clustering": settings.clustering,
        "pipeline": settings.pipeline,
        "speech": settings.speech,
        "options": options,
    });
    let pipeline = environment.pipeline(settings);
    let mut checkpoint = recording::checkpoint(environment, job, path)?;
    let diarization = loop {
        let audio = AudioStream::open(path, &decode)?;
        match pipeline.run_with(audio, bounds, progress, Some(&mut checkpoint)) {
            Err(PipelineError::StaleCheckpoint) => checkpoint.discard(),
            done => break done?,
        }
    };
    let metrics = Metrics::new(&diarization, environment.model(), record);
    write(job, &diarization, metrics, reference)
}

fn write(
    job: &JobRecord,
    diarization: &Diarization,
    mut metrics: Metrics,
    reference: Option<&str>,
) -> Result<Done, AttemptError> {
    let mut output = DiarizationOutput::new(diarization);
    let mut warnings: Vec<String> = job.warning.iter().cloned().collect();
    warnings.extend(output.warning.take());
    if let Some(reference) = reference {
        let scoring = &job.options.scoring;
        let options = ScoreOptions {
            collar: scoring.collar,
            skip_overlap: scoring.skip_overlap,
        };
        let annotation = &diarization.annotation;
        match scoring::score(reference, &job.name, annotation, None, options) {
            Ok(score) => metrics.score = Some(score),
            // The result is as good without.
            Err(error) => warnings.push(format!("the result was not scored: {error}")),
        }
    }
    let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    output.warning.clone_from(&warning);
    let internal =
        |error: &dyn Display| AttemptError::internal("the result could not be written", error);
    let mut embeddings = Vec::new();
    npy::write_embeddings(&diarization.embeddings, &mut embeddings).map_err(|e| internal(&e))?;
    let mut labels = Vec::new();
    npy::write_labels(diarization, &mut labels).map_err(|e| internal(&e))?;
    let mut speech = Vec::new();
    npy::write_speech(&diarization.speech, &mut speech).map_err(|e| internal(&e))?;
    let result = serde_json::to_vec(&output).map_err(|e| internal(&e))?;
    let metrics_json = serde_json::to_vec_pretty(&metrics).map_err(|e| internal(&e))?;
    let rttm = rttm::write(&job.name, &diarization.annotation);
    Ok(Done {
        artefacts: vec![
            (Artefact::Rttm, rttm.into()),
            (Artefact::Result, result.into()),
            (Artefact::Embeddings, embeddings.into()),
            (Artefact::Labels, labels.into()),
            (Artefact::Speech, speech.into()),
            (Artefact::Metrics, metrics_json.into()),
        ],
        metrics,
        warning,
    })
}
