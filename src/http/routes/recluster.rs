//! Another result from the embeddings that a job has left.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    db::{JobRecord, NewRevision, RevisionOptions, Task},
    domain::{JobId, SpeakerBoundsError},
    http::{
        AppState,
        error::{ApiError, Code, FieldError},
        extract::{Id, JsonBody},
        found::succeeded,
        options::excerpt,
        views::{Problem, ReclusteredView},
    },
    jobs::{
        recluster::{ReclusterError, Reclustered, Remains, recluster as cluster_again},
        voices::matching,
    },
    storage::{Artefact, StorageError},
};

/// Results that one job may have.
const MAX_REVISIONS: usize = 100;

/// Recordings that are clustered at once: hours of audio make a matrix of 50 MB each.
static CLUSTERING: Semaphore = Semaphore::const_new(2);

/// How to cluster again; what is not given is as it was for the job, counts are free.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
#[schema(example = json!({"numSpeakers": 3}))]
pub(crate) struct ReclusterBody {
    /// How many speakers there are.
    #[schema(minimum = 1, maximum = 1000)]
    num_speakers: Option<usize>,
    /// How many speakers there are at least.
    #[schema(minimum = 1, maximum = 1000)]
    min_speakers: Option<usize>,
    /// How many speakers there are at most.
    #[schema(minimum = 1, maximum = 1000)]
    max_speakers: Option<usize>,
    /// Cosine distance beyond which voices are different speakers.
    #[schema(minimum = 0, maximum = 2)]
    threshold: Option<f32>,
    /// Clustering algorithm by name.
    #[schema(example = "agglomerative")]
    clustering: Option<String>,
}

/// Clusters the job's embeddings anew and keeps the outcome as a revision of its result.
///
/// No audio is read and no model runs. Results that were there before stay: every result path
/// gives the latest one, or another by `?revision=`; the first result is revision 1.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/recluster",
    tag = "results",
    params(("id" = String, Path, description = "The job's id")),
    request_body(content = ReclusterBody),
    responses(
        (status = 201, description = "The new revision and its turns", body = ReclusteredView,
            headers(("Location" = String, description = "Where the revision is"))),
        (status = 400, description = "The options make no sense", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job has no result (yet), has kept no embeddings, or has \
            100 results", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn recluster(
    State(state): State<AppState>,
    Id(id): Id,
    // An object and nothing else: serde would take an array for one.
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Response, ApiError> {
    let body: ReclusterBody = serde_json::from_value(Value::Object(body)).map_err(|error| {
        ApiError::new(
            Code::InvalidRequest,
            format_args!("the body must be JSON as documented: {error}"),
        )
    })?;
    let job = succeeded(&state, id).await?;
    if !matches!(job.options.task, Task::Diarize | Task::Identify { .. }) {
        return Err(ApiError::new(
            Code::NoEmbeddings,
            "the job was for the voice of one speaker: there is nothing to group",
        ));
    }
    if job.options.separate_channels {
        return Err(ApiError::new(
            Code::NoEmbeddings,
            "the job's channels were diarized each by itself (channels=separate): their embeddings \
             cannot be clustered as one recording's",
        ));
    }
    let before = state.db.revisions(id).await?.len() + 1;
    if before >= MAX_REVISIONS {
        return Err(ApiError::new(
            Code::TooManyRevisions,
            format_args!("a job must have at most {MAX_REVISIONS} results; given: one more"),
        ));
    }
    let options = RevisionOptions {
        num_speakers: body.num_speakers,
        min_speakers: body.min_speakers,
        max_speakers: body.max_speakers,
        threshold: body.threshold,
        clustering: body.clustering,
    };
    let remains = remains(&state, &job).await?;
    let permit = CLUSTERING.acquire().await.map_err(ApiError::internal)?;
    let (name, asked) = (job.name.clone(), options.clone());
    let made = tokio::task::spawn_blocking(move || cluster_again(&name, &remains, &asked));
    let made = made.await.map_err(ApiError::internal)?;
    drop(permit);
    let made = made.map_err(|error| refused(error, &options))?;
    let revision = keep(&state, id, made, options).await?;
    let location = format!("/v1/jobs/{id}/result?revision={}", revision.revision());
    let location = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, location, Json(revision)).into_response())
}

/// What the job has left to be clustered again.
async fn remains(state: &AppState, job: &JobRecord) -> Result<Remains, ApiError> {
    let storage = &state.storage;
    let kept = |artefact| storage.get_artefact(job.id, job.attempt, artefact);
    let get = async |artefact| match kept(artefact).await {
        Err(StorageError::Missing(_)) => Err(ApiError::new(
            Code::NoEmbeddings,
            "the job's embeddings or its speech activity are not kept (any more)",
        )),
        other => Ok(other?),
    };
    let get_if = async |artefact| match kept(artefact).await {
        Err(StorageError::Missing(_)) => Ok(None),
        found => found.map(Some),
    };
    Ok(Remains {
        embeddings: get(Artefact::Embeddings).await?,
        labels: get(Artefact::Labels).await?,
        speech: get(Artefact::Speech).await?,
        overlap: get_if(Artefact::Overlap).await?,
        locals: get_if(Artefact::Locals).await?,
        metrics: get(Artefact::Metrics).await?,
        voiceprints: match matching(&job.options.task) {
            Some(matching) => {
                let voiceprints = storage.get_artefact(job.id, 0, Artefact::Voiceprints);
                Some((voiceprints.await?, matching))
            }
            None => None,
        },
    })
}

/// The artefacts first, then the row that tells of them.
async fn keep(
    state: &AppState,
    id: JobId,
    made: Reclustered,
    options: RevisionOptions,
) -> Result<ReclusteredView, ApiError> {
    let folder = Uuid::now_v7().to_string();
    for (artefact, bytes) in made.artefacts {
        let storage = &state.storage;
        storage.put_revision(id, &folder, artefact, bytes).await?;
    }
    let revision = NewRevision {
        folder,
        options,
        speakers: made.speakers,
        warning: made.output.warning.clone(),
    };
    let revision = state.db.add_revision(id, &revision).await?;
    Ok(ReclusteredView::new(id, revision, made.output))
}

/// Options that make no sense are the caller's fault, all else is ours.
fn refused(error: ReclusterError, options: &RevisionOptions) -> ApiError {
    let field = match &error {
        ReclusterError::Bounds(SpeakerBoundsError::OutOfRange { name, .. }) => name,
        ReclusterError::Bounds(SpeakerBoundsError::Crossed { .. }) => "minSpeakers",
        ReclusterError::Bounds(SpeakerBoundsError::Outside { .. }) => "numSpeakers",
        ReclusterError::Method(_) => "clustering",
        ReclusterError::Threshold(_) => "threshold",
        _ => return ApiError::internal(error),
    };
    let message = match &error {
        ReclusterError::Method(_) => {
            let given = options.clustering.as_deref().unwrap_or_default();
            let known = crate::jobs::CLUSTERINGS.join(", ");
            format!(
                "clustering must be one of {known}; given: {}",
                excerpt(given)
            )
        }
        error => error.to_string(),
    };
    ApiError::fields(vec![FieldError {
        field: field.to_owned(),
        message,
    }])
}
