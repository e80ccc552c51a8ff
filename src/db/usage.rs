//! What each payer has submitted on a day, for quotas.

use chrono::{DateTime, Utc};
use sqlx::Database;

use super::{Db, DbError, Sql};

/// Jobs and bytes of one payer on one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Jobs accepted.
    pub jobs: u64,
    /// Bytes of their audio.
    pub bytes: u64,
}

/// Days since 1970-01-01 UTC.
pub fn day(time: DateTime<Utc>) -> i64 {
    time.timestamp().div_euclid(24 * 60 * 60)
}

/// Counts a job of `bytes` within the caller's transaction.
pub(super) async fn count(
    connection: &mut <Sql as Database>::Connection,
    payer: &str,
    bytes: u64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO usage (payer, day, jobs, bytes) VALUES ($1, $2, 1, $3)
         ON CONFLICT (payer, day) DO UPDATE
         SET jobs = usage.jobs + 1, bytes = usage.bytes + excluded.bytes",
    )
    .bind(payer)
    .bind(day(Utc::now()))
    .bind(bytes.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}

impl Db {
    /// What `payer` has submitted on `day`.
    pub async fn usage(&self, payer: &str, day: i64) -> Result<Usage, DbError> {
        let used: Option<(i64, i64)> =
            sqlx::query_as("SELECT jobs, bytes FROM usage WHERE payer = $1 AND day = $2")
                .bind(payer)
                .bind(day)
                .fetch_optional(&self.pool)
                .await?;
        Ok(used.map_or_else(Usage::default, |(jobs, bytes)| Usage {
            jobs: jobs.unsigned_abs(),
            bytes: bytes.unsigned_abs(),
        }))
    }

    /// Forgets the days before `day`.
    pub async fn forget_usage_before(&self, day: i64) -> Result<u64, DbError> {
        let deleted = sqlx::query("DELETE FROM usage WHERE day < $1")
            .bind(day)
            .execute(&self.pool)
            .await?;
        Ok(deleted.rows_affected())
    }
}
