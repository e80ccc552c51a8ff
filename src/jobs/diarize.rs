//! What a job does: plain synchronous code on a thread of its own.

use std::fmt::Display;

use bytes::Bytes;
use serde_json::json;

use super::{
    Environment,
    failure::AttemptError,
    progress::Progress,
    recording::{self, Stored},
    scoring,
};
use crate::{
    audio::{AudioStream, DecodeOptions},
    db::{Failure, JobRecord},
    domain::{Diarization, ProgressHook, ScoreOptions, SpeakerBounds},
    formats::{json::DiarizationOutput, metrics::Metrics, npy, rttm},
    pipeline::{self, ChannelProgress, PipelineError},
    storage::{Artefact, StoredAudio},
};

/// Channels that a recording may have for each to be diarized by itself: it is decoded once for each.
const MAX_SEPARATE_CHANNELS: u16 = 8;

/// A result, ready to be stored.
pub(super) struct Done {
    pub(super) artefacts: Vec<(Artefact, Bytes)>,
    pub(super) metrics: Metrics,
    pub(super) warning: Option<String>,
}

/// Diarizes `audio`, scores the result if there is a reference, and writes it in every
/// form that is kept.
pub(super) fn diarize(
    environment: &Environment,
    job: &JobRecord,
    audio: &StoredAudio,
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
    let settings = environment.pipeline_settings(options);
    let record = json!({
        "clustering": settings.clustering,
        "pipeline": settings.pipeline,
        "speech": settings.speech,
        "options": options,
    });
    let pipeline = environment.pipeline(settings);
    let one = |channel, hook: &dyn ProgressHook| {
        let decode = DecodeOptions {
            limits: environment.limits,
            channel,
        };
        let mut checkpoint = recording::checkpoint(environment, job, audio, channel)?;
        loop {
            let stream = AudioStream::open(Stored(audio), &decode)?;
            match pipeline.run_with(stream, bounds, hook, Some(&mut checkpoint)) {
                Err(PipelineError::StaleCheckpoint) => checkpoint.discard(),
                done => break Ok::<_, AttemptError>(done?),
            }
        }
    };
    let diarization = if options.separate_channels {
        // One after the other: no more in memory at once than for one of them, but for the embeddings.
        let count = channels(environment, audio)?;
        let done = (1..=count).map(|channel| {
            let hook = ChannelProgress {
                all: progress,
                index: usize::from(channel) - 1,
                count: usize::from(count),
            };
            one(Some(channel), &hook)
        });
        pipeline::join(done.collect::<Result<_, _>>()?)
    } else {
        one(options.channel, progress)?
    };
    let metrics = Metrics::new(&diarization, environment.model(), record);
    write(job, &diarization, metrics, reference)
}

/// How many channels the recording has, if each may be diarized by itself.
fn channels(environment: &Environment, audio: &StoredAudio) -> Result<u16, AttemptError> {
    let decode = DecodeOptions {
        limits: environment.limits,
        channel: None,
    };
    let given = AudioStream::open(Stored(audio), &decode)?.info().channels;
    match u16::try_from(given) {
        Ok(count) if count <= MAX_SEPARATE_CHANNELS => Ok(count),
        _ => Err(AttemptError::Permanent(Failure::new(
            "too_many_channels",
            format!(
                "channels=separate takes recordings of at most {MAX_SEPARATE_CHANNELS} channels; \
                 given: {given}"
            ),
        ))),
    }
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
    let rttm = rttm::write_result(&job.name, diarization);
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
