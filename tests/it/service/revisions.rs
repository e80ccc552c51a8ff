//! Results made again from stored embeddings.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::app::{Api, JOBS, job_id, problem};
use super::voices::talk;

impl Api {
    async fn recluster(&self, id: &str, body: Value) -> reqwest::Response {
        let url = self.url(&format!("/v1/jobs/{id}/recluster"));
        self.client.post(url).json(&body).send().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_clustering_is_a_revision_and_the_first_result_stays() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(api.post_raw("", talk(30)).await).await;
    let first = api.succeeded(&id).await;
    assert_eq!(first.get("revisions"), None);
    let path = |rest: &str| format!("/v1/jobs/{id}/{rest}");
    let rttm = api.text(&path("rttm")).await;

    // Nothing else asked for: nothing else found.
    let response = api
        .recluster(&id, json!({"numSpeakers": null, "other": 1}))
        .await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(location, path("result?revision=2"));
    let same: Value = response.json().await.unwrap();
    assert_eq!(same["output"], first["output"]);
    assert_eq!(api.text(&path("rttm")).await, rttm);
    let result: Value = serde_json::from_str(&api.text(&location).await).unwrap();
    assert_eq!(
        result["diarization"].as_array().unwrap().len(),
        rttm.lines().count()
    );

    let begun = Instant::now();
    let response = api
        .recluster(
            &id,
            json!({"numSpeakers": 3, "clustering": "agglomerative"}),
        )
        .await;
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    let other: Value = response.json().await.unwrap();
    assert_eq!(
        (&other["revision"], &other["speakers"]),
        (&json!(3), &json!(3)),
        "{other}"
    );
    let found = api.text(&path("rttm?revision=3")).await;
    assert!(found.contains("SPEAKER_02") && found != rttm, "{found}");
    assert_eq!(api.text(&path("rttm")).await, found);
    assert_eq!(api.text(&path("rttm?revision=1")).await, rttm);
    let metrics = api.text(&path("metrics")).await;
    let metrics: Value = serde_json::from_str(&metrics).unwrap();
    assert_eq!(metrics["settings"]["options"]["num_speakers"], 3);
    assert_eq!(metrics["speakers"], 3);

    let job = api.show(&id).await;
    assert_eq!(job["output"]["diarization"], other["output"]["diarization"]);
    let revisions = job["revisions"].as_array().unwrap();
    assert_eq!(revisions.len(), 2, "{job}");
    assert_eq!(revisions[1]["numSpeakers"], 3);

    // A reference is scored against the result that is named.
    let request = api.client.put(api.url(&path("reference?revision=1")));
    let score: Value = request
        .body(rttm.clone())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(score["der"], 0.0);
    let request = api.client.put(api.url(&path("reference")));
    let score: Value = request
        .body(rttm)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert!(score["der"].as_f64().unwrap() > 0.0, "{score}");

    problem(
        api.get(&path("rttm?revision=4")).await,
        "revision_not_found",
    )
    .await;
    problem(
        api.get(&path("rttm?revision=0")).await,
        "revision_not_found",
    )
    .await;
    problem(api.get(&path("rttm?revision=x")).await, "invalid_request").await;
    assert_eq!(
        api.delete(&format!("/v1/jobs/{id}")).await.status(),
        StatusCode::NO_CONTENT
    );
    assert!(api.stored().is_empty(), "{:?}", api.stored());
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_make_no_sense_are_refused_and_leave_nothing() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(api.post_raw("", talk(5)).await).await;
    api.succeeded(&id).await;
    for (body, field, reason) in [
        (
            json!({"numSpeakers": 0}),
            "numSpeakers",
            "between 1 and 1000; given: 0",
        ),
        (
            json!({"minSpeakers": 3, "maxSpeakers": 2}),
            "minSpeakers",
            "given: 3 and 2",
        ),
        (
            json!({"threshold": 2.5}),
            "threshold",
            "between 0 and 2; given: 2.5",
        ),
        (
            json!({"clustering": "magic"}),
            "clustering",
            "agglomerative, hdbscan, vbx; given: \"magic\"",
        ),
    ] {
        let refused = problem(api.recluster(&id, body).await, "invalid_request").await;
        assert_eq!(refused["errors"][0]["field"], field, "{refused}");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{detail}");
    }
    problem(api.recluster(&id, json!("three")).await, "invalid_request").await;
    assert_eq!(api.show(&id).await.get("revisions"), None);

    for file in api.stored() {
        if file.ends_with("speech.npy") {
            std::fs::remove_file(file).unwrap();
        }
    }
    problem(api.recluster(&id, json!({})).await, "no_embeddings").await;
    api.stop().await;

    let api = Api::start().await;
    let waiting = api.job().await;
    problem(api.recluster(&waiting, json!({})).await, "job_not_finished").await;
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_can_be_clustered_again_and_has_no_turns() {
    let api = Api::with_workers(JOBS).await;
    let mut silence = talk(4);
    silence[44..].fill(128);
    let id = job_id(api.post_raw("", silence).await).await;
    api.succeeded(&id).await;
    let again: Value = api
        .recluster(&id, json!({"numSpeakers": 2}))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(again["output"]["diarization"], json!([]), "{again}");
    api.stop().await;
}
