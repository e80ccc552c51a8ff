//! Who waits for whom: jobs on short recordings for those on long ones, and all for the model.

use std::time::{Duration, Instant};

use diarist::db::Lane;
use diarist::jobs;

use super::app::{Api, JOBS, job_id};
use super::voices::talk;

/// One job at once in either lane.
const NARROW: jobs::Settings = jobs::Settings {
    concurrency: 1,
    short_concurrency: 1,
    ..JOBS
};

/// A recording just too large for the short lane.
fn long() -> Vec<u8> {
    let audio = talk(1060);
    assert_eq!(Lane::of(audio.len() as u64), Lane::Long);
    audio
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_recording_waits_for_no_long_one() {
    let api = Api::with_workers(NARROW).await;
    let mut ahead = Vec::new();
    for _ in 0..3 {
        ahead.push(job_id(api.post_raw("", long()).await).await);
    }
    api.wait_for(&ahead[0], &["running"]).await;
    let short = job_id(api.post_raw("", talk(10)).await).await;
    api.succeeded(&short).await;
    for id in &ahead {
        let job = api.show(id).await;
        let status = job["status"].as_str().unwrap();
        assert!(matches!(status, "running" | "created"), "{job}");
        api.delete(&format!("/v1/jobs/{id}")).await;
    }
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_in_clustering_leaves_the_model_to_the_next_one() {
    let api = Api::with_workers(NARROW).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(job_id(api.post_raw("", long()).await).await);
    }
    let end = Instant::now() + Duration::from_mins(5);
    loop {
        let mut statuses = Vec::new();
        for id in &ids {
            let job = api.db.job(id.parse().unwrap()).await.unwrap().unwrap();
            statuses.push(job.status.as_str());
        }
        if statuses == ["running", "running"] {
            break;
        }
        assert_ne!(statuses, ["succeeded", "succeeded"]);
        assert!(Instant::now() < end, "never at the same time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for id in &ids {
        let job = api.succeeded(id).await;
        assert_eq!(job["status"], "succeeded");
        let record = api.db.job(id.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((record.attempt, record.failures), (1, 0));
    }
    api.stop().await;
}
