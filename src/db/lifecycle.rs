//! What workers do to a job's row.
//!
//! A claim hands out an attempt number and a lease. Every later write of that worker names the
//! number; once another worker has claimed the job, or its time is over, such a write changes
//! nothing and says so.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{Database, Transaction};

use super::{
    Db, DbError, Failure, JobRecord, Lane, Sql,
    clock::Lease,
    deliveries, dispatch,
    record::{WORKER_LOST, millis},
};
use crate::domain::{JobEvent, JobId, JobStatus};

/// A suspect job is looked at again after this long.
const SUSPECT_DELAY: Duration = Duration::from_secs(1);

/// What a worker that wants a job gets.
#[derive(Debug)]
pub enum Claim {
    /// The job, to be run as attempt [`JobRecord::attempt`].
    Run(Box<JobRecord>),
    /// Not now: another worker has it and is alive, or it is to run without others of its kind
    /// ([`JobRecord::is_suspect`]). The dispatch comes again.
    Busy,
    /// It had failed too often and is failed for good now.
    GaveUp(Failure),
    /// It is over, or gone.
    Nothing,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The results are stored.
    Succeeded {
        /// What to tell the caller beside them.
        warning: Option<String>,
    },
    /// It will never succeed.
    Failed(Failure),
    /// It may succeed another time.
    Retry {
        /// Why it did not this time.
        failure: Failure,
        /// How long to wait.
        delay: Duration,
    },
    /// It has to wait for something outside; the attempt does not count.
    Postponed {
        /// For what.
        reason: Failure,
        /// When to look again.
        delay: Duration,
    },
    /// It was called off.
    Canceled,
    /// The worker is going away; the attempt does not count.
    HandedBack,
}

impl Db {
    /// Takes the job for `lease`; `attempts` is how often it may fail. Without `suspects` one that is
    /// suspect is left for later.
    pub async fn claim_job(
        &self,
        id: JobId,
        lease: Duration,
        attempts: i64,
        suspects: bool,
    ) -> Result<Claim, DbError> {
        let now = Utc::now();
        let mut tx = self.begin().await?;
        let Some(job) = read(&mut tx, id).await? else {
            return Ok(Claim::Nothing);
        };
        if job.status.is_final() {
            return Ok(Claim::Nothing);
        }
        if let Some(expires) = job.lease_expires_at {
            let left = match Lease::of(&job, expires, lease, now) {
                Lease::Held(left) => Some(left),
                Lease::Doubtful(grace) => {
                    prolong(&mut tx, &job, now, grace).await?;
                    Some(grace)
                }
                Lease::Over => None,
            };
            if let Some(left) = left {
                // The queue's clock has whole seconds; the next full one is past the lease's end.
                let delay = left + Duration::from_secs(1);
                dispatch::push(&mut tx, id, Lane::of(job.audio_bytes), delay).await?;
                tx.commit().await?;
                return Ok(Claim::Busy);
            }
        }
        // Whoever ran it is gone without a word: that attempt failed.
        let vanished = job.status == JobStatus::Running;
        let failures = job.failures + i64::from(vanished);
        let failure = if vanished {
            Some(Failure::new(
                WORKER_LOST,
                format!(
                    "the worker of attempt {} stopped without finishing",
                    job.attempt
                ),
            ))
        } else {
            job.failure.clone()
        };
        if job.cancel_requested {
            settle(&mut tx, &job, JobEvent::Cancel, failures, None).await?;
            tx.commit().await?;
            return Ok(Claim::Nothing);
        }
        if failures >= attempts
            && let Some(last) = failure
        {
            let failure = exhausted(failures, last);
            settle(&mut tx, &job, JobEvent::Fail, failures, Some(&failure)).await?;
            tx.commit().await?;
            return Ok(Claim::GaveUp(failure));
        }
        let claimed = JobRecord {
            failures,
            failure,
            ..job.clone()
        };
        if claimed.is_suspect(attempts) && !suspects {
            touch(&mut tx, id, now).await?;
            dispatch::push(&mut tx, id, Lane::of(job.audio_bytes), SUSPECT_DELAY).await?;
            tx.commit().await?;
            return Ok(Claim::Busy);
        }
        let failure = claimed.failure.as_ref();
        let status = job.status.transition(JobEvent::Claim)?;
        let claimed = sqlx::query_as(
            "UPDATE diarizations SET status = $1, attempt = attempt + 1, failures = $2,
                 lease_expires_at = $3, step = NULL, percent = 0, updated_at = $4,
                 started_at = COALESCE(started_at, $4), error_code = $8, error = $9
             WHERE id = $5 AND status = $6 AND attempt = $7
             RETURNING *",
        )
        .bind(status.as_str())
        .bind(failures)
        .bind(millis(now + lease))
        .bind(millis(now))
        .bind(id.to_string())
        .bind(job.status.as_str())
        .bind(job.attempt)
        .bind(failure.map(|failure| failure.code.as_str()))
        .bind(failure.map(|failure| failure.message.as_str()))
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Claim::Run(Box::new(claimed)))
    }

    /// Tells that attempt `attempt` is alive for another `lease` and how far it is. `None` if it
    /// has lost the job, else whether somebody wants it stopped.
    pub async fn beat_job(
        &self,
        id: JobId,
        attempt: i64,
        lease: Duration,
        step: Option<&str>,
        percent: f64,
    ) -> Result<Option<bool>, DbError> {
        let now = Utc::now();
        let stop = sqlx::query_scalar(
            "UPDATE diarizations SET lease_expires_at = $1, step = $2, percent = $3, updated_at = $4
             WHERE id = $5 AND attempt = $6 AND status = 'running'
             RETURNING cancel_requested",
        )
        .bind(millis(now + lease))
        .bind(step)
        .bind(percent.clamp(0.0, 100.0))
        .bind(millis(now))
        .bind(id.to_string())
        .bind(attempt)
        .fetch_optional(&self.pool)
        .await?;
        Ok(stop)
    }

    /// As [`Db::beat_job`], but only asks.
    pub async fn stop_requested(&self, id: JobId, attempt: i64) -> Result<Option<bool>, DbError> {
        let stop = sqlx::query_scalar(
            "SELECT cancel_requested FROM diarizations
             WHERE id = $1 AND attempt = $2 AND status = 'running'",
        )
        .bind(id.to_string())
        .bind(attempt)
        .fetch_optional(&self.pool)
        .await?;
        Ok(stop)
    }

    /// Notes the size of the audio that attempt `attempt` has fetched.
    pub async fn set_audio_bytes(
        &self,
        id: JobId,
        attempt: i64,
        audio_bytes: u64,
    ) -> Result<(), DbError> {
        sqlx::query("UPDATE diarizations SET audio_bytes = $1 WHERE id = $2 AND attempt = $3")
            .bind(audio_bytes.cast_signed())
            .bind(id.to_string())
            .bind(attempt)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Ends attempt `attempt`, with the job's next dispatch if there is to be one. Gives the status
    /// the job has now, or `None` if the attempt had lost the job and nothing was changed.
    pub async fn finish_attempt(
        &self,
        id: JobId,
        attempt: i64,
        attempts: i64,
        outcome: &Outcome,
    ) -> Result<Option<JobStatus>, DbError> {
        let mut tx = self.begin().await?;
        let job = match read(&mut tx, id).await? {
            Some(job) if job.attempt == attempt && job.status == JobStatus::Running => job,
            _ => return Ok(None),
        };
        let failures = job.failures;
        let lane = Lane::of(job.audio_bytes);
        let status = match outcome {
            Outcome::Succeeded { warning } => {
                sqlx::query("UPDATE diarizations SET warning = $1, percent = 100 WHERE id = $2")
                    .bind(warning)
                    .bind(id.to_string())
                    .execute(&mut *tx)
                    .await?;
                settle(&mut tx, &job, JobEvent::Succeed, failures, None).await?
            }
            Outcome::Failed(failure) => {
                settle(&mut tx, &job, JobEvent::Fail, failures + 1, Some(failure)).await?
            }
            Outcome::Retry { failure, .. } if failures + 1 >= attempts => {
                let failure = exhausted(failures + 1, failure.clone());
                settle(&mut tx, &job, JobEvent::Fail, failures + 1, Some(&failure)).await?
            }
            Outcome::Retry { failure, delay } => {
                dispatch::push(&mut tx, id, lane, *delay).await?;
                settle(
                    &mut tx,
                    &job,
                    JobEvent::Release,
                    failures + 1,
                    Some(failure),
                )
                .await?
            }
            Outcome::Postponed { reason, delay } => {
                dispatch::push(&mut tx, id, lane, *delay).await?;
                settle(&mut tx, &job, JobEvent::Release, failures, Some(reason)).await?
            }
            Outcome::Canceled => settle(&mut tx, &job, JobEvent::Cancel, failures, None).await?,
            Outcome::HandedBack => {
                dispatch::push(&mut tx, id, lane, Duration::ZERO).await?;
                let failure = job.failure.as_ref();
                settle(&mut tx, &job, JobEvent::Release, failures, failure).await?
            }
        };
        tx.commit().await?;
        Ok(Some(status))
    }
}

/// The failure of a job whose attempts are used up: the last one's, and how many there were.
fn exhausted(failures: i64, last: Failure) -> Failure {
    Failure::new(
        last.code,
        format!(
            "gave up after {failures} attempts; the last one: {}",
            last.message
        ),
    )
}

async fn read(tx: &mut Transaction<'_, Sql>, id: JobId) -> Result<Option<JobRecord>, DbError> {
    let job = sqlx::query_as("SELECT * FROM diarizations WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut **tx)
        .await?;
    Ok(job)
}

/// Gives the worker that may have the job another `grace` to say so.
async fn prolong(
    tx: &mut Transaction<'_, Sql>,
    job: &JobRecord,
    now: DateTime<Utc>,
    grace: Duration,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE diarizations SET lease_expires_at = $1, updated_at = $2 WHERE id = $3 AND attempt = $4",
    )
    .bind(millis(now + grace))
    .bind(millis(now))
    .bind(job.id.to_string())
    .bind(job.attempt)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Notes when the job's dispatch was written, for [`Db::mend_times`].
async fn touch(
    tx: &mut Transaction<'_, Sql>,
    id: JobId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query("UPDATE diarizations SET updated_at = $1 WHERE id = $2")
        .bind(millis(now))
        .bind(id.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Moves the job out of the worker's hands. The status it was read with is named again, so that
/// the statement holds on a database that lets others write between the two.
async fn settle(
    tx: &mut Transaction<'_, Sql>,
    job: &JobRecord,
    event: JobEvent,
    failures: i64,
    failure: Option<&Failure>,
) -> Result<JobStatus, DbError> {
    let status = job.status.transition(event)?;
    let now = millis(Utc::now());
    let connection: &mut <Sql as Database>::Connection = tx;
    let changed = sqlx::query(
        "UPDATE diarizations SET status = $1, failures = $2, error_code = $3, error = $4,
             lease_expires_at = NULL, updated_at = $5, finished_at = $6
         WHERE id = $7 AND status = $8 AND attempt = $9",
    )
    .bind(status.as_str())
    .bind(failures)
    .bind(failure.map(|failure| failure.code.as_str()))
    .bind(failure.map(|failure| failure.message.as_str()))
    .bind(now)
    .bind(status.is_final().then_some(now))
    .bind(job.id.to_string())
    .bind(job.status.as_str())
    .bind(job.attempt)
    .execute(connection)
    .await?;
    if changed.rows_affected() == 0 {
        return Err(sqlx::Error::RowNotFound.into());
    }
    if status.is_final() {
        deliveries::push(tx, job).await?;
    }
    Ok(status)
}
