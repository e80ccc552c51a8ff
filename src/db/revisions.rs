//! Results that were made of a job's embeddings after its first one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use super::{
    Db, DbError,
    record::{millis, time},
};
use crate::domain::JobId;

/// What was asked of a revision.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RevisionOptions {
    /// Exactly this many speakers.
    pub num_speakers: Option<usize>,
    /// At least this many speakers.
    pub min_speakers: Option<usize>,
    /// At most this many speakers.
    pub max_speakers: Option<usize>,
    /// Cosine distance beyond which clusters are different speakers.
    pub threshold: Option<f32>,
    /// Clustering algorithm by name.
    pub clustering: Option<String>,
}

/// A revision to be kept, whose artefacts are stored already.
#[derive(Debug, Clone)]
pub struct NewRevision {
    /// The folder of its artefacts.
    pub folder: String,
    /// What was asked for.
    pub options: RevisionOptions,
    /// Speakers found.
    pub speakers: usize,
    /// What went less than perfectly.
    pub warning: Option<String>,
}

/// A result after the first, which is revision 1.
#[derive(Debug, Clone)]
pub struct Revision {
    /// From 2.
    pub number: i64,
    /// The folder of its artefacts.
    pub folder: String,
    /// What was asked for.
    pub options: RevisionOptions,
    /// Speakers found.
    pub speakers: u64,
    /// What went less than perfectly.
    pub warning: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    revision: i64,
    folder: String,
    options: String,
    speakers: i64,
    warning: Option<String>,
    created_at: i64,
}

impl Db {
    /// Keeps a revision under the next number of its job.
    ///
    /// # Errors
    /// Also if the job was removed meanwhile.
    pub async fn add_revision(
        &self,
        id: JobId,
        revision: &NewRevision,
    ) -> Result<Revision, DbError> {
        let options =
            serde_json::to_string(&revision.options).map_err(|e| sqlx::Error::Encode(e.into()))?;
        let now = millis(Utc::now());
        let mut tx = self.begin().await?;
        let (number,): (i64,) = sqlx::query_as(
            "SELECT COALESCE(MAX(revision), 1) + 1 FROM revisions WHERE diarization = $1",
        )
        .bind(id.to_string())
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query(
            "INSERT INTO revisions (diarization, revision, folder, options, speakers, warning, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.to_string())
        .bind(number)
        .bind(&revision.folder)
        .bind(options)
        .bind((revision.speakers as u64).cast_signed())
        .bind(&revision.warning)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Revision {
            number,
            folder: revision.folder.clone(),
            options: revision.options.clone(),
            speakers: revision.speakers as u64,
            warning: revision.warning.clone(),
            created_at: time("created_at", now)?,
        })
    }

    /// A job's results after the first one, in order.
    pub async fn revisions(&self, id: JobId) -> Result<Vec<Revision>, DbError> {
        let rows: Vec<Row> =
            sqlx::query_as("SELECT * FROM revisions WHERE diarization = $1 ORDER BY revision")
                .bind(id.to_string())
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Revision {
                    number: row.revision,
                    folder: row.folder,
                    options: serde_json::from_str(&row.options).map_err(|_| DbError::Corrupt {
                        column: "options",
                        value: row.options,
                    })?,
                    speakers: row.speakers.unsigned_abs(),
                    warning: row.warning,
                    created_at: time("created_at", row.created_at)?,
                })
            })
            .collect()
    }
}
