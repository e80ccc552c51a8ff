//! What goes over the wire.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::Code;
use crate::{
    db::{JobOptions, JobRecord, Revision, Task},
    domain::{JobId, JobStatus},
    formats::{
        json::{DiarizationOutput, FrameConfidence, TurnJson},
        voices::{
            self, IdentifiedTurn, VerificationJson, VerificationOutput, VoiceprintMatch,
            VoiceprintOutput,
        },
    },
};

/// A job's status, under pyannoteAI's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// Waiting for a worker again.
    Pending,
    /// Accepted.
    Created,
    /// A worker has it.
    Running,
    /// It has a result.
    Succeeded,
    /// It has an error.
    Failed,
    /// It was called off.
    Canceled,
}

impl From<JobStatus> for Status {
    fn from(status: JobStatus) -> Self {
        match status {
            JobStatus::Pending => Self::Pending,
            JobStatus::Created => Self::Created,
            JobStatus::Running => Self::Running,
            JobStatus::Succeeded => Self::Succeeded,
            JobStatus::Failed => Self::Failed,
            JobStatus::Canceled => Self::Canceled,
        }
    }
}

impl From<Status> for JobStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Created => Self::Created,
            Status::Running => Self::Running,
            Status::Succeeded => Self::Succeeded,
            Status::Failed => Self::Failed,
            Status::Canceled => Self::Canceled,
        }
    }
}

/// A job was accepted, or called off.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobReceipt {
    /// The job's id.
    #[schema(format = "uuid", example = "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f")]
    pub(super) job_id: String,
    pub(super) status: Status,
    /// What was asked for and will not be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) warning: Option<String>,
}

/// A recording that is, or will be, uploaded apart from a job.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct MediaName {
    /// A name of the caller's choice.
    #[schema(
        example = "media://board/2026-11-03.wav",
        pattern = r"^media://[a-zA-Z0-9\-_./]+$",
        max_length = 255
    )]
    pub(super) url: String,
}

/// A link that needs no other authentication.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MediaUrl {
    /// The link.
    #[schema(format = "uri")]
    pub(super) url: String,
}

/// The service answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Connection {
    #[schema(example = "OK")]
    pub(super) status: &'static str,
    #[schema(example = "Test connection successful")]
    pub(super) message: &'static str,
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Job)]
pub(super) struct JobView {
    /// The job's id.
    #[schema(format = "uuid", example = "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f")]
    job_id: String,
    status: Status,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Present once the job has succeeded or failed; that of the latest revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Output>,
    /// The results after the first one, which is revision 1; present if there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    revisions: Vec<RevisionView>,
}

/// A result that was made of a job's embeddings after its first one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Revision)]
pub(super) struct RevisionView {
    /// Its number, from 2.
    #[schema(minimum = 2, example = 2)]
    revision: i64,
    created_at: DateTime<Utc>,
    /// Speakers found.
    speakers: u64,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    num_speakers: Option<usize>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_speakers: Option<usize>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_speakers: Option<usize>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<f32>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    clustering: Option<String>,
    /// What went less than perfectly.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

impl From<Revision> for RevisionView {
    fn from(revision: Revision) -> Self {
        let options = revision.options;
        Self {
            revision: revision.number,
            created_at: revision.created_at,
            speakers: revision.speakers,
            num_speakers: options.num_speakers,
            min_speakers: options.min_speakers,
            max_speakers: options.max_speakers,
            threshold: options.threshold,
            clustering: options.clustering,
            warning: revision.warning,
        }
    }
}

/// A new revision and its turns.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Reclustered)]
pub(super) struct ReclusteredView {
    /// The job's id.
    #[schema(format = "uuid", example = "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f")]
    job_id: String,
    #[serde(flatten)]
    revision: RevisionView,
    output: Output,
}

impl ReclusteredView {
    pub(super) fn new(id: JobId, revision: Revision, result: DiarizationOutput) -> Self {
        let warning = revision.warning.clone();
        Self {
            job_id: id.to_string(),
            revision: revision.into(),
            output: Output {
                warning,
                ..Output::new(result, &JobOptions::default())
            },
        }
    }

    /// The revision's number.
    pub(super) fn revision(&self) -> i64 {
        self.revision.revision
    }
}

/// What came of a job.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Output {
    /// Who spoke when, in order of start; turns of different speakers may overlap. Present if the
    /// job succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    diarization: Option<Vec<Turn>>,
    /// The same with at most one speaker at any instant; if `exclusive` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    exclusive_diarization: Option<Vec<Turn>>,
    /// Confidence over time; if `confidence` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<Confidence>,
    /// The turns with the names of those who were recognised; if voiceprints came with the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    identification: Option<Vec<Identified>>,
    /// Whose voiceprints the speakers' are; if voiceprints came with the job.
    #[serde(skip_serializing_if = "Option::is_none")]
    voiceprints: Option<Vec<Match>>,
    /// The voice as text; if the job was for that. It can be kept and sent with `POST /v1/identify`
    /// or `POST /v1/verify` for as long as the service runs the model that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        content_encoding = "base64",
        example = "RFZQMQcHBwcHBwcHBwcHBwcHBweamRk/AAAAAM3MTL8="
    )]
    voiceprint: Option<String>,
    /// Whether two voices are one speaker's; if the job was for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<Verification>,
    /// What went less than perfectly.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    /// Why the job failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// The same for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
}

/// One uninterrupted stretch of speech by one speaker.
#[derive(Debug, Serialize, ToSchema)]
struct Turn {
    #[schema(example = "SPEAKER_00")]
    speaker: String,
    /// Seconds from the start of the recording.
    #[schema(example = 6.665)]
    start: f64,
    /// Seconds from the start of the recording.
    #[schema(example = 7.165)]
    end: f64,
    /// The speaker's channel, from 1; if `channels=separate` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    channel: Option<u16>,
    /// Confidence by speaker, 0 to 100; if `turnLevelConfidence` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<BTreeMap<String, u8>>,
}

/// A turn of somebody who may be known by name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IdentifiedTurn)]
struct Identified {
    /// The name or, without one, the number.
    #[schema(example = "Sam")]
    speaker: String,
    /// Seconds from the start of the recording.
    #[schema(example = 6.665)]
    start: f64,
    /// Seconds from the start of the recording.
    #[schema(example = 7.165)]
    end: f64,
    /// The number.
    #[schema(example = "SPEAKER_00")]
    diarization_speaker: String,
    /// The name; null without one.
    #[serde(rename = "match")]
    #[schema(required = true, example = "Sam")]
    label: Option<String>,
    /// The speaker's channel, from 1; if `channels=separate` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    channel: Option<u16>,
    /// Confidence in the turn's speaker, 0 to 100, by number; if `turnLevelConfidence` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<BTreeMap<String, u8>>,
}

/// Whose voiceprint a speaker's is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VoiceprintMatch)]
struct Match {
    /// The number.
    #[schema(example = "SPEAKER_00")]
    speaker: String,
    /// The name given; null if nobody's voiceprint is similar enough, or somebody else was given it.
    #[serde(rename = "match")]
    #[schema(required = true, example = "Sam")]
    label: Option<String>,
    /// By name, how probable it is that the voice is theirs: 0 to 100.
    #[schema(example = json!({"Sam": 93, "Kim": 2}))]
    confidence: BTreeMap<String, u8>,
}

/// Confidence over time.
#[derive(Debug, Serialize, ToSchema)]
struct Confidence {
    /// 0 to 100, one value per frame.
    score: Vec<u8>,
    /// Seconds a frame lasts.
    resolution: f64,
}

/// What a job that succeeded has stored.
pub(super) enum JobResult {
    Diarization(DiarizationOutput),
    Voiceprint(VoiceprintOutput),
    Verification(VerificationOutput),
}

impl JobResult {
    /// Reads what a job for `task` has stored.
    pub(super) fn read(task: &Task, json: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(match task {
            Task::Diarize | Task::Identify { .. } => {
                Self::Diarization(serde_json::from_slice(json)?)
            }
            Task::Voiceprint => Self::Voiceprint(serde_json::from_slice(json)?),
            Task::Verify { .. } => Self::Verification(serde_json::from_slice(json)?),
        })
    }

    fn output(self, options: &JobOptions) -> Output {
        match self {
            Self::Diarization(result) => Output::new(result, options),
            Self::Voiceprint(result) => Output {
                voiceprint: Some(result.voiceprint),
                ..Output::default()
            },
            Self::Verification(result) => Output {
                verification: Some(result.verification.into()),
                ..Output::default()
            },
        }
    }
}

impl JobView {
    /// `result` is what the job has, if it has succeeded.
    pub(super) fn new(job: JobRecord, result: Option<JobResult>) -> Self {
        let output = match job.status {
            JobStatus::Succeeded => result.map(|result| result.output(&job.options)),
            JobStatus::Failed => job.failure.map(|failure| Output {
                error: Some(failure.message),
                error_code: Some(failure.code),
                ..Output::default()
            }),
            JobStatus::Created | JobStatus::Pending | JobStatus::Running | JobStatus::Canceled => {
                None
            }
        };
        Self {
            job_id: job.id.to_string(),
            status: job.status.into(),
            created_at: job.created_at,
            updated_at: job.updated_at,
            revisions: Vec::new(),
            output: output.map(|output| Output {
                warning: job.warning,
                ..output
            }),
        }
    }

    /// The same, whose result is that of the last of these, if there is one.
    pub(super) fn with_revisions(mut self, later: Vec<Revision>) -> Self {
        if let (Some(output), Some(last)) = (&mut self.output, later.last()) {
            output.warning.clone_from(&last.warning);
        }
        self.revisions = later.into_iter().map(Into::into).collect();
        self
    }
}

/// What a webhook posts once a job is over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(super) struct WebhookBody {
    /// The job's id.
    #[schema(format = "uuid", example = "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f")]
    job_id: String,
    status: Status,
    /// As `GET /v1/jobs/{id}` has it; left out if `webhookStatusOnly` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Output>,
}

impl WebhookBody {
    /// `result` is what the job has, if it has succeeded and is to be told.
    pub(super) fn new(job: JobRecord, result: Option<JobResult>, status_only: bool) -> Self {
        let JobView {
            job_id,
            status,
            output,
            ..
        } = JobView::new(job, result);
        Self {
            job_id,
            status,
            output: output.filter(|_| !status_only),
        }
    }
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobList {
    /// The newest first.
    pub(super) items: Vec<JobItem>,
    /// To be given as `cursor` for the next page; null on the last one.
    pub(super) next_cursor: Option<String>,
}

/// A job in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobItem {
    /// The job's id.
    #[schema(format = "uuid", example = "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f")]
    id: String,
    status: Status,
    created_at: DateTime<Utc>,
}

impl From<JobRecord> for JobItem {
    fn from(job: JobRecord) -> Self {
        Self {
            id: job.id.to_string(),
            status: job.status.into(),
            created_at: job.created_at,
        }
    }
}

impl Output {
    /// Of all that is known, what was asked for.
    fn new(result: DiarizationOutput, options: &JobOptions) -> Self {
        let with_confidence = options.turn_level_confidence;
        let exclusive = result.exclusive_diarization.filter(|_| options.exclusive);
        Self {
            diarization: Some(turns(result.diarization, with_confidence)),
            exclusive_diarization: exclusive.map(|exclusive| turns(exclusive, with_confidence)),
            confidence: result
                .confidence
                .filter(|_| options.confidence)
                .map(|FrameConfidence { score, resolution }| Confidence { score, resolution }),
            identification: result
                .identification
                .map(|turns| identified(turns, with_confidence)),
            voiceprints: result
                .voiceprints
                .map(|matches| matches.into_iter().map(Into::into).collect()),
            ..Self::default()
        }
    }
}

fn turns(turns: Vec<TurnJson>, with_confidence: bool) -> Vec<Turn> {
    let turns = turns.into_iter().map(|turn| Turn {
        speaker: turn.speaker,
        start: turn.start,
        end: turn.end,
        channel: turn.channel,
        confidence: turn.confidence.filter(|_| with_confidence),
    });
    turns.collect()
}

fn identified(turns: Vec<IdentifiedTurn>, with_confidence: bool) -> Vec<Identified> {
    let turns = turns.into_iter().map(|turn| Identified {
        speaker: turn.speaker,
        start: turn.start,
        end: turn.end,
        diarization_speaker: turn.diarization_speaker,
        label: turn.label,
        channel: turn.channel,
        confidence: turn.confidence.filter(|_| with_confidence),
    });
    turns.collect()
}

impl From<VoiceprintMatch> for Match {
    fn from(own: VoiceprintMatch) -> Self {
        Self {
            speaker: own.speaker,
            label: own.label,
            confidence: own.confidence,
        }
    }
}

/// A comparison of two voices.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Verification {
    /// The cosine of their embeddings, -1 to 1.
    #[schema(minimum = -1, maximum = 1, example = 0.61)]
    score: f32,
    /// The probability that they are one speaker's, 0 to 1, if that was as likely as not beforehand.
    #[schema(minimum = 0, maximum = 1, example = 0.97)]
    probability: f32,
    threshold: Threshold,
    decision: Decision,
}

/// What a decision rests on.
#[derive(Debug, Serialize, ToSchema)]
struct Threshold {
    /// `lenient`, `balanced` or `strict`.
    #[schema(example = "balanced")]
    name: String,
    /// The least score that is accepted.
    #[schema(minimum = -1, maximum = 1, example = 0.4)]
    score: f32,
}

/// What becomes of a claim that two voices are one speaker's.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Decision {
    /// They count as one speaker's.
    Accept,
    /// They do not.
    Reject,
}

impl From<VerificationJson> for Verification {
    fn from(own: VerificationJson) -> Self {
        Self {
            score: own.score,
            probability: own.probability,
            threshold: Threshold {
                name: own.threshold.name,
                score: own.threshold.score,
            },
            decision: match own.decision {
                voices::Decision::Accept => Decision::Accept,
                voices::Decision::Reject => Decision::Reject,
            },
        }
    }
}

/// An error, as RFC 9457 describes problems, with pyannoteAI's `message` and `errors` beside it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem {
    /// Names the kind of problem: `urn:diarist:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "urn:diarist:problem:payload_too_large")]
    pub(super) kind: String,
    /// What the code means.
    pub(super) title: String,
    /// The response's status.
    #[schema(example = 413)]
    pub(super) status: u16,
    /// What happened this time: the limit, and the value given.
    pub(super) detail: String,
    /// The path asked for.
    #[schema(format = "uri-reference")]
    pub(super) instance: String,
    /// Stable, for programs.
    #[schema(value_type = Code)]
    pub(super) code: String,
    /// The id under which the request was logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<String>,
    /// The same as `detail`.
    pub(super) message: String,
    /// What is wrong field by field, where that can be said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<ProblemField>,
}

/// One wrong field.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct ProblemField {
    /// Its name.
    #[schema(example = "numSpeakers")]
    pub(super) field: String,
    /// What it must be and what was given.
    pub(super) message: String,
}

/// How far a result is from its reference: rates as fractions of 1, the rest in seconds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Score {
    /// Diarization error rate: (missed + falseAlarm + confusion) / total.
    pub(super) der: f64,
    /// Jaccard error rate.
    pub(super) jer: f64,
    /// Speech in the reference; where two speak at once, both count.
    pub(super) total: f64,
    /// Speech that nobody answers for.
    pub(super) missed: f64,
    /// Speech that the reference does not have.
    pub(super) false_alarm: f64,
    /// Speech given to the wrong speaker.
    pub(super) confusion: f64,
    /// Speakers in the reference.
    pub(super) speakers: f64,
    /// Seconds left out around each boundary of the reference, in all.
    pub(super) collar: f64,
    /// The same in words: tools count it differently.
    pub(super) collar_convention: String,
    /// Whether overlapping speech was left out.
    pub(super) skip_overlap: bool,
}
