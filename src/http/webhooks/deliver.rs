//! Delivering what is due.

use std::{io, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use bytes::Bytes;
use chrono::Utc;
use metrics::counter;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::signature::signature;
use crate::{
    db::Delivery,
    domain::JobStatus,
    http::{AppState, error::ApiError, metrics::WEBHOOKS, routes::jobs, views::WebhookBody},
    outbound::OutboundError,
};

/// Between two looks for deliveries that are due.
const INTERVAL: Duration = Duration::from_millis(500);

/// Deliveries in progress at once.
const CONCURRENCY: usize = 16;

/// A delivery is due again this long after its time limit, if nobody has said how it ended.
const LEASE_MARGIN: Duration = Duration::from_mins(1);

const TIMESTAMP: HeaderName = HeaderName::from_static("x-request-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-signature");
const RETRY_NUM: HeaderName = HeaderName::from_static("x-retry-num");
const RETRY_REASON: HeaderName = HeaderName::from_static("x-retry-reason");

/// Delivers until the service stops; deliveries in progress then have their time to end.
pub(in crate::http) async fn run(state: AppState) {
    let mut tick = interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut running = JoinSet::new();
    let lease = state.webhooks.timeout() + LEASE_MARGIN;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = state.shutdown.cancelled() => break,
        }
        while running.try_join_next().is_some() {}
        let free = CONCURRENCY - running.len();
        if free == 0 {
            continue;
        }
        match state.db.claim_deliveries(free as u32, lease).await {
            Ok(due) => {
                for delivery in due {
                    running.spawn(deliver(state.clone(), delivery));
                }
            }
            Err(error) => tracing::warn!(%error, "webhooks that are due could not be read"),
        }
    }
    running.join_all().await;
}

async fn deliver(state: AppState, delivery: Delivery) {
    let job = delivery.job_id;
    let written = match attempt(&state, &delivery).await {
        Ok(()) => {
            counter!(WEBHOOKS, "outcome" => "delivered").increment(1);
            tracing::info!(%job, failures = delivery.failures, "webhook delivered");
            state.db.remove_delivery(job).await
        }
        Err(error) => {
            let reason = reason(&error);
            if let Some(delay) = state.webhooks.delay(delivery.failures + 1) {
                tracing::info!(%job, reason, %error, "webhook will be tried again");
                state.db.postpone_delivery(job, reason, delay).await
            } else {
                counter!(WEBHOOKS, "outcome" => "given_up").increment(1);
                tracing::warn!(%job, reason, %error, "webhook given up");
                state.db.remove_delivery(job).await
            }
        }
    };
    if let Err(error) = written {
        tracing::warn!(%job, %error, "what became of a webhook was not written; it comes again");
    }
}

/// One try.
async fn attempt(state: &AppState, delivery: &Delivery) -> Result<(), OutboundError> {
    let setup = |error: &dyn std::fmt::Display| OutboundError::Setup(error.to_string());
    let Some(body) = body(state, delivery).await.map_err(|error| {
        let source = error.source.map(|source| source.to_string());
        setup(&source.unwrap_or_else(|| error.code.as_str().to_owned()))
    })?
    else {
        // The job was removed meanwhile: nobody waits any more.
        return Ok(());
    };
    let headers = headers(state, delivery, &body).map_err(|error| setup(&error))?;
    let url = state.outbound.check(&delivery.webhook.url)?;
    let settings = &state.webhooks;
    let (limit, redirects) = (settings.timeout(), settings.max_redirects);
    state
        .outbound
        .post(&url, &headers, body, limit, redirects)
        .await
}

/// What is posted; `None` if the job is gone.
async fn body(state: &AppState, delivery: &Delivery) -> Result<Option<Bytes>, ApiError> {
    let Some(job) = state.db.job(delivery.job_id).await? else {
        return Ok(None);
    };
    let succeeded = job.status == JobStatus::Succeeded;
    let result = if succeeded && !delivery.webhook.status_only {
        Some(jobs::output(state, &job, None).await?)
    } else {
        None
    };
    let body = WebhookBody::new(job, result, delivery.webhook.status_only);
    let body = serde_json::to_vec(&body).map_err(ApiError::internal)?;
    Ok(Some(body.into()))
}

fn headers(state: &AppState, delivery: &Delivery, body: &[u8]) -> Result<HeaderMap, io::Error> {
    let timestamp = Utc::now().timestamp();
    let encoding = state.webhooks.signature_encoding;
    let signature = signature(&state.webhook_secret, timestamp, body, encoding);
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    let mut put = |name, value: &str| {
        let value = HeaderValue::from_str(value).map_err(io::Error::other)?;
        headers.insert(name, value);
        Ok::<_, io::Error>(())
    };
    put(TIMESTAMP, &timestamp.to_string())?;
    put(SIGNATURE, &signature.map_err(io::Error::other)?)?;
    if let Some(reason) = &delivery.reason {
        put(RETRY_NUM, &delivery.failures.to_string())?;
        put(RETRY_REASON, reason)?;
    }
    Ok(headers)
}

/// pyannoteAI's name for what went wrong.
fn reason(error: &OutboundError) -> &'static str {
    match error {
        OutboundError::Timeout { .. } => "http_timeout",
        OutboundError::Redirects { .. } => "too_many_redirects",
        OutboundError::Connect(_) | OutboundError::Broken(_) => "connection_failed",
        OutboundError::Tls(_) => "ssl_error",
        OutboundError::Status(_) => "http_error",
        OutboundError::Invalid(_)
        | OutboundError::Scheme { .. }
        | OutboundError::Address { .. }
        | OutboundError::Certificates { .. }
        | OutboundError::Setup(_) => "unknown_error",
    }
}
