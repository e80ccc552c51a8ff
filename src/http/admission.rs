//! Whether there is room for another job, asked before its audio is read.

use axum::{extract::Request, http::HeaderMap};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use super::{
    AppState,
    access::Caller,
    error::{ApiError, Code},
    idempotency::{self, Attempt},
    receive,
};
use crate::{
    db::{JobOwner, day},
    domain::KeyId,
};

/// When to come back to a full waiting room: about what a short recording takes.
const RETRY_SECONDS: u64 = 10;

/// Leave to submit one job.
#[derive(Debug)]
pub(super) struct Admission {
    owner: JobOwner,
    /// Where the request stands, if it may come again.
    pub(super) attempt: Option<Attempt>,
}

impl Admission {
    /// Asks for leave; who does not get it may send no more.
    pub(super) async fn of(
        state: &AppState,
        caller: &Caller,
        request: Request,
    ) -> Result<(Self, Request), ApiError> {
        match Self::by_headers(state, caller, request.headers()).await {
            Ok(admission) => Ok((admission, request)),
            Err(refused) => {
                receive::refuse(request).await;
                Err(refused)
            }
        }
    }

    /// Asks for leave for a request whose body was read.
    pub(super) async fn by_headers(
        state: &AppState,
        caller: &Caller,
        headers: &HeaderMap,
    ) -> Result<Self, ApiError> {
        let attempt = idempotency::begin(state, caller, headers).await?;
        let mut owner = JobOwner {
            key: caller.key(),
            ..JobOwner::default()
        };
        // What was done once needs no room.
        if matches!(attempt, Some(Attempt::Again { .. })) {
            return Ok(Self { owner, attempt });
        }
        let admitted = async {
            check_room(state).await?;
            check_quotas(state, caller, headers).await
        };
        match admitted.await {
            Ok(payer) => {
                owner.payer = payer;
                Ok(Self { owner, attempt })
            }
            Err(refused) => {
                Self { owner, attempt }.release().await;
                Err(refused)
            }
        }
    }

    /// Gives the leave back: there will be no job.
    pub(super) async fn release(&mut self) {
        if let Some(Attempt::First(held)) = self.attempt.take() {
            held.release().await;
        }
    }

    /// The key that owns what the caller makes.
    pub(super) fn key(&self) -> Option<KeyId> {
        self.owner.key
    }

    /// Whom the job belongs to, who pays for it, and what the request that brought it, which asked
    /// for what `fingerprint` says, is answered.
    pub(super) fn owner(&self, fingerprint: String, answer: String) -> JobOwner {
        let request = match &self.attempt {
            Some(Attempt::First(held)) => held.done(fingerprint, answer),
            Some(Attempt::Again { .. }) | None => None,
        };
        JobOwner {
            request,
            ..self.owner.clone()
        }
    }
}

async fn check_room(state: &AppState) -> Result<(), ApiError> {
    let room = state.max_waiting;
    if room > 0 {
        let waiting = state.db.jobs_waiting().await?;
        if waiting >= room {
            let detail = format!("at most {room} jobs may wait; waiting: {waiting}");
            return Err(ApiError::new(Code::QueueFull, detail).retry_after(RETRY_SECONDS));
        }
    }
    Ok(())
}

/// Whom the job is to be counted for, if there are quotas.
async fn check_quotas(
    state: &AppState,
    caller: &Caller,
    headers: &HeaderMap,
) -> Result<Option<String>, ApiError> {
    let quotas = [state.access.jobs_per_day, state.access.bytes_per_day];
    if quotas == [0, 0] {
        return Ok(None);
    }
    let payer = caller.client().to_string();
    let now = Utc::now();
    let used = state.db.usage(&payer, day(now)).await?;
    let announced = receive::announced_bytes(headers).unwrap_or(0);
    for (quota, used, more, what) in [
        (quotas[0], used.jobs, 1, "jobs"),
        (quotas[1], used.bytes, announced.max(1), "bytes of audio"),
    ] {
        if quota > 0 && used + more > quota {
            let detail =
                format!("at most {quota} {what} a day (UTC); so far: {used}, now wanted: {more}");
            let error = ApiError::new(Code::QuotaExceeded, detail);
            return Err(error.retry_after(seconds_of_day_left(now)));
        }
    }
    Ok(Some(payer))
}

fn seconds_of_day_left(now: DateTime<Utc>) -> u64 {
    let passed = now.time() - NaiveTime::MIN;
    (TimeDelta::days(1) - passed).num_seconds().unsigned_abs() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_ends_at_midnight() {
        let left = |text: &str| seconds_of_day_left(text.parse().unwrap());
        assert_eq!(left("2030-01-01T00:00:00Z"), 86_401);
        assert_eq!(left("2030-01-01T23:59:59.5Z"), 1);
    }
}
