//! Webhooks that are still to be delivered.
//!
//! A delivery is written in the transaction that ends its job, and removed once the receiver has
//! taken it or the tries are used up. Whoever delivers takes it for a while; a process that dies
//! meanwhile leaves a delivery that is due again.

use std::time::Duration;

use chrono::Utc;
use sqlx::{Database, FromRow, Row};

use super::{Db, DbError, JobRecord, Sql, clock, record::millis};
use crate::domain::JobId;

/// Whom to tell of a job's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to post.
    pub url: String,
    /// Leave the output out.
    pub status_only: bool,
}

/// A delivery that is to be tried now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The job that is over.
    pub job_id: JobId,
    /// Whom to tell.
    pub webhook: Webhook,
    /// Tries that failed.
    pub failures: i64,
    /// Why the last one did.
    pub reason: Option<String>,
}

impl<'r> FromRow<'r, <Sql as Database>::Row> for Delivery {
    fn from_row(row: &'r <Sql as Database>::Row) -> Result<Self, sqlx::Error> {
        let job_id: String = row.try_get("job_id")?;
        Ok(Self {
            job_id: job_id
                .parse()
                .map_err(|error: uuid::Error| sqlx::Error::Decode(error.into()))?,
            webhook: Webhook {
                url: row.try_get("url")?,
                status_only: row.try_get("status_only")?,
            },
            failures: row.try_get("failures")?,
            reason: row.try_get("reason")?,
        })
    }
}

/// Writes the delivery of a job that ends now, if somebody wants to be told, within the caller's
/// transaction.
pub(super) async fn push(
    connection: &mut <Sql as Database>::Connection,
    job: &JobRecord,
) -> Result<(), DbError> {
    let Some(webhook) = &job.webhook else {
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO webhook_deliveries (job_id, url, status_only, due_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(job.id.to_string())
    .bind(&webhook.url)
    .bind(webhook.status_only)
    .bind(millis(Utc::now()))
    .execute(connection)
    .await?;
    Ok(())
}

impl Db {
    /// Takes up to `limit` deliveries that are due, for `lease`: after that they are due again. One that
    /// was never tried is due at once or held for `lease`; if it is due later than that, the clock was
    /// set back.
    pub async fn claim_deliveries(
        &self,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Delivery>, DbError> {
        let now = Utc::now();
        let late = millis(now + lease + clock::TOLERANCE);
        // Nearly always nothing is due, and only whoever writes waits for others who do.
        let due: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM webhook_deliveries
                 WHERE due_at <= $1 OR (failures = 0 AND due_at > $2))",
        )
        .bind(millis(now))
        .bind(late)
        .fetch_one(&self.pool)
        .await?;
        if !due {
            return Ok(Vec::new());
        }
        let deliveries = sqlx::query_as(
            "UPDATE webhook_deliveries SET due_at = $1
             WHERE job_id IN (
                 SELECT job_id FROM webhook_deliveries
                 WHERE due_at <= $2 OR (failures = 0 AND due_at > $4)
                 ORDER BY due_at LIMIT $3
             )
             RETURNING job_id, url, status_only, failures, reason",
        )
        .bind(millis(now + lease))
        .bind(millis(now))
        .bind(i64::from(limit))
        .bind(late)
        .fetch_all(&self.pool)
        .await?;
        Ok(deliveries)
    }

    /// Removes a delivery: it was taken, or given up.
    pub async fn remove_delivery(&self, job_id: JobId) -> Result<(), DbError> {
        sqlx::query("DELETE FROM webhook_deliveries WHERE job_id = $1")
            .bind(job_id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Notes that one more try failed, for `reason`; the next is due after `delay`.
    pub async fn postpone_delivery(
        &self,
        job_id: JobId,
        reason: &str,
        delay: Duration,
    ) -> Result<(), DbError> {
        sqlx::query(
            "UPDATE webhook_deliveries SET failures = failures + 1, reason = $1, due_at = $2
             WHERE job_id = $3",
        )
        .bind(reason)
        .bind(millis(Utc::now() + delay))
        .bind(job_id.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
