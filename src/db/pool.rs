//! Opening the database and bringing its schema up to date; SQLite's own habits live here.

use std::{path::Path, time::Duration};

use apalis_sqlite::SqliteStorage;
use sqlx::{
    Connection as _, Transaction,
    pool::PoolOptions,
    sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous},
};

use super::{DbError, Queue, Sql};

/// Readers beside the one writer that SQLite allows.
const CONNECTIONS: u32 = 8;

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// The table in which the queue's migrations are counted, so that they and ours need not know of
/// each other.
const QUEUE_MIGRATIONS: &str = "_apalis_migrations";

/// The database: cheap to clone, all clones share one pool.
#[derive(Debug, Clone)]
pub struct Db {
    pub(super) pool: sqlx::Pool<Sql>,
}

impl Db {
    /// Opens the file at `path`, creating it if need be, and migrates it.
    ///
    /// # Errors
    /// [`DbError`] if the file cannot be opened or holds a schema that is newer than this program.
    pub async fn open(path: &Path) -> Result<Self, DbError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A job that was answered with an id must survive a power cut.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = PoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(BUSY_TIMEOUT)
            // A disk that was full has ended a transaction behind sqlx's back: such a connection
            // never begins another one.
            .before_acquire(|connection: &mut SqliteConnection, _| {
                let fit = !connection.is_in_transaction();
                Box::pin(async move { Ok(fit) })
            })
            .connect_with(options)
            .await?;
        let db = Self { pool };
        db.migrate().await?;
        Ok(db)
    }

    async fn migrate(&self) -> Result<(), DbError> {
        let mut queue = SqliteStorage::migrations();
        queue.dangerous_set_table_name(QUEUE_MIGRATIONS);
        queue.run(&self.pool).await?;
        sqlx::migrate!("./migrations").run(&self.pool).await?;
        Ok(())
    }

    /// The queue's backend over the same pool.
    pub fn queue(&self) -> Queue {
        SqliteStorage::new(&self.pool)
    }

    /// Waits for connections in use and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A transaction that may write. SQLite must be told at the start: one that reads first and
    /// writes later fails at once if somebody wrote in between, however long it might wait.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Sql>, DbError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }
}
