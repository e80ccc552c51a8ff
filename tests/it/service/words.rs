//! Transcripts put to jobs.

use serde_json::{Value, json};

use super::app::{Api, JOBS, MAX_WORDS_BYTES, job_id, problem};
use super::voices::talk;

impl Api {
    async fn put_words(&self, path: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let request = self.client.put(self.url(path)).body(body);
        request.send().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_get_the_speakers_of_the_turns_around_them() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(
        api.post_raw("?name=my%20talk&exclusive=true", talk(20))
            .await,
    )
    .await;
    let job = api.succeeded(&id).await;
    let turn = &job["output"]["exclusiveDiarization"][0];
    let [start, end] = ["start", "end"].map(|key| turn[key].as_f64().unwrap());
    let middle = f64::midpoint(start, end);
    let path = format!("/v1/jobs/{id}/words");
    problem(api.get(&path).await, "words_not_found").await;

    let transcript = json!({"segments": [{"start": 0, "end": 900, "text": "", "words": [
        {"word": "later", "start": 900.0, "end": 900.2},
        {"word": "Well,", "start": middle, "end": middle + 0.1, "score": 0.5},
        {"word": "yes.", "start": middle + 0.1, "end": middle + 0.2}]}]});
    let response = api.put_words(&path, transcript.to_string()).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let merged: Value = response.json().await.unwrap();
    let words = &merged["wordLevelTranscription"];
    assert_eq!(words[0]["text"], "Well,", "{merged}");
    assert_eq!(words[0]["speaker"], turn["speaker"]);
    assert_eq!(words[0]["confidence"], 0.5);
    assert_eq!(words[2]["text"], "later");
    assert_eq!(words[2].get("speaker"), Some(&Value::Null));
    let turns = merged["turnLevelTranscription"].as_array().unwrap();
    assert_eq!((&turns[0]["text"], turns.len()), (&json!("Well, yes."), 2));

    let again: Value = api.get(&path).await.json().await.unwrap();
    assert_eq!(again, merged);
    let by_openai: Value =
        serde_json::from_str(&api.text(&format!("{path}?format=diarized_json")).await).unwrap();
    assert_eq!(by_openai["segments"][0]["speaker"], "A");
    assert_eq!(by_openai["segments"][0]["type"], "transcript.text.segment");
    assert_eq!(by_openai["duration"], 20.0);
    let speaker = turn["speaker"].as_str().unwrap();
    for (format, expected) in [
        ("srt", format!("\n[{speaker}]: Well, yes.\n")),
        ("vtt", format!("\n<v {speaker}>Well, yes.</v>\n")),
        ("text", format!("{speaker}: Well, yes.\n")),
        ("ctm", "my_talk 1 ".to_owned()),
        ("stm", format!("my_talk 1 {speaker} ")),
        ("seglst", "\"session_id\": \"my_talk\"".to_owned()),
    ] {
        let text = api.text(&format!("{path}?format={format}")).await;
        assert!(text.contains(&expected), "{format}:\n{text}");
    }

    // What the service wrote it can read.
    let ctm = api.text(&format!("{path}?format=ctm")).await;
    let response = api
        .put_words(&format!("{path}?format=ctm"), ctm.clone())
        .await;
    assert_eq!(response.text().await.unwrap(), ctm);
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transcripts_that_cannot_be_used_are_refused_with_the_reason() {
    let api = Api::with_workers(JOBS).await;
    let id = job_id(api.post_raw("", talk(3)).await).await;
    let path = format!("/v1/jobs/{id}/words");
    api.succeeded(&id).await;
    for (body, reason) in [
        (
            "{\"words\": [{\"word\": \"a\", \"start\": -1, \"end\": 2}]}",
            "given: -1",
        ),
        ("{\"text\": \"hello\"}", "must have words or segments"),
        ("hello", "neither JSON nor CTM"),
    ] {
        let refused = problem(api.put_words(&path, body).await, "invalid_transcript").await;
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{detail}");
    }
    let response = api.put_words(&path, "x".repeat(MAX_WORDS_BYTES + 1)).await;
    problem(response, "payload_too_large").await;
    let response = api.put_words(&path, &b"{\"words\": \"\xff\"}"[..]).await;
    problem(response, "invalid_request").await;
    problem(
        api.get(&format!("{path}?format=docx")).await,
        "invalid_request",
    )
    .await;
    problem(api.get(&path).await, "words_not_found").await;
    api.stop().await;

    let api = Api::start().await;
    let waiting = api.job().await;
    let path = format!("/v1/jobs/{waiting}/words");
    problem(api.put_words(&path, "").await, "job_not_finished").await;
    api.stop().await;
}
