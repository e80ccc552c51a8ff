//! Requests that come twice.

use std::time::Duration;

use diarist::db::Begun;
use diarist::domain::Scope;
use reqwest::multipart::{Form, Part};
use reqwest::{Response, StatusCode};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::app::{Api, closed, job_id, problem};

async fn post(api: &Api, key: &str, query: &str, body: &'static str) -> Response {
    let request = api.client.post(api.url(&format!("/v1/diarize{query}")));
    let request = request.header("idempotency-key", key).body(body);
    request.send().await.unwrap()
}

fn replayed(response: &Response) -> bool {
    response.headers().contains_key("idempotency-replayed")
}

async fn jobs(api: &Api) -> u64 {
    let counts = api.db.job_counts().await.unwrap();
    counts.into_iter().map(|(_, count)| count).sum()
}

#[tokio::test]
async fn the_same_request_makes_one_job_and_another_one_is_refused() {
    let api = Api::start().await;
    let first = post(&api, "a", "?numSpeakers=2", "RIFF").await;
    assert!(!replayed(&first));
    let id = job_id(first).await;
    for _ in 0..2 {
        let again = post(&api, "a", "?numSpeakers=2", "RIFF").await;
        assert!(replayed(&again));
        assert_eq!(job_id(again).await, id);
    }
    for (query, body) in [
        ("?numSpeakers=3", "RIFF"),
        ("", "RIFF"),
        ("?numSpeakers=2", "RIFX"),
    ] {
        problem(post(&api, "a", query, body).await, "idempotency_mismatch").await;
    }
    assert_eq!((jobs(&api).await, api.stored().len()), (1, 1));
    let other = job_id(post(&api, "b", "?numSpeakers=2", "RIFF").await).await;
    assert_ne!(other, id);

    // The answer outlives the job.
    for status in [StatusCode::ACCEPTED, StatusCode::NO_CONTENT] {
        assert_eq!(api.delete(&format!("/v1/jobs/{id}")).await.status(), status);
    }
    let again = post(&api, "a", "?numSpeakers=2", "RIFF").await;
    assert_eq!(job_id(again).await, id);
    api.stop().await;
}

#[tokio::test]
async fn forms_are_compared_by_what_they_hold() {
    let api = Api::start().await;
    let send = async |form: Form| {
        let request = api.client.post(api.url("/v1/diarize")).multipart(form);
        request.header("idempotency-key", "f").send().await.unwrap()
    };
    let file = |name: &str| Part::text("RIFF").file_name(name.to_owned());
    // Every form has a boundary of its own.
    let id = job_id(
        send(
            Form::new()
                .part("file", file("a.wav"))
                .text("exclusive", "true"),
        )
        .await,
    )
    .await;
    let again = send(
        Form::new()
            .text("exclusive", "true")
            .part("file", file("a.wav")),
    )
    .await;
    assert!(replayed(&again));
    assert_eq!(job_id(again).await, id);
    let other = send(
        Form::new()
            .text("exclusive", "true")
            .part("file", file("b.wav")),
    )
    .await;
    problem(other, "idempotency_mismatch").await;
    api.stop().await;
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let api = Api::start().await;
    problem(
        post(&api, "c", "?numSpeakers=none", "RIFF").await,
        "invalid_request",
    )
    .await;
    problem(post(&api, "c", "", "").await, "empty_audio").await;
    job_id(post(&api, "c", "", "RIFF").await).await;
    problem(post(&api, "", "", "RIFF").await, "invalid_request").await;
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_one_makes_the_job() {
    let api = Api::start().await;
    let all = (0..24).map(|_| post(&api, "race", "", "RIFF"));
    let mut ids = Vec::new();
    for response in futures::future::join_all(all).await {
        if response.status() == StatusCode::OK {
            ids.push(job_id(response).await);
        } else {
            assert!(response.headers().contains_key("retry-after"));
            problem(response, "idempotency_in_flight").await;
        }
    }
    ids.dedup();
    assert_eq!((ids.len(), jobs(&api).await), (1, 1), "{ids:?}");
    assert_eq!(api.stored().len(), 1);
    api.stop().await;
}

#[tokio::test]
async fn while_one_is_read_another_waits_and_a_caller_that_hangs_up_frees_the_key() {
    let api = Api::start().await;
    let address = api.url.trim_start_matches("http://").to_owned();
    let mut slow = TcpStream::connect(&address).await.unwrap();
    let head = format!(
        "POST /v1/diarize HTTP/1.1\r\nhost: {address}\r\ncontent-length: 4\r\n\
         idempotency-key: slow\r\n\r\nRI"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let refused = post(&api, "slow", "", "RIFF").await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, "idempotency_in_flight").await;
    drop(slow);
    let accepted = loop {
        let response = post(&api, "slow", "", "RIFF").await;
        if response.status() == StatusCode::OK {
            break response;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(!replayed(&accepted));
    assert_eq!(jobs(&api).await, 1);
    api.stop().await;
}

#[tokio::test]
async fn keys_of_one_caller_are_not_those_of_another() {
    let api = Api::with_access(closed()).await;
    let mut ids = Vec::new();
    for name in ["one", "other"] {
        let secret = api.key(name, &[Scope::JobsWrite]).await;
        let request = api.client.post(api.url("/v1/diarize")).bearer_auth(secret);
        let request = request.header("idempotency-key", "same").body("RIFF");
        ids.push(job_id(request.send().await.unwrap()).await);
    }
    assert_ne!(ids[0], ids[1]);
    api.stop().await;
}

/// A process that died while it read a request holds the key no longer than its lease.
#[tokio::test]
async fn a_claim_whose_holder_died_lapses() {
    let api = Api::start().await;
    let dead = api
        .db
        .begin_request("", "dead", Duration::ZERO)
        .await
        .unwrap();
    let Begun::First(dead) = dead else {
        panic!("the key is taken: {dead:?}");
    };
    let id = job_id(post(&api, "dead", "", "RIFF").await).await;
    assert!(
        !api.db
            .renew_request(&dead, Duration::from_secs(30))
            .await
            .unwrap()
    );
    api.db.release_request(&dead).await.unwrap();
    assert_eq!(job_id(post(&api, "dead", "", "RIFF").await).await, id);
    api.stop().await;
}
