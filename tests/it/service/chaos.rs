//! Processes killed over a stream of jobs: none is lost, finished twice or stuck.
//!
//! `make chaos` kills at 200 moments, the plain test run at few. `DIARIST_CHAOS_SEED` repeats a story,
//! as far as clocks let it.
#![expect(
    clippy::print_stderr,
    reason = "the seed repeats a run that failed, and a long run says how much it did"
)]

use std::collections::HashMap;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant, SystemTime};

use diarist::db::Db;
use reqwest::Client;
use serde_json::Value;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

use super::app::tiny_model_path;
use super::process::Service;
use super::voices::talk;
use crate::program::diarist;

/// Kills of each kind in the plain test run.
const FEW: usize = 10;

/// How long jobs may take that nobody disturbs any more.
const PATIENCE: Duration = Duration::from_mins(10);

pub(super) fn kills() -> usize {
    let kills = std::env::var("DIARIST_CHAOS_KILLS");
    kills.map_or(FEW, |kills| kills.parse().unwrap())
}

/// Numbers that look random (xorshift).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new() -> Self {
        let seed = std::env::var("DIARIST_CHAOS_SEED").map_or_else(
            |_| {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                now.unwrap().as_nanos() as u64
            },
            |seed| seed.parse().unwrap(),
        );
        eprintln!("DIARIST_CHAOS_SEED={seed}");
        Self(seed | 1)
    }

    /// From `least` to below `most`.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        least + self.0 % (most - least)
    }
}

/// A data folder, what was accepted there, and a trigger that counts the ends of every job.
pub(super) struct Story {
    pub(super) folder: TempDir,
    database: SqlitePool,
    /// Ids with seconds of audio.
    accepted: Vec<(String, usize)>,
}

impl Story {
    pub(super) async fn begin(attempts: usize) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        Self::begin_in(folder, attempts).await
    }

    /// In a folder with a folder `data`.
    pub(super) async fn begin_in(folder: TempDir, attempts: usize) -> Self {
        let settings = format!(
            "data_dir = \"data\"\nshutdown_seconds = 1\n\
             [jobs]\nlease_seconds = 3\nretry_seconds = 0.2\npoll_seconds = 0.2\n\
             attempts = {attempts}\n\
             [model]\npath = \"{}\"\nthreads = 1\n",
            tiny_model_path().display()
        );
        std::fs::write(folder.path().join("diarist.toml"), settings).unwrap();
        let path = folder.path().join("data/diarist.sqlite3");
        Db::open(&path).await.unwrap().close().await;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .busy_timeout(Duration::from_mins(1));
        let database = SqlitePool::connect_with(options).await.unwrap();
        for statement in [
            "CREATE TABLE endings (id TEXT NOT NULL, status TEXT NOT NULL)",
            "CREATE TRIGGER ended AFTER UPDATE OF status ON diarizations
             WHEN NEW.status IN ('succeeded', 'failed', 'canceled')
             BEGIN INSERT INTO endings VALUES (NEW.id, NEW.status); END",
        ] {
            sqlx::query(statement).execute(&database).await.unwrap();
        }
        Self {
            folder,
            database,
            accepted: Vec::new(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn database(&self) -> &SqlitePool {
        &self.database
    }

    /// The number of the job's latest attempt.
    async fn attempt(&self, id: &str) -> i64 {
        let attempt = sqlx::query_scalar("SELECT attempt FROM diarizations WHERE id = $1");
        let attempt = attempt.bind(id).fetch_one(&self.database).await;
        attempt.unwrap()
    }

    /// Posts a recording; gives its job's id if it was accepted.
    pub(super) async fn post(&mut self, service: &Service, seconds: usize) -> String {
        let url = service.url("/v1/diarize?name=talk");
        let id = post(service.client.clone(), url, seconds).await;
        // Nobody disturbs this one.
        let id = id.unwrap();
        self.accepted.push((id.clone(), seconds));
        id
    }

    /// Posts for as long as `milliseconds`, and something more at the very end, which `end` cuts
    /// short.
    async fn stream(
        &mut self,
        random: &mut Random,
        service: Service,
        milliseconds: u64,
        end: impl FnOnce(Service),
    ) {
        let deadline = Instant::now() + Duration::from_millis(milliseconds);
        loop {
            let pause = Duration::from_millis(random.between(200, 900));
            tokio::time::sleep_until(deadline.min(Instant::now() + pause).into()).await;
            let seconds = [3, 8, 20][random.between(0, 3) as usize];
            if Instant::now() < deadline {
                self.post(&service, seconds).await;
                continue;
            }
            let url = service.url("/v1/diarize?name=talk");
            let last = tokio::spawn(post(service.client.clone(), url, seconds));
            tokio::time::sleep(Duration::from_millis(random.between(0, 40))).await;
            end(service);
            let id = last.await.unwrap();
            self.accepted.extend(id.map(|id| (id, seconds)));
            return;
        }
    }

    /// Waits until every job is over, those too whose answer was lost, and checks how.
    pub(super) async fn end(&self, service: &Service, but: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        let open = "SELECT COUNT(*) FROM diarizations WHERE finished_at IS NULL";
        loop {
            let count: i64 = sqlx::query_scalar(open)
                .fetch_one(&self.database)
                .await
                .unwrap();
            if count == 0 {
                break;
            }
            assert!(Instant::now() < deadline, "{count} jobs are stuck");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let jobs: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM diarizations")
            .fetch_one(&self.database)
            .await
            .unwrap();
        let endings: Vec<(String, i64)> =
            sqlx::query_as("SELECT id, COUNT(*) FROM endings GROUP BY id")
                .fetch_all(&self.database)
                .await
                .unwrap();
        assert_eq!(endings.len(), jobs as usize);
        for (id, count) in endings {
            assert_eq!(count, 1, "{id} ended {count} times");
        }
        let mut expected = HashMap::new();
        for (id, seconds) in &self.accepted {
            if but.contains(&id.as_str()) {
                continue;
            }
            let job = service
                .wait_for(id, &["succeeded", "failed", "canceled"])
                .await;
            assert_eq!(job["status"], "succeeded", "{job}");
            let rttm = service.text(&format!("/v1/jobs/{id}/rttm")).await;
            assert!(!rttm.is_empty());
            assert_eq!(expected.entry(seconds).or_insert(rttm.clone()), &rttm);
        }
        eprintln!("{} jobs accepted, {jobs} in the table", self.accepted.len());
    }
}

/// The job's id, unless the server is gone before it answers.
async fn post(client: Client, url: String, seconds: usize) -> Option<String> {
    let response = client.post(url).body(talk(seconds)).send().await.ok()?;
    assert!(response.status().is_success(), "{}", response.status());
    let receipt: Value = response.json().await.ok()?;
    Some(receipt["jobId"].as_str().unwrap().to_owned())
}

/// A worker in a process of its own, killed with its value.
struct Worker(Child);

impl Worker {
    fn start(folder: &Path) -> Self {
        Self(diarist(folder).arg("worker").spawn().unwrap())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // SIGKILL.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_process_loses_no_job_and_finishes_none_twice() {
    let mut random = Random::new();
    let mut story = Story::begin(100).await;
    for _ in 0..kills() {
        let service = Service::start(story.path(), &[]);
        let milliseconds = random.between(100, 2500);
        story
            .stream(&mut random, service, milliseconds, Service::kill)
            .await;
    }
    let service = Service::start(story.path(), &[]);
    story.end(&service, &[]).await;
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_workers_loses_no_job_and_finishes_none_twice() {
    let mut random = Random::new();
    let mut story = Story::begin(100).await;
    let api = ["--role", "api"];
    let mut service = Service::start(story.path(), &api);
    for _ in 0..kills() {
        let worker = Worker::start(story.path());
        let milliseconds = random.between(300, 3500);
        let mut kept = None;
        story
            .stream(&mut random, service, milliseconds, |service| {
                drop(worker);
                kept = Some(service);
            })
            .await;
        service = kept.unwrap();
    }
    let worker = Worker::start(story.path());
    story.end(&service, &[]).await;
    drop(worker);
    service.stop();
}

/// Something outside kills the worker whenever it runs one file, as the kernel does where that
/// file takes all memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_kills_its_workers_fails_and_its_neighbours_do_not() {
    let mut story = Story::begin(3).await;
    let service = Service::start(story.path(), &["--role", "api"]);
    let poison = story.post(&service, 600).await;
    for seconds in [240, 241, 242] {
        story.post(&service, seconds).await;
    }
    let mut worker = Worker::start(story.path());
    let deadline = Instant::now() + PATIENCE;
    let running = "SELECT COUNT(*) FROM diarizations WHERE status = 'running' AND attempt = $1";
    let mut deaths = 0;
    let job = loop {
        let query = sqlx::query_scalar(running).bind(deaths + 1);
        let count: i64 = query.fetch_one(story.database()).await.unwrap();
        let job = service.text(&format!("/v1/jobs/{poison}")).await;
        let job: Value = serde_json::from_str(&job).unwrap();
        let attempt = story.attempt(&poison).await;
        match job["status"].as_str().unwrap() {
            // The first two times beside all its neighbours.
            "running" if attempt > deaths && (deaths >= 2 || count == 4) => {
                drop(worker);
                deaths += 1;
                worker = Worker::start(story.path());
            }
            "failed" => break job,
            "succeeded" => panic!("it was to be killed: {job}"),
            _ => {}
        }
        assert!(Instant::now() < deadline, "{deaths} deaths, {job}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(deaths, 3);
    assert_eq!(job["output"]["errorCode"], "worker_lost", "{job}");
    let said = job["output"]["error"].as_str().unwrap();
    assert!(said.starts_with("gave up after 3 attempts"), "{said}");
    story.end(&service, &[&poison]).await;
    drop(worker);
    service.stop();
}
