//! A job's progress as it happens.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, stream};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    db::JobRecord,
    domain::JobId,
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

/// After this long without news a comment keeps proxies from closing the stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One event's data.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
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

/// The job's status, step and percentage as server-sent events.
///
/// `status` says where the job is, first of all and whenever that changes; `progress` how far it
/// is; `end` comes once, last, with the final status. The data of all three has the same shape.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/events",
    tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "Events, each with data like this", body = Progress, content_type = "text/event-stream"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn events(
    State(state): State<AppState>,
    Id(id): Id,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let job = state.db.job(id).await?.ok_or_else(|| no_job(id))?;
    let watch = Watch {
        state,
        id,
        next: Some(job),
        last: None,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(stream::unfold(watch, Watch::news)).keep_alive(keep_alive))
}

struct Watch {
    state: AppState,
    id: JobId,
    /// The job as just read; absent when it is to be read.
    next: Option<JobRecord>,
    /// What was last told.
    last: Option<Progress>,
}

impl Watch {
    /// Waits for something to tell. The stream ends after the final status, when the job is gone,
    /// and when the server stops.
    async fn news(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if self.last.as_ref().is_some_and(is_over) {
            return None;
        }
        loop {
            let progress = Progress::of(self.read().await?);
            if self.last.as_ref() == Some(&progress) {
                continue;
            }
            let name = if is_over(&progress) {
                "end"
            } else if self.last.as_ref().map(|last| last.status) == Some(progress.status) {
                "progress"
            } else {
                "status"
            };
            let event = Event::default().event(name).json_data(&progress);
            self.last = Some(progress);
            return match event {
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

fn is_over(progress: &Progress) -> bool {
    matches!(
        progress.status,
        Status::Succeeded | Status::Failed | Status::Canceled
    )
}
