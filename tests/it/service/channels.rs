//! Channels that are diarized each by itself.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::app::{Api, JOBS, job_id, problem};
use super::conversations::conversations;
use super::process::Service;
use super::voices::{channels, decoded, talk};

/// The lines of `rttm` on channel `channel`, without channel and speaker.
fn times(rttm: &str, channel: usize) -> Vec<String> {
    let lines = rttm.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    lines
        .filter(|fields| fields[2] == channel.to_string())
        .map(|fields| format!("{} {}", fields[3], fields[4]))
        .collect()
}

/// The speakers of `rttm` in order of first appearance, each with its channel.
fn speakers(rttm: &str) -> Vec<(String, String)> {
    let mut seen: Vec<(String, String)> = Vec::new();
    for line in rttm.lines() {
        let fields: Vec<_> = line.split(' ').collect();
        let speaker = (fields[7].to_owned(), fields[2].to_owned());
        if !seen.contains(&speaker) {
            seen.push(speaker);
        }
    }
    seen
}

/// Every channel has the turns that it has alone, and no speaker is on two of them.
fn check(separate: &str, alone: &[String]) {
    for (index, alone) in alone.iter().enumerate() {
        assert!(!alone.is_empty(), "nothing is said on channel {index}");
        assert_eq!(times(separate, index + 1), times(alone, 1), "{separate}");
    }
    let speakers = speakers(separate);
    let names: Vec<_> = speakers.iter().map(|(name, _)| name.clone()).collect();
    let numbered: Vec<_> = (0..names.len())
        .map(|n| format!("SPEAKER_{n:02}"))
        .collect();
    assert_eq!(names, numbered, "{separate}");
    let found: usize = alone.iter().map(|alone| self::speakers(alone).len()).sum();
    assert_eq!(names.len(), found);
}

/// Two voices of the fixtures, one a channel, the second one from three seconds on.
fn two_channels() -> Vec<u8> {
    let both =
        decoded(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/two-voices.flac"));
    let later = [vec![0.0; 48_000], both.clone()].concat();
    channels(&[both, later])
}

#[tokio::test(flavor = "multi_thread")]
async fn each_channel_is_diarized_as_if_it_were_alone() {
    let api = Api::with_workers(JOBS).await;
    let wav = two_channels();
    let post = async |query: &str| {
        let id = job_id(
            api.post_raw(&format!("?name=call&{query}"), wav.clone())
                .await,
        )
        .await;
        let job = api.succeeded(&id).await;
        let rttm = api.text(&format!("/v1/jobs/{id}/rttm")).await;
        (id, job, rttm)
    };
    let (id, job, rttm) = post("channels=separate&exclusive=true&confidence=true").await;
    let (first, _, left) = post("channel=1").await;
    let (second, _, right) = post("channel=2").await;
    check(&rttm, &[left, right]);

    // JSON says of every turn what RTTM does.
    let output = &job["output"];
    for turns in ["diarization", "exclusiveDiarization"] {
        let turns = output[turns].as_array().unwrap();
        let told: BTreeSet<_> = turns
            .iter()
            .map(|turn| {
                (
                    turn["speaker"].as_str().unwrap(),
                    turn["channel"].to_string(),
                )
            })
            .collect();
        let speakers = speakers(&rttm);
        let known: BTreeSet<_> = speakers
            .iter()
            .map(|(s, c)| (s.as_str(), c.clone()))
            .collect();
        assert!(told.is_subset(&known) && !told.is_empty(), "{told:?}");
    }
    let seconds = output["confidence"]["score"].as_array().unwrap().len() as f64 * 0.02;

    // Windows follow each other channel by channel.
    let metrics = async |id: &str| -> Value {
        let text = api.text(&format!("/v1/jobs/{id}/metrics")).await;
        serde_json::from_str(&text).unwrap()
    };
    let [all, one, two] = [
        metrics(&id).await,
        metrics(&first).await,
        metrics(&second).await,
    ];
    let windows = |metrics: &Value| metrics["windows"].as_u64().unwrap();
    assert_eq!(windows(&all), windows(&one) + windows(&two));
    assert!((all["audioSeconds"].as_f64().unwrap() - seconds).abs() < 0.1);
    let bytes = async |id: &str| {
        let npy = api.get(&format!("/v1/jobs/{id}/embeddings.npy")).await;
        npy.bytes().await.unwrap().len()
    };
    let header = 128;
    let sum = bytes(&first).await + bytes(&second).await - header;
    assert_eq!(bytes(&id).await, sum);

    // What is made of turns is made of these too; clustering again is refused.
    for format in ["srt", "csv", "eaf", "textgrid", "json"] {
        api.text(&format!("/v1/jobs/{id}/result?format={format}"))
            .await;
    }
    let put = api.client.put(api.url(&format!("/v1/jobs/{id}/words")));
    let put = put.body(r#"{"words": [{"word": "yes", "start": 1.0, "end": 1.2}]}"#);
    let words: Value = put.send().await.unwrap().json().await.unwrap();
    assert!(
        words["wordLevelTranscription"][0]["speaker"].is_string(),
        "{words}"
    );
    let path = format!("/v1/jobs/{id}/recluster");
    let again = api.post_json(&path, &json!({"numSpeakers": 2})).await;
    let refused = problem(again, "no_embeddings").await;
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .contains("channels=separate")
    );
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_channel_is_enough_and_nine_are_too_many() {
    let api = Api::with_workers(JOBS).await;
    let rttm = async |query: &str| {
        let id = job_id(api.post_raw(query, talk(5)).await).await;
        api.succeeded(&id).await;
        api.text(&format!("/v1/jobs/{id}/rttm")).await
    };
    let plain = rttm("?name=talk").await;
    assert_eq!(rttm("?name=talk&channels=separate").await, plain);
    let silence = channels(&vec![vec![0.0; 16_000]; 8]);
    let id = job_id(api.post_raw("?channels=separate", silence).await).await;
    let job = api.succeeded(&id).await;
    assert_eq!(job["output"]["diarization"], json!([]));
    let nine = channels(&vec![vec![0.1; 16_000]; 9]);
    let id = job_id(api.post_raw("?channels=separate", nine).await).await;
    let job = api.wait_for(&id, &["succeeded", "failed"]).await;
    assert_eq!(job["output"]["errorCode"], "too_many_channels", "{job}");
    let message = job["output"]["error"].as_str().unwrap();
    assert!(
        message.contains("at most 8") && message.ends_with("given: 9"),
        "{message}"
    );
    let both = api.post_raw("?channels=separate&channel=1", talk(5)).await;
    problem(both, "invalid_request").await;
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_real_conversations_on_two_channels_stay_apart() {
    let folder = match conversations() {
        Ok(folder) => folder,
        Err(reason) if std::env::var_os("CI").is_none() => {
            eprintln!("SKIPPED: no real conversations were put on two channels: {reason}");
            return;
        }
        Err(reason) => panic!("with CI set nothing is skipped: {reason}"),
    };
    let planes = ["ami_trn03.flac", "ami_trn07.flac"].map(|name| decoded(&folder.join(name)));
    let wav = channels(&planes);
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &[]);
    let rttm = async |query: &str| {
        let post = service
            .client
            .post(service.url(&format!("/v1/diarize?name=call&{query}")));
        let post = post.header("content-type", "audio/wav").body(wav.clone());
        let id = job_id(post.send().await.unwrap()).await;
        let job = service.wait_for(&id, &["succeeded", "failed"]).await;
        assert_eq!(job["status"], "succeeded", "{job}");
        service.text(&format!("/v1/jobs/{id}/rttm")).await
    };
    let separate = rttm("channels=separate").await;
    check(
        &separate,
        &[rttm("channel=1").await, rttm("channel=2").await],
    );
    service.stop();
}
