//! Recordings uploaded apart from a job, by links that authenticate themselves.

use std::time::{Duration, SystemTime};

use diarist::domain::Scope;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use super::app::{Api, MAX_UPLOAD_BYTES, closed, job_id, problem};

impl Api {
    /// A link to `name`; `way` is `input` or `output`.
    async fn link(&self, way: &str, name: &str) -> String {
        let body = json!({"url": name});
        let response = self.post_json(&format!("/v1/media/{way}"), &body).await;
        let status = response.status();
        let link: Value = response.json().await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{link}");
        link["url"].as_str().unwrap().to_owned()
    }

    /// As pyannoteAI's client does it: neither a content type nor an authorization.
    async fn put(&self, link: &str, bytes: impl Into<reqwest::Body>) -> Response {
        self.client.put(link).body(bytes).send().await.unwrap()
    }

    async fn upload(&self, name: &str, bytes: &[u8]) {
        let link = self.link("input", name).await;
        let response = self.put(&link, bytes.to_vec()).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn what_was_put_is_got_and_the_last_put_counts() {
    let api = Api::start().await;
    let name = "media://a/../b.wav";
    let link = api.link("input", name).await;
    assert!(link.starts_with(&api.url), "{link}");
    for bytes in ["first", "second", "second"] {
        assert_eq!(api.put(&link, bytes).await.status(), StatusCode::OK);
    }
    let link = api.link("output", name).await;
    let response = api.client.get(&link).send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "application/octet-stream"
    );
    assert_eq!(response.content_length(), Some(6));
    assert_eq!(response.text().await.unwrap(), "second");
    assert_eq!(api.stored().len(), 1);
    let other = api.link("output", "media://b.wav").await;
    problem(
        api.client.get(other).send().await.unwrap(),
        "media_not_found",
    )
    .await;
    api.stop().await;
}

#[tokio::test]
async fn links_are_for_one_use_and_cannot_be_changed() {
    let api = Api::start().await;
    let input = api.link("input", "media://mine").await;
    let output = api.link("output", "media://mine").await;
    problem(api.client.get(&input).send().await.unwrap(), "link_invalid").await;
    problem(api.put(&output, "x").await, "link_invalid").await;
    for (from, to) in [("key=mine", "key=yours"), ("expires=1", "expires=2")] {
        let changed = input.replace(from, to);
        assert_ne!(changed, input);
        problem(api.put(&changed, "x").await, "link_invalid").await;
    }
    let (link, _) = input.split_once("&signature").unwrap();
    let answer = problem(api.put(link, "x").await, "invalid_request").await;
    assert!(
        answer["detail"].as_str().unwrap().contains("signature"),
        "{answer}"
    );
    assert!(api.stored().is_empty());
    api.stop().await;
}

#[tokio::test]
async fn uploads_have_the_limits_of_recordings() {
    let api = Api::start().await;
    let link = api.link("input", "media://long").await;
    let bytes = vec![0_u8; MAX_UPLOAD_BYTES as usize + 1];
    let announced = problem(api.put(&link, bytes.clone()).await, "payload_too_large").await;
    assert!(
        announced["detail"]
            .as_str()
            .unwrap()
            .ends_with("at most 100000 bytes; given: 100001"),
        "{announced}"
    );
    let chunks = bytes
        .chunks(1000)
        .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()));
    let chunks: Vec<_> = chunks.collect();
    let endless = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    problem(api.put(&link, endless).await, "payload_too_large").await;
    problem(api.put(&link, "").await, "empty_audio").await;
    assert!(api.stored().is_empty());
    api.stop().await;
}

#[tokio::test]
async fn names_that_are_none_are_refused_by_field() {
    let api = Api::start().await;
    for name in ["media://", "media://a b", "https://example.com/a.wav", ""] {
        let body = json!({"url": name});
        for way in ["input", "output"] {
            let response = api.post_json(&format!("/v1/media/{way}"), &body).await;
            let answer = problem(response, "invalid_request").await;
            assert_eq!(answer["errors"][0]["field"], "url", "{answer}");
        }
    }
    for body in [json!({}), json!([]), json!({"url": 3})] {
        let response = api.post_json("/v1/media/input", &body).await;
        problem(response, "invalid_request").await;
    }
    api.stop().await;
}

#[tokio::test]
async fn links_lead_the_way_the_caller_came() {
    let api = Api::start().await;
    let request = api.client.post(api.url("/v1/media/input"));
    let response = request
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "diarist.example")
        .json(&json!({"url": "media://a"}))
        .send()
        .await
        .unwrap();
    let link: Value = response.json().await.unwrap();
    let link = link["url"].as_str().unwrap();
    assert!(
        link.starts_with("https://diarist.example/v1/media/object?key=a&expires="),
        "{link}"
    );
    api.stop().await;
}

#[tokio::test]
async fn a_job_is_made_of_media_as_of_an_upload() {
    let api = Api::start().await;
    api.upload("media://board/meeting.wav", &[1; 5000]).await;
    let body = json!({
        "url": "media://board/meeting.wav",
        "model": null,
        "numSpeakers": 2,
        "minSpeakers": null,
        "maxSpeakers": null,
        "exclusive": true,
        "turnLevelConfidence": false,
        "transcription": false,
        "transcriptionConfig": {"model": "parakeet-tdt-0.6b-v3"},
        "somethingNew": [1, 2],
    });
    let response = api.post_json("/v1/diarize", &body).await;
    let id = job_id(response).await;
    let job = api.db.job(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((job.name.as_str(), job.audio_bytes), ("meeting", 5000));
    assert_eq!(job.options.num_speakers, Some(2));
    assert!(job.options.exclusive);
    assert_eq!(job.warning, None);
    api.stop().await;
}

#[tokio::test]
async fn jobs_of_nothing_are_refused_by_field() {
    let api = Api::start().await;
    for (body, field) in [
        (json!({}), "url"),
        (json!({"url": null}), "url"),
        (json!({"url": 7}), "url"),
        (json!({"url": "media://a b"}), "url"),
        (json!({"url": "media://nobody/put/this"}), "url"),
        (json!({"url": "ftp://example.com/a.wav"}), "url"),
        (
            json!({"url": "media://a", "numSpeakers": [1]}),
            "numSpeakers",
        ),
    ] {
        let answer = problem(api.post_json("/v1/diarize", &body).await, "invalid_request").await;
        assert_eq!(answer["errors"][0]["field"], field, "{answer}");
    }
    let request = api.client.post(api.url("/v1/diarize"));
    let request = request.header("content-type", "application/json");
    problem(
        request.body("{\"url\"").send().await.unwrap(),
        "invalid_request",
    )
    .await;
    assert!(api.stored().is_empty());
    api.stop().await;
}

#[tokio::test]
async fn media_are_removed_when_their_time_is_over_and_links_outlive_a_restart() {
    let api = Api::start().await;
    api.upload("media://old", b"old").await;
    let old = api.stored().pop().unwrap();
    api.upload("media://new", b"new").await;
    let links = [
        api.link("output", "media://old").await,
        api.link("output", "media://new").await,
    ];
    let (before, days) = (api.url.clone(), Duration::from_hours(25));
    let file = std::fs::File::options().write(true).open(&old).unwrap();
    file.set_modified(SystemTime::now() - days).unwrap();
    let api = Api::start_in(api.stop().await, MAX_UPLOAD_BYTES, None).await;
    let [old_link, new_link] = links.map(|link| link.replace(&before, &api.url));
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while old.exists() {
        assert!(std::time::Instant::now() < end, "still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    problem(
        api.client.get(old_link).send().await.unwrap(),
        "media_not_found",
    )
    .await;
    let new = api.client.get(new_link).send().await.unwrap();
    assert_eq!(new.text().await.unwrap(), "new");
    api.stop().await;
}

#[tokio::test]
async fn keys_have_names_and_lists_of_their_own() {
    let api = Api::with_access(closed()).await;
    let scopes = [Scope::JobsRead, Scope::JobsWrite];
    let [mine, yours] = [
        api.key("mine", &scopes).await,
        api.key("yours", &scopes).await,
    ];
    let ask = async |key: &str, path: &str, body: Value| {
        let request = api.client.post(api.url(path)).bearer_auth(key).json(&body);
        request.send().await.unwrap()
    };
    let name = json!({"url": "media://talk.wav"});
    problem(
        api.post_json("/v1/media/input", &name).await,
        "unauthorized",
    )
    .await;
    let link: Value = ask(&mine, "/v1/media/input", name.clone())
        .await
        .json()
        .await
        .unwrap();
    // The link alone lets its bearer in.
    let link = link["url"].as_str().unwrap();
    assert_eq!(api.put(link, "mine").await.status(), StatusCode::OK);
    let others = ask(&yours, "/v1/diarize", name.clone()).await;
    problem(others, "invalid_request").await;
    let others: Value = ask(&yours, "/v1/media/output", name.clone())
        .await
        .json()
        .await
        .unwrap();
    let others = api.client.get(others["url"].as_str().unwrap());
    problem(others.send().await.unwrap(), "media_not_found").await;

    let id = job_id(ask(&mine, "/v1/diarize", name).await).await;
    for (key, count) in [(&mine, 1), (&yours, 0)] {
        let request = api.client.get(api.url("/v2/jobs")).bearer_auth(key);
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        let items = page["items"].as_array().unwrap();
        assert_eq!(items.len(), count, "{page}");
        assert!(items.iter().all(|item| item["id"] == id), "{page}");
    }
    api.stop().await;
}
