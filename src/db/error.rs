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

/// SQLite's primary codes for a database that is busy, locked, read-only, failing, full or gone.
const OUT_OF_ORDER: [i32; 6] = [5, 6, 8, 10, 13, 14];

impl DbError {
    /// Whether something around the database is to blame that may be mended: a lock, the disk.
    pub fn is_out_of_order(&self) -> bool {
        let Self::Sql(error) = self else { return false };
        match error {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(error) => {
                let code = error.code().and_then(|code| code.parse::<i32>().ok());
                code.is_some_and(|code| OUT_OF_ORDER.contains(&(code & 0xff)))
            }
            _ => false,
        }
    }

    /// As sqlx's own kind of error, for rows that cannot be read.
    pub(super) fn into_decode(self) -> sqlx::Error {
        match self {
            Self::Sql(error) => error,
            other => sqlx::Error::Decode(Box::new(other)),
        }
    }
}
