//! What the service remembers: a row for every job, beside the queue's own tables.
//!
//! [`Db`] owns the connection pool and every SQL statement of the crate. A job's row and its
//! dispatch through the queue are written in one transaction, and every change of a running job
//! names the attempt that makes it, so that a worker that lost its job cannot overwrite another's.
//!
//! The statements keep to what `SQLite` and `PostgreSQL` share; what is `SQLite`'s alone is in
//! [`pool`](self) and in the two aliases [`Sql`] and [`Queue`].

mod clock;
mod deliveries;
mod dispatch;
mod error;
mod idempotency;
mod jobs;
mod keys;
mod lifecycle;
mod options;
mod pool;
mod record;
mod retention;
mod revisions;
#[cfg(test)]
mod tests;
mod usage;

pub use deliveries::{Delivery, Webhook};
pub use dispatch::{Dispatch, Lane};
pub use error::DbError;
pub use idempotency::{Begun, DoneRequest, KeyClaim};
pub use jobs::{Cancel, JobOwner, NewJob};
pub use keys::KeyRecord;
pub use lifecycle::{Claim, Outcome};
pub use options::{JobOptions, ScoringOptions, Task};
pub use pool::Db;
pub use record::{Failure, JobRecord};
pub use revisions::{NewRevision, Revision, RevisionOptions};
pub use usage::{Usage, day};

/// The database behind [`Db`].
pub type Sql = sqlx::Sqlite;

/// The queue's backend, on the same database.
pub type Queue = apalis_sqlite::SqliteStorage<Dispatch>;
