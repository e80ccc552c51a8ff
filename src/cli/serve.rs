//! `diarist serve`: HTTP and jobs in one process, or one of them.

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Overrides, Role, Settings};
use crate::db::Db;
use crate::http::{self, Secret, State};
use crate::jobs::{self, Environment, Wake};
use crate::models::Inference;
use crate::outbound::Outbound;
use crate::storage::Storage;
use crate::{shutdown, telemetry};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Folder for the database, audio and results
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// What this process does
    #[arg(long, value_enum)]
    role: Option<Role>,
}

impl Args {
    /// What the flags override among the settings.
    pub(super) fn overrides(&self) -> Overrides {
        let mut overrides = super::data_dir(self.data_dir.as_deref());
        overrides.extend(
            self.listen
                .map(|listen| ("listen", listen.to_string().into())),
        );
        overrides.extend(self.role.map(|role| ("role", role.as_str().into())));
        overrides
    }
}

/// Runs until a signal to stop.
pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    // Dropped last, so that the spans of the end are sent too.
    let _telemetry = telemetry::start(&settings.log)?;
    super::block_on(serve(settings))?
}

async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let shutdown = shutdown::on_signal().context("cannot listen for signals")?;
    // Before anything slow: an address that is taken is the commonest mistake.
    let listener = match settings.role {
        Role::Worker => None,
        Role::All | Role::Api => Some(
            TcpListener::bind(settings.listen)
                .await
                .with_context(|| format!("cannot listen on {}", settings.listen))?,
        ),
    };
    let db = super::open_database(settings).await?;
    let files = settings.data_dir.join("files");
    let keys = settings.storage.keys()?;
    if let Some(key) = keys.current() {
        tracing::info!(%key, "audio is encrypted");
    }
    let storage = Storage::open(&files, keys)?;
    let (inference, segmenter) = match settings.role {
        Role::Api => (None, None),
        Role::All | Role::Worker => {
            let settings = settings.clone();
            let start = move || {
                let inference = Inference::start(&settings.model)?;
                anyhow::Ok((Some(inference), super::segmenter(&settings)?))
            };
            tokio::task::spawn_blocking(start).await??
        }
    };
    let keys_required = match &listener {
        Some(listener) => keys_required(settings, listener, &db).await?,
        None => false,
    };
    announce(settings, listener.as_ref(), inference.as_ref())?;

    let outbound = Outbound::new(&settings.outbound)?;
    let grace = Duration::from_secs(settings.shutdown_seconds);
    let wake = Wake::default();
    let state = State {
        db: db.clone(),
        storage: storage.clone(),
        settings: settings.http.clone(),
        access: settings.access.clone(),
        keys_required,
        max_upload_bytes: settings.audio.max_bytes,
        outbound: outbound.clone(),
        webhooks: settings.webhooks.clone(),
        webhook_secret: settings
            .webhooks
            .secret
            .or_from(&settings.data_dir.join("webhook.secret"))?,
        media_secret: Secret::load_or_make(&settings.data_dir.join("media.secret"))?,
        max_waiting: settings.jobs.max_waiting,
        voices: settings.voices.clone(),
        wake: wake.clone(),
        metrics: http::metrics::install()?,
        model: inference.as_ref().map(|i| i.description().name.clone()),
        shutdown: shutdown.clone(),
    };
    let answering = async {
        let Some(listener) = listener else {
            return Ok(());
        };
        let result = within(grace, &shutdown, http::serve(listener, state)).await;
        // Without its listener the process is of no use: workers stop too.
        shutdown.cancel();
        result
    };
    let working = async {
        if let Some(inference) = inference {
            let kept = storage.clone();
            let environment = Environment::new(
                db.clone(),
                storage,
                outbound,
                settings.jobs.clone(),
                settings.audio,
                settings.steps(),
                settings.voices.clone(),
                inference,
                wake,
            )
            .with_segmenter(segmenter);
            tokio::join!(
                jobs::run(environment, shutdown.clone(), grace),
                jobs::keep_house(db.clone(), kept, settings.retention, shutdown.clone()),
            );
        }
    };
    let (answered, ()) = tokio::join!(answering, working);
    db.close().await;
    tracing::info!("stopped");
    answered.context("the HTTP listener failed")
}

/// Whether callers must show a key; says so where that may surprise.
async fn keys_required(
    settings: &Settings,
    listener: &TcpListener,
    db: &Db,
) -> anyhow::Result<bool> {
    let address = listener.local_addr()?;
    let access = &settings.access;
    if access.is_wide_open(address.ip()) {
        tracing::warn!(
            %address,
            "access.auth is off: whoever reaches this address may submit jobs and read all results"
        );
    }
    let required = access.keys_required(address.ip());
    if required && !db.keys().await?.iter().any(|key| key.revoked_at.is_none()) {
        tracing::warn!(
            "API keys are required and there is none: make one by `diarist keys create`"
        );
    }
    Ok(required)
}

/// Waits for `served`, but not longer than `grace` after the signal to stop: connections that are
/// open then are cut.
async fn within(
    grace: Duration,
    shutdown: &CancellationToken,
    served: impl Future<Output = std::io::Result<()>>,
) -> std::io::Result<()> {
    let patience = async {
        shutdown.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        result = served => result,
        () = patience => Ok(()),
    }
}

/// Tells on stdout where to find what.
fn announce(
    settings: &Settings,
    listener: Option<&TcpListener>,
    inference: Option<&Inference>,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "diarist {}", env!("CARGO_PKG_VERSION"))?;
    if let Some(listener) = listener {
        let address = listener.local_addr()?;
        writeln!(
            out,
            "  listening on http://{address} (its documentation: /docs)"
        )?;
    }
    match inference {
        Some(inference) => writeln!(out, "  model {}", inference.description())?,
        None => writeln!(
            out,
            "  no model: jobs wait for a process with the role worker"
        )?,
    }
    let data = settings.data_dir.canonicalize()?;
    writeln!(out, "  data in {}", data.display())?;
    Ok(out.flush()?)
}
