//! Real conversations through the shipped program with the shipped model.
//!
//! The recordings are not part of the project: where they or the model are missing the test says
//! so and passes, except where `CI` is set.

use std::path::{Path, PathBuf};

use diarist::domain::{ScoreOptions, SpeakerLabel, Turn};
use diarist::evaluation;
use diarist::formats::rttm;
use diarist::models::{self, Inference, ModelError};
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::app::job_id;
use super::process::Service;

/// Seconds left unscored around each boundary, in all.
const COLLAR: f64 = 0.5;

/// The folder of conversations, or why there is none.
pub(super) fn conversations() -> Result<PathBuf, String> {
    let shared = std::env::var_os("DIARIST_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        PathBuf::from,
    );
    let folder = shared.join("data/conversations");
    if !folder.is_dir() {
        return Err(format!("{} is not there", folder.display()));
    }
    match Inference::start(&models::Settings::default()) {
        Err(error @ ModelError::NoModel { .. }) => Err(error.to_string()),
        other => {
            other.unwrap();
            Ok(folder)
        }
    }
}

async fn post(service: &Service, folder: &Path, name: &str, speakers: Option<usize>) -> String {
    let audio = std::fs::read(folder.join(name).with_extension("flac")).unwrap();
    let reference = std::fs::read_to_string(folder.join(name).with_extension("rttm")).unwrap();
    let mut form = Form::new()
        .part("file", Part::bytes(audio).file_name(format!("{name}.flac")))
        .text("reference", reference)
        .text("collar", COLLAR.to_string());
    if let Some(speakers) = speakers {
        form = form.text("numSpeakers", speakers.to_string());
    }
    let request = service
        .client
        .post(service.url("/v1/diarize"))
        .multipart(form);
    job_id(request.send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn real_conversations_come_back_as_rttm_with_their_speakers() {
    let folder = match conversations() {
        Ok(folder) => folder,
        Err(reason) if std::env::var_os("CI").is_none() => {
            eprintln!("SKIPPED: no real conversation was diarized: {reason}");
            return;
        }
        Err(reason) => panic!("with CI set nothing is skipped: {reason}"),
    };
    let blind = blind(&folder, "sample");
    eprintln!("sample, all speech taken for one person's: DER {blind:.3}");
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path(), &[]);
    let told = post(&service, &folder, "sample", Some(2)).await;
    let again = post(&service, &folder, "sample", Some(2)).await;
    let untold = post(&service, &folder, "sample", None).await;
    for (id, count) in [(&told, Some(2)), (&again, Some(2)), (&untold, None)] {
        let job = service.wait_for(id, &["succeeded", "failed"]).await;
        assert_eq!(job["status"], "succeeded", "{job}");
        let turns = service.text(&format!("/v1/jobs/{id}/rttm")).await;
        let mut speakers: Vec<_> = turns
            .lines()
            .map(|line| line.split(' ').nth(7).unwrap())
            .collect();
        speakers.sort_unstable();
        speakers.dedup();
        let metrics = service.text(&format!("/v1/jobs/{id}/metrics")).await;
        let metrics: Value = serde_json::from_str(&metrics).unwrap();
        let der = metrics["score"]["der"].as_f64().unwrap();
        eprintln!(
            "sample, {count:?} speakers asked for: {} found, DER {der:.3}",
            speakers.len()
        );
        if let Some(count) = count {
            assert_eq!(speakers.len(), count, "{turns}");
            assert!(der < blind, "{metrics}");
        }
    }
    let turns = async |id: &str| service.text(&format!("/v1/jobs/{id}/rttm")).await;
    assert_eq!(turns(&told).await, turns(&again).await);
    service.stop();
}

/// The diarization error rate of whoever finds all the speech and takes it for one person's.
fn blind(folder: &Path, name: &str) -> f64 {
    let reference = std::fs::read_to_string(folder.join(name).with_extension("rttm")).unwrap();
    let reference = rttm::parse(&reference).unwrap().remove(name).unwrap();
    let speech = reference.timeline().support(0.0);
    let turns = speech.segments().iter().map(|&segment| Turn {
        segment,
        speaker: SpeakerLabel::nth(0),
        confidence: None,
    });
    let options = ScoreOptions {
        collar: COLLAR,
        skip_overlap: false,
    };
    let score = evaluation::score(&reference, &turns.collect(), None, options).unwrap();
    score.der.rate()
}
