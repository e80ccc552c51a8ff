//! Tidying up what processes that died left behind.

use std::time::{Duration, SystemTime};

use super::Environment;

/// An upload without a job is taken for dead once nothing has touched it for this long.
const DEAD: Duration = Duration::from_hours(24);

/// Removes uploads whose server died before it answered, and dispatches that were handled. What
/// cannot be removed now can be at the next start.
pub(super) async fn sweep(environment: &Environment) {
    if let Err(error) = environment.db.forget_handled_dispatches().await {
        tracing::warn!(%error, "handled dispatches were not removed");
    }
    let (db, storage) = (&environment.db, &environment.storage);
    let uploads = match storage.uploads_before(SystemTime::now() - DEAD).await {
        Ok(uploads) => uploads,
        Err(error) => {
            tracing::warn!(%error, "uploads cannot be listed");
            return;
        }
    };
    for id in uploads {
        match db.job(id).await {
            Ok(Some(_)) => {}
            Ok(None) => match storage.delete_job(id).await {
                Ok(()) => tracing::info!(job = %id, "removed an upload that never became a job"),
                Err(error) => tracing::warn!(job = %id, %error, "an upload was not removed"),
            },
            Err(error) => tracing::warn!(job = %id, %error, "the job cannot be read"),
        }
    }
}
