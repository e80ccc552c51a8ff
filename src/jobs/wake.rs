//! Telling workers in the same process that there is work.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::db::Lane;

/// Bells, one for each lane: rung by whoever queues a job, heard by the workers of this process.
/// Workers of other processes find the job when they next look, so that a bell nobody hears loses
/// nothing.
#[derive(Debug, Clone, Default)]
pub struct Wake(Arc<[Notify; Lane::ALL.len()]>);

impl Wake {
    /// Rings in every lane.
    pub fn wake(&self) {
        for bell in self.0.iter() {
            bell.notify_one();
        }
    }

    /// Waits for the lane's bell; a ring since the last wait counts.
    pub(super) async fn woken(&self, lane: Lane) {
        self.0[lane as usize].notified().await;
    }
}
