//! Voices: enrolled, recognised, compared.

use std::path::Path;

use reqwest::{StatusCode, multipart::Form, multipart::Part};
use serde_json::{Value, json};

use super::app::{Api, JOBS, job_id, problem};
use super::process::Service;
use super::voices::{channels, decoded, talk};

/// Samples a second of what is made here.
const RATE: f64 = 16_000.0;

/// What the fixtures' two voices say from `start` to `end` seconds, as WAV.
fn voices(start: f64, end: f64) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/two-voices.flac");
    let samples = decoded(&path);
    channels(&[samples[(start * RATE) as usize..(end * RATE) as usize].to_vec()])
}

impl Api {
    async fn made(&self, path: &str, audio: Vec<u8>) -> Value {
        let request = self.client.post(self.url(path)).body(audio);
        let request = request.header("content-type", "audio/wav");
        self.succeeded(&job_id(request.send().await.unwrap()).await)
            .await
    }

    /// The voiceprint of a recording.
    async fn voiceprint(&self, audio: Vec<u8>) -> String {
        let job = self.made("/v1/voiceprint", audio).await;
        job["output"]["voiceprint"].as_str().unwrap().to_owned()
    }

    /// Uploads a recording and gives its name.
    async fn put_media(&self, name: &str, audio: Vec<u8>) -> String {
        let url = format!("media://{name}");
        let link = self
            .post_json("/v1/media/input", &json!({"url": url}))
            .await;
        let link: Value = link.json().await.unwrap();
        let put = self.client.put(link["url"].as_str().unwrap()).body(audio);
        assert_eq!(put.send().await.unwrap().status(), StatusCode::OK);
        url
    }
}

/// The real model: adam and slt are told apart, and each is known again.
#[tokio::test(flavor = "multi_thread")]
async fn speakers_are_known_again_by_their_voiceprints() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &[]);
    let post = async |path: &str, form: Form| {
        let request = service.client.post(service.url(path)).multipart(form);
        let id = job_id(request.send().await.unwrap()).await;
        let job = service.wait_for(&id, &["succeeded", "failed"]).await;
        assert_eq!(job["status"], "succeeded", "{job}");
        job
    };
    let file = |audio| Form::new().part("file", Part::bytes(audio).file_name("talk.wav"));
    let mut known = Vec::new();
    for (label, start, end) in [("adam", 0.4, 4.6), ("slt", 5.1, 9.3)] {
        let job = post("/v1/voiceprint", file(voices(start, end))).await;
        let voiceprint = job["output"]["voiceprint"].clone();
        assert_eq!(voiceprint.as_str().unwrap().len(), 2_760);
        known.push(json!({"label": label, "voiceprint": voiceprint}));
    }

    // The second half, in which neither says what was enrolled.
    let form = file(voices(9.5, 17.4))
        .text("voiceprints", json!(known).to_string())
        .text("matching", r#"{"threshold": 50}"#);
    let job = post("/v1/identify", form).await;
    let output = &job["output"];
    let matches = output["voiceprints"].as_array().unwrap();
    assert_eq!(matches.len(), 2, "{job}");
    for own in matches {
        let label = own["match"].as_str().unwrap();
        let other = if label == "adam" { "slt" } else { "adam" };
        let confidence = |label: &str| own["confidence"][label].as_u64().unwrap();
        assert!(confidence(label) >= 50 && confidence(other) < 50, "{job}");
    }
    let first = &output["identification"][0];
    assert_eq!(
        (&first["speaker"], &first["match"]),
        (&json!("adam"), &json!("adam"))
    );
    assert_eq!(
        first["diarizationSpeaker"],
        output["diarization"][0]["speaker"]
    );
    let id = job["jobId"].as_str().unwrap();
    let rttm = service.text(&format!("/v1/jobs/{id}/rttm")).await;
    let names: Vec<_> = rttm
        .lines()
        .map(|line| line.split(' ').nth(7).unwrap())
        .collect();
    assert_eq!(
        (names.first(), names.last()),
        (Some(&"adam"), Some(&"slt")),
        "{rttm}"
    );

    // Compared without any audio.
    let compare = async |first: &Value, second: &Value, threshold: &str| {
        let body = json!({
            "first": {"voiceprint": first["voiceprint"]},
            "second": {"voiceprint": second["voiceprint"]},
            "threshold": threshold,
        });
        let request = service.client.post(service.url("/v1/verify")).json(&body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        response.json::<Value>().await.unwrap()
    };
    let same = compare(&known[0], &known[0], "strict").await;
    assert_eq!(same["decision"], "accept", "{same}");
    assert!(
        (same["score"].as_f64().unwrap() - 1.0).abs() < 1e-5,
        "{same}"
    );
    let other = compare(&known[0], &known[1], "lenient").await;
    assert_eq!(other["decision"], "reject", "{other}");
    assert!(other["probability"].as_f64().unwrap() < 0.5, "{other}");
    assert_eq!(other["threshold"]["name"], "lenient", "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_go_into_every_form_of_the_result() {
    let api = Api::with_workers(JOBS).await;
    let voiceprint = api.voiceprint(talk(10)).await;
    let body = json!({
        "url": api.put_media("talk.wav", talk(20)).await,
        "voiceprints": [{"label": "Sam Lee", "voiceprint": voiceprint}],
        "matching": null,
        "exclusive": true,
        "turnLevelConfidence": true,
    });
    let id = job_id(api.post_json("/v1/identify", &body).await).await;
    let job = api.succeeded(&id).await;
    let output = &job["output"];
    let turn = &output["identification"][0];
    assert_eq!(turn["speaker"], "Sam Lee", "{job}");
    assert!(turn["confidence"]["SPEAKER_00"].is_u64(), "{job}");
    let path = |rest: &str| format!("/v1/jobs/{id}/{rest}");
    assert!(api.text(&path("rttm")).await.contains(" Sam_Lee "));
    assert!(
        api.text(&path("result?format=srt"))
            .await
            .contains("[Sam_Lee]")
    );

    let [start, end] = ["start", "end"].map(|key| turn[key].as_f64().unwrap());
    let middle = f64::midpoint(start, end);
    let words = json!({"words": [{"word": "Yes", "start": middle, "end": middle + 0.1}]});
    let request = api.client.put(api.url(&path("words"))).json(&words);
    let merged: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(merged["wordLevelTranscription"][0]["speaker"], "Sam Lee");

    // Another clustering gives names anew.
    let again = api
        .post_json(&path("recluster"), &json!({"numSpeakers": 2}))
        .await;
    assert_eq!(again.status(), StatusCode::CREATED);
    let again: Value = again.json().await.unwrap();
    let matches = again["output"]["voiceprints"].as_array().unwrap();
    let named = matches.iter().filter(|own| own["match"] == "Sam Lee");
    assert_eq!((named.count(), matches.len()), (1, 2), "{again}");
    assert!(api.text(&path("rttm")).await.contains(" Sam_Lee "));
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_are_compared_by_a_job() {
    let api = Api::with_workers(JOBS).await;
    let first = api.put_media("first.wav", talk(10)).await;
    let second = api.put_media("second.wav", talk(20)).await;
    let voiceprint = api.voiceprint(talk(10)).await;
    let url = |url: &str| json!({"url": url});
    let print = json!({"voiceprint": voiceprint});
    for (first, second) in [
        (url(&first), url(&second)),
        (url(&first), print.clone()),
        (print, url(&second)),
    ] {
        let body = json!({"first": first, "second": second, "webhook": null});
        let response = api.post_json("/v1/verify", &body).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let receipt: Value = response.json().await.unwrap();
        let id = receipt["jobId"].as_str().unwrap();
        let job = api.succeeded(id).await;
        let verification = &job["output"]["verification"];
        assert_eq!(verification["decision"], "accept", "{job}");
        assert_eq!(verification["threshold"]["name"], "balanced", "{job}");
        assert!(verification["score"].as_f64().unwrap() > 0.9, "{job}");
        for path in [
            "rttm",
            "labels.npy",
            "metrics",
            "words",
            "result?format=srt",
        ] {
            let refused = api.get(&format!("/v1/jobs/{id}/{path}")).await;
            problem(refused, "not_a_diarization").await;
        }
        let refused = api
            .post_json(&format!("/v1/jobs/{id}/recluster"), &json!({}))
            .await;
        problem(refused, "not_a_diarization").await;
    }
    // The audio of both went with the jobs.
    let removed = api
        .stored()
        .iter()
        .filter(|path| path.ends_with("second"))
        .count();
    assert_eq!(removed, 1);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_voice_is_refused_or_fails_with_its_reason() {
    let api = Api::with_workers(JOBS).await;
    let failed = async |id: String| {
        let job = api.wait_for(&id, &["succeeded", "failed"]).await;
        assert_eq!(job["status"], "failed", "{job}");
        job["output"].clone()
    };
    let voiceprint = async |audio: Vec<u8>| {
        let request = api.client.post(api.url("/v1/voiceprint")).body(audio);
        job_id(request.send().await.unwrap()).await
    };
    let silence = channels(&[vec![0.0; 32_000]]);
    let output = failed(voiceprint(silence).await).await;
    assert_eq!(output["errorCode"], "no_speech");
    assert!(
        output["error"]
            .as_str()
            .unwrap()
            .ends_with("given: 2.0 s without any")
    );
    let output = failed(voiceprint(talk(31)).await).await;
    assert_eq!(output["errorCode"], "audio_too_long");
    assert!(output["error"].as_str().unwrap().contains("30"), "{output}");

    let made = api.voiceprint(talk(10)).await;
    let url = api.put_media("talk.wav", talk(10)).await;
    // The same voice in another model's space.
    let foreign = format!("{}AAAA{}", &made[..8], &made[12..]);
    let body = json!({"url": url, "voiceprints": [{"label": "Sam", "voiceprint": foreign}]});
    let id = job_id(api.post_json("/v1/identify", &body).await).await;
    let output = failed(id).await;
    assert_eq!(
        output["errorCode"], "voiceprint_of_another_model",
        "{output}"
    );
    let body = json!({"first": {"voiceprint": made}, "second": {"voiceprint": foreign}});
    let refused = problem(api.post_json("/v1/verify", &body).await, "invalid_request").await;
    assert_eq!(refused["errors"][0]["field"], "second.voiceprint");

    for (path, body, field) in [
        ("/v1/identify", json!({"url": url}), "voiceprints"),
        (
            "/v1/identify",
            json!({"url": url, "voiceprints": []}),
            "voiceprints",
        ),
        (
            "/v1/identify",
            json!({"url": url, "voiceprints": [{"label": "SPEAKER_1", "voiceprint": made}]}),
            "voiceprints[0].label",
        ),
        (
            "/v1/identify",
            json!({"url": url, "voiceprints": [{"label": "Sam", "voiceprint": made}],
                   "matching": {"threshold": 101}}),
            "matching.threshold",
        ),
        ("/v1/voiceprint", json!({}), "url"),
        ("/v1/verify", json!({}), "first"),
        (
            "/v1/verify",
            json!({"first": {"url": url, "voiceprint": made}}),
            "first",
        ),
        (
            "/v1/verify",
            json!({"first": {"url": url}, "second": {"url": "media://nobody"}}),
            "url",
        ),
        (
            "/v1/verify",
            json!({"first": {"url": url}, "second": {"url": "ftp://host/a"}}),
            "second.url",
        ),
        (
            "/v1/verify",
            json!({"first": {"voiceprint": made}, "second": {"voiceprint": made},
                   "threshold": "loose"}),
            "threshold",
        ),
    ] {
        let refused = problem(api.post_json(path, &body).await, "invalid_request").await;
        assert_eq!(
            refused["errors"][0]["field"], field,
            "{path} {body}: {refused}"
        );
    }
    let id = job_id(api.post_json("/v1/voiceprint", &json!({"url": url})).await).await;
    api.succeeded(&id).await;
    let refused = api
        .post_json(&format!("/v1/jobs/{id}/recluster"), &json!({}))
        .await;
    problem(refused, "no_embeddings").await;
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voiceprint_of_two_voices_comes_with_a_warning() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &[]);
    let request = service.client.post(service.url("/v1/voiceprint"));
    let request = request.body(voices(0.0, 17.4));
    let id = job_id(request.send().await.unwrap()).await;
    let job = service.wait_for(&id, &["succeeded", "failed"]).await;
    let warning = job["output"]["warning"].as_str().unwrap();
    assert!(warning.contains("2 seem to speak"), "{job}");
    assert!(job["output"]["voiceprint"].is_string(), "{job}");
}
