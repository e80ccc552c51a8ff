//! All jobs.

use axum::{Json, extract::State};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    domain::{JobId, JobStatus},
    http::{
        AppState,
        access::Caller,
        error::{ApiError, FieldError},
        extract::Params,
        options::excerpt,
        views::{JobItem, JobList, Problem, Status},
    },
};

/// Jobs on a page if nobody asks for another number.
const DEFAULT_LIMIT: u32 = 10;
/// Jobs on a page at most.
const MAX_LIMIT: u32 = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// How many jobs are wanted.
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: Option<u32>,
    /// The `nextCursor` of the page before.
    #[param(example = "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f")]
    cursor: Option<String>,
    /// Only jobs of this status.
    status: Option<Status>,
}

/// Jobs, the newest first, page by page: those of the caller's key or, with `jobs:all`, of every key.
#[utoipa::path(
    get,
    path = "/v2/jobs",
    tag = "jobs",
    params(ListParams),
    responses(
        (status = 200, description = "A page of jobs; `nextCursor` is null on the last one", body = JobList, example = json!({
            "items": [{"id": "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f", "status": "succeeded", "createdAt": "2026-11-03T09:30:00.000Z"}],
            "nextCursor": null
        })),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<JobList>, ApiError> {
    let (limit, before) = check(&params).map_err(ApiError::fields)?;
    let status = params.status.map(JobStatus::from);
    // One more than wanted tells whether there is another page.
    let owner = caller.confined_to();
    let mut jobs = state
        .db
        .jobs_before(before, status, owner, limit + 1)
        .await?;
    let more = jobs.len() > limit as usize;
    jobs.truncate(limit as usize);
    let next_cursor = jobs.last().filter(|_| more).map(|job| job.id.to_string());
    Ok(Json(JobList {
        items: jobs.into_iter().map(JobItem::from).collect(),
        next_cursor,
    }))
}

fn check(params: &ListParams) -> Result<(u32, Option<JobId>), Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut refuse = |field: &str, wanted: &str, given: String| {
        errors.push(FieldError {
            field: field.to_owned(),
            message: format!("{field} must be {wanted}; given: {given}"),
        });
    };
    let limit = params.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        refuse("limit", "between 1 and 100", limit.to_string());
    }
    let cursor = params.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let before = cursor.and_then(|cursor| {
        let id = cursor.parse().ok();
        if id.is_none() {
            refuse("cursor", "a nextCursor of this path", excerpt(cursor));
        }
        id
    });
    if errors.is_empty() {
        Ok((limit, before))
    } else {
        Err(errors)
    }
}
