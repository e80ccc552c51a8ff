//! Bodies that were right once and then mutated: each is taken or refused as it should be, and none of
//! them is a fault of ours.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

use super::app::{Api, JOBS, job_id, problem};
use super::voices::talk;
use crate::fuzz::mutations::mutations;

impl Api {
    /// Sends everything that is made of `seeds`; gives how often each status was the answer.
    async fn send_mutated(
        &self,
        (method, path, media_type): (Method, &str, &str),
        seeds: &str,
        rounds: usize,
    ) -> BTreeMap<u16, usize> {
        let mut statuses = BTreeMap::new();
        for body in mutations(seeds, rounds) {
            let request = self.client.request(method.clone(), self.url(path));
            let request = request.header("content-type", media_type);
            let response = request.body(body.clone()).send().await.unwrap();
            let status = response.status();
            *statuses.entry(status.as_u16()).or_default() += 1;
            if !status.is_success() {
                let given = body.escape_ascii();
                assert!(status.is_client_error(), "{status}: {path}: b\"{given}\"");
                let text = response.text().await.unwrap();
                let problem: Value = serde_json::from_str(&text).unwrap();
                assert!(problem["code"].is_string(), "{text}: b\"{given}\"");
            }
        }
        statuses
    }
}

/// Both happened: what is only ever refused tests little.
fn taken_and_refused(statuses: &BTreeMap<u16, usize>) {
    let taken = statuses.keys().any(|status| *status < 300);
    assert!(taken && statuses.contains_key(&400), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_with_options() {
    // Nobody works here: nothing that a body may name is fetched.
    let api = Api::start().await;
    let json = (Method::POST, "/v1/diarize", "application/json");
    taken_and_refused(&api.send_mutated(json, "api-diarize", 400).await);
    let form = "multipart/form-data; boundary=b";
    let form = (Method::POST, "/v1/diarize", form);
    taken_and_refused(&api.send_mutated(form, "api-multipart", 400).await);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_to_a_result() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(api.post_raw("?name=talk", talk(5)).await).await;
    api.succeeded(&id).await;
    for (method, what, seeds) in [
        (Method::PUT, "words", "words"),
        (Method::PUT, "reference", "annotations"),
        (Method::POST, "recluster", "api-recluster"),
    ] {
        let path = format!("/v1/jobs/{id}/{what}");
        let request = (method, path.as_str(), "application/octet-stream");
        taken_and_refused(&api.send_mutated(request, seeds, 80).await);
    }
    // It is still all there.
    api.text(&format!("/v1/jobs/{id}/words?format=srt")).await;
    api.text(&format!("/v1/jobs/{id}/rttm")).await;
    problem(api.get("/v1/jobs/none").await, "job_not_found").await;
    api.stop().await;
}
