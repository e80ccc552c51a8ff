//! The message that makes a worker look at a job.

use std::time::Duration;

use apalis_sqlite::queries::push_tasks;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use sqlx::Database;

use super::{Db, DbError, Sql};
use crate::domain::JobId;

/// The queue's name.
pub const QUEUE: &str = "diarize";

/// A dispatch that a worker could not handle (the database was gone, say) is handed out again for
/// as long as it takes; how often a *job* may fail is counted in its own row.
const ATTEMPTS: usize = i32::MAX as usize;

/// What the queue carries: which job to look at. All else is in the job's row, so that a dispatch
/// that comes twice or late does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Dispatch {
    /// Diarize a recording.
    Diarize {
        /// The job.
        job_id: String,
    },
}

/// Queues a dispatch of `id` after `delay`, within the caller's transaction.
pub(super) async fn push(
    connection: &mut <Sql as Database>::Connection,
    id: JobId,
    delay: Duration,
) -> Result<(), DbError> {
    let message = Dispatch::Diarize {
        job_id: id.to_string(),
    };
    let message = serde_json::to_vec(&message).map_err(|e| sqlx::Error::Encode(e.into()))?;
    let run_at = Utc::now() + delay;
    let task = apalis::prelude::TaskBuilder::new(message)
        .max_attempts(ATTEMPTS)
        // The queue counts whole seconds; rounding down lets what is due now run now.
        .run_at_timestamp(run_at.timestamp().unsigned_abs())
        .build();
    push_tasks(connection, QUEUE, &[task]).await?;
    Ok(())
}

impl Db {
    /// Removes dispatches that led to what they were for; the queue keeps them.
    pub async fn forget_handled_dispatches(&self) -> Result<u64, DbError> {
        let handled = "DELETE FROM Jobs WHERE job_type = $1 AND status IN ('Done', 'Killed')";
        let deleted = sqlx::query(handled).bind(QUEUE).execute(&self.pool).await?;
        Ok(deleted.rows_affected())
    }
}
