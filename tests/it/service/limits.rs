//! How much of the service one caller gets, and how much waits.

use std::time::{Duration, Instant};

use diarist::domain::Scope;
use diarist::http::AccessSettings;
use futures::StreamExt as _;
use reqwest::{Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::app::{Api, closed, job_id, problem};

fn number(response: &Response, header: &str) -> u64 {
    let value = response.headers().get(header);
    let value = value.unwrap_or_else(|| panic!("no {header}"));
    value.to_str().unwrap().parse().unwrap()
}

/// Asserts that the response says when to come back, and that this is within `most` seconds.
fn come_back_within(response: &Response, most: u64) {
    let seconds = number(response, "retry-after");
    assert!((1..=most).contains(&seconds), "{seconds}");
}

/// `true` if no window of a minute, counted from the server's start, can end while a test runs
/// that begins now.
fn early(begun: Instant) -> bool {
    begun.elapsed() < Duration::from_secs(40)
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let begun = Instant::now();
    let api = Api::with_access(AccessSettings {
        reads_per_minute: 4,
        writes_per_minute: 2,
        ..AccessSettings::default()
    })
    .await;
    let first = api.post_raw("", "RIFF").await;
    assert_eq!(number(&first, "x-ratelimit-limit"), 2);
    assert_eq!(number(&first, "x-ratelimit-remaining"), 1);
    assert!((1..=60).contains(&number(&first, "x-ratelimit-reset")));
    let id = job_id(first).await;
    job_id(api.post_raw("", "RIFF").await).await;
    let refused = api.post_raw("", "RIFF").await;
    come_back_within(&refused, 60);
    assert_eq!(number(&refused, "x-ratelimit-remaining"), 0);
    assert_eq!(
        number(&refused, "x-ratelimit-reset"),
        number(&refused, "retry-after")
    );
    let answer = problem(refused, "rate_limited").await;
    assert!(answer["message"].as_str().unwrap().contains("at most 2"));
    assert_eq!(api.stored().len(), 2);

    // Reading has its own counter.
    for remaining in (0..4).rev() {
        let response = api.get(&format!("/v1/jobs/{id}")).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(number(&response, "x-ratelimit-limit"), 4);
        assert_eq!(number(&response, "x-ratelimit-remaining"), remaining);
    }
    problem(api.get(&format!("/v1/jobs/{id}")).await, "rate_limited").await;
    // What is open to all is not counted.
    assert_eq!(api.get("/livez").await.status(), StatusCode::OK);
    assert!(early(begun), "too slow to tell anything");
    api.stop().await;
}

#[tokio::test]
async fn every_key_has_its_own_counter_and_so_has_who_has_none() {
    let begun = Instant::now();
    let api = Api::with_access(AccessSettings {
        reads_per_minute: 2,
        ..closed()
    })
    .await;
    let (one, other) = (
        api.key("one", &[Scope::JobsRead]).await,
        api.key("other", &[Scope::JobsRead]).await,
    );
    let ask = async |key: &str| {
        let request = api.client.get(api.url("/v1/jobs/42")).bearer_auth(key);
        request.send().await.unwrap()
    };
    for _ in 0..2 {
        problem(ask(&one).await, "job_not_found").await;
        problem(ask("guess").await, "unauthorized").await;
    }
    problem(ask(&one).await, "rate_limited").await;
    come_back_within(&ask("another guess").await, 60);
    problem(ask("another guess").await, "rate_limited").await;
    problem(ask(&other).await, "job_not_found").await;
    assert!(early(begun), "too slow to tell anything");
    api.stop().await;
}

#[tokio::test]
async fn a_proxy_of_ours_says_who_asks() {
    let begun = Instant::now();
    let api = Api::with_access(AccessSettings {
        reads_per_minute: 1,
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..AccessSettings::default()
    })
    .await;
    let ask = async |client: &str| {
        let request = api.client.get(api.url("/v1/jobs/42"));
        let request = request.header("x-forwarded-for", client);
        request.send().await.unwrap()
    };
    problem(ask("192.0.2.1").await, "job_not_found").await;
    problem(ask("192.0.2.2").await, "job_not_found").await;
    problem(ask("192.0.2.1").await, "rate_limited").await;
    // What the client itself claims does not help it.
    problem(ask("192.0.2.9, 192.0.2.1").await, "rate_limited").await;
    assert!(early(begun), "too slow to tell anything");
    api.stop().await;
}

#[tokio::test]
async fn quotas_last_until_midnight() {
    const DAY: u64 = 24 * 60 * 60 + 1;
    let api = Api::with_access(AccessSettings {
        jobs_per_day: 3,
        bytes_per_day: 1000,
        ..closed()
    })
    .await;
    let scopes = [Scope::JobsRead, Scope::JobsWrite];
    let key = api.key("one", &scopes).await;
    let post = async |key: &str, bytes: usize| {
        let request = api.client.post(api.url("/v1/diarize")).bearer_auth(key);
        request.body(vec![1; bytes]).send().await.unwrap()
    };
    let id = job_id(post(&key, 600).await).await;
    let refused = post(&key, 600).await;
    come_back_within(&refused, DAY);
    let answer = problem(refused, "quota_exceeded").await;
    let detail = answer["detail"].as_str().unwrap();
    assert!(
        detail.contains("1000 bytes") && detail.contains("600"),
        "{detail}"
    );
    job_id(post(&key, 300).await).await;
    // Removing a job gives nothing back.
    for status in [StatusCode::ACCEPTED, StatusCode::NO_CONTENT] {
        let request = api.client.delete(api.url(&format!("/v1/jobs/{id}")));
        let response = request.bearer_auth(&key).send().await.unwrap();
        assert_eq!(response.status(), status);
    }
    job_id(post(&key, 50).await).await;
    let answer = problem(post(&key, 1).await, "quota_exceeded").await;
    assert!(
        answer["detail"].as_str().unwrap().contains("3 jobs"),
        "{answer}"
    );
    let other = api.key("other", &scopes).await;
    job_id(post(&other, 600).await).await;
    api.stop().await;
}

#[tokio::test]
async fn a_full_waiting_room_refuses_before_it_reads() {
    let api = Api::with_room_for(2).await;
    let id = api.job().await;
    api.job().await;
    // Asks for leave to send a gigabyte, and sends none of it.
    let address = api.url.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "POST /v1/diarize HTTP/1.1\r\nhost: {address}\r\ncontent-length: 50000\r\n\
         expect: 100-continue\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(
        answer.contains("retry-after: ") && answer.contains("\"queue_full\""),
        "{answer}"
    );

    // Who sends without asking gets the same answer.
    let refused = api.post_raw("", vec![0; 90_000]).await;
    come_back_within(&refused, 60);
    let answer = problem(refused, "queue_full").await;
    assert!(
        answer["detail"].as_str().unwrap().contains("at most 2"),
        "{answer}"
    );
    // Even one that never ends is not waited for.
    let endless = futures::stream::repeat(()).then(|()| async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok::<_, std::io::Error>(vec![0_u8; 1024])
    });
    let begun = Instant::now();
    let refused = api.post_raw("", reqwest::Body::wrap_stream(endless)).await;
    problem(refused, "queue_full").await;
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(api.stored().len(), 2);

    api.delete(&format!("/v1/jobs/{id}")).await;
    api.job().await;
    api.stop().await;
}
