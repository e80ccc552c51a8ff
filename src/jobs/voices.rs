//! What jobs do with voices: make voiceprints, give names, compare.

use thiserror::Error;

use super::{Environment, failure::AttemptError};
use crate::{
    db::{Failure, Task},
    domain::{Diarization, EmbeddingSpace, SpeakerBounds, SpeakerLabel},
    formats::voices::{Decision, EnrolmentJson, ThresholdJson, VerificationJson, VoiceprintMatch},
    pipeline::{self, Evidence, PipelineSettings},
    voices::{
        self, Calibration, Enrolment, Identity, Matching, Settings, ThresholdName, Voiceprint,
        VoiceprintError,
    },
};

/// How names are given, by a job that gives some.
pub fn matching(task: &Task) -> Option<Matching> {
    match *task {
        Task::Identify {
            exclusive,
            threshold,
        } => Some(Matching {
            exclusive,
            threshold,
        }),
        Task::Diarize | Task::Voiceprint | Task::Verify { .. } => None,
    }
}

/// The voiceprints that came with the job, from [`Artefact::Voiceprints`](crate::storage::Artefact).
pub(super) fn enrolments(
    json: &[u8],
    space: EmbeddingSpace,
) -> Result<Vec<Enrolment>, AttemptError> {
    let unreadable =
        |error: &dyn std::fmt::Display| AttemptError::internal("voiceprints were not read", error);
    let read = read_enrolments(json).map_err(|error| unreadable(&error))?;
    match read.iter().find(|own| own.voiceprint.space() != space) {
        None => Ok(read),
        Some(other) => Err(AttemptError::Permanent(Failure::new(
            "voiceprint_of_another_model",
            format!(
                "voiceprints can only be compared with voices that the same model has heard ({space}); \
                 that of {:?} was made by another one ({}): make it anew",
                other.label,
                other.voiceprint.space()
            ),
        ))),
    }
}

/// Voiceprints that were kept and ought to be readable.
#[derive(Debug, Error)]
pub enum KeptVoiceprintsError {
    /// Not the JSON that was written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Not the text that was checked.
    #[error(transparent)]
    Voiceprint(#[from] VoiceprintError),
}

pub(super) fn read_enrolments(json: &[u8]) -> Result<Vec<Enrolment>, KeptVoiceprintsError> {
    let kept: Vec<EnrolmentJson> = serde_json::from_slice(json)?;
    let read = kept.into_iter().map(|EnrolmentJson { label, voiceprint }| {
        let voiceprint = voiceprint.parse()?;
        Ok(Enrolment { label, voiceprint })
    });
    read.collect()
}

/// The voice of the recording's one speaker.
pub(super) fn voice(diarization: &Diarization) -> Result<Vec<f32>, AttemptError> {
    let voices = voices::voices(&diarization.embeddings.view(), &diarization.labels);
    voices.into_iter().flatten().next().ok_or_else(|| {
        AttemptError::Permanent(Failure::new(
            "no_speech",
            format!(
                "there must be speech in the recording to know a voice by; given: {:.1} s without any",
                diarization.audio_seconds
            ),
        ))
    })
}

/// The same as a voiceprint.
pub(super) fn voiceprint(
    environment: &Environment,
    diarization: &Diarization,
) -> Result<Voiceprint, AttemptError> {
    Voiceprint::new(environment.space(), voice(diarization)?).map_err(|error| {
        AttemptError::Permanent(Failure::new("voiceprint_too_large", error.to_string()))
    })
}

/// What to tell who took a recording of several speakers for that of one.
pub(super) fn several_speakers(
    diarization: &Diarization,
    settings: &PipelineSettings,
) -> Option<String> {
    let evidence = Evidence::of(diarization);
    let (clustering, pipeline) = (&settings.clustering, &settings.pipeline);
    let free = pipeline::recluster(evidence, clustering, pipeline, SpeakerBounds::ANY);
    let found = free.ok()?.annotation.speakers().len();
    (found > 1).then(|| {
        format!("the recording was taken for that of one speaker, and {found} seem to speak in it")
    })
}

/// Whose voiceprints the speakers' are.
pub(super) fn matches(
    diarization: &Diarization,
    enrolments: &[Enrolment],
    matching: Matching,
    calibration: Calibration,
) -> Vec<VoiceprintMatch> {
    let voices = voices::voices(&diarization.embeddings.view(), &diarization.labels);
    let heard = diarization.annotation.speakers();
    let heard: Vec<SpeakerLabel> = (0..voices.len())
        .map(SpeakerLabel::nth)
        .filter(|speaker| heard.contains(speaker))
        .collect();
    // A cluster that won no turn takes nobody's name.
    let own = |speaker: &SpeakerLabel| speaker.number().and_then(|n| voices[n].clone());
    let voices: Vec<_> = heard.iter().map(own).collect();
    let identities = voices::identify(&voices, enrolments, matching, calibration);
    let matches = heard.iter().zip(identities).map(|(speaker, identity)| {
        let Identity { label, confidence } = identity;
        let confidence = confidence.into_iter();
        VoiceprintMatch {
            speaker: speaker.to_string(),
            label,
            confidence: confidence
                .map(|(label, percent)| (label, percent.round() as u8))
                .collect(),
        }
    });
    matches.collect()
}

/// Compares two voices of one space.
pub fn verification(
    settings: &Settings,
    threshold: ThresholdName,
    first: &[f32],
    second: &[f32],
) -> VerificationJson {
    let score = voices::cosine(first, second);
    let least = settings.thresholds.get(threshold);
    VerificationJson {
        score,
        probability: settings.calibration().probability(score),
        threshold: ThresholdJson {
            name: threshold.to_string(),
            score: least,
        },
        decision: if score >= least {
            Decision::Accept
        } else {
            Decision::Reject
        },
    }
}
