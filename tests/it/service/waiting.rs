//! Jobs before a worker has them.

use futures::StreamExt as _;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::app::{Api, problem};

#[tokio::test]
async fn a_waiting_job_looks_as_pyannote_ai_shows_it() {
    let api = Api::start().await;
    let id = api.job().await;
    let job: Value = api
        .get(&format!("/v1/jobs/{id}"))
        .await
        .json()
        .await
        .unwrap();
    let keys: Vec<_> = job.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["createdAt", "jobId", "status", "updatedAt"]);
    assert_eq!(
        (&job["jobId"], &job["status"]),
        (&json!(id), &json!("created"))
    );
    assert!(job["createdAt"].as_str().unwrap().ends_with('Z'));
    api.stop().await;
}

#[tokio::test]
async fn a_get_may_carry_a_content_type_and_no_body() {
    let api = Api::start().await;
    let id = api.job().await;
    let request = api.client.get(api.url(&format!("/v1/jobs/{id}")));
    let response = request
        .header("content-type", "application/json")
        .header("authorization", "Bearer anything")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    api.stop().await;
}

#[tokio::test]
async fn delete_cancels_then_removes_everything() {
    let api = Api::start().await;
    let id = api.job().await;
    let path = format!("/v1/jobs/{id}");
    let response = api.delete(&path).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let receipt: Value = response.json().await.unwrap();
    assert_eq!(receipt, json!({"jobId": id, "status": "canceled"}));
    let job: Value = api.get(&path).await.json().await.unwrap();
    assert_eq!(job["status"], "canceled");
    // `"output": null` would break pyannoteAI's client.
    assert_eq!(job.get("output"), None);

    assert_eq!(api.delete(&path).await.status(), StatusCode::NO_CONTENT);
    problem(api.delete(&path).await, "job_not_found").await;
    problem(api.get(&path).await, "job_not_found").await;
    assert!(api.stored().is_empty());
    api.stop().await;
}

#[tokio::test]
async fn events_tell_of_a_cancellation_and_end() {
    let api = Api::start().await;
    let id = api.job().await;
    let response = api.get(&format!("/v1/jobs/{id}/events")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut stream = response.bytes_stream();
    let first = stream.next().await.unwrap().unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    assert!(
        first.starts_with("event: status\nid: 0.created.0.\ndata: {"),
        "{first}"
    );
    assert!(first.contains("\"status\":\"created\""), "{first}");
    api.delete(&format!("/v1/jobs/{id}")).await;
    let mut rest = String::new();
    while let Some(bytes) = stream.next().await {
        rest.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
    }
    assert!(
        rest.starts_with("event: end\nid: 0.canceled.0.\ndata: {"),
        "{rest}"
    );
    assert!(rest.contains("\"status\":\"canceled\""), "{rest}");
    api.stop().await;
}

#[tokio::test]
async fn stopping_the_server_ends_event_streams() {
    let api = Api::start().await;
    let id = api.job().await;
    let response = api.get(&format!("/v1/jobs/{id}/events")).await;
    // Waits for the server, which waits for the stream.
    let (text, _folder) = tokio::join!(response.text(), api.stop());
    assert!(text.unwrap().contains("\"created\""));
}
