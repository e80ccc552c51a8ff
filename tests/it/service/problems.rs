//! Everything that goes wrong is answered in one shape, with a stable code.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::app::{Api, problem};

const NOBODY: &str = "0199a1f6-2f5e-7b1c-9a53-0f6b5c1d2e3f";

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let api = Api::start().await;
    let nowhere = problem(api.get("/v1/nothing?key=secret").await, "route_not_found").await;
    assert_eq!(nowhere["instance"], "/v1/nothing");
    let response = api.client.put(api.url("/v1/diarize")).send().await.unwrap();
    assert_eq!(response.headers()["allow"], "POST");
    problem(response, "method_not_allowed").await;
    api.stop().await;
}

#[tokio::test]
async fn jobs_that_are_not_there_and_ids_that_are_none() {
    let api = Api::start().await;
    for (method, path) in [
        (Method::GET, ""),
        (Method::DELETE, ""),
        (Method::GET, "/rttm"),
        (Method::GET, "/result"),
        (Method::GET, "/embeddings.npy"),
        (Method::GET, "/labels.npy"),
        (Method::GET, "/metrics"),
        (Method::GET, "/events"),
        (Method::PUT, "/reference"),
    ] {
        for id in [NOBODY, "42", "%00", "..%2F..%2Fetc"] {
            let url = api.url(&format!("/v1/jobs/{id}{path}"));
            let request = api.client.request(method.clone(), url).body("");
            problem(request.send().await.unwrap(), "job_not_found").await;
        }
    }
    api.stop().await;
}

#[tokio::test]
async fn a_path_that_is_no_text_is_a_bad_request() {
    let api = Api::start().await;
    let problem = problem(api.get("/v1/jobs/%FF").await, "invalid_request").await;
    assert_eq!(problem["errors"][0]["field"], "id");
    api.stop().await;
}

#[tokio::test]
async fn results_of_jobs_without_one() {
    let api = Api::start().await;
    let job = api.job().await;
    for path in ["rttm", "result", "embeddings.npy", "labels.npy", "metrics"] {
        let response = api.get(&format!("/v1/jobs/{job}/{path}")).await;
        let problem = problem(response, "job_not_finished").await;
        assert!(problem["detail"].as_str().unwrap().contains("created"));
    }
    api.delete(&format!("/v1/jobs/{job}")).await;
    let response = api.get(&format!("/v1/jobs/{job}/rttm")).await;
    problem(response, "job_has_no_result").await;
    api.stop().await;
}

#[tokio::test]
async fn queries_that_cannot_be_read_name_the_parameter() {
    let api = Api::start().await;
    let job = api.job().await;
    let response = api.get(&format!("/v1/jobs/{job}/result?format=docx")).await;
    let answer = problem(response, "invalid_request").await;
    assert!(
        answer["detail"].as_str().unwrap().contains("docx"),
        "{answer}"
    );
    let url = api.url(&format!("/v1/jobs/{job}/reference?collar=wide"));
    let response = api.client.put(url).body("x").send().await.unwrap();
    let answer = problem(response, "invalid_request").await;
    assert_eq!(answer["errors"][0]["field"], "collar", "{answer}");
    api.stop().await;
}

#[tokio::test]
async fn formats_that_nobody_offers() {
    let api = Api::start().await;
    let job = api.job().await;
    let request = api.client.get(api.url(&format!("/v1/jobs/{job}/result")));
    let response = request.header("accept", "image/png").send().await.unwrap();
    let answer = problem(response, "not_acceptable").await;
    assert!(
        answer["detail"].as_str().unwrap().contains("text/vtt"),
        "{answer}"
    );
    api.stop().await;
}

#[tokio::test]
async fn what_fails_inside_stays_inside() {
    let api = Api::start().await;
    let job = api.job().await;
    api.db.close().await;
    let answer = problem(api.get(&format!("/v1/jobs/{job}")).await, "internal_error").await;
    assert_eq!(answer["detail"], "The server failed");
    let ready = problem(api.get("/readyz").await, "unavailable").await;
    assert_eq!(ready["detail"], "failed checks: database");
}

#[tokio::test]
async fn a_request_id_is_made_or_kept() {
    let api = Api::start().await;
    let made = api.get("/livez").await.headers()["x-request-id"].clone();
    assert_eq!(made.len(), 36);
    let request = api.client.get(api.url("/v1/nothing"));
    let response = request.header("x-request-id", "mine").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["requestId"], "mine");
    api.stop().await;
}
