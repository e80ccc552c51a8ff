//! Recordings on their way in: what is taken, what is refused, and that nothing is left behind.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use futures::stream;
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use serde_json::json;

use super::app::{Api, MAX_REFERENCE_BYTES, MAX_UPLOAD_BYTES, job_id, problem};

fn file(bytes: impl Into<Vec<u8>>) -> Part {
    Part::bytes(bytes.into()).file_name("board meeting.wav")
}

/// A body whose length nobody announces.
fn chunked(bytes: usize) -> Body {
    let chunk = vec![0_u8; 1000];
    let chunks = (0..bytes.div_ceil(1000)).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
    Body::wrap_stream(stream::iter(chunks))
}

#[tokio::test]
async fn both_ways_of_posting_make_the_same_job() {
    let api = Api::start().await;
    let query = "?numSpeakers=2&exclusive=true&model=null&transcription=false&name=board_meeting";
    let raw = job_id(api.post_raw(query, vec![1_u8; 5000]).await).await;
    let form = Form::new()
        .text("numSpeakers", "2")
        .part("file", file(vec![1_u8; 5000]))
        .text("exclusive", "true")
        .text("somethingNew", "whatever");
    let multipart = job_id(api.post_form(form).await).await;
    let mut jobs = Vec::new();
    for id in [&raw, &multipart] {
        jobs.push(api.db.job(id.parse().unwrap()).await.unwrap().unwrap());
    }
    assert_eq!(jobs[0].options, jobs[1].options);
    assert_eq!(jobs[0].options.num_speakers, Some(2));
    assert_eq!(
        (jobs[0].name.as_str(), jobs[0].audio_bytes),
        ("board_meeting", 5000)
    );
    assert_eq!(
        (jobs[1].name.as_str(), jobs[1].audio_bytes),
        ("board_meeting", 5000)
    );
    assert_eq!(api.stored().len(), 2);
    api.stop().await;
}

#[tokio::test]
async fn a_model_of_another_name_is_accepted_with_a_warning() {
    let api = Api::start().await;
    let response = api.post_raw("?model=precision-2", "RIFF").await;
    let body: serde_json::Value = response.json().await.unwrap();
    assert!(
        body["warning"].as_str().unwrap().contains("precision-2"),
        "{body}"
    );
    let body: serde_json::Value = api
        .post_raw("?model=ours", "RIFF")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(body.get("warning"), None);
    api.stop().await;
}

#[tokio::test]
async fn wrong_options_are_all_named_and_nothing_is_kept() {
    let api = Api::start().await;
    let form = Form::new()
        .part("file", file("RIFF"))
        .text("minSpeakers", "5")
        .text("maxSpeakers", "3")
        .text("confidence", "very")
        .text("clustering", "magic");
    let answer = problem(api.post_form(form).await, "invalid_request").await;
    assert_eq!(
        answer["errors"],
        json!([
            {"field": "confidence", "message": "confidence must be true or false; given: \"very\""},
            {"field": "clustering",
             "message": "clustering must be one of agglomerative, hdbscan, vbx; given: \"magic\""},
            {"field": "minSpeakers",
             "message": "minSpeakers must not exceed maxSpeakers; given: 5 and 3"},
        ])
    );
    assert!(api.stored().is_empty());
    api.stop().await;
}

#[tokio::test]
async fn nothing_is_no_recording() {
    let api = Api::start().await;
    problem(api.post_raw("", "").await, "empty_audio").await;
    problem(
        api.post_form(Form::new().part("file", file(""))).await,
        "empty_audio",
    )
    .await;
    let form = Form::new().text("numSpeakers", "2");
    let answer = problem(api.post_form(form).await, "malformed_multipart").await;
    assert_eq!(answer["detail"], "the body has no part named file");
    let form = Form::new().part("file", file("a")).part("file", file("b"));
    problem(api.post_form(form).await, "malformed_multipart").await;
    assert!(api.stored().is_empty());
    api.stop().await;
}

#[tokio::test]
async fn the_largest_upload_passes_and_one_byte_more_does_not() {
    let api = Api::start().await;
    let limit = MAX_UPLOAD_BYTES as usize;
    job_id(api.post_raw("", vec![0_u8; limit]).await).await;
    let form = Form::new().part("file", file(vec![0_u8; limit]));
    job_id(api.post_form(form).await).await;
    assert_eq!(api.stored().len(), 2);

    // Announced, and so refused before a byte is read.
    let answer = problem(
        api.post_raw("", vec![0_u8; limit + 1]).await,
        "payload_too_large",
    )
    .await;
    assert_eq!(
        answer["detail"],
        "the upload must have at most 100000 bytes; given: 100001"
    );
    // Not announced, and so refused while it streams.
    let over = "the upload must have at most 100000 bytes; given: more than 100000";
    let answer = problem(
        api.post_raw("", chunked(limit + 1)).await,
        "payload_too_large",
    )
    .await;
    assert_eq!(answer["detail"], over);
    let form = Form::new().part("file", file(vec![0_u8; limit + 1]));
    let answer = problem(api.post_form(form).await, "payload_too_large").await;
    assert_eq!(answer["detail"], over);
    assert_eq!(api.stored().len(), 2);
    api.stop().await;
}

#[tokio::test]
async fn options_and_references_are_bounded_too() {
    let api = Api::start().await;
    let form = Form::new()
        .part("file", file("RIFF"))
        .text("name", "n".repeat(5000));
    problem(api.post_form(form).await, "payload_too_large").await;
    let long = "x".repeat(MAX_REFERENCE_BYTES + 1);
    let form = Form::new()
        .part("file", file("RIFF"))
        .text("reference", long);
    let answer = problem(api.post_form(form).await, "payload_too_large").await;
    assert!(
        answer["detail"]
            .as_str()
            .unwrap()
            .starts_with("the reference"),
        "{answer}"
    );
    let mut form = Form::new();
    for _ in 0..65 {
        form = form.text("numSpeakers", "2");
    }
    problem(api.post_form(form).await, "malformed_multipart").await;
    api.stop().await;
}

#[tokio::test]
async fn a_reference_that_is_no_rttm_is_refused_with_the_job() {
    let api = Api::start().await;
    let form = Form::new()
        .part("file", file("RIFF"))
        .text("reference", "SPEAKER talk 1 x");
    let answer = problem(api.post_form(form).await, "invalid_reference").await;
    assert!(
        answer["detail"].as_str().unwrap().contains("line 1"),
        "{answer}"
    );
    assert!(api.stored().is_empty());
    api.stop().await;
}

#[tokio::test]
async fn broken_multipart_is_the_callers_fault() {
    let api = Api::start().await;
    for (content_type, body) in [
        ("multipart/form-data", "--x\r\n\r\n"),
        ("multipart/form-data; boundary=x", "no boundary at all"),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nRIFF",
        ),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nbroken header\r\n\r\nRIFF\r\n--x--\r\n",
        ),
    ] {
        let request = api.client.post(api.url("/v1/diarize")).body(body);
        let response = request
            .header("content-type", content_type)
            .send()
            .await
            .unwrap();
        problem(response, "malformed_multipart").await;
    }
    assert!(api.stored().is_empty());
    api.stop().await;
}

#[tokio::test]
async fn json_of_another_kind_is_no_recording() {
    let api = Api::start().await;
    let request = api.client.post(api.url("/v1/diarize"));
    let response = request
        .header("content-type", "application/ld+json")
        .body("{}")
        .send()
        .await
        .unwrap();
    let answer = problem(response, "unsupported_media_type").await;
    assert!(
        answer["detail"]
            .as_str()
            .unwrap()
            .ends_with("given: application/ld+json"),
        "{answer}"
    );
    api.stop().await;
}

/// Speaks HTTP byte by byte, to send what no client sends.
fn connect(api: &Api) -> TcpStream {
    let stream = TcpStream::connect(api.url.strip_prefix("http://").unwrap()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
}

async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !check().await {
        assert!(Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let api = Api::start().await;
    let mut stream = connect(&api);
    stream
        .write_all(b"POST /v1/diarize HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nRIFF")
        .unwrap();
    eventually("the upload begins", async || !api.stored().is_empty()).await;
    drop(stream);
    eventually("the upload is thrown away", async || {
        api.stored().is_empty()
    })
    .await;
    assert!(api.db.job_counts().await.unwrap().is_empty());
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_stands_still_is_given_up() {
    let api = Api::start().await;
    let mut stream = connect(&api);
    stream
        .write_all(b"POST /v1/diarize HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nRIFF")
        .unwrap();
    let mut answer = [0_u8; 4096];
    let length = stream.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(
        answer.contains("\"upload_timeout\"") && answer.contains("1 seconds, the limit"),
        "{answer}"
    );
    eventually("the upload is thrown away", async || {
        api.stored().is_empty()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_that_is_nonsense_is_incomplete() {
    let api = Api::start().await;
    let mut stream = connect(&api);
    stream
        .write_all(b"POST /v1/diarize HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nRIFF\r\nzz\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("\"incomplete_body\""),
        "{answer}"
    );
    eventually("the upload is thrown away", async || {
        api.stored().is_empty()
    })
    .await;
}
