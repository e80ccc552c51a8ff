//! Whether the time of day can be believed.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Environment;

/// A clock that is disciplined over the network runs faster or slower by less than this between two
/// looks.
const TOLERANCE: Duration = Duration::from_mins(1);

/// A time of day that came by a jump is believed after this long: whoever set the clock wrong has had
/// the time to notice.
const PROBATION: Duration = Duration::from_hours(1);

/// Notices when the clock is set forward, by a second one that cannot be set.
///
/// What is old enough to be removed is told by the time of day, and what was removed cannot be brought
/// back.
#[derive(Debug)]
pub struct ClockWatch {
    last: (SystemTime, Instant),
    jumped: Option<Instant>,
}

impl Default for ClockWatch {
    fn default() -> Self {
        Self {
            last: (SystemTime::now(), Instant::now()),
            jumped: None,
        }
    }
}

impl ClockWatch {
    /// Whether things may be removed by what the time of day is now: not within an hour after it jumped
    /// forward, unless it jumped back.
    pub fn is_believed(&mut self) -> bool {
        self.look(SystemTime::now(), Instant::now())
    }

    fn look(&mut self, wall: SystemTime, steady: Instant) -> bool {
        let expected = self.last.0 + steady.saturating_duration_since(self.last.1);
        self.last = (wall, steady);
        if wall > expected + TOLERANCE {
            tracing::warn!("the clock was set forward: nothing is removed for an hour");
            self.jumped = Some(steady);
        } else if wall + TOLERANCE < expected {
            tracing::warn!("the clock was set back");
            self.jumped = None;
        }
        self.jumped
            .is_none_or(|at| steady.saturating_duration_since(at) >= PROBATION)
    }
}

/// Mends the times in the table, at the start and once in every lease, until `shutdown` is cancelled.
pub(super) async fn mend(environment: Arc<Environment>, shutdown: CancellationToken) {
    let lease = environment.settings.lease();
    let mut tick = interval(lease);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = shutdown.cancelled() => return,
        }
        match environment.db.mend_times(lease).await {
            Ok(0) => {}
            Ok(jobs) => {
                tracing::warn!(jobs, "the clock was set back: jobs are dispatched again");
                environment.wake.wake();
            }
            Err(error) => tracing::warn!(%error, "times could not be looked at"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_clock_set_forward_is_believed_after_an_hour_or_once_it_is_set_back() {
        let mut watch = ClockWatch::default();
        let (mut wall, mut steady) = watch.last;
        let mut after = |wall_by: Duration, steady_by: Duration| {
            (wall, steady) = (wall + wall_by, steady + steady_by);
            watch.look(wall, steady)
        };
        assert!(after(10 * MINUTE, 10 * MINUTE));
        // Disciplined by half a minute.
        assert!(after(MINUTE / 2, MINUTE));
        assert!(after(MINUTE * 3 / 2, MINUTE));
        assert!(!after(3 * HOUR, 10 * MINUTE));
        for _ in 0..5 {
            assert!(!after(10 * MINUTE, 10 * MINUTE));
        }
        assert!(after(10 * MINUTE, 10 * MINUTE));
        assert!(!after(3 * HOUR, MINUTE));
        wall -= 3 * HOUR;
        steady += MINUTE;
        assert!(watch.look(wall, steady));
    }
}
