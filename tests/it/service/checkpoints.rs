//! Jobs whose process is killed and that go on where they were.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::process::{Service, settings, settings_and};
use super::voices::talk;

/// Windows of 0.75 s in a minute.
const MINUTE: usize = 80;

/// Windows that a server has embedded so far.
async fn embedded(server: &Service) -> usize {
    let metrics = server.text("/metrics").await;
    let sum = metrics
        .lines()
        .find_map(|line| line.strip_prefix("diarist_batch_size_sum "));
    sum.map_or(0, |sum| sum.parse::<f64>().unwrap() as usize)
}

/// Waits until `count` windows more than `before` are embedded; gives how many these are.
async fn embedded_more(server: &Service, before: usize, count: usize) -> usize {
    loop {
        let more = embedded(server).await - before;
        if more >= count {
            return more;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// What must not depend on interruptions: turns, embeddings, labels.
async fn result(server: &Service, id: &str) -> [Vec<u8>; 3] {
    let job = server.wait_for(id, &["succeeded", "failed"]).await;
    assert_eq!(job["status"], "succeeded", "{job}");
    let mut parts = Vec::new();
    for name in ["rttm", "embeddings.npy", "labels.npy"] {
        let url = server.url(&format!("/v1/jobs/{id}/{name}"));
        let response = server.client.get(url).send().await.unwrap();
        assert!(response.status().is_success(), "{name}");
        parts.push(response.bytes().await.unwrap().to_vec());
    }
    parts.try_into().unwrap()
}

/// Windows of the result, and those among them that were there before.
async fn windows(server: &Service, id: &str) -> (usize, usize) {
    let metrics = server.text(&format!("/v1/jobs/{id}/metrics")).await;
    let metrics: Value = serde_json::from_str(&metrics).unwrap();
    let count = |name: &str| metrics[name].as_u64().unwrap() as usize;
    (count("windows"), count("resumedWindows"))
}

/// Files of checkpoints.
fn kept(folder: &Path) -> usize {
    let jobs = std::fs::read_dir(folder.join("data/files/checkpoints"));
    let jobs = jobs.into_iter().flatten().flatten();
    jobs.flat_map(|job| std::fs::read_dir(job.path()).unwrap())
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_job_goes_on_where_it_was_and_gives_the_same_result() {
    let folder = TempDir::new().unwrap();
    settings(folder.path());
    let server = Service::start(folder.path(), &[]);
    let undisturbed = server.post(talk(600)).await;
    let expected = result(&server, &undisturbed).await;
    assert_eq!(kept(folder.path()), 0);
    let before = embedded(&server).await;

    let id = server.post(talk(600)).await;
    let first = embedded_more(&server, before, 300).await;
    server.kill();
    assert_eq!(kept(folder.path()), 1);

    let server = Service::start(folder.path(), &[]);
    let again = result(&server, &id).await;
    assert!(expected == again);
    let (windows, resumed) = windows(&server, &id).await;
    assert!(resumed + MINUTE >= first, "{resumed} of {first} kept");
    assert_eq!(embedded(&server).await, windows - resumed);
    assert_eq!(kept(folder.path()), 0);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_made_with_other_settings_is_not_used() {
    let folder = TempDir::new().unwrap();
    settings(folder.path());
    let server = Service::start(folder.path(), &[]);
    let id = server.post(talk(300)).await;
    embedded_more(&server, 0, 100).await;
    server.kill();
    assert_eq!(kept(folder.path()), 1);

    settings_and(
        folder.path(),
        "[pipeline]\nmethod = \"windows\"\nmin_speech = 0.8\n",
    );
    let server = Service::start(folder.path(), &[]);
    let again = result(&server, &id).await;
    assert_eq!(windows(&server, &id).await.1, 0);
    let undisturbed = server.post(talk(300)).await;
    assert!(result(&server, &undisturbed).await == again);
    assert_eq!(kept(folder.path()), 0);
    server.stop();
}
