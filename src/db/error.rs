//! What can go wrong with the database.

use thiserror::Error;

use crate::domain::InvalidTransition;

/// A failure of the database, never of the caller.
#[derive(Debug, Error)]
pub enum DbError {
    /// The database refused or could not be reached.
    #[error("database: {0}")]
    Sql(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("migrating the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The queue refused a dispatch.
    #[error("queue: {0}")]
    Queue(#[from] apalis_sqlite::Error),
    /// A row holds what this version does not write.
    #[error("column {column} holds {value:?}, which this version does not understand")]
    Corrupt {
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// A request took so long that another one has its idempotency key.
    #[error("another request holds the idempotency key")]
    KeyLost,
    /// A change that the job's status does not allow.
    #[error(transparent)]
    Transition(#[from] InvalidTransition),
}

impl DbError {
    /// As sqlx's own kind of error, for rows that cannot be read.
    pub(super) fn into_decode(self) -> sqlx::Error {
        match self {
            Self::Sql(error) => error,
            other => sqlx::Error::Decode(Box::new(other)),
        }
    }
}
