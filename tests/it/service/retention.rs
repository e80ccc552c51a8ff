//! What is kept, how long, and what is swept up.

use std::fs::FileTimes;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use reqwest::StatusCode;
use tempfile::TempDir;

use super::app::{Api, JOBS, job_id, problem, tiny_model_path};
use super::process::Service;
use super::voices::talk;
use crate::program::diarist;

/// Hours that a second and a half make.
const MOMENT: f64 = 1.5 / 3600.0;

fn settings(folder: &Path, retention: &str) {
    let settings = format!(
        "data_dir = \"data\"\nshutdown_seconds = 1\n[retention]\n{retention}\n\
         [model]\npath = \"{}\"\nthreads = 1\n",
        tiny_model_path().display()
    );
    std::fs::write(folder.join("diarist.toml"), settings).unwrap();
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !done().await {
        assert!(Instant::now() < end, "still waiting for: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn audio(folder: &Path, id: &str) -> PathBuf {
    folder.join("data/files/audio").join(id)
}

fn results(folder: &Path, id: &str) -> PathBuf {
    folder.join("data/files/results").join(id)
}

async fn submit(server: &Service) -> String {
    let request = server.client.post(server.url("/v1/diarize"));
    let id = job_id(request.body(talk(10)).send().await.unwrap()).await;
    server.wait_for(&id, &["succeeded"]).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn results_outlive_audio_where_that_is_wanted() {
    let folder = TempDir::new().unwrap();
    settings(folder.path(), &format!("audio_hours = {MOMENT}"));
    let server = Service::start(folder.path(), &[]);
    let id = submit(&server).await;
    let rttm = server.text(&format!("/v1/jobs/{id}/rttm")).await;
    let path = audio(folder.path(), &id);
    until("the audio's end", async || !path.exists()).await;
    assert_eq!(server.text(&format!("/v1/jobs/{id}/rttm")).await, rttm);
    assert_eq!(server.wait_for(&id, &["succeeded"]).await["jobId"], id);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_a_job_that_is_removed_find_all_of_it_or_none() {
    let api = Api::with_workers(JOBS).await;
    for _ in 0..10 {
        let id = job_id(api.post_raw("", talk(2)).await).await;
        api.succeeded(&id).await;
        let paths = ["", "/rttm", "/metrics"].map(|part| api.url(&format!("/v1/jobs/{id}{part}")));
        let readers = paths.map(|path| {
            let client = api.client.clone();
            tokio::spawn(async move {
                loop {
                    match client.get(&path).send().await.unwrap().status() {
                        StatusCode::OK => {}
                        status => break status,
                    }
                }
            })
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let removed = api.delete(&format!("/v1/jobs/{id}")).await;
        assert_eq!(removed.status(), StatusCode::NO_CONTENT);
        for reader in readers {
            assert_eq!(reader.await.unwrap(), StatusCode::NOT_FOUND);
        }
    }
    assert_eq!(api.stored(), Vec::<PathBuf>::new());
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_remove_jobs_and_never_one_that_is_not_over() {
    let folder = TempDir::new().unwrap();
    settings(folder.path(), &format!("result_hours = {MOMENT}"));
    let api = Service::start(folder.path(), &["--role", "api"]);
    // Nobody runs it: it is never over.
    let request = api.client.post(api.url("/v1/diarize"));
    let waiting = job_id(request.body("no audio").send().await.unwrap()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(audio(folder.path(), &waiting).exists());
    let mut workers: Vec<_> = (0..2)
        .map(|_| diarist(folder.path()).arg("worker").spawn().unwrap())
        .collect();
    let mut ids = vec![waiting];
    for _ in 0..3 {
        let request = api.client.post(api.url("/v1/diarize"));
        ids.push(job_id(request.body(talk(5)).send().await.unwrap()).await);
    }
    for id in &ids {
        until("the job's end", async || {
            let url = api.url(&format!("/v1/jobs/{id}/result"));
            let response = api.client.get(url).send().await.unwrap();
            assert_ne!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            response.status() == StatusCode::NOT_FOUND
        })
        .await;
        let url = api.url(&format!("/v1/jobs/{id}"));
        problem(api.client.get(url).send().await.unwrap(), "job_not_found").await;
        until("the bytes' end", async || {
            !audio(folder.path(), id).exists() && !results(folder.path(), id).exists()
        })
        .await;
    }
    for worker in &mut workers {
        assert!(worker.try_wait().unwrap().is_none(), "a worker ended");
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    api.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_everything_is_kept_but_what_no_job_has() {
    let folder = TempDir::new().unwrap();
    settings(folder.path(), "");
    let server = Service::start(folder.path(), &[]);
    let id = submit(&server).await;
    server.stop();
    let orphans = [
        audio(folder.path(), "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f"),
        results(folder.path(), "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e40"),
    ];
    let fresh = audio(folder.path(), "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e41");
    let foreign = audio(folder.path(), "not-an-id");
    for path in orphans.iter().chain([&fresh, &foreign]) {
        std::fs::create_dir_all(path).unwrap();
        std::fs::write(path.join("upload"), "RIFF").unwrap();
    }
    let kept = [audio(folder.path(), &id), results(folder.path(), &id)];
    let long_ago = SystemTime::now() - Duration::from_hours(30);
    for path in orphans.iter().chain(&kept).chain([&foreign]) {
        let folder = std::fs::File::open(path).unwrap();
        folder
            .set_times(FileTimes::new().set_modified(long_ago))
            .unwrap();
    }
    let server = Service::start(folder.path(), &[]);
    until("the orphans' end", async || {
        !orphans.iter().any(|path| path.exists())
    })
    .await;
    for path in kept.iter().chain([&fresh, &foreign]) {
        assert!(path.exists(), "{} is gone", path.display());
    }
    assert!(!server.text(&format!("/v1/jobs/{id}/rttm")).await.is_empty());
    server.stop();
}

/// Reading a result while its job is removed gives the result or says that there is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_goes_while_it_is_read_is_not_there() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(api.post_raw("", talk(5)).await).await;
    api.succeeded(&id).await;
    let parsed = id.parse().unwrap();
    let read = async |path: &str| api.get(&format!("/v1/jobs/{id}{path}")).await;
    let ((), answers) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert!(api.db.delete_job(parsed).await.unwrap());
            for folder in ["audio", "results"] {
                let path = api.folder.path().join("store").join(folder).join(&id);
                std::fs::remove_dir_all(path).unwrap();
            }
        },
        async {
            let mut statuses = Vec::new();
            for _ in 0..100 {
                for path in ["", "/rttm", "/result", "/result?format=srt", "/metrics"] {
                    statuses.push(read(path).await.status());
                }
            }
            statuses
        }
    );
    assert_eq!(answers.first(), Some(&StatusCode::OK));
    assert_eq!(answers.last(), Some(&StatusCode::NOT_FOUND));
    for status in answers {
        assert!(
            [StatusCode::OK, StatusCode::NOT_FOUND].contains(&status),
            "{status}"
        );
    }
    api.stop().await;
}
