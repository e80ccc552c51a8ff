//! What every handler can reach.

use std::{ops::Deref, sync::Arc};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio_util::sync::CancellationToken;

use super::{AccessSettings, Secret, Settings, WebhookSettings};
use crate::{db::Db, jobs::Wake, outbound::Outbound, storage::Storage, voices};

/// What the service answers from.
#[derive(Debug)]
pub struct State {
    /// The jobs.
    pub db: Db,
    /// Their audio and results.
    pub storage: Storage,
    /// What the server takes.
    pub settings: Settings,
    /// Who may ask.
    pub access: AccessSettings,
    /// Whether callers must show an API key.
    pub keys_required: bool,
    /// The largest upload in bytes.
    pub max_upload_bytes: u64,
    /// Signs links to media.
    pub media_secret: Secret,
    /// Jobs that may wait for a worker; 0 for any number.
    pub max_waiting: u64,
    /// How voices are compared.
    pub voices: voices::Settings,
    /// Makes requests to hosts that callers name.
    pub outbound: Outbound,
    /// How webhooks are delivered.
    pub webhooks: WebhookSettings,
    /// Signs webhooks.
    pub webhook_secret: Secret,
    /// Tells workers in this process of new jobs.
    pub wake: Wake,
    /// From [`metrics::install`](super::metrics::install).
    pub metrics: PrometheusHandle,
    /// The name of the model that workers run, where it is known.
    pub model: Option<String>,
    /// Once cancelled, event streams end and the service is not ready.
    pub shutdown: CancellationToken,
}

/// [`State`], shared by all handlers.
#[derive(Debug, Clone)]
pub(super) struct AppState(Arc<State>);

impl From<State> for AppState {
    fn from(state: State) -> Self {
        Self(Arc::new(state))
    }
}

impl Deref for AppState {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}
