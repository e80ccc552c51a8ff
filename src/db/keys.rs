//! API keys.

use std::str::FromStr as _;

use chrono::{DateTime, Utc};
use sqlx::{FromRow, Row};

use super::{
    Db, DbError, Sql,
    record::{millis, parsed, time},
};
use crate::domain::{JobId, KeyId, KeyName, KeySecret, Scope, SecretHash};

/// One row of `api_keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Which key.
    pub id: KeyId,
    /// How people call it.
    pub name: String,
    /// How its secret begins.
    pub beginning: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to within a minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Uses of a key this close to each other are written down once.
const LAST_USE_SECONDS: i64 = 60;

impl KeyRecord {
    fn decode(row: &<Sql as sqlx::Database>::Row) -> Result<Self, DbError> {
        let optional_time = |column: &'static str| {
            let value: Option<i64> = row.try_get(column)?;
            value.map(|millis| time(column, millis)).transpose()
        };
        let scopes: String = row.try_get("scopes")?;
        Ok(Self {
            id: parsed("id", row.try_get("id")?)?,
            name: row.try_get("name")?,
            beginning: row.try_get("beginning")?,
            // A scope that only a newer version knows gives no right in this one.
            scopes: scopes
                .split(' ')
                .filter_map(|name| Scope::from_str(name).ok())
                .collect(),
            created_at: time("created_at", row.try_get("created_at")?)?,
            last_used_at: optional_time("last_used_at")?,
            revoked_at: optional_time("revoked_at")?,
        })
    }

    /// Whether a use now is worth writing down.
    pub fn use_is_news(&self) -> bool {
        self.last_used_at
            .is_none_or(|last| (Utc::now() - last).num_seconds() >= LAST_USE_SECONDS)
    }
}

impl<'r> FromRow<'r, <Sql as sqlx::Database>::Row> for KeyRecord {
    fn from_row(row: &'r <Sql as sqlx::Database>::Row) -> Result<Self, sqlx::Error> {
        Self::decode(row).map_err(DbError::into_decode)
    }
}

impl Db {
    /// Keeps a new key; `None` if another one that is not revoked has its name.
    pub async fn create_key(
        &self,
        name: &KeyName,
        secret: &KeySecret,
        scopes: &[Scope],
    ) -> Result<Option<KeyId>, DbError> {
        let id = KeyId::generate();
        let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        let created = sqlx::query(
            "INSERT INTO api_keys (id, name, beginning, hash, scopes, created_at)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(id.to_string())
        .bind(name.as_str())
        .bind(secret.beginning())
        .bind(SecretHash::of(secret.expose()).as_str())
        .bind(scopes.join(" "))
        .bind(millis(Utc::now()))
        .execute(&self.pool)
        .await?;
        Ok((created.rows_affected() > 0).then_some(id))
    }

    /// All keys, revoked ones too, the oldest first.
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, DbError> {
        let keys = sqlx::query_as("SELECT * FROM api_keys ORDER BY id");
        Ok(keys.fetch_all(&self.pool).await?)
    }

    /// Revokes the key of that name or id; `false` if none is valid.
    pub async fn revoke_key(&self, name_or_id: &str) -> Result<bool, DbError> {
        let revoked = sqlx::query(
            "UPDATE api_keys SET revoked_at = $1
             WHERE (name = $2 OR id = $2) AND revoked_at IS NULL",
        )
        .bind(millis(Utc::now()))
        .bind(name_or_id)
        .execute(&self.pool)
        .await?;
        Ok(revoked.rows_affected() > 0)
    }

    /// The valid key with that secret.
    pub async fn valid_key(&self, hash: &SecretHash) -> Result<Option<KeyRecord>, DbError> {
        let key = sqlx::query_as("SELECT * FROM api_keys WHERE hash = $1 AND revoked_at IS NULL")
            .bind(hash.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(key)
    }

    /// Writes down that the key was used now.
    pub async fn key_used(&self, id: KeyId) -> Result<(), DbError> {
        sqlx::query("UPDATE api_keys SET last_used_at = $1 WHERE id = $2")
            .bind(millis(Utc::now()))
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whether `key` made job `id`.
    pub async fn owns_job(&self, key: KeyId, id: JobId) -> Result<bool, DbError> {
        let found: Option<i32> =
            sqlx::query_scalar("SELECT 1 FROM diarizations WHERE id = $1 AND owner = $2")
                .bind(id.to_string())
                .bind(key.to_string())
                .fetch_optional(&self.pool)
                .await?;
        Ok(found.is_some())
    }
}
