//! Recordings that a worker fetches from where the caller says.

use std::time::{Duration, Instant};

use axum::body::Body;
use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::app::{Api, JOBS, job_id, problem};
use super::receiver::{Answer, Receiver, bytes, redirect, status};
use super::voices::talk;

/// A body whose length nobody announces and which does not end.
fn endless(pause: Duration) -> Answer {
    let chunks = stream::repeat(vec![0_u8; 1000]).then(move |chunk| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::io::Error>(chunk)
    });
    bytes(Body::from_stream(chunks))
}

fn broken_off() -> Answer {
    let chunks = [Ok(vec![0_u8; 1000]), Err(std::io::Error::other("gone"))];
    bytes(Body::from_stream(stream::iter(chunks)))
}

impl Api {
    async fn fetch(&self, url: &str) -> String {
        job_id(self.post_json("/v1/diarize", &json!({"url": url})).await).await
    }

    async fn ended(&self, id: &str) -> Value {
        self.wait_for(id, &["succeeded", "failed", "canceled"])
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_fetched_through_redirects_and_diarized() {
    let api = Api::with_workers(JOBS).await;
    let receiver = Receiver::start(|_, request| match request.path.as_str() {
        "/board/meeting.wav?token=secret" => redirect(302, "../elsewhere"),
        "/elsewhere" => bytes(talk(5)),
        _ => status(404),
    })
    .await;
    let url = format!("{}/board/meeting.wav?token=secret", receiver.url);
    let id = api.fetch(&url).await;
    let job = api.succeeded(&id).await;
    assert!(!job["output"]["diarization"].as_array().unwrap().is_empty());
    let record = api.db.job(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(record.name, "meeting");
    assert_eq!(record.audio_bytes, talk(5).len() as u64);
    let request = &receiver.received("/elsewhere")[0];
    let agent = request.header("user-agent").unwrap();
    assert!(agent.starts_with("diarist/"), "{agent}");
    // What stood in the URL is in no result.
    let metrics = api.text(&format!("/v1/jobs/{id}/metrics")).await;
    assert!(!metrics.contains("secret"), "{metrics}");
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_fetched_fails_with_a_stable_code() {
    let api = Api::start_in(TempDir::new().unwrap(), 50_000, Some(JOBS)).await;
    let receiver = Receiver::start(|_, request| match request.path.as_str() {
        "/announced" => bytes(vec![0; 50_001]),
        "/endless" => endless(Duration::ZERO),
        "/silent" => None,
        "/broken" => broken_off(),
        "/busy" => status(503),
        "/loop" => redirect(301, "/loop"),
        "/inside" => redirect(302, "http://127.0.0.2/"),
        "/metadata" => redirect(302, "http://[::ffff:169.254.169.254]/latest"),
        "/file" => redirect(302, "file:///etc/passwd"),
        "/text" => bytes("this is no audio at all".repeat(50)),
        _ => status(404),
    })
    .await;
    let cases = [
        ("/nothing", "url_status", 1),
        ("/announced", "audio_too_large", 1),
        ("/endless", "audio_too_large", 1),
        ("/loop", "url_too_many_redirects", 1),
        ("/inside", "url_refused", 1),
        ("/metadata", "url_refused", 1),
        ("/file", "url_refused", 1),
        // Fetched by one attempt, and decoded by the next one, in the lane for short recordings.
        ("/text", "audio_unknown_container", 2),
        ("/busy", "url_status", 3),
        ("/broken", "url_broken_off", 3),
        ("/silent", "url_timeout", 3),
    ];
    let mut ids = Vec::new();
    for (path, ..) in cases {
        ids.push(api.fetch(&format!("{}{path}", receiver.url)).await);
    }
    ids.push(api.fetch("http://127.0.0.1:9/nobody.wav").await);
    let refused = ("nobody", "url_unreachable", 3);
    for ((path, code, attempts), id) in cases.into_iter().chain([refused]).zip(ids) {
        let job = api.ended(&id).await;
        assert_eq!(job["output"]["errorCode"], code, "{path}: {job}");
        let record = api.db.job(id.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(record.attempt, attempts, "{path}");
    }
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_stops_soon_after_its_job_is_called_off() {
    let api = Api::with_workers(JOBS).await;
    let receiver = Receiver::start(|_, _| endless(Duration::from_millis(50))).await;
    let id = api.fetch(&format!("{}/a.wav", receiver.url)).await;
    receiver.wait_for("/a.wav", 1).await;
    let asked = Instant::now();
    api.delete(&format!("/v1/jobs/{id}")).await;
    api.wait_for(&id, &["canceled"]).await;
    let took = asked.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    api.stop().await;
}

#[tokio::test]
async fn addresses_that_may_not_be_asked_are_refused_at_once() {
    let api = Api::start().await;
    for url in [
        "http://10.0.0.1/a.wav",
        "http://127.0.0.2/a.wav",
        "http://0x7f000002/a.wav",
        "http://[fd00::1]/a.wav",
        "http://[64:ff9b::a9fe:a9fe]/a.wav",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://",
        "a.wav",
    ] {
        let response = api.post_json("/v1/diarize", &json!({"url": url})).await;
        let answer = problem(response, "invalid_request").await;
        assert_eq!(answer["errors"][0]["field"], "url", "{answer}");
    }
    api.stop().await;
}
