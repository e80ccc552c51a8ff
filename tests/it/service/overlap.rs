//! People who speak at once, heard by the shipped segmentation model.

use std::path::Path;

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::app::job_id;
use super::process::Service;
use super::voices::{channels, decoded};
use crate::program::diarist;

const RATE: usize = 16_000;

/// The fixtures' two voices: the first alone from 0.5 to 9 s, joined by the second from 6 to 9 s, which
/// goes on alone to 14 s.
fn both_at_once() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/two-voices.flac");
    let samples = decoded(&path);
    let said = |start: f64, end: f64| {
        let [start, end] = [start, end].map(|seconds| (seconds * RATE as f64) as usize);
        samples[start..end].to_vec()
    };
    let adam = [said(0.4, 4.63), said(9.7, 13.6)].concat();
    let slt = [said(5.08, 9.34), said(14.1, 17.08)].concat();
    let mut mixed = vec![0.0_f32; 14 * RATE];
    for (voice, start) in [(adam, RATE / 2), (slt, 6 * RATE)] {
        for (sum, sample) in mixed[start..].iter_mut().zip(voice) {
            *sum += 0.5 * sample;
        }
    }
    channels(&[mixed])
}

/// Start, end and speaker of each turn.
fn turns(turns: &Value) -> Vec<(f64, f64, String)> {
    let turns = turns.as_array().unwrap().iter();
    turns
        .map(|turn| {
            let [start, end] = ["start", "end"].map(|key| turn[key].as_f64().unwrap());
            (start, end, turn["speaker"].as_str().unwrap().to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_overlap_where_people_do() {
    let folder = TempDir::new().unwrap();
    let service = Service::start(folder.path(), &[]);
    let form = Form::new()
        .part("file", Part::bytes(both_at_once()).file_name("both.wav"))
        .text("exclusive", "true")
        .text("numSpeakers", "2");
    let request = service.client.post(service.url("/v1/diarize"));
    let id = job_id(request.multipart(form).send().await.unwrap()).await;
    let job = service.wait_for(&id, &["succeeded", "failed"]).await;
    assert_eq!(job["status"], "succeeded", "{job}");

    let found = turns(&job["output"]["diarization"]);
    let mut shared = 0.0;
    for (index, (start, end, speaker)) in found.iter().enumerate() {
        for (from, to, other) in &found[index + 1..] {
            if speaker != other {
                shared += (end.min(*to) - start.max(*from)).max(0.0);
            }
        }
    }
    // Three seconds, more or less.
    assert!((1.0..5.0).contains(&shared), "{shared}: {job}");
    let exclusive = turns(&job["output"]["exclusiveDiarization"]);
    for pair in exclusive.windows(2) {
        assert!(pair[0].1 <= pair[1].0 + 1e-9, "{job}");
    }

    // The same from what was kept.
    let url = service.url(&format!("/v1/jobs/{id}/recluster"));
    let request = service.client.post(url).json(&json!({"numSpeakers": 2}));
    let again: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(turns(&again["output"]["diarization"]), found, "{again}");
    service.stop();
}

#[test]
fn a_model_that_is_none_is_refused_with_its_key() {
    let folder = TempDir::new().unwrap();
    let audio = folder.path().join("both.wav");
    std::fs::write(&audio, both_at_once()).unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden/tiny.onnx");
    let run = diarist(folder.path())
        .arg("diarize")
        .arg(&audio)
        .arg("--segmentation")
        .arg(model)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(1));
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("`window_size` is missing"), "{said}");
}

#[test]
fn batches_and_threads_change_nothing() {
    let folder = TempDir::new().unwrap();
    let audio = folder.path().join("both.wav");
    std::fs::write(&audio, both_at_once()).unwrap();
    let run = |batch: &str| {
        let run = diarist(folder.path())
            .args(["diarize", "--pipeline", "segmentation"])
            .arg(&audio)
            .env("DIARIST_MODEL__BATCH_SIZE", batch)
            .output()
            .unwrap();
        assert!(
            run.status.success(),
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
        run.stdout
    };
    let first = run("8");
    assert!(!first.is_empty());
    assert_eq!(run("3"), first);
}
