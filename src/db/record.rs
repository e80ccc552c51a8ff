//! A job as the table holds it.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, Row};

use super::{DbError, JobOptions, Sql, Webhook};
use crate::domain::{JobId, JobStatus};

/// One row of `diarizations`.
#[derive(Debug, Clone)]
pub struct JobRecord {
    /// Which job.
    pub id: JobId,
    /// Where it is in its life.
    pub status: JobStatus,
    /// The recording's name in RTTM.
    pub name: String,
    /// What was asked for.
    pub options: JobOptions,
    /// Size of the upload.
    pub audio_bytes: u64,
    /// How often it has been claimed; the number of the latest claim.
    pub attempt: i64,
    /// How many attempts failed or vanished.
    pub failures: i64,
    /// Until when the running attempt is taken to be alive.
    pub lease_expires_at: Option<DateTime<Utc>>,
    /// Whether somebody wants it stopped.
    pub cancel_requested: bool,
    /// The pipeline's step, by name.
    pub step: Option<String>,
    /// How far it is, 0 to 100.
    pub percent: f64,
    /// What to tell the caller beside the result.
    pub warning: Option<String>,
    /// Why it failed, or why its latest attempt did.
    pub failure: Option<Failure>,
    /// Where its recording is to be fetched from, if it did not come with the job.
    pub source_url: Option<String>,
    /// Whom to tell of its end.
    pub webhook: Option<Webhook>,
    /// When it was accepted.
    pub created_at: DateTime<Utc>,
    /// When anything about it last changed.
    pub updated_at: DateTime<Utc>,
    /// When a worker first had it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it reached a final status.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Why a job, or an attempt at it, failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Failure {
    /// A failure from its two parts.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
        }
    }
}

/// The code of an attempt that ended with its worker.
pub(super) const WORKER_LOST: &str = "worker_lost";

/// Milliseconds since 1970-01-01 UTC, as the table keeps times.
pub(super) fn millis(time: DateTime<Utc>) -> i64 {
    time.timestamp_millis()
}

pub(super) fn time(column: &'static str, millis: i64) -> Result<DateTime<Utc>, DbError> {
    DateTime::from_timestamp_millis(millis).ok_or_else(|| DbError::Corrupt {
        column,
        value: millis.to_string(),
    })
}

pub(super) fn parsed<T: FromStr>(column: &'static str, value: &str) -> Result<T, DbError> {
    value.parse().map_err(|_| DbError::Corrupt {
        column,
        value: value.to_owned(),
    })
}

impl JobRecord {
    /// Whether the job may be what its workers died of: its latest attempt vanished, and one more
    /// that does leaves none of `attempts`.
    ///
    /// Attempts that run in the same process end together, whichever is to blame. So suspects do not
    /// run beside each other: then only one of them can be to blame for what happens.
    pub fn is_suspect(&self, attempts: i64) -> bool {
        let lost = |failure: &Failure| failure.code == WORKER_LOST;
        self.failures + 1 >= attempts && self.failure.as_ref().is_some_and(lost)
    }

    fn decode(row: &<Sql as sqlx::Database>::Row) -> Result<Self, DbError> {
        let options: String = row.try_get("options")?;
        let optional_time = |column: &'static str| {
            let value: Option<i64> = row.try_get(column)?;
            value.map(|millis| time(column, millis)).transpose()
        };
        let code: Option<String> = row.try_get("error_code")?;
        let message: Option<String> = row.try_get("error")?;
        let webhook: Option<String> = row.try_get("webhook")?;
        let status_only = row.try_get("webhook_status_only")?;
        Ok(Self {
            id: parsed("id", row.try_get("id")?)?,
            status: parsed("status", row.try_get("status")?)?,
            name: row.try_get("name")?,
            options: serde_json::from_str(&options).map_err(|_| DbError::Corrupt {
                column: "options",
                value: options,
            })?,
            audio_bytes: row.try_get::<i64, _>("audio_bytes")?.unsigned_abs(),
            attempt: row.try_get("attempt")?,
            failures: row.try_get("failures")?,
            lease_expires_at: optional_time("lease_expires_at")?,
            cancel_requested: row.try_get("cancel_requested")?,
            step: row.try_get("step")?,
            percent: row.try_get("percent")?,
            warning: row.try_get("warning")?,
            failure: code
                .zip(message)
                .map(|(code, message)| Failure { code, message }),
            source_url: row.try_get("source_url")?,
            webhook: webhook.map(|url| Webhook { url, status_only }),
            created_at: time("created_at", row.try_get("created_at")?)?,
            updated_at: time("updated_at", row.try_get("updated_at")?)?,
            started_at: optional_time("started_at")?,
            finished_at: optional_time("finished_at")?,
        })
    }
}

impl<'r> FromRow<'r, <Sql as sqlx::Database>::Row> for JobRecord {
    fn from_row(row: &'r <Sql as sqlx::Database>::Row) -> Result<Self, sqlx::Error> {
        Self::decode(row).map_err(DbError::into_decode)
    }
}
