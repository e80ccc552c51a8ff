//! The built program as a server: killed, stopped and started again.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use diarist::db::Db;
use futures::StreamExt as _;
use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;

use super::app::{job_id, tiny_model_path};
use super::voices::talk;
use crate::program::{Server, client, diarist};

/// Long enough to be interrupted, in seconds of audio.
const LONG: usize = 600;

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_mins(5);

/// Quick leases, little patience and the tiny model.
pub(super) fn settings(folder: &Path) {
    settings_and(folder, "[pipeline]\nmethod = \"windows\"\n");
}

/// The same and some more.
pub(super) fn settings_and(folder: &Path, more: &str) {
    let settings = format!(
        "data_dir = \"data\"\nshutdown_seconds = 1\n\
         [jobs]\nlease_seconds = 3\n\
         [model]\npath = \"{}\"\nthreads = 1\n{more}",
        tiny_model_path().display()
    );
    std::fs::write(folder.join("diarist.toml"), settings).unwrap();
}

/// A server and a client to it.
pub(super) struct Service {
    server: Server,
    pub(super) client: Client,
}

impl Service {
    pub(super) fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self {
            server: Server::start(folder, arguments),
            client: client(),
        }
    }

    /// One that is made up already: `diarist` with its environment.
    pub(super) fn spawn(command: &mut Command) -> Self {
        Self {
            server: Server::spawn(command, std::process::Stdio::inherit()),
            client: client(),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }

    pub(super) async fn post(&self, audio: Vec<u8>) -> String {
        let request = self.client.post(self.url("/v1/diarize?name=talk"));
        job_id(request.body(audio).send().await.unwrap()).await
    }

    pub(super) async fn text(&self, path: &str) -> String {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        assert!(
            response.status().is_success(),
            "{path}: {}",
            response.status()
        );
        response.text().await.unwrap()
    }

    pub(super) async fn wait_for(&self, id: &str, statuses: &[&str]) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let job = self.text(&format!("/v1/jobs/{id}")).await;
            let job: Value = serde_json::from_str(&job).unwrap();
            if statuses.contains(&job["status"].as_str().unwrap()) {
                return job;
            }
            assert!(Instant::now() < end, "still {job}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the job is well under way.
    async fn under_way(&self, id: &str) {
        let url = self.url(&format!("/v1/jobs/{id}/events"));
        let mut events = self.client.get(url).send().await.unwrap().bytes_stream();
        let mut heard = String::new();
        while !heard.contains("event: progress") {
            let bytes = events.next().await.unwrap().unwrap();
            heard.push_str(&String::from_utf8_lossy(&bytes));
            assert!(
                !heard.contains("event: end"),
                "too fast to be interrupted: {heard}"
            );
        }
    }

    /// As `kill -9` does it.
    pub(super) fn kill(self) {
        drop(self.server);
    }

    /// As `kill` does it.
    pub(super) fn stop(self) {
        assert!(self.server.stop().success());
    }
}

/// `(attempt, failures)` as the table has them.
async fn counts(data: &Path, id: &str) -> (i64, i64) {
    let db = Db::open(&data.join("data/diarist.sqlite3")).await.unwrap();
    let job = db.job(id.parse().unwrap()).await.unwrap().unwrap();
    db.close().await;
    (job.attempt, job.failures)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_process_is_killed_runs_again_and_finishes_once() {
    let folder = TempDir::new().unwrap();
    settings(folder.path());
    let server = Service::start(folder.path(), &[]);
    let undisturbed = server.post(talk(LONG)).await;
    server.wait_for(&undisturbed, &["succeeded"]).await;
    let expected = server.text(&format!("/v1/jobs/{undisturbed}/rttm")).await;

    let id = server.post(talk(LONG)).await;
    server.under_way(&id).await;
    server.kill();

    let server = Service::start(folder.path(), &[]);
    let job = server.wait_for(&id, &["succeeded", "failed"]).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    assert_eq!(server.text(&format!("/v1/jobs/{id}/rttm")).await, expected);
    // What was finished before the kill is still there, and nothing ran twice.
    assert_eq!(
        server.text(&format!("/v1/jobs/{undisturbed}/rttm")).await,
        expected
    );
    let metrics = server.text("/metrics").await;
    assert!(
        metrics.contains("diarist_jobs_total{status=\"succeeded\"} 1\n"),
        "{metrics}"
    );
    assert_eq!(counts(folder.path(), &id).await, (2, 1));
    assert_eq!(counts(folder.path(), &undisturbed).await, (1, 0));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_hands_running_jobs_back() {
    let folder = TempDir::new().unwrap();
    settings(folder.path());
    let server = Service::start(folder.path(), &[]);
    let id = server.post(talk(3600)).await;
    server.under_way(&id).await;
    let asked = Instant::now();
    server.stop();
    assert!(
        asked.elapsed() < Duration::from_secs(15),
        "{:?}",
        asked.elapsed()
    );
    let db = Db::open(&folder.path().join("data/diarist.sqlite3"))
        .await
        .unwrap();
    let job = db.job(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(
        (job.status.as_str(), job.attempt, job.failures),
        ("pending", 1, 0)
    );
    db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn api_and_workers_may_be_processes_of_their_own() {
    let folder = TempDir::new().unwrap();
    settings(folder.path());
    let api = Service::start(folder.path(), &["--role", "api"]);
    let id = api.post(talk(10)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(api.wait_for(&id, &["created"]).await["status"], "created");
    let mut worker = diarist(folder.path()).arg("worker").spawn().unwrap();
    let events = api.text(&format!("/v1/jobs/{id}/events")).await;
    assert!(
        events.contains("event: end") && events.contains("succeeded"),
        "{events}"
    );
    assert!(!api.text(&format!("/v1/jobs/{id}/rttm")).await.is_empty());
    let id = worker.id().to_string();
    Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(worker.wait().unwrap().success());
    api.stop();
}
