//! Removing media whose time is over.

use std::time::{Duration, SystemTime};

use tokio::time::{MissedTickBehavior, interval};

use super::AppState;
use crate::jobs::ClockWatch;

/// Between two looks, the first of which is at the start.
const INTERVAL: Duration = Duration::from_mins(10);

/// Looks now and then until the service stops.
pub(super) async fn run(state: AppState) {
    let kept = Duration::from_hours(state.settings.media_hours.into());
    let mut tick = interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut clock = ClockWatch::default();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = state.shutdown.cancelled() => return,
        }
        if !clock.is_believed() {
            continue;
        }
        let Some(time) = SystemTime::now().checked_sub(kept) else {
            continue;
        };
        match state.storage.expire_media(time).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "removed media whose time was over"),
            Err(error) => tracing::warn!(%error, "media whose time is over were not removed"),
        }
    }
}
