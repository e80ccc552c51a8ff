//! The service over HTTP.
//!
//! [`serve`] answers on a listener until it is told to stop. Handlers enqueue, cancel, read and
//! score; they run no models. Paths and their documentation cannot drift apart: both come from
//! the handlers in `routes`, and [`openapi`] is what they say.

mod access;
mod admission;
mod base_url;
mod enrolments;
mod error;
mod extract;
mod format;
mod found;
mod idempotency;
pub mod metrics;
mod middleware;
mod negotiate;
mod openapi;
mod option_schemas;
mod options;
mod presign;
mod receive;
mod recording;
mod retention;
mod router;
mod routes;
mod secret;
mod settings;
mod state;
mod submit;
mod views;
mod webhooks;

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

pub use access::{Auth, Settings as AccessSettings, SettingsError as AccessSettingsError};
pub use error::Code;
pub use openapi::openapi;
pub use secret::{Secret, SecretError};
pub use settings::{Settings, SettingsError};
use state::AppState;
pub use state::State;
pub use webhooks::{Encoding, WebhookSettings, WebhookSettingsError};

/// Answers on `listener` until the state's shutdown token is cancelled, then finishes what is
/// being answered.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, state: State) -> io::Result<()> {
    let shutdown = state.shutdown.clone();
    let state = AppState::from(state);
    let retention = tokio::spawn(retention::run(state.clone()));
    let webhooks = tokio::spawn(webhooks::run(state.clone()));
    let service = router::router(state).into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await;
    retention.abort();
    // What is being delivered may end.
    if let Err(panic) = webhooks.await {
        tracing::error!(%panic, "webhooks are not delivered any more");
    }
    served
}
