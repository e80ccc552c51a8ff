//! Accepting, reading, calling off and removing jobs.

use std::time::Duration;

use chrono::Utc;

use super::{
    Db, DbError, DoneRequest, JobOptions, JobRecord, Lane, Webhook, deliveries, dispatch,
    idempotency, record::millis, usage,
};
use crate::domain::{JobEvent, JobId, JobStatus, KeyId};

/// A job to be accepted.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id, under which the audio is stored already.
    pub id: JobId,
    /// The recording's name in RTTM.
    pub name: String,
    /// What was asked for.
    pub options: JobOptions,
    /// Size of the upload.
    pub audio_bytes: u64,
    /// What to tell the caller already.
    pub warning: Option<String>,
    /// Who asked for it.
    pub owner: JobOwner,
    /// Where the audio is to be fetched from, if it is not stored already.
    pub source_url: Option<String>,
    /// Whom to tell of the job's end.
    pub webhook: Option<Webhook>,
}

/// Who asked for a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobOwner {
    /// The key that it belongs to, where keys are asked for.
    pub key: Option<KeyId>,
    /// Whom it is counted for, where there are quotas.
    pub payer: Option<String>,
    /// The request that brought it, if that may come again.
    pub request: Option<DoneRequest>,
}

/// What came of a wish to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// It had not started and is canceled now.
    Done,
    /// It is running; its worker will stop it.
    Requested,
    /// It was over already.
    TooLate(JobStatus),
}

impl Db {
    /// Writes the job and its dispatch, both or neither.
    pub async fn create_job(&self, job: &NewJob) -> Result<(), DbError> {
        let now = millis(Utc::now());
        let options =
            serde_json::to_string(&job.options).map_err(|e| sqlx::Error::Encode(e.into()))?;
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO diarizations (id, status, name, options, audio_bytes, warning, owner,
                 created_at, updated_at, source_url, webhook, webhook_status_only)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11)",
        )
        .bind(job.id.to_string())
        .bind(JobStatus::Created.as_str())
        .bind(&job.name)
        .bind(options)
        .bind(job.audio_bytes.cast_signed())
        .bind(&job.warning)
        .bind(job.owner.key.map(|key| key.to_string()))
        .bind(now)
        .bind(&job.source_url)
        .bind(job.webhook.as_ref().map(|webhook| webhook.url.as_str()))
        .bind(job.webhook.as_ref().is_some_and(|w| w.status_only))
        .execute(&mut *tx)
        .await?;
        if let Some(payer) = &job.owner.payer {
            usage::count(&mut tx, payer, job.audio_bytes).await?;
        }
        if let Some(request) = &job.owner.request {
            idempotency::complete(&mut tx, request).await?;
        }
        dispatch::push(&mut tx, job.id, Lane::of(job.audio_bytes), Duration::ZERO).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The job, if there is one.
    pub async fn job(&self, id: JobId) -> Result<Option<JobRecord>, DbError> {
        let job = sqlx::query_as("SELECT * FROM diarizations WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await?;
        Ok(job)
    }

    /// Up to `limit` jobs, the newest first, that are older than `before`: of one
    /// status or of all, of one key or of all.
    pub async fn jobs_before(
        &self,
        before: Option<JobId>,
        status: Option<JobStatus>,
        owner: Option<KeyId>,
        limit: u32,
    ) -> Result<Vec<JobRecord>, DbError> {
        // Ids sort by time of creation.
        let jobs = sqlx::query_as(
            "SELECT * FROM diarizations
             WHERE ($1 IS NULL OR id < $1) AND ($2 IS NULL OR status = $2)
                 AND ($3 IS NULL OR owner = $3)
             ORDER BY id DESC LIMIT $4",
        )
        .bind(before.map(|id| id.to_string()))
        .bind(status.map(JobStatus::as_str))
        .bind(owner.map(|owner| owner.to_string()))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        Ok(jobs)
    }

    /// How many jobs there are of each status that occurs.
    pub async fn job_counts(&self) -> Result<Vec<(JobStatus, u64)>, DbError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT status, COUNT(*) FROM diarizations GROUP BY status")
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter()
            .map(|(status, count)| match status.parse() {
                Ok(status) => Ok((status, count.unsigned_abs())),
                Err(_) => Err(DbError::Corrupt {
                    column: "status",
                    value: status,
                }),
            })
            .collect()
    }

    /// How many jobs wait for a worker.
    pub async fn jobs_waiting(&self) -> Result<u64, DbError> {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM diarizations WHERE status IN ('created', 'pending')",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(waiting.unsigned_abs())
    }

    /// Cancels a job that waits, or asks the worker of one that runs to stop. `None` without such
    /// a job.
    pub async fn cancel_job(&self, id: JobId) -> Result<Option<Cancel>, DbError> {
        let mut tx = self.begin().await?;
        let Some(job) = sqlx::query_as::<_, JobRecord>("SELECT * FROM diarizations WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut *tx)
            .await?
        else {
            return Ok(None);
        };
        let cancel = match job.status {
            JobStatus::Running => Cancel::Requested,
            status => match status.transition(JobEvent::Cancel) {
                Ok(_) => Cancel::Done,
                Err(refused) => return Ok(Some(Cancel::TooLate(refused.status))),
            },
        };
        let now = millis(Utc::now());
        let status = match cancel {
            Cancel::Done => JobStatus::Canceled,
            _ => job.status,
        };
        sqlx::query(
            "UPDATE diarizations SET status = $1, cancel_requested = TRUE, updated_at = $2, finished_at = $3
             WHERE id = $4 AND status = $5 AND attempt = $6",
        )
        .bind(status.as_str())
        .bind(now)
        .bind((cancel == Cancel::Done).then_some(now))
        .bind(id.to_string())
        .bind(job.status.as_str())
        .bind(job.attempt)
        .execute(&mut *tx)
        .await?;
        if cancel == Cancel::Done {
            deliveries::push(&mut tx, &job).await?;
        }
        tx.commit().await?;
        Ok(Some(cancel))
    }

    /// Forgets a job that is over; `false` if it is not, or never was.
    pub async fn delete_job(&self, id: JobId) -> Result<bool, DbError> {
        let deleted = sqlx::query(
            "DELETE FROM diarizations WHERE id = $1 AND status IN ('succeeded', 'failed', 'canceled')",
        )
        .bind(id.to_string())
        .execute(&self.pool)
        .await?;
        Ok(deleted.rows_affected() > 0)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }
}
