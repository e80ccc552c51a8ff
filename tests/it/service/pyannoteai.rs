//! pyannoteAI's own client, pointed at this service.

use serde_json::json;

use super::app::{Api, JOBS};
use super::voices::talk;
use crate::oracle::ask;

#[tokio::test(flavor = "multi_thread")]
async fn the_vendors_client_uploads_diarizes_enrols_identifies_and_retrieves() {
    let api = Api::with_workers(JOBS).await;
    let recording = api.folder.path().join("talk.wav");
    std::fs::write(&recording, talk(20)).unwrap();
    let no_recording = api.folder.path().join("letter.txt");
    std::fs::write(&no_recording, "Dear Sir or Madam, ".repeat(100)).unwrap();
    let input = json!({
        "address": api.url,
        "recording": recording,
        "noRecording": no_recording,
    });
    let client = move || ask("pyannoteai_client.py", &input);
    let Some(came) = tokio::task::spawn_blocking(client).await.unwrap() else {
        return;
    };

    let urls = came["urls"].as_array().unwrap();
    assert_eq!(urls[0], urls[1]);
    assert_eq!(urls[2], "media://board/2026-11_03.wav");
    let size = std::fs::metadata(&recording).unwrap().len();
    assert_eq!(came["told"], json!([size, size]));

    let plain = &came["plain"];
    assert_eq!(plain["status"], "succeeded", "{came}");
    let output = plain["output"].as_object().unwrap();
    // "precision-2", which the client asks for by itself, is not what runs here.
    assert_eq!(
        output.keys().collect::<Vec<_>>(),
        ["diarization", "warning"]
    );
    let turn = &output["diarization"][0];
    assert_eq!(turn["speaker"], "SPEAKER_00", "{came}");
    assert!(turn["end"].as_f64() > turn["start"].as_f64(), "{came}");
    assert_eq!(turn.get("confidence"), None, "{came}");

    let output = &came["full"]["output"];
    assert!(
        output["diarization"][0]["confidence"]["SPEAKER_00"].is_u64(),
        "{came}"
    );
    assert!(
        !output["exclusiveDiarization"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(output["confidence"]["resolution"], 0.02, "{came}");
    assert!(
        output["warning"].as_str().unwrap().contains("precision-3"),
        "{came}"
    );
    let id = came["full"]["jobId"].as_str().unwrap();
    let record = api.db.job(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(record.name, "2026-11_03");
    assert_eq!(record.options.num_speakers, Some(2));

    let output = came["enrolled"]["output"].as_object().unwrap();
    assert_eq!(
        output.keys().collect::<Vec<_>>(),
        ["voiceprint", "warning"],
        "{came}"
    );
    let output = &came["identified"]["output"];
    assert_eq!(output["voiceprints"][0]["match"], "Sam", "{came}");
    let turns = output["identification"].as_array().unwrap();
    assert_eq!(turns.len(), output["diarization"].as_array().unwrap().len());
    assert!(output["exclusiveDiarization"].is_array(), "{came}");

    assert!(came["failed"].as_str().unwrap().contains("WAV"), "{came}");
    assert_eq!(came["refused"]["status"], 400, "{came}");
    assert_eq!(came["refused"]["body"]["errors"][0]["field"], "url");
    api.stop().await;
}
