//! Jobs that were over long enough ago.

use chrono::{DateTime, Utc};

use super::{
    Db, DbError,
    record::{millis, parsed},
};
use crate::domain::JobId;

impl Db {
    /// Up to `limit` jobs that ended before `time`, those that ended first.
    pub async fn jobs_ended_before(
        &self,
        time: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<JobId>, DbError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM diarizations WHERE finished_at < $1 ORDER BY finished_at LIMIT $2",
        )
        .bind(millis(time))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        ids.iter().map(|id| parsed("id", id)).collect()
    }

    /// The same, of those whose audio is kept.
    pub async fn audio_ended_before(
        &self,
        time: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<JobId>, DbError> {
        let ids: Vec<String> = sqlx::query_scalar(
            "SELECT id FROM diarizations WHERE finished_at < $1 AND audio_deleted_at IS NULL
             ORDER BY finished_at LIMIT $2",
        )
        .bind(millis(time))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        ids.iter().map(|id| parsed("id", id)).collect()
    }

    /// Notes that the job's audio is gone.
    pub async fn audio_deleted(&self, id: JobId) -> Result<(), DbError> {
        sqlx::query("UPDATE diarizations SET audio_deleted_at = $1 WHERE id = $2")
            .bind(millis(Utc::now()))
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
