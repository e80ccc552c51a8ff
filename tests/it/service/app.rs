//! Servers to test against.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use diarist::audio::Limits;
use diarist::db::Db;
use diarist::domain::{KeySecret, Scope};
use diarist::http::{
    self, AccessSettings, Auth, Encoding, Secret, Settings, State, WebhookSettings,
};
use diarist::jobs::{self, Environment, Wake};
use diarist::models::{self, Inference};
use diarist::outbound::{self, Outbound};
use diarist::pipeline::{self, PipelineSettings};
use diarist::storage::{Keys, Storage};
use diarist::voices;
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::program::client;

/// The largest upload that [`Api`] takes.
pub(super) const MAX_UPLOAD_BYTES: u64 = 100_000;
/// The largest reference that [`Api`] takes.
pub(super) const MAX_REFERENCE_BYTES: usize = 10_000;

/// The largest transcript that [`Api`] takes.
pub(super) const MAX_WORDS_BYTES: usize = 10_000;

/// What running jobs have to finish in.
pub(super) const GRACE: Duration = Duration::from_millis(200);

/// Two jobs at once in either lane, three attempts, short waits.
pub(super) const JOBS: jobs::Settings = jobs::Settings {
    concurrency: 2,
    short_concurrency: 2,
    attempts: 3,
    retry_seconds: 0.1,
    lease_seconds: 3,
    poll_seconds: 0.2,
    max_waiting: 0,
};

/// Everybody must show a key.
pub(super) fn closed() -> AccessSettings {
    AccessSettings {
        auth: Auth::Required,
        ..AccessSettings::default()
    }
}

/// What webhooks are signed with.
pub(super) const WEBHOOK_SECRET: &str = "a secret among us";

/// Requests may go to this machine, in the clear.
fn outbound() -> Outbound {
    let settings = outbound::Settings {
        allow_http: true,
        allowed_networks: vec!["127.0.0.1".to_owned()],
        idle_seconds: 1,
        ..outbound::Settings::default()
    };
    Outbound::new(&settings).unwrap()
}

/// The tiny model of the fixtures, which every test shares.
fn tiny_model() -> Inference {
    static MODEL: OnceLock<Inference> = OnceLock::new();
    let start = || {
        let settings = models::Settings {
            path: Some(tiny_model_path()),
            threads: 1,
            ..models::Settings::default()
        };
        Inference::start(&settings).unwrap()
    };
    MODEL.get_or_init(start).clone()
}

/// The pipeline that goes with it: whoever waits for jobs of half an hour waits for no second model.
fn quick() -> PipelineSettings {
    PipelineSettings {
        pipeline: pipeline::Settings {
            method: pipeline::Method::Windows,
            ..pipeline::Settings::default()
        },
        ..PipelineSettings::default()
    }
}

pub(super) fn tiny_model_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden/tiny.onnx")
}

/// The HTTP half of the service on a port of its own, without workers: jobs stay where they are.
pub(super) struct Api {
    pub(super) url: String,
    pub(super) client: Client,
    pub(super) db: Db,
    pub(super) shutdown: CancellationToken,
    pub(super) folder: TempDir,
    server: JoinHandle<std::io::Result<()>>,
    workers: Option<JoinHandle<()>>,
}

impl Api {
    pub(super) async fn start() -> Self {
        Self::start_in(TempDir::new().unwrap(), MAX_UPLOAD_BYTES, None).await
    }

    /// The whole service, with workers on the real pipeline and the fixtures' tiny model.
    pub(super) async fn with_workers(settings: jobs::Settings) -> Self {
        Self::start_in(TempDir::new().unwrap(), 1 << 30, Some(settings)).await
    }

    /// One with room for `max_waiting` jobs.
    pub(super) async fn with_room_for(max_waiting: u64) -> Self {
        let access = AccessSettings::default();
        let folder = TempDir::new().unwrap();
        Self::start_as(folder, MAX_UPLOAD_BYTES, None, access, max_waiting).await
    }

    /// One that asks who is there as `access` says.
    pub(super) async fn with_access(access: AccessSettings) -> Self {
        Self::start_as(TempDir::new().unwrap(), MAX_UPLOAD_BYTES, None, access, 0).await
    }

    pub(super) async fn start_in(
        folder: TempDir,
        max_upload_bytes: u64,
        workers: Option<jobs::Settings>,
    ) -> Self {
        let access = AccessSettings::default();
        Self::start_as(folder, max_upload_bytes, workers, access, 0).await
    }

    async fn start_as(
        folder: TempDir,
        max_upload_bytes: u64,
        workers: Option<jobs::Settings>,
        access: AccessSettings,
        max_waiting: u64,
    ) -> Self {
        let db = Db::open(&folder.path().join("test.sqlite")).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        let storage = Storage::open(&folder.path().join("store"), Keys::default()).unwrap();
        let wake = Wake::default();
        let workers = workers.map(|settings| {
            let environment = Environment::new(
                db.clone(),
                storage.clone(),
                outbound(),
                settings,
                Limits {
                    max_bytes: max_upload_bytes,
                    ..Limits::default()
                },
                quick(),
                voices::Settings::default(),
                tiny_model(),
                wake.clone(),
            );
            tokio::spawn(jobs::run(environment, shutdown.clone(), GRACE))
        });
        let state = State {
            db: db.clone(),
            storage,
            settings: Settings {
                max_reference_bytes: MAX_REFERENCE_BYTES,
                max_words_bytes: MAX_WORDS_BYTES,
                upload_idle_seconds: 1,
                public_base_url: String::new(),
                link_seconds: 60,
                media_hours: 24,
            },
            keys_required: access.keys_required(listener.local_addr().unwrap().ip()),
            access,
            max_upload_bytes,
            outbound: outbound(),
            webhooks: WebhookSettings {
                secret: Secret::from(WEBHOOK_SECRET.to_owned()),
                signature_encoding: Encoding::Hex,
                retry_seconds: vec![0.0, 0.2, 0.4],
                timeout_seconds: 1.0,
                max_redirects: 2,
            },
            webhook_secret: Secret::from(WEBHOOK_SECRET.to_owned()),
            media_secret: Secret::load_or_make(&folder.path().join("media.secret")).unwrap(),
            max_waiting,
            voices: voices::Settings::default(),
            wake,
            metrics: http::metrics::install().unwrap(),
            model: Some("ours".to_owned()),
            shutdown: shutdown.clone(),
        };
        let server = tokio::spawn(http::serve(listener, state));
        Self {
            url,
            client: client(),
            db,
            shutdown,
            folder,
            server,
            workers,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub(super) async fn delete(&self, path: &str) -> Response {
        self.client.delete(self.url(path)).send().await.unwrap()
    }

    /// Posts `body` as it is; `query` begins with a question mark or is empty.
    pub(super) async fn post_raw(&self, query: &str, body: impl Into<reqwest::Body>) -> Response {
        let url = self.url(&format!("/v1/diarize{query}"));
        let request = self.client.post(url).body(body);
        request
            .header("content-type", "audio/wav")
            .send()
            .await
            .unwrap()
    }

    pub(super) async fn post_json(&self, path: &str, body: &Value) -> Response {
        let request = self.client.post(self.url(path)).json(body);
        request.send().await.unwrap()
    }

    pub(super) async fn post_form(&self, form: reqwest::multipart::Form) -> Response {
        let request = self.client.post(self.url("/v1/diarize")).multipart(form);
        request.send().await.unwrap()
    }

    /// A new key's secret.
    pub(super) async fn key(&self, name: &str, scopes: &[Scope]) -> String {
        let secret = KeySecret::generate().unwrap();
        let name = name.parse().unwrap();
        let made = self.db.create_key(&name, &secret, scopes).await.unwrap();
        assert!(made.is_some(), "the name is taken");
        secret.expose().to_owned()
    }

    /// A job that nobody will run.
    pub(super) async fn job(&self) -> String {
        job_id(self.post_raw("", "RIFF").await).await
    }

    /// Every file that the store holds.
    pub(super) fn stored(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().join("store")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files
    }

    /// Stops the server and its workers and waits for them; gives back the folder.
    pub(super) async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        let patience = Duration::from_secs(30);
        let stopped = tokio::time::timeout(patience, self.server).await;
        stopped.unwrap().unwrap().unwrap();
        if let Some(workers) = self.workers {
            let stopped = tokio::time::timeout(patience, workers).await;
            stopped.unwrap().unwrap();
        }
        self.db.close().await;
        self.folder
    }

    /// The job as `GET` shows it.
    pub(super) async fn show(&self, id: &str) -> Value {
        let job = self.get(&format!("/v1/jobs/{id}")).await;
        job.json().await.unwrap()
    }

    /// Waits until the job's status is one of `statuses`; gives the job.
    pub(super) async fn wait_for(&self, id: &str, statuses: &[&str]) -> Value {
        let end = Instant::now() + Duration::from_mins(5);
        loop {
            let job = self.show(id).await;
            if statuses.contains(&job["status"].as_str().unwrap()) {
                return job;
            }
            assert!(Instant::now() < end, "still {job}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits for the job's end, which must be a good one.
    pub(super) async fn succeeded(&self, id: &str) -> Value {
        let job = self
            .wait_for(id, &["succeeded", "failed", "canceled"])
            .await;
        assert_eq!(job["status"], "succeeded", "{job}");
        job
    }

    pub(super) async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert!(
            response.status().is_success(),
            "{path}: {}",
            response.status()
        );
        response.text().await.unwrap()
    }
}

/// The id that a receipt names.
pub(super) async fn job_id(response: Response) -> String {
    let status = response.status();
    let body: Value = response.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(body["status"], "created");
    body["jobId"].as_str().unwrap().to_owned()
}

/// Asserts that `response` is a well-formed problem of this code and gives it.
pub(super) async fn problem(response: Response, code: &str) -> Value {
    let status = response.status();
    let media_type = response.headers().get("content-type").cloned();
    let request_id = response.headers().get("x-request-id").cloned();
    let text = response.text().await.unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"));
    assert_eq!(problem["code"], code, "{text}");
    assert_eq!(media_type.unwrap(), "application/problem+json", "{text}");
    let known = http::Code::ALL.iter().find(|known| known.as_str() == code);
    assert_eq!(status.as_u16(), known.unwrap().status().as_u16());
    assert_eq!(problem["status"], status.as_u16());
    assert_eq!(problem["type"], format!("urn:diarist:problem:{code}"));
    assert_eq!(problem["title"], known.unwrap().title());
    assert_eq!(problem["message"], problem["detail"]);
    assert_eq!(problem["requestId"], request_id.unwrap().to_str().unwrap());
    problem
}
