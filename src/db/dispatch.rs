//! The message that makes a worker look at a job.

use std::time::Duration;

use apalis_sqlite::queries::push_tasks;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use sqlx::Database;

use super::{Db, DbError, Sql};
use crate::domain::JobId;

/// Which of the queues a job waits in. Short recordings have one of their own, so that however many
/// long ones are ahead, somebody is free for a short one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// For recordings of more than [`Lane::SHORT_BYTES`].
    Long,
    /// For the others.
    Short,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Long, Self::Short];

    /// Bytes that a recording in [`Lane::Short`] has at most: 8 MiB. How long it lasts is not known
    /// before it is decoded; this is a minute of what has most bytes a second and an hour or two of
    /// what has fewest.
    pub const SHORT_BYTES: u64 = 8 << 20;

    /// The lane for a recording of this size; 0 stands for one that is still to be fetched, which
    /// may be of any.
    pub const fn of(audio_bytes: u64) -> Self {
        match audio_bytes {
            1..=Self::SHORT_BYTES => Self::Short,
            _ => Self::Long,
        }
    }

    /// The queue's name.
    pub const fn queue(self) -> &'static str {
        match self {
            Self::Long => "diarize",
            Self::Short => "diarize-short",
        }
    }
}

/// A dispatch that a worker could not handle (the database was gone, say) is handed out again for
/// as long as it takes; how often a *job* may fail is counted in its own row.
const ATTEMPTS: usize = i32::MAX as usize;

/// What the queue carries: which job to look at. All else is in the job's row, so that a dispatch
/// that comes twice or late does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Dispatch {
    /// Run a job. Versions that knew no other task than diarizing called it so, and cannot read this
    /// name: they leave jobs that they would do wrong to others.
    #[serde(alias = "diarize")]
    Run {
        /// The job.
        job_id: String,
    },
}

/// Queues a dispatch of `id` in `lane` after `delay`, within the caller's transaction.
pub(super) async fn push(
    connection: &mut <Sql as Database>::Connection,
    id: JobId,
    lane: Lane,
    delay: Duration,
) -> Result<(), DbError> {
    let message = Dispatch::Run {
        job_id: id.to_string(),
    };
    let message = serde_json::to_vec(&message).map_err(|e| sqlx::Error::Encode(e.into()))?;
    let run_at = Utc::now() + delay;
    let task = apalis::prelude::TaskBuilder::new(message)
        .max_attempts(ATTEMPTS)
        // The queue counts whole seconds; rounding down lets what is due now run now.
        .run_at_timestamp(run_at.timestamp().unsigned_abs())
        .build();
    push_tasks(connection, lane.queue(), &[task]).await?;
    Ok(())
}

impl Db {
    /// Queues another dispatch of `id`, for the time after `delay`.
    pub async fn dispatch_again(
        &self,
        id: JobId,
        lane: Lane,
        delay: Duration,
    ) -> Result<(), DbError> {
        let mut tx = self.begin().await?;
        push(&mut tx, id, lane, delay).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes dispatches that led to what they were for; the queue keeps them.
    pub async fn forget_handled_dispatches(&self) -> Result<u64, DbError> {
        let handled = "DELETE FROM Jobs WHERE job_type = $1 AND status IN ('Done', 'Killed')";
        let mut count = 0;
        for lane in Lane::ALL {
            let deletion = sqlx::query(handled).bind(lane.queue());
            count += deletion.execute(&self.pool).await?.rows_affected();
        }
        Ok(count)
    }
}
