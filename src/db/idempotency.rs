//! Requests that may come twice, by the key that their caller gave them.
//!
//! A request claims its key before anything is done, for a while that it has to renew, and
//! completes it in the transaction that does what was asked. One whose process dies in between
//! leaves a claim that lapses.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use sqlx::Database;
use uuid::Uuid;

use super::{Db, DbError, Sql, clock, record::millis};

/// How long the answer to a request is kept.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// One request's hold on its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyClaim {
    owner: String,
    key: String,
    token: String,
}

/// What a request finds under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nothing: it is the first, and holds the key now.
    First(KeyClaim),
    /// Another request, which is not done.
    InFlight,
    /// Another request, which is done.
    Done {
        /// What it asked for.
        fingerprint: String,
        /// What it was answered.
        answer: String,
    },
}

/// A request that was done, with what the next one under its key is to be compared with and
/// answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoneRequest {
    /// Its hold on the key.
    pub claim: KeyClaim,
    /// What it asked for.
    pub fingerprint: String,
    /// What it is answered.
    pub answer: String,
}

impl Db {
    /// Claims `key` among those of `owner` for `lease`, unless it is taken. One that is taken for longer
    /// than that by a request in flight was taken before the clock was set back.
    pub async fn begin_request(
        &self,
        owner: &str,
        key: &str,
        lease: Duration,
    ) -> Result<Begun, DbError> {
        let claim = KeyClaim {
            owner: owner.to_owned(),
            key: key.to_owned(),
            token: Uuid::now_v7().to_string(),
        };
        let now = Utc::now();
        // One statement: of two requests that come at once, one writes and the other does not.
        let claimed = sqlx::query(
            "INSERT INTO idempotency_keys (owner, key, token, expires_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (owner, key) DO UPDATE
             SET token = excluded.token, fingerprint = NULL, answer = NULL,
                 expires_at = excluded.expires_at
             WHERE idempotency_keys.expires_at <= $5
                OR (idempotency_keys.answer IS NULL AND idempotency_keys.expires_at > $6)",
        )
        .bind(owner)
        .bind(key)
        .bind(&claim.token)
        .bind(millis(now + lease))
        .bind(millis(now))
        .bind(millis(now + lease + clock::TOLERANCE))
        .execute(&self.pool)
        .await?;
        if claimed.rows_affected() > 0 {
            return Ok(Begun::First(claim));
        }
        let found: Option<(Option<String>, Option<String>)> = sqlx::query_as(
            "SELECT fingerprint, answer FROM idempotency_keys WHERE owner = $1 AND key = $2",
        )
        .bind(owner)
        .bind(key)
        .fetch_optional(&self.pool)
        .await?;
        Ok(match found {
            Some((Some(fingerprint), Some(answer))) => Begun::Done {
                fingerprint,
                answer,
            },
            // Released this instant: its caller will come again.
            _ => Begun::InFlight,
        })
    }

    /// Holds the key for another `lease`; `false` if it was lost.
    pub async fn renew_request(&self, claim: &KeyClaim, lease: Duration) -> Result<bool, DbError> {
        let renewed = sqlx::query(
            "UPDATE idempotency_keys SET expires_at = $1
             WHERE owner = $2 AND key = $3 AND token = $4 AND fingerprint IS NULL",
        )
        .bind(millis(Utc::now() + lease))
        .bind(&claim.owner)
        .bind(&claim.key)
        .bind(&claim.token)
        .execute(&self.pool)
        .await?;
        Ok(renewed.rows_affected() > 0)
    }

    /// Lets go of the key of a request that was not done.
    pub async fn release_request(&self, claim: &KeyClaim) -> Result<(), DbError> {
        sqlx::query(
            "DELETE FROM idempotency_keys
             WHERE owner = $1 AND key = $2 AND token = $3 AND fingerprint IS NULL",
        )
        .bind(&claim.owner)
        .bind(&claim.key)
        .bind(&claim.token)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Forgets requests whose time is over.
    pub async fn forget_requests(&self) -> Result<u64, DbError> {
        let deleted = sqlx::query("DELETE FROM idempotency_keys WHERE expires_at <= $1")
            .bind(millis(Utc::now()))
            .execute(&self.pool)
            .await?;
        Ok(deleted.rows_affected())
    }
}

/// Writes down that the request was done, within the transaction that does it.
///
/// # Errors
/// [`DbError::KeyLost`] if another request holds its key.
pub(super) async fn complete(
    connection: &mut <Sql as Database>::Connection,
    request: &DoneRequest,
) -> Result<(), DbError> {
    let claim = &request.claim;
    let completed = sqlx::query(
        "UPDATE idempotency_keys SET fingerprint = $1, answer = $2, expires_at = $3
         WHERE owner = $4 AND key = $5 AND token = $6 AND fingerprint IS NULL",
    )
    .bind(&request.fingerprint)
    .bind(&request.answer)
    .bind(millis(Utc::now() + KEPT))
    .bind(&claim.owner)
    .bind(&claim.key)
    .bind(&claim.token)
    .execute(connection)
    .await?;
    if completed.rows_affected() == 0 {
        return Err(DbError::KeyLost);
    }
    Ok(())
}
