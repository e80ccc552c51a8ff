//! The clock set forward and back by hours while jobs run: none is lost, finished twice or stuck.
//!
//! libfaketime sets it, for the processes alone and for the time of day alone, as `settimeofday` does.
//! `make chaos` brings it along and sets the clock 200 times.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use super::chaos::{Random, Story, kills};
use super::process::Service;
use crate::program::diarist;

/// The time of day as some processes see it.
struct Clock {
    library: PathBuf,
    file: PathBuf,
    /// Seconds that it is ahead.
    ahead: i64,
}

impl Clock {
    fn new(folder: &Path) -> Option<Self> {
        let mut libraries = fs::read_dir("/usr/lib").ok()?.flatten();
        let library = libraries.find_map(|entry| {
            let path = entry.path().join("faketime/libfaketimeMT.so.1");
            path.exists().then_some(path)
        });
        if library.is_none() {
            eprintln!("SKIPPED: no clock was set: there is no libfaketime (package faketime)");
        }
        let mut clock = Self {
            library: library?,
            file: folder.join("clock"),
            ahead: 0,
        };
        clock.set(0);
        Some(clock)
    }

    /// Sets it `by` seconds ahead of what it was.
    fn set(&mut self, by: i64) {
        self.ahead += by;
        // A rename: nobody reads half of it.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{:+}", self.ahead)).unwrap();
        fs::rename(new, &self.file).unwrap();
    }

    /// The program, under this clock.
    fn diarist(&self, folder: &Path) -> Command {
        let mut command = diarist(folder);
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1");
        command
    }

    fn worker(&self, folder: &Path) -> Child {
        self.diarist(folder).arg("worker").spawn().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_the_clock_loses_no_job_and_finishes_none_twice() {
    let mut random = Random::new();
    // Whoever counts a living worker as lost once has failed the job.
    let mut story = Story::begin(1).await;
    let Some(mut clock) = Clock::new(story.path()) else {
        return;
    };
    let service = Service::spawn(clock.diarist(story.path()).arg("serve"));
    let mut worker = clock.worker(story.path());
    for _ in 0..kills() {
        let seconds = [3, 8, 20][random.between(0, 3) as usize];
        story.post(&service, seconds).await;
        tokio::time::sleep(Duration::from_millis(random.between(0, 1500))).await;
        let hours = [-30, -5, -1, 1, 5, 30][random.between(0, 6) as usize];
        clock.set(hours * 3600);
    }
    story.end(&service, &[]).await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_back_while_nobody_is_there_keeps_no_job_waiting() {
    let mut story = Story::begin(3).await;
    let Some(mut clock) = Clock::new(story.path()) else {
        return;
    };
    let service = Service::spawn(clock.diarist(story.path()).args(["serve", "--role", "api"]));
    let running = story.post(&service, 600).await;
    let mut worker = clock.worker(story.path());
    service.wait_for(&running, &["running"]).await;
    let waiting = story.post(&service, 3).await;
    // SIGKILL: the lease stands, and the dispatch is the dead worker's.
    worker.kill().unwrap();
    worker.wait().unwrap();
    clock.set(-3 * 3600);
    let begun = Instant::now();
    let mut worker = clock.worker(story.path());
    for id in [&waiting, &running] {
        let job = service.wait_for(id, &["succeeded", "failed"]).await;
        assert_eq!(job["status"], "succeeded", "{job}");
    }
    assert!(
        begun.elapsed() < Duration::from_mins(4),
        "{:?}",
        begun.elapsed()
    );
    worker.kill().unwrap();
    worker.wait().unwrap();
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_forward_removes_nothing_before_its_time() {
    let mut story = Story::begin(3).await;
    let Some(mut clock) = Clock::new(story.path()) else {
        return;
    };
    let start = |clock: &Clock, story: &Story| {
        // 36 seconds; looked at every 3.6.
        let mut command = clock.diarist(story.path());
        command.env("DIARIST_RETENTION__RESULT_HOURS", "0.01");
        Service::spawn(command.arg("serve"))
    };
    let service = start(&clock, &story);
    let id = story.post(&service, 3).await;
    service.wait_for(&id, &["succeeded"]).await;
    clock.set(3600);
    tokio::time::sleep(Duration::from_secs(10)).await;
    service.wait_for(&id, &["succeeded"]).await;
    service.stop();
    // Whoever starts now knows of no other time.
    let service = start(&clock, &story);
    let end = Instant::now() + Duration::from_secs(20);
    let path = format!("/v1/jobs/{id}");
    while service
        .client
        .get(service.url(&path))
        .send()
        .await
        .unwrap()
        .status()
        .is_success()
    {
        assert!(Instant::now() < end, "still there");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    service.stop();
}
