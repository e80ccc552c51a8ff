//! Times of day, in case somebody sets the clock.
//!
//! Leases and dispatches are times of day, because several processes share them. A clock that is set
//! back would make them last as much longer, one that is set forward end all at once. Every row says
//! by `updated_at` when it was written: what was written in the future was written before the clock
//! was set back ([`Db::mend_times`]); a lease that ended long ago was perhaps renewed in time
//! ([`Lease::of`]).

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Db, DbError, JobRecord, Lane, dispatch, record::millis};

/// Clocks of processes on one machine do not differ; their writes may come out of order by this much.
pub(super) const TOLERANCE: Duration = Duration::from_secs(2);

/// Jobs mended in one transaction.
const BATCH: usize = 200;

/// What a running job's lease is worth to somebody who wants the job.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lease {
    /// Its worker is alive, for so much longer.
    Held(Duration),
    /// It has ended so long ago that somebody should have come before, if only to restart the service.
    /// Maybe the clock was set forward: a worker that is alive renews it within this time.
    Doubtful(Duration),
    /// Its worker is gone.
    Over,
}

impl Lease {
    /// The lease of `job` that ends at `expires`, for somebody who works with leases of `lease`.
    pub(super) fn of(
        job: &JobRecord,
        expires: DateTime<Utc>,
        lease: Duration,
        now: DateTime<Utc>,
    ) -> Self {
        let granted = granted(job, expires, lease);
        match (expires - now).to_std() {
            Ok(left) if left > Duration::ZERO => Self::Held(left.min(granted)),
            _ => match (now - expires).to_std() {
                // Workers renew it every third.
                Ok(overdue) if overdue > granted + TOLERANCE => Self::Doubtful(granted / 2),
                _ => Self::Over,
            },
        }
    }
}

/// How long the lease of `job` that ends at `expires` was given for, to say the least of leases of `lease`.
fn granted(job: &JobRecord, expires: DateTime<Utc>, lease: Duration) -> Duration {
    let granted = (expires - job.updated_at).to_std().unwrap_or_default();
    granted.max(lease)
}

impl Db {
    /// Makes right what was written before the clock was set back, for workers with leases of `lease`:
    /// jobs that wait are dispatched now, leases of jobs that run end as if they were given now, and
    /// the queue's workers were last seen now. Gives the number of jobs.
    ///
    /// What it finds right it leaves alone, so that any number of processes may do it at any time.
    pub async fn mend_times(&self, lease: Duration) -> Result<usize, DbError> {
        let now = Utc::now();
        let future = now + TOLERANCE;
        sqlx::query("UPDATE Workers SET last_seen = $1 WHERE last_seen > $2")
            .bind(now.timestamp())
            .bind(future.timestamp())
            .execute(&self.pool)
            .await?;
        let mut mended = 0;
        loop {
            let jobs: Vec<JobRecord> = sqlx::query_as(
                "SELECT * FROM diarizations
                 WHERE status IN ('created', 'pending', 'running') AND updated_at > $1 LIMIT $2",
            )
            .bind(millis(future))
            .bind(BATCH as i64)
            .fetch_all(&self.pool)
            .await?;
            if jobs.is_empty() {
                return Ok(mended);
            }
            let mut tx = self.begin().await?;
            for job in &jobs {
                let expires = job.lease_expires_at;
                let granted = expires.map(|expires| granted(job, expires, lease));
                let updated = sqlx::query(
                    "UPDATE diarizations SET updated_at = $1, lease_expires_at = $2
                     WHERE id = $3 AND status = $4 AND attempt = $5 AND updated_at > $6",
                )
                .bind(millis(now))
                .bind(granted.map(|granted| millis(now + granted)))
                .bind(job.id.to_string())
                .bind(job.status.as_str())
                .bind(job.attempt)
                .bind(millis(future))
                .execute(&mut *tx)
                .await?;
                if updated.rows_affected() > 0 {
                    // The dispatch that is there waits for a time of day too. Two do no harm.
                    let delay = granted.map_or(Duration::ZERO, |granted| granted + TOLERANCE);
                    dispatch::push(&mut tx, job.id, Lane::of(job.audio_bytes), delay).await?;
                }
            }
            tx.commit().await?;
            mended += jobs.len();
            if jobs.len() < BATCH {
                return Ok(mended);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Begun, Claim, Outcome,
        tests::{ALIVE, ATTEMPTS, claim, create, create_with_webhook, open},
    };
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    /// As if the clock had been set by `ms` since everything in the database was written.
    async fn set_clock(db: &Db, ms: i64) {
        for statement in [
            "UPDATE diarizations SET updated_at = updated_at - $1,
                 lease_expires_at = lease_expires_at - $1",
            "UPDATE Jobs SET run_at = run_at - $1 / 1000",
            "UPDATE Workers SET last_seen = last_seen - $1 / 1000",
            "UPDATE webhook_deliveries SET due_at = due_at - $1",
            "UPDATE idempotency_keys SET expires_at = expires_at - $1",
        ] {
            let moved = sqlx::query(statement).bind(ms).execute(&db.pool).await;
            moved.unwrap();
        }
    }

    /// Seconds until the earliest dispatch of a job.
    async fn dispatched_in(db: &Db, id: crate::domain::JobId) -> i64 {
        let query = "SELECT MIN(run_at) FROM Jobs WHERE CAST(job AS TEXT) LIKE '%' || $1 || '%'";
        let query = sqlx::query_scalar::<_, i64>(query).bind(id.to_string());
        query.fetch_one(&db.pool).await.unwrap() - Utc::now().timestamp()
    }

    #[tokio::test]
    async fn set_back_nothing_waits_for_its_old_time() {
        let (_folder, db) = open().await;
        let waiting = create(&db).await;
        let running = create(&db).await;
        claim(&db, running, ALIVE).await;
        assert_eq!(db.mend_times(ALIVE).await.unwrap(), 0);
        set_clock(&db, -HOUR_MS).await;
        assert!(dispatched_in(&db, waiting).await > 3500);
        assert_eq!(db.mend_times(ALIVE).await.unwrap(), 2);
        assert_eq!(db.mend_times(ALIVE).await.unwrap(), 0);
        assert!(dispatched_in(&db, waiting).await <= 0);
        let next = dispatched_in(&db, running).await;
        assert!((50..70).contains(&next), "{next}");
        let job = db.job(running).await.unwrap().unwrap();
        let left = (job.lease_expires_at.unwrap() - Utc::now()).num_seconds();
        assert!((55..=60).contains(&left), "{left}");
        // The worker has noticed nothing.
        assert_eq!(
            db.beat_job(running, 1, ALIVE, None, 1.0).await.unwrap(),
            Some(false)
        );
    }

    #[tokio::test]
    async fn set_back_a_claim_does_not_come_again_after_an_hour() {
        let (_folder, db) = open().await;
        let id = create(&db).await;
        claim(&db, id, ALIVE).await;
        sqlx::query("DELETE FROM Jobs")
            .execute(&db.pool)
            .await
            .unwrap();
        set_clock(&db, -HOUR_MS).await;
        let busy = db.claim_job(id, ALIVE, ATTEMPTS, true).await.unwrap();
        assert!(matches!(busy, Claim::Busy), "{busy:?}");
        let next = dispatched_in(&db, id).await;
        assert!(next <= 61, "{next}");
    }

    #[tokio::test]
    async fn set_forward_a_worker_has_the_time_to_say_that_it_is_alive() {
        let (_folder, db) = open().await;
        let [alive, dead] = [create(&db).await, create(&db).await];
        for id in [alive, dead] {
            claim(&db, id, ALIVE).await;
        }
        set_clock(&db, HOUR_MS).await;
        for id in [alive, dead] {
            let busy = db.claim_job(id, ALIVE, ATTEMPTS, true).await.unwrap();
            assert!(matches!(busy, Claim::Busy), "{busy:?}");
        }
        let beat = db.beat_job(alive, 1, ALIVE, None, 1.0).await.unwrap();
        assert_eq!(beat, Some(false));
        // Half a lease later.
        set_clock(&db, 31_000).await;
        let busy = db.claim_job(alive, ALIVE, ATTEMPTS, true).await.unwrap();
        assert!(matches!(busy, Claim::Busy), "{busy:?}");
        assert_eq!(claim(&db, dead, ALIVE).await.attempt, 2);
    }

    #[tokio::test]
    async fn set_back_webhooks_and_keys_in_flight_do_not_wait() {
        let (_folder, db) = open().await;
        let id = create_with_webhook(&db).await;
        let job = claim(&db, id, ALIVE).await;
        let ended = Outcome::Succeeded { warning: None };
        db.finish_attempt(id, job.attempt, ATTEMPTS, &ended)
            .await
            .unwrap();
        let begin = || db.begin_request("", "key", ALIVE);
        assert!(matches!(begin().await.unwrap(), Begun::First(_)));
        set_clock(&db, -HOUR_MS).await;
        assert!(matches!(begin().await.unwrap(), Begun::First(_)));
        assert!(matches!(begin().await.unwrap(), Begun::InFlight));
        assert_eq!(db.claim_deliveries(9, ALIVE).await.unwrap().len(), 1);
        assert_eq!(db.claim_deliveries(9, ALIVE).await.unwrap().len(), 0);
    }
}
