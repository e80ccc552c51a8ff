//! The life of a job.

use std::{fmt, str::FromStr};

use thiserror::Error;
use uuid::Uuid;

/// Names one job, for ever: a UUID of version 7, so that ids sort by time of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(Uuid);

impl JobId {
    /// A fresh id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// Where a job is in its life, under pyannoteAI's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobStatus {
    /// Accepted; no worker has had it yet.
    Created,
    /// Waiting for a worker again: handed back by one, or to be retried.
    Pending,
    /// A worker holds it.
    Running,
    /// It has a result.
    Succeeded,
    /// It has an error and will not run again.
    Failed,
    /// Somebody called it off.
    Canceled,
}

/// What can happen to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobEvent {
    /// A worker takes it; from `running`, because the worker that had it is gone.
    Claim,
    /// Its worker gives it back, to be run again.
    Release,
    /// Its worker has the result.
    Succeed,
    /// It cannot succeed, or has failed often enough.
    Fail,
    /// It is called off.
    Cancel,
}

/// An event that makes no sense where the job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a job that is {status} cannot {event}")]
pub struct InvalidTransition {
    /// Where the job is.
    pub status: JobStatus,
    /// What was to happen.
    pub event: JobEvent,
}

impl JobStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Created,
        Self::Pending,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
    ];

    /// The name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing can happen to the job any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }

    /// The one place that says which status follows which.
    ///
    /// # Errors
    /// [`InvalidTransition`] if `event` cannot happen to a job that is `self`; nothing ever
    /// happens to a final one.
    pub const fn transition(self, event: JobEvent) -> Result<Self, InvalidTransition> {
        use JobEvent::{Cancel, Claim, Fail, Release, Succeed};
        match (self, event) {
            (Self::Created | Self::Pending | Self::Running, Claim) => Ok(Self::Running),
            (Self::Running, Release) => Ok(Self::Pending),
            (Self::Running, Succeed) => Ok(Self::Succeeded),
            (Self::Created | Self::Pending | Self::Running, Fail) => Ok(Self::Failed),
            (Self::Created | Self::Pending | Self::Running, Cancel) => Ok(Self::Canceled),
            (Self::Created | Self::Pending, Release | Succeed)
            | (Self::Succeeded | Self::Failed | Self::Canceled, _) => Err(InvalidTransition {
                status: self,
                event,
            }),
        }
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A status that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "status must be one of created, pending, running, succeeded, failed, canceled; given: {0:?}"
)]
pub struct UnknownStatus(pub String);

impl FromStr for JobStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

impl fmt::Display for JobEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claim => "be claimed",
            Self::Release => "be released",
            Self::Succeed => "succeed",
            Self::Fail => "fail",
            Self::Cancel => "be canceled",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENTS: [JobEvent; 5] = [
        JobEvent::Claim,
        JobEvent::Release,
        JobEvent::Succeed,
        JobEvent::Fail,
        JobEvent::Cancel,
    ];

    /// The whole table, written out a second time: a row per status, a column per event.
    #[test]
    fn the_table_is_the_one_intended() {
        const TABLE: [(&str, [&str; 5]); 6] = [
            ("created", ["running", "-", "-", "failed", "canceled"]),
            ("pending", ["running", "-", "-", "failed", "canceled"]),
            (
                "running",
                ["running", "pending", "succeeded", "failed", "canceled"],
            ),
            ("succeeded", ["-"; 5]),
            ("failed", ["-"; 5]),
            ("canceled", ["-"; 5]),
        ];
        for (status, row) in TABLE {
            let status: JobStatus = status.parse().unwrap();
            for (event, expected) in EVENTS.into_iter().zip(row) {
                let next = status.transition(event);
                assert_eq!(
                    next.map_or("-", JobStatus::as_str),
                    expected,
                    "{status} {event}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn no_story_leaves_a_final_status_or_succeeds_without_running(
            story in prop::collection::vec(prop::sample::select(&EVENTS), 0..40)
        ) {
            let mut status = JobStatus::Created;
            for event in story {
                match status.transition(event) {
                    Ok(next) => {
                        prop_assert!(!status.is_final());
                        prop_assert!(next != JobStatus::Created);
                        if next == JobStatus::Succeeded {
                            prop_assert_eq!(status, JobStatus::Running);
                        }
                        status = next;
                    }
                    Err(refused) => prop_assert_eq!(refused, InvalidTransition { status, event }),
                }
            }
        }

        #[test]
        fn ids_and_statuses_survive_text(text in ".{0,40}") {
            if let Ok(status) = text.parse::<JobStatus>() {
                prop_assert_eq!(status.as_str(), text);
            } else {
                let id = JobId::generate();
                prop_assert_eq!(id.to_string().parse::<JobId>().unwrap(), id);
            }
        }
    }
}
