//! What a job does: plain synchronous code on a thread of its own.

use std::fmt::Display;

use bytes::Bytes;
use serde_json::json;

use super::{
    Environment,
    failure::AttemptError,
    progress::Progress,
    recording::{self, Stored},
    scoring, verify, voices,
};
use crate::{
    audio::{AudioStream, DecodeOptions, Limits},
    db::{Failure, JobOptions, JobRecord, Task},
    domain::{Diarization, ProgressHook, ScoreOptions, SpeakerBounds},
    formats::{
        json::DiarizationOutput,
        metrics::Metrics,
        npy, rttm,
        voices::{VoiceprintMatch, VoiceprintOutput, label},
    },
    pipeline::{self, ChannelProgress, PipelineError},
    storage::{Artefact, StoredAudio},
    voices::Enrolment,
};

/// Channels that a recording may have for each to be diarized by itself: it is decoded once for each.
const MAX_SEPARATE_CHANNELS: u16 = 8;

/// A result, ready to be stored.
pub(super) struct Done {
    pub(super) artefacts: Vec<(Artefact, Bytes)>,
    /// What each recording cost.
    pub(super) metrics: Vec<Metrics>,
    pub(super) warning: Option<String>,
}

/// What a job works on.
pub(super) struct Inputs {
    /// The recording.
    pub(super) audio: StoredAudio,
    /// The recording that it is compared with.
    pub(super) second: Option<StoredAudio>,
    /// Who really spoke when, in RTTM.
    pub(super) reference: Option<String>,
    /// The voiceprints that came with the job.
    pub(super) voiceprints: Vec<Enrolment>,
}

/// Does what the job is for and writes the result in every form that is kept.
pub(super) fn work(
    environment: &Environment,
    job: &JobRecord,
    inputs: &Inputs,
    progress: &Progress,
) -> Result<Done, AttemptError> {
    match &job.options.task {
        Task::Verify { threshold, .. } => {
            verify::verify(environment, job, threshold, inputs, progress)
        }
        Task::Diarize | Task::Voiceprint | Task::Identify { .. } => {
            diarize(environment, job, inputs, progress)
        }
    }
}

fn diarize(
    environment: &Environment,
    job: &JobRecord,
    inputs: &Inputs,
    progress: &Progress,
) -> Result<Done, AttemptError> {
    let options = &job.options;
    let audio = &inputs.audio;
    let bounds = bounds(options)?;
    let settings = environment.pipeline_settings(options);
    let record = json!({
        "clustering": settings.clustering,
        "pipeline": settings.pipeline,
        "speech": settings.speech,
        "voices": environment.voices.calibration(),
        "options": options,
    });
    let pipeline = environment.pipeline(settings.clone());
    let one = |channel, hook: &dyn ProgressHook| {
        let decode = DecodeOptions {
            limits: limits(environment, options),
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
    let mut writing = Writing::new(job, &diarization);
    if options.task == Task::Voiceprint {
        let voiceprint = voices::voiceprint(environment, &diarization)?;
        writing.voiceprint = Some(voiceprint.to_string());
        let several = voices::several_speakers(&diarization, &settings);
        writing.warnings.extend(several);
    }
    if let Some(matching) = voices::matching(&options.task) {
        let calibration = environment.voices.calibration();
        let known = &inputs.voiceprints;
        writing.matches = Some(voices::matches(&diarization, known, matching, calibration));
    }
    writing.write(metrics, inputs.reference.as_deref())
}

/// How many speakers are expected: one, where the job is for that one's voice.
fn bounds(options: &JobOptions) -> Result<SpeakerBounds, AttemptError> {
    let bounds = match options.task {
        Task::Voiceprint => SpeakerBounds::new(Some(1), None, None),
        Task::Diarize | Task::Identify { .. } | Task::Verify { .. } => SpeakerBounds::new(
            options.num_speakers,
            options.min_speakers,
            options.max_speakers,
        ),
    };
    bounds.map_err(|error| {
        AttemptError::Permanent(Failure::new("invalid_options", error.to_string()))
    })
}

/// What audio is accepted: less for a voiceprint.
fn limits(environment: &Environment, options: &JobOptions) -> Limits {
    let Limits {
        max_bytes,
        max_duration_seconds,
    } = environment.limits;
    match options.task {
        Task::Voiceprint => Limits {
            max_bytes: max_bytes.min(environment.voices.max_bytes),
            max_duration_seconds: max_duration_seconds.min(environment.voices.max_seconds),
        },
        Task::Diarize | Task::Identify { .. } | Task::Verify { .. } => environment.limits,
    }
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

/// A result on its way into the forms that are kept.
struct Writing<'a> {
    job: &'a JobRecord,
    diarization: &'a Diarization,
    /// In place of the turns, if the job is for that.
    voiceprint: Option<String>,
    /// Names for the speakers, if the job is for that.
    matches: Option<Vec<VoiceprintMatch>>,
    warnings: Vec<String>,
}

impl<'a> Writing<'a> {
    fn new(job: &'a JobRecord, diarization: &'a Diarization) -> Self {
        Self {
            job,
            diarization,
            voiceprint: None,
            matches: None,
            warnings: job.warning.iter().cloned().collect(),
        }
    }

    fn write(
        mut self,
        mut metrics: Metrics,
        reference: Option<&str>,
    ) -> Result<Done, AttemptError> {
        let (job, diarization) = (self.job, self.diarization);
        let mut output = DiarizationOutput::new(diarization);
        self.warnings.extend(output.warning.take());
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
                Err(error) => self
                    .warnings
                    .push(format!("the result was not scored: {error}")),
            }
        }
        let warning = (!self.warnings.is_empty()).then(|| self.warnings.join("; "));
        let names = self.matches.as_deref().unwrap_or_default();
        let rttm = rttm::write_result(&job.name, diarization, |speaker| label(names, speaker));
        let internal =
            |error: &dyn Display| AttemptError::internal("the result could not be written", error);
        let result = if let Some(voiceprint) = self.voiceprint {
            serde_json::to_vec(&VoiceprintOutput {
                voiceprint,
                warning: warning.clone(),
            })
        } else {
            output.warning.clone_from(&warning);
            if let Some(matches) = self.matches {
                output = output.identified(matches);
            }
            serde_json::to_vec(&output)
        };
        let result = result.map_err(|e| internal(&e))?;
        let mut embeddings = Vec::new();
        npy::write_embeddings(&diarization.embeddings, &mut embeddings)
            .map_err(|e| internal(&e))?;
        let mut labels = Vec::new();
        npy::write_labels(diarization, &mut labels).map_err(|e| internal(&e))?;
        let mut speech = Vec::new();
        npy::write_speech(&diarization.speech, &mut speech).map_err(|e| internal(&e))?;
        let metrics_json = serde_json::to_vec_pretty(&metrics).map_err(|e| internal(&e))?;
        let mut artefacts = vec![
            (Artefact::Rttm, rttm.into()),
            (Artefact::Result, result.into()),
            (Artefact::Embeddings, embeddings.into()),
            (Artefact::Labels, labels.into()),
            (Artefact::Speech, speech.into()),
            (Artefact::Metrics, metrics_json.into()),
        ];
        if !diarization.overlap.is_empty() {
            let mut overlap = Vec::new();
            npy::write_speech(&diarization.overlap, &mut overlap).map_err(|e| internal(&e))?;
            artefacts.push((Artefact::Overlap, overlap.into()));
        }
        if let Some(locals) = &diarization.locals {
            let mut file = Vec::new();
            npy::write_locals(locals, &mut file).map_err(|e| internal(&e))?;
            artefacts.push((Artefact::Locals, file.into()));
        }
        Ok(Done {
            artefacts,
            metrics: vec![metrics],
            warning,
        })
    }
}
