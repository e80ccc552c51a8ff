//! Jobs that run: the real pipeline, with a model too small to tell voices apart.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use ndarray::Array2;
use ndarray_npy::ReadNpyExt as _;
use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use super::app::{Api, JOBS, job_id, problem};
use super::voices::talk;

fn form(seconds: usize) -> Form {
    Form::new().part("file", Part::bytes(talk(seconds)).file_name("talk.wav"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_leaves_its_four_artefacts_in_every_format() {
    let api = Api::with_workers(JOBS).await;
    let asked = form(20)
        .text("exclusive", "true")
        .text("confidence", "true");
    let asked = asked
        .text("turnLevelConfidence", "true")
        .text("maxSpeakers", "3");
    let id = job_id(api.post_form(asked).await).await;
    let job = api.succeeded(&id).await;
    let output = &job["output"];
    let turns = output["diarization"].as_array().unwrap();
    assert!(!turns.is_empty(), "{job}");
    assert_eq!(turns[0]["speaker"], "SPEAKER_00");
    assert!(turns[0]["confidence"]["SPEAKER_00"].is_u64(), "{job}");
    assert!(output["exclusiveDiarization"].is_array(), "{job}");
    assert_eq!(
        output["confidence"]["score"].as_array().unwrap().len(),
        1000
    );
    let path = |name: &str| format!("/v1/jobs/{id}/{name}");

    let rttm = api.text(&path("rttm")).await;
    assert_eq!(rttm.lines().count(), turns.len());
    assert!(rttm.starts_with("SPEAKER talk 1 "), "{rttm}");
    assert_eq!(api.text(&path("result?format=rttm")).await, rttm);
    assert!(
        api.text(&path("result?format=srt"))
            .await
            .starts_with("1\n00:00:")
    );
    assert!(
        api.text(&path("result?format=vtt"))
            .await
            .starts_with("WEBVTT\n")
    );
    let result: Value = serde_json::from_str(&api.text(&path("result")).await).unwrap();
    assert_eq!(result["diarization"], output["diarization"]);
    let request = api
        .client
        .get(api.url(&path("result")))
        .header("accept", "text/vtt, text/csv;q=0.5");
    let response = request.send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/vtt; charset=utf-8"
    );

    let embeddings = api
        .get(&path("embeddings.npy"))
        .await
        .bytes()
        .await
        .unwrap();
    let embeddings = Array2::<f32>::read_npy(&embeddings[..]).unwrap();
    let labels = api.get(&path("labels.npy")).await.bytes().await.unwrap();
    let labels = Array2::<f64>::read_npy(&labels[..]).unwrap();
    assert_eq!((embeddings.nrows(), labels.ncols()), (labels.nrows(), 3));
    let length = embeddings.row(0).dot(&embeddings.row(0));
    assert!((length - 1.0).abs() < 1e-4, "{length}");

    let metrics: Value = serde_json::from_str(&api.text(&path("metrics")).await).unwrap();
    assert!(
        (metrics["audioSeconds"].as_f64().unwrap() - 20.0).abs() < 0.1,
        "{metrics}"
    );
    assert_eq!(metrics["model"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(metrics["settings"]["options"]["max_speakers"], 3);
    assert!(metrics["seconds"]["total"].as_f64().unwrap() > 0.0);
    assert_eq!(metrics.get("score"), None);
    let metrics = api.text("/metrics").await;
    for name in [
        "diarist_jobs_total{status=\"succeeded\"}",
        "diarist_audio_seconds_total",
        "diarist_batch_size_count",
        "diarist_job_duration_seconds_count",
        "diarist_step_duration_seconds_count{step=\"embedding\"}",
        "diarist_real_time_factor_count",
    ] {
        assert!(metrics.contains(name), "{name} missing in:\n{metrics}");
    }
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_written_for_other_peoples_programs() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(api.post_form(form(20)).await).await;
    api.succeeded(&id).await;
    for (format, media_type, start) in [
        ("text", "text/plain; charset=utf-8", "SPEAKER_00  00:00:0"),
        (
            "csv",
            "text/csv; charset=utf-8; header=present",
            "start,end,duration,speaker\r\n0.",
        ),
        ("audacity", "text/tab-separated-values; charset=utf-8", "0."),
        (
            "textgrid",
            "text/praat-textgrid; charset=utf-8",
            "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\nxmin = 0\nxmax = 20.000\n",
        ),
        (
            "eaf",
            "text/x-eaf+xml; charset=utf-8",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ANNOTATION_DOCUMENT AUTHOR=\"Diarist\" DATE=\"2",
        ),
    ] {
        let response = api
            .get(&format!("/v1/jobs/{id}/result?format={format}"))
            .await;
        assert_eq!(response.headers()["content-type"], media_type);
        let text = response.text().await.unwrap();
        assert!(text.starts_with(start), "{format}:\n{text}");
    }
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_nobody_asked_for_are_left_out() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(api.post_raw("?model=precision-3", talk(5)).await).await;
    let job = api.succeeded(&id).await;
    let output = job["output"].as_object().unwrap();
    assert_eq!(
        output.keys().collect::<Vec<_>>(),
        ["diarization", "warning"]
    );
    assert!(output["warning"].as_str().unwrap().contains("precision-3"));
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_scored_against_references_that_come_with_it_or_later() {
    let api = Api::with_workers(JOBS).await;
    let first = job_id(api.post_form(form(20)).await).await;
    api.succeeded(&first).await;
    let rttm = api.text(&format!("/v1/jobs/{first}/rttm")).await;

    let second = job_id(
        api.post_form(form(20).text("reference", rttm.clone()))
            .await,
    )
    .await;
    api.succeeded(&second).await;
    let metrics = api.text(&format!("/v1/jobs/{second}/metrics")).await;
    let metrics: Value = serde_json::from_str(&metrics).unwrap();
    assert_eq!(metrics["score"]["der"], json!(0.0), "{metrics}");

    let path =
        format!("/v1/jobs/{first}/reference?collar=0.5&skip_overlap=true&uem=talk%201%200%2010");
    let stranger = "SPEAKER other 1 0 4.0 <NA> <NA> someone <NA> <NA>\n";
    let request = api.client.put(api.url(&path)).body(stranger);
    let score: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&score["collar"], &score["skipOverlap"]),
        (&json!(0.5), &json!(true))
    );
    assert!(score["total"].as_f64().unwrap() <= 4.0, "{score}");
    let parts: f64 = ["missed", "falseAlarm", "confusion"]
        .iter()
        .map(|part| score[part].as_f64().unwrap())
        .sum();
    let der = score["der"].as_f64().unwrap();
    assert!(
        (der - parts / score["total"].as_f64().unwrap()).abs() < 1e-9,
        "{score}"
    );
    let metrics = api.text(&format!("/v1/jobs/{first}/metrics")).await;
    let metrics: Value = serde_json::from_str(&metrics).unwrap();
    assert_eq!(metrics["score"]["der"], score["der"]);

    for (query, body) in [
        ("", ""),
        ("", "hello"),
        (
            "",
            "SPEAKER a 1 0 1 <NA> <NA> x\nSPEAKER b 1 0 1 <NA> <NA> x\n",
        ),
        ("?uem=talk", stranger),
        ("?collar=-1", stranger),
    ] {
        let url = api.url(&format!("/v1/jobs/{first}/reference{query}"));
        let response = api.client.put(url).body(body).send().await.unwrap();
        problem(response, "invalid_reference").await;
    }
    let url = api.url(&format!("/v1/jobs/{first}/reference"));
    let response = api
        .client
        .put(url)
        .body("x".repeat(10_001))
        .send()
        .await
        .unwrap();
    problem(response, "payload_too_large").await;
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_audio_gives_the_same_turns() {
    let api = Api::with_workers(JOBS).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(job_id(api.post_form(form(30)).await).await);
    }
    let mut results = Vec::new();
    for id in &ids {
        api.succeeded(id).await;
        results.push(api.text(&format!("/v1/jobs/{id}/rttm")).await);
    }
    assert!(!results[0].is_empty());
    assert!(results.iter().all(|result| *result == results[0]));
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_has_no_turns_and_is_no_error() {
    let api = Api::with_workers(JOBS).await;
    let mut silence = talk(4);
    silence[44..].fill(128);
    let id = job_id(api.post_raw("", silence).await).await;
    let job = api.succeeded(&id).await;
    assert_eq!(job["output"], json!({"diarization": []}));
    assert_eq!(api.text(&format!("/v1/jobs/{id}/rttm")).await, "");
    assert_eq!(
        api.text(&format!("/v1/jobs/{id}/result?format=srt")).await,
        ""
    );
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decoded_fails_once_with_its_reason() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(
        api.post_raw("", "this is not audio at all".repeat(50))
            .await,
    )
    .await;
    let job = api.wait_for(&id, &["succeeded", "failed"]).await;
    assert_eq!(job["status"], "failed");
    assert_eq!(
        job["output"]["errorCode"], "audio_unknown_container",
        "{job}"
    );
    assert!(
        job["output"]["error"].as_str().unwrap().contains("WAV"),
        "{job}"
    );
    let record = api.db.job(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((record.attempt, record.failures), (1, 1));
    problem(
        api.get(&format!("/v1/jobs/{id}/rttm")).await,
        "job_has_no_result",
    )
    .await;
    // A neighbour is not harmed.
    let id = job_id(api.post_raw("", talk(3)).await).await;
    api.succeeded(&id).await;
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_work_another_time_is_tried_again_a_limited_number_of_times() {
    let api = Api::start().await;
    let id = api.job().await;
    for file in api.stored() {
        std::fs::remove_file(file).unwrap();
    }
    let api = Api::start_in(api.stop().await, 1000, Some(JOBS)).await;
    let job = api.wait_for(&id, &["succeeded", "failed"]).await;
    assert_eq!(job["output"]["errorCode"], "audio_missing", "{job}");
    let said = job["output"]["error"].as_str().unwrap();
    assert!(said.starts_with("gave up after 3 attempts"), "{said}");
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_lead_from_the_queue_to_the_end() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(api.post_raw("", talk(60)).await).await;
    let events = api.text(&format!("/v1/jobs/{id}/events")).await;
    let names: Vec<_> = events
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    assert_eq!(names.first(), Some(&"status"), "{events}");
    assert_eq!(names.last(), Some(&"end"), "{events}");
    let last = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .next_back();
    let last: Value = serde_json::from_str(last.unwrap()).unwrap();
    assert_eq!(
        (&last["status"], &last["percent"]),
        (&json!("succeeded"), &json!(100.0))
    );
    // One that comes late hears the end at once.
    let late = api.text(&format!("/v1/jobs/{id}/events")).await;
    assert!(late.starts_with("event: end\n"), "{late}");
    api.stop().await;
}

/// A wish to cancel takes effect within a second; the rest is for a machine that is busy, as one is
/// that runs these tests beside each other and has no 8-bit dot products. An hour takes far longer.
const CANCEL: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_decodes_and_never_gets_to_the_model_stops_as_soon() {
    let api = Api::with_workers(JOBS).await;
    let mut silence = talk(7200);
    silence[44..].fill(128);
    let id = job_id(api.post_raw("", silence).await).await;
    api.wait_for(&id, &["running"]).await;
    let asked = Instant::now();
    api.delete(&format!("/v1/jobs/{id}")).await;
    let job = api.wait_for(&id, &["canceled", "succeeded"]).await;
    assert_eq!(job["status"], "canceled");
    let took = asked.elapsed();
    assert!(took < CANCEL, "{took:?}");
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_job_stops_soon_after_it_is_called_off() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(api.post_raw("", talk(3600)).await).await;
    let response = api.get(&format!("/v1/jobs/{id}/events")).await;
    let mut events = response.bytes_stream();
    let mut heard = String::new();
    while !heard.contains("\"step\":\"embeddings\"") {
        let bytes = events.next().await.unwrap().unwrap();
        heard.push_str(&String::from_utf8_lossy(&bytes));
    }
    let asked = Instant::now();
    let response = api.delete(&format!("/v1/jobs/{id}")).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(response.json::<Value>().await.unwrap()["status"], "running");
    api.wait_for(&id, &["canceled"]).await;
    let took = asked.elapsed();
    assert!(took < CANCEL, "{took:?}");
    let record = api.db.job(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((record.attempt, record.failures), (1, 0));
    assert_eq!(
        api.delete(&format!("/v1/jobs/{id}")).await.status(),
        StatusCode::NO_CONTENT
    );
    assert!(api.stored().is_empty());
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_handed_back_runs_again_after_a_restart() {
    let api = Api::with_workers(JOBS).await;
    let short = job_id(api.post_raw("", talk(3)).await).await;
    api.succeeded(&short).await;
    let long = job_id(api.post_raw("", talk(1200)).await).await;
    api.wait_for(&long, &["running"]).await;
    let api = Api::start_in(api.stop().await, 1 << 30, Some(JOBS)).await;
    let job = api.succeeded(&long).await;
    assert!(!job["output"]["diarization"].as_array().unwrap().is_empty());
    let record = api.db.job(long.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((record.attempt, record.failures), (2, 0));
    // What was finished before is still there.
    assert!(!api.text(&format!("/v1/jobs/{short}/rttm")).await.is_empty());
    api.stop().await;
}
