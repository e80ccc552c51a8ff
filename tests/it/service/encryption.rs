//! Recordings encrypted on disk, by the program as it is deployed.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::app::{job_id, problem};
use super::process::{Service, settings_and};
use super::receiver::{Receiver, bytes};
use super::voices::talk;
use crate::program::diarist;

const OLD: &str = "4f4c44204f4c44204f4c44204f4c44204f4c44204f4c44204f4c44204f4c4420";
const NEW: &str = "TkVXTkVXTkVXTkVXTkVXTkVXTkVXTkVXTkVXTkVXTkU=";

/// Bytes that are looked for at a time.
const WINDOW: usize = 24;

const MEDIA: &str = "media://board/talk.wav";

fn settings(folder: &Path, storage: &str) {
    let more = format!(
        "[outbound]\nallow_http = true\nallowed_networks = [\"127.0.0.1\"]\n[storage]\n{storage}"
    );
    settings_and(folder, &more);
}

/// Every file below the data folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.join("data")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files
}

/// The files in which any piece of `recording` stands that is not silence.
fn leaks(folder: &Path, recording: &[u8]) -> Vec<PathBuf> {
    let pieces: HashSet<&[u8]> = recording
        .chunks_exact(WINDOW)
        .filter(|piece| piece.iter().collect::<HashSet<_>>().len() > WINDOW / 3)
        .collect();
    assert!(pieces.len() > 100, "only {}", pieces.len());
    let mut files = files(folder);
    files.retain(|path| {
        let content = fs::read(path).unwrap();
        content
            .windows(WINDOW)
            .any(|window| pieces.contains(window))
    });
    files
}

impl Service {
    async fn link(&self, way: &str) -> String {
        let request = self.client.post(self.url(&format!("/v1/media/{way}")));
        let response = request.json(&json!({"url": MEDIA})).send().await.unwrap();
        let link: Value = response.json().await.unwrap();
        link["url"].as_str().unwrap().to_owned()
    }

    async fn put_media(&self, recording: Vec<u8>) {
        let request = self.client.put(self.link("input").await);
        let response = request.body(recording).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }

    async fn get_media(&self) -> Response {
        let link = self.link("output").await;
        self.client.get(link).send().await.unwrap()
    }

    async fn diarize(&self, url: &str) -> Response {
        let request = self.client.post(self.url("/v1/diarize?name=talk"));
        request.json(&json!({"url": url})).send().await.unwrap()
    }

    /// The job's turns, once it has them.
    async fn turns(&self, id: &str) -> String {
        let job = self.wait_for(id, &["succeeded", "failed"]).await;
        assert_eq!(job["status"], "succeeded", "{job}");
        self.text(&format!("/v1/jobs/{id}/rttm")).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_are_as_ever_for_callers_and_nowhere_on_the_disk() {
    let recording = talk(30);
    let receiver = Receiver::start(|_, _| bytes(talk(30))).await;
    let mut expected = None;
    for (storage, encrypted) in [
        (String::new(), false),
        (format!("encryption_key = \"{OLD}\""), true),
    ] {
        let folder = TempDir::new().unwrap();
        settings(folder.path(), &storage);
        let service = Service::start(folder.path(), &[]);
        service.put_media(recording.clone()).await;
        let media = service.get_media().await;
        assert_eq!(media.content_length(), Some(recording.len() as u64));
        assert_eq!(media.bytes().await.unwrap(), recording);
        let ids = [
            service.post(recording.clone()).await,
            job_id(service.diarize(MEDIA).await).await,
            job_id(service.diarize(&receiver.url).await).await,
        ];
        for id in &ids {
            let turns = service.turns(id).await;
            assert_eq!(expected.get_or_insert(turns.clone()), &turns);
        }
        let leaks = leaks(folder.path(), &recording);
        // The search finds what there is to be found: the media, and the audio of three jobs.
        assert_eq!(leaks.len(), if encrypted { 0 } else { 4 }, "{leaks:?}");
        service.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_a_recording_waits_and_with_it_all_goes_on() {
    let folder = TempDir::new().unwrap();
    let recording = talk(5);
    // From before encryption was switched on.
    settings(folder.path(), "");
    let service = Service::start(folder.path(), &["--role", "api"]);
    let plain = service.post(recording.clone()).await;
    service.stop();

    settings(folder.path(), &format!("encryption_key = \"{OLD}\""));
    let service = Service::start(folder.path(), &["--role", "api"]);
    let old = service.post(recording.clone()).await;
    service.put_media(recording.clone()).await;
    service.stop();

    for storage in ["", &format!("encryption_key = \"{NEW}\"")] {
        settings(folder.path(), storage);
        let service = Service::start(folder.path(), &[]);
        let refused = problem(service.get_media().await, "unavailable").await;
        let said = "the recording is encrypted with a key that the server has not";
        assert_eq!(refused["detail"], said);
        problem(service.diarize(MEDIA).await, "unavailable").await;
        // Others go on meanwhile.
        let new = service.post(recording.clone()).await;
        service.turns(&new).await;
        service.turns(&plain).await;
        let job = service.wait_for(&old, &["pending"]).await;
        assert_eq!(job["output"], Value::Null, "{job}");
        service.stop();
    }

    settings(
        folder.path(),
        &format!("encryption_key = \"{NEW}\"\nprevious_keys = [\"{OLD}\"]"),
    );
    let service = Service::start(folder.path(), &[]);
    assert_eq!(service.get_media().await.bytes().await.unwrap(), recording);
    service.turns(&old).await;
    let again = job_id(service.diarize(MEDIA).await).await;
    service.turns(&again).await;
    service.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_recording_is_no_fault_of_the_server_and_fails_its_job_by_name() {
    let folder = TempDir::new().unwrap();
    settings(folder.path(), &format!("encryption_key = \"{OLD}\""));
    let service = Service::start(folder.path(), &["--role", "api"]);
    service.put_media(talk(30)).await;
    let id = service.post(talk(30)).await;
    service.stop();
    let damage = |kind: &str, at: usize| {
        let is_it = |path: &PathBuf| path.starts_with(folder.path().join("data/files").join(kind));
        let path = files(folder.path()).into_iter().find(is_it).unwrap();
        let mut content = fs::read(&path).unwrap();
        let at = at.min(content.len() - 1);
        content[at] ^= 1;
        fs::write(path, content).unwrap();
    };
    damage("media", usize::MAX);
    damage("audio", 100_000);

    let service = Service::start(folder.path(), &[]);
    let refused = problem(service.get_media().await, "unavailable").await;
    assert_eq!(refused["detail"], "the stored recording is damaged");
    let job = service.wait_for(&id, &["failed", "succeeded"]).await;
    assert_eq!(job["output"]["errorCode"], "audio_damaged", "{job}");
    assert_eq!(job["output"]["error"], "the stored recording is damaged");
    service.stop();
}

#[test]
fn a_wrong_key_is_refused_without_showing_it() {
    let folder = TempDir::new().unwrap();
    for name in ["ENCRYPTION_KEY", "PREVIOUS_KEYS", "ENCRYPTION_KEY_FILE"] {
        for value in ["hunter2", "[hunter2]", "[\"hunter2\"]", "{hunter2=1}"] {
            let output = diarist(folder.path())
                .arg("serve")
                .env(format!("DIARIST_STORAGE__{name}"), value)
                .env("DIARIST_LISTEN", "127.0.0.1:0")
                .output()
                .unwrap();
            assert!(!output.status.success());
            let said = String::from_utf8(output.stderr).unwrap();
            let key = format!("storage.{}", name.to_lowercase());
            assert!(said.contains(&key), "{said}");
            // A file's name is no secret.
            let secret = name != "ENCRYPTION_KEY_FILE";
            assert!(!secret || !said.contains("hunter2"), "{said}");
        }
    }
}
