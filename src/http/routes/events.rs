//! A job's progress as it happens.

use std::{convert::Infallible, fmt, time::Duration};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    db::JobRecord,
    domain::{JobId, JobStatus},
    http::{
        AppState,
        error::ApiError,
        extract::{Id, no_job},
        views::{Problem, Status},
    },
};

/// How often the job is looked at. The table is what every process sees, whichever of them runs
/// the job, and workers write to it no more often than this.
const INTERVAL: Duration = Duration::from_millis(250);

/// The id of the last event that a client heard before it came back.
const LAST_EVENT_ID: &str = "last-event-id";

/// After this long without news a comment keeps proxies from closing the stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One event's data.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    #[schema(format = "uuid")]
    job_id: String,
    status: Status,
    /// The pipeline's step while the job runs: `embeddings`, `clustering` or `assembly`.
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// 0 to 100.
    percent: f64,
    /// Why the job failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Progress {
    fn of(job: JobRecord) -> Self {
        Self {
            job_id: job.id.to_string(),
            status: job.status.into(),
            step: job.step,
            percent: (job.percent * 10.0).round() / 10.0,
            error: job
                .failure
                .filter(|_| job.status.is_final())
                .map(|failure| failure.message),
        }
    }
}

/// A server-sent event, its fields as the standard names them.
#[derive(ToSchema)]
#[schema(as = ProgressEvent)]
#[expect(dead_code, reason = "only its schema is used")]
struct Sent {
    /// `status`, `progress` or `end`.
    event: String,
    /// For `Last-Event-ID`.
    id: String,
    /// `Progress` as JSON.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// The job's status, step and percentage as server-sent events.
///
/// `status` says where the job is, first of all and whenever that changes; `progress` how far it
/// is; `end` comes once, last, with the final status. The data of all three has the same shape.
/// Every event has an id; a client that comes back with it in `Last-Event-ID` hears only what is
/// new since then, and nothing (204) if that was the end.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/events",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was heard"),
    ),
    responses(
        (status = 200, description = "Events; the data of each is a `Progress`", body = Sent, content_type = "text/event-stream"),
        (status = 204, description = "The end was heard already"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn events(
    State(state): State<AppState>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let job = state.db.job(id).await?.ok_or_else(|| no_job(id))?;
    let heard = headers.get(LAST_EVENT_ID).and_then(Heard::read);
    if job.status.is_final() && heard.as_ref() == Some(&Heard::of(&job)) {
        // For a browser the end of a stream is a reason to come back, and this is one not to.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let watch = Watch {
        state,
        id,
        next: Some(job),
        heard,
        over: false,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(stream::unfold(watch, Watch::news))
        .keep_alive(keep_alive)
        .into_response())
}

/// What an event says, short enough to be its id: any process can tell from it what is new.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Heard {
    attempt: i64,
    status: JobStatus,
    step: String,
    /// Tenths of a percent.
    permille: i64,
}

impl Heard {
    fn of(job: &JobRecord) -> Self {
        Self {
            attempt: job.attempt,
            status: job.status,
            step: job.step.clone().unwrap_or_default(),
            permille: (job.percent * 10.0).round() as i64,
        }
    }

    /// What a client says that it heard; `None` if we never said that.
    fn read(value: &HeaderValue) -> Option<Self> {
        let mut parts = value.to_str().ok()?.splitn(4, '.');
        Some(Self {
            attempt: parts.next()?.parse().ok()?,
            status: parts.next()?.parse().ok()?,
            permille: parts.next()?.parse().ok()?,
            step: parts.next()?.to_owned(),
        })
    }
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            attempt,
            status,
            step,
            permille,
        } = self;
        write!(f, "{attempt}.{status}.{permille}.{step}")
    }
}

struct Watch {
    state: AppState,
    id: JobId,
    /// The job as just read; absent when it is to be read.
    next: Option<JobRecord>,
    /// What was last told, now or before the client came back.
    heard: Option<Heard>,
    /// The end was told.
    over: bool,
}

impl Watch {
    /// Waits for something to tell. The stream ends after the final status, when the job is gone,
    /// and when the server stops.
    async fn news(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if self.over {
            return None;
        }
        loop {
            let job = self.read().await?;
            let now = Heard::of(&job);
            if self.heard.as_ref() == Some(&now) {
                continue;
            }
            self.over = job.status.is_final();
            let name = if self.over {
                "end"
            } else if self.heard.as_ref().map(|heard| heard.status) == Some(job.status) {
                "progress"
            } else {
                "status"
            };
            let event = Event::default().event(name).id(now.to_string());
            self.heard = Some(now);
            return match event.json_data(Progress::of(job)) {
                Ok(event) => Some((Ok(event), self)),
                Err(error) => {
                    tracing::error!(%error, "writing an event");
                    None
                }
            };
        }
    }

    /// The job as it is now or, if it was just looked at, after a while.
    async fn read(&mut self) -> Option<JobRecord> {
        if let Some(job) = self.next.take() {
            return Some(job);
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = self.state.shutdown.cancelled() => return None,
        }
        let job = self.state.db.job(self.id).await;
        job.inspect_err(|error| tracing::error!(%error, "reading a job for its events"))
            .ok()?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_was_heard_and_nonsense_says_nothing() {
        let heard = Heard {
            attempt: 2,
            status: JobStatus::Running,
            step: "embeddings".to_owned(),
            permille: 415,
        };
        let id = heard.to_string();
        assert_eq!(id, "2.running.415.embeddings");
        assert_eq!(
            Heard::read(&HeaderValue::from_str(&id).unwrap()),
            Some(heard)
        );
        for nonsense in [
            "",
            "1",
            "1.running",
            "x.running.0.",
            "1.lost.0.",
            "1.running.x.y",
        ] {
            assert_eq!(Heard::read(&HeaderValue::from_static(nonsense)), None);
        }
    }
}
