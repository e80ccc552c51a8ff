//! What jobs need to run.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Settings, Wake};
use crate::{
    audio::Limits,
    db::{Db, JobOptions},
    domain::EmbeddingSpace,
    models::Inference,
    outbound::Outbound,
    pipeline::{EmbeddingSource, Pipeline, PipelineSettings},
    storage::Storage,
    voices,
};

/// Everything a job can reach; HTTP is not among it.
#[derive(Debug)]
pub struct Environment {
    pub(super) db: Db,
    pub(super) storage: Storage,
    pub(super) settings: Settings,
    pub(super) limits: Limits,
    pub(super) outbound: Outbound,
    pipeline: PipelineSettings,
    pub(super) voices: voices::Settings,
    inference: Inference,
    pub(super) wake: Wake,
    /// Cancelled when running jobs are to go back to the queue.
    pub(super) hand_back: CancellationToken,
    /// Jobs that have left the model behind them and given their place to another one.
    pub(super) past_model: Arc<Semaphore>,
    /// The one place for jobs that may be what their workers died of.
    pub(super) suspects: Arc<Semaphore>,
    /// Attempts that run.
    pub(super) running: TaskTracker,
}

impl Environment {
    /// Jobs of `db` and `storage`, run with `pipeline`'s settings on the one model behind
    /// `inference`, so that windows of several jobs take turns there. `wake` is rung when a job is
    /// queued in this process.
    #[expect(clippy::too_many_arguments, reason = "each is a thing of its own")]
    pub fn new(
        db: Db,
        storage: Storage,
        outbound: Outbound,
        settings: Settings,
        limits: Limits,
        pipeline: PipelineSettings,
        voices: voices::Settings,
        inference: Inference,
        wake: Wake,
    ) -> Self {
        Self {
            db,
            storage,
            outbound,
            suspects: Arc::new(Semaphore::new(1)),
            past_model: Arc::new(Semaphore::new(settings.concurrency)),
            settings,
            limits,
            pipeline,
            voices,
            inference,
            wake,
            hand_back: CancellationToken::new(),
            running: TaskTracker::new(),
        }
    }

    /// The settings for one job: those of the service, and what the job asks for instead. An
    /// algorithm that this version does not have is left to the service's choice.
    pub(super) fn pipeline_settings(&self, options: &JobOptions) -> PipelineSettings {
        let mut settings = self.pipeline.clone();
        if let Some(Ok(method)) = options.clustering.as_deref().map(str::parse) {
            settings.clustering.method = method;
        }
        settings
    }

    pub(super) fn pipeline(&self, settings: PipelineSettings) -> Pipeline {
        Pipeline::new(settings, EmbeddingSource::Model(self.inference.clone()))
    }

    /// The space that the model's embeddings lie in.
    pub(super) fn space(&self) -> EmbeddingSpace {
        self.inference.description().space
    }

    /// The model, for the record: no paths.
    pub(super) fn model(&self) -> Value {
        let model = self.inference.description();
        json!({
            "name": model.name,
            "sha256": model.sha256,
            "space": model.space.to_string(),
            "dim": model.dim,
            "provider": model.provider.to_string(),
            "threads": model.threads,
            "batchSize": model.batch_size,
        })
    }
}
