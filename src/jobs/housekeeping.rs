//! Removing what has been kept long enough, and what processes that died left behind.
//!
//! Any number of processes may do this at once: each removal is one that others may have done
//! already.

use std::time::{Duration, SystemTime};

use chrono::{TimeDelta, Utc};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{ClockWatch, Retention};
use crate::{
    db::{Db, DbError, day},
    domain::JobId,
    storage::{Storage, StorageError},
};

/// Bytes without a job are taken for dead once nothing has touched them for this long.
const DEAD: Duration = Duration::from_hours(24);

/// Between two looks for what died.
const SWEEP: Duration = Duration::from_hours(1);

/// Jobs that are taken up at once.
const BATCH: u32 = 100;

/// Keeps house until `shutdown` is cancelled.
pub async fn keep_house(
    db: Db,
    storage: Storage,
    retention: Retention,
    shutdown: CancellationToken,
) {
    let mut tick = interval(retention.interval());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut swept: Option<Instant> = None;
    let mut clock = ClockWatch::default();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shutdown.cancelled() => return,
        }
        if !clock.is_believed() {
            continue;
        }
        if let Err(error) = expire(&db, &storage, retention).await {
            tracing::warn!(%error, "what was kept long enough was not removed");
        }
        if swept.is_none_or(|swept| swept.elapsed() >= SWEEP) {
            swept = Some(Instant::now());
            sweep(&db, &storage).await;
        }
    }
}

/// Why something was not removed; it will be tried again.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

async fn expire(db: &Db, storage: &Storage, retention: Retention) -> Result<(), Failed> {
    if let Some(kept) = retention.results() {
        remove_jobs(db, storage, kept).await?;
    }
    if let Some(kept) = retention.audio() {
        remove_audio(db, storage, kept).await?;
    }
    db.forget_requests().await?;
    Ok(())
}

async fn remove_jobs(db: &Db, storage: &Storage, kept: TimeDelta) -> Result<(), Failed> {
    loop {
        let ids = db.jobs_ended_before(Utc::now() - kept, BATCH).await?;
        if ids.is_empty() {
            return Ok(());
        }
        for id in &ids {
            // The row first: whoever asks meanwhile finds no job rather than half of one. A crash in
            // between leaves bytes for `sweep`.
            db.delete_job(*id).await?;
            storage.delete_job(*id).await?;
        }
        tracing::info!(jobs = ids.len(), "removed jobs whose time was over");
    }
}

async fn remove_audio(db: &Db, storage: &Storage, kept: TimeDelta) -> Result<(), Failed> {
    loop {
        let ids = db.audio_ended_before(Utc::now() - kept, BATCH).await?;
        if ids.is_empty() {
            return Ok(());
        }
        for id in &ids {
            storage.delete_audio(*id).await?;
            db.audio_deleted(*id).await?;
        }
        tracing::info!(jobs = ids.len(), "removed audio whose time was over");
    }
}

/// Removes bytes without a job, dispatches that were handled, and days long past. What cannot be
/// removed now can be the next time.
async fn sweep(db: &Db, storage: &Storage) {
    if let Err(error) = db.forget_handled_dispatches().await {
        tracing::warn!(%error, "handled dispatches were not removed");
    }
    if let Err(error) = db.forget_usage_before(day(Utc::now()) - 1).await {
        tracing::warn!(%error, "past days' usage was not removed");
    }
    match storage.jobs_before(SystemTime::now() - DEAD).await {
        Ok(ids) => {
            for id in ids {
                if let Err(error) = remove_orphan(db, storage, id).await {
                    tracing::warn!(job = %id, %error, "bytes without a job were not removed");
                }
            }
        }
        Err(error) => tracing::warn!(%error, "the store cannot be listed"),
    }
    if let Err(error) = sweep_checkpoints(db, storage).await {
        tracing::warn!(%error, "checkpoints of jobs that are over were not removed");
    }
}

/// Removes the checkpoints of jobs that are over: the process died just before it did so.
async fn sweep_checkpoints(db: &Db, storage: &Storage) -> Result<(), Failed> {
    for id in storage.jobs_with_checkpoints().await? {
        if db.job(id).await?.is_none_or(|job| job.status.is_final()) {
            storage.delete_checkpoints(id).await?;
        }
    }
    Ok(())
}

async fn remove_orphan(db: &Db, storage: &Storage, id: JobId) -> Result<(), Failed> {
    if db.job(id).await?.is_none() {
        storage.delete_job(id).await?;
        tracing::info!(job = %id, "removed bytes without a job");
    }
    Ok(())
}
