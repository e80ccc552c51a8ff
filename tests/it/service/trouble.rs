//! The service beside a locked database and on a full disk.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::StatusCode;
use tempfile::TempDir;

use super::app::problem;
use super::chaos::Story;
use super::process::Service;
use super::voices::talk;

#[tokio::test(flavor = "multi_thread")]
async fn jobs_outlast_a_database_that_another_connection_locks() {
    let mut story = Story::begin(100).await;
    let service = Service::start(story.path(), &[]);
    let mut ids = Vec::new();
    for seconds in [20, 30, 40] {
        ids.push(story.post(&service, seconds).await);
    }
    service.wait_for(&ids[0], &["running", "succeeded"]).await;
    let mut lock = story.database().acquire().await.unwrap();
    let execute = async |statement: &'static str, lock: &mut sqlx::SqliteConnection| {
        sqlx::query(statement).execute(lock).await.unwrap();
    };
    execute("BEGIN IMMEDIATE", &mut lock).await;
    // Reading goes on; what writes waits.
    service.text(&format!("/v1/jobs/{}", ids[0])).await;
    let release = async {
        // Longer than a lease.
        tokio::time::sleep(Duration::from_secs(6)).await;
        execute("COMMIT", &mut lock).await;
    };
    tokio::join!(story.post(&service, 10), release);
    story.end(&service, &[]).await;
    service.stop();
}

/// A file system of its own at `data`, too small for everything.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> Option<Self> {
        let data = folder.join("data");
        std::fs::create_dir(&data).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"])
            .arg(&data)
            .status();
        mount
            .is_ok_and(|status| status.success())
            .then_some(Self(data))
    }

    /// Takes all the space there is; gives it back with the file.
    fn fill(&self) -> PathBuf {
        let path = self.0.join("filler");
        let mut file = File::create(&path).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What still has it open keeps it a little longer.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_outlast_a_full_disk() {
    let folder = TempDir::new().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path()) else {
        eprintln!("SKIPPED: no disk was filled: a small one can only be mounted by root");
        return;
    };
    let mut story = Story::begin_in(folder, 100).await;
    let service = Service::start(story.path(), &[]);
    let id = story.post(&service, 150).await;
    service.wait_for(&id, &["running"]).await;
    let filler = disk.fill();
    for _ in 0..2 {
        let request = service.client.post(service.url("/v1/diarize"));
        let response = request.body(talk(60)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key("retry-after"));
        let answer = problem(response, "unavailable").await;
        assert!(
            answer["detail"].as_str().unwrap().contains("at the moment"),
            "{answer}"
        );
    }
    // Nothing can be written, and nothing is lost.
    tokio::time::sleep(Duration::from_secs(8)).await;
    service.wait_for(&id, &["running", "pending"]).await;
    std::fs::remove_file(filler).unwrap();
    story.post(&service, 10).await;
    story.end(&service, &[]).await;
    service.stop();
}
