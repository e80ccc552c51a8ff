//! What goes over the wire.

mod output;
mod problem;
mod voices;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    db::{JobOptions, JobRecord, Revision},
    domain::{JobId, JobStatus},
    formats::json::DiarizationOutput,
};
pub(super) use output::JobResult;
use output::Output;
pub(super) use problem::{Problem, ProblemField};
pub(super) use voices::Verification;

/// A job's status, under pyannoteAI's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::http) enum Status {
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
pub(in crate::http) struct JobReceipt {
    /// The job's id.
    #[schema(format = "uuid", example = "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f")]
    pub(in crate::http) job_id: String,
    pub(in crate::http) status: Status,
    /// What was asked for and will not be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::http) warning: Option<String>,
}

/// A recording that is, or will be, uploaded apart from a job.
#[derive(Debug, Deserialize, ToSchema)]
pub(in crate::http) struct MediaName {
    /// A name of the caller's choice.
    #[schema(
        example = "media://board/2026-11-03.wav",
        pattern = r"^media://[a-zA-Z0-9\-_./]+$",
        max_length = 255
    )]
    pub(in crate::http) url: String,
}

/// A link that needs no other authentication.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct MediaUrl {
    /// The link.
    #[schema(format = "uri")]
    pub(in crate::http) url: String,
}

/// The service answers.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Connection {
    #[schema(example = "OK")]
    pub(in crate::http) status: &'static str,
    #[schema(example = "Test connection successful")]
    pub(in crate::http) message: &'static str,
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Job)]
pub(in crate::http) struct JobView {
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
pub(in crate::http) struct RevisionView {
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
pub(in crate::http) struct ReclusteredView {
    /// The job's id.
    #[schema(format = "uuid", example = "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f")]
    job_id: String,
    #[serde(flatten)]
    revision: RevisionView,
    output: Output,
}

impl ReclusteredView {
    pub(in crate::http) fn new(id: JobId, revision: Revision, result: DiarizationOutput) -> Self {
        let warning = revision.warning.clone();
        Self {
            job_id: id.to_string(),
            revision: revision.into(),
            output: Output::new(result, &JobOptions::default()).with_warning(warning),
        }
    }

    /// The revision's number.
    pub(in crate::http) fn revision(&self) -> i64 {
        self.revision.revision
    }
}

impl JobView {
    /// `result` is what the job has, if it has succeeded.
    pub(in crate::http) fn new(job: JobRecord, result: Option<JobResult>) -> Self {
        let output = match job.status {
            JobStatus::Succeeded => result.map(|result| result.output(&job.options)),
            JobStatus::Failed => job.failure.map(Output::failed),
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
            output: output.map(|output| output.with_warning(job.warning)),
        }
    }

    /// The same, whose result is that of the last of these, if there is one.
    pub(in crate::http) fn with_revisions(mut self, later: Vec<Revision>) -> Self {
        if let Some(last) = later.last() {
            let warned = |output: Output| output.with_warning(last.warning.clone());
            self.output = self.output.map(warned);
        }
        self.revisions = later.into_iter().map(Into::into).collect();
        self
    }
}

/// What a webhook posts once a job is over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Webhook)]
pub(in crate::http) struct WebhookBody {
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
    pub(in crate::http) fn new(
        job: JobRecord,
        result: Option<JobResult>,
        status_only: bool,
    ) -> Self {
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
pub(in crate::http) struct JobList {
    /// The newest first.
    pub(in crate::http) items: Vec<JobItem>,
    /// To be given as `cursor` for the next page; null on the last one.
    pub(in crate::http) next_cursor: Option<String>,
}

/// A job in a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct JobItem {
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

/// How far a result is from its reference: rates as fractions of 1, the rest in seconds.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::http) struct Score {
    /// Diarization error rate: (missed + falseAlarm + confusion) / total.
    pub(in crate::http) der: f64,
    /// Jaccard error rate.
    pub(in crate::http) jer: f64,
    /// Speech in the reference; where two speak at once, both count.
    pub(in crate::http) total: f64,
    /// Speech that nobody answers for.
    pub(in crate::http) missed: f64,
    /// Speech that the reference does not have.
    pub(in crate::http) false_alarm: f64,
    /// Speech given to the wrong speaker.
    pub(in crate::http) confusion: f64,
    /// Speakers in the reference.
    pub(in crate::http) speakers: f64,
    /// Seconds left out around each boundary of the reference, in all.
    pub(in crate::http) collar: f64,
    /// The same in words: tools count it differently.
    pub(in crate::http) collar_convention: String,
    /// Whether overlapping speech was left out.
    pub(in crate::http) skip_overlap: bool,
}
