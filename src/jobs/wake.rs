//! Telling workers in the same process that there is work.

use std::sync::Arc;

use tokio::sync::Notify;

/// A bell: rung by whoever queues a job, heard by the workers of this process. Workers of other
/// processes find the job when they next look, so that a bell nobody hears loses nothing.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Rings.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Waits for the bell; a ring since the last wait counts.
    pub(super) async fn woken(&self) {
        self.0.notified().await;
    }
}
