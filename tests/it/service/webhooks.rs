//! Webhooks as a receiver sees them.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

use super::app::{Api, JOBS, MAX_UPLOAD_BYTES, WEBHOOK_SECRET, job_id, problem};
use super::receiver::{Received, Receiver, redirect, status};
use super::voices::talk;

/// Checks the signature as the documentation says; gives what was posted.
fn verified(request: &Received) -> Value {
    let timestamp = request.header("x-request-timestamp").unwrap();
    let age = chrono::Utc::now().timestamp() - timestamp.parse::<i64>().unwrap();
    assert!((0..60).contains(&age), "{age}");
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(&request.body);
    let signature = hex::encode(mac.finalize().into_bytes());
    assert_eq!(request.header("x-signature"), Some(signature.as_str()));
    assert_eq!(request.header("content-type"), Some("application/json"));
    serde_json::from_slice(&request.body).unwrap()
}

/// A job that nobody runs, with a webhook; called off.
async fn canceled(api: &Api, webhook: &str) -> String {
    let query = format!("?webhook={webhook}");
    let id = job_id(api.post_raw(&query, "RIFF").await).await;
    api.delete(&format!("/v1/jobs/{id}")).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_says_what_get_says_and_is_signed() {
    let api = Api::with_workers(JOBS).await;
    let receiver = Receiver::start(|_, _| status(200)).await;
    for (path, status_only, audio, ended) in [
        ("/whole", "false", talk(5), "succeeded"),
        ("/status", "true", talk(5), "succeeded"),
        ("/failed", "false", b"no audio".repeat(99), "failed"),
    ] {
        let query = format!(
            "?exclusive=true&webhookStatusOnly={status_only}&webhook={}{path}",
            receiver.url
        );
        let id = job_id(api.post_raw(&query, audio).await).await;
        let told = verified(&receiver.wait_for(path, 1).await[0]);
        let job = api.show(&id).await;
        assert_eq!(job["status"], ended, "{job}");
        let mut expected = json!({"jobId": id, "status": ended});
        if status_only == "false" {
            expected["output"] = job["output"].clone();
            assert!(job["output"].is_object(), "{job}");
        }
        assert_eq!(told, expected);
        let first = &receiver.received(path)[0];
        assert_eq!(first.header("x-retry-num"), None);
        assert_eq!(first.header("x-retry-reason"), None);
    }
    api.stop().await;
}

#[tokio::test]
async fn what_is_not_taken_comes_again_and_says_why() {
    let api = Api::start().await;
    let receiver = Receiver::start(|count, request| match (count, request.path.as_str()) {
        (_, "/again") => redirect(307, "/again"),
        (0, _) => status(503),
        (1, _) => None,
        (2, _) => redirect(308, "/again"),
        _ => status(204),
    })
    .await;
    let id = canceled(&api, &format!("{}/hook", receiver.url)).await;
    let received = receiver.wait_for("/hook", 4).await;
    let tries: Vec<_> = received
        .iter()
        .map(|request| {
            assert_eq!(
                verified(request),
                json!({"jobId": id, "status": "canceled"})
            );
            let number = request.header("x-retry-num");
            (number, request.header("x-retry-reason"))
        })
        .collect();
    assert_eq!(
        tries,
        [
            (None, None),
            (Some("1"), Some("http_error")),
            (Some("2"), Some("http_timeout")),
            (Some("3"), Some("too_many_redirects")),
        ]
    );
    // Two redirects were followed, with the body and the signature.
    let redirected = receiver.received("/again");
    assert_eq!(redirected.len(), 2);
    assert_eq!(verified(&redirected[1])["jobId"], id);
    api.stop().await;
}

#[tokio::test]
async fn a_receiver_that_never_takes_it_is_given_up() {
    let api = Api::start().await;
    let receiver = Receiver::start(|_, _| status(410)).await;
    canceled(&api, &format!("{}/hook", receiver.url)).await;
    receiver.wait_for("/hook", 4).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(receiver.received("/hook").len(), 4);
    let later = Duration::from_hours(1);
    assert_eq!(api.db.claim_deliveries(9, later).await.unwrap(), []);
    api.stop().await;
}

#[tokio::test]
async fn a_delivery_outlives_the_service() {
    let api = Api::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let id = canceled(&api, &format!("http://{address}/hook")).await;
    let folder = api.stop().await;
    let listener = TcpListener::bind(address).await.unwrap();
    let receiver = Receiver::start_on(listener, |_, _| status(200));
    let api = Api::start_in(folder, MAX_UPLOAD_BYTES, None).await;
    let received = receiver.wait_for("/hook", 1).await;
    assert_eq!(verified(&received[0])["jobId"], id);
    let reason = received[0].header("x-retry-reason");
    assert!(
        [None, Some("connection_failed")].contains(&reason),
        "{reason:?}"
    );
    api.stop().await;
}

#[tokio::test]
async fn webhooks_that_may_not_be_called_are_refused_by_field() {
    let api = Api::start().await;
    for url in [
        "http://10.0.0.1/hook",
        "http://127.0.0.2/hook",
        "http://[::1]/hook",
        "http://169.254.169.254/latest/meta-data",
        "ftp://example.com/hook",
        "hook",
    ] {
        let response = api.post_raw(&format!("?webhook={url}"), "RIFF").await;
        let answer = problem(response, "invalid_request").await;
        assert_eq!(answer["errors"][0]["field"], "webhook", "{answer}");
        assert!(answer["detail"].as_str().unwrap().contains(url), "{answer}");
    }
    assert!(api.stored().is_empty());
    api.stop().await;
}
