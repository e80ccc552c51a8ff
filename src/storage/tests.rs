//! The store on a real folder.

use std::{io::Read as _, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::domain::{KeyId, MediaKey};

fn open() -> (TempDir, Storage) {
    let folder = TempDir::new().unwrap();
    let storage = Storage::open(&folder.path().join("files"), Keys::default()).unwrap();
    (folder, storage)
}

async fn audio(storage: &Storage, id: JobId) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = storage
        .open_audio(id, AudioSlot::First)
        .await
        .unwrap()
        .open()
        .unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn an_upload_shows_as_a_whole_or_not_at_all() {
    let (_folder, storage) = open();
    let id = JobId::generate();
    let mut upload = storage.put_upload(id, AudioSlot::First).await.unwrap();
    for _ in 0..50 {
        upload.write(Bytes::from(vec![7; 100_000])).await.unwrap();
    }
    let missing = storage.open_audio(id, AudioSlot::First).await.unwrap_err();
    assert!(matches!(missing, StorageError::Missing(_)), "{missing}");
    assert_eq!(upload.finish().await.unwrap(), 5_000_000);
    assert_eq!(audio(&storage, id).await, vec![7; 5_000_000]);
}

#[tokio::test]
async fn attempts_keep_their_artefacts_apart_and_deleting_takes_all() {
    let (folder, storage) = open();
    let id = JobId::generate();
    let (old, new) = (Bytes::from("old"), Bytes::from("new"));
    let put =
        |attempt, bytes: &Bytes| storage.put_artefact(id, attempt, Artefact::Rttm, bytes.clone());
    put(1, &old).await.unwrap();
    put(2, &new).await.unwrap();
    assert_eq!(
        storage.get_artefact(id, 1, Artefact::Rttm).await.unwrap(),
        old
    );
    assert_eq!(
        storage.get_artefact(id, 2, Artefact::Rttm).await.unwrap(),
        new
    );
    storage.delete_job(id).await.unwrap();
    storage.delete_job(id).await.unwrap();
    assert!(storage.get_artefact(id, 2, Artefact::Rttm).await.is_err());
    assert!(
        !folder
            .path()
            .join("files/results")
            .join(id.to_string())
            .exists()
    );
}

#[tokio::test]
async fn what_a_dead_upload_left_is_found_and_removed() {
    let (folder, storage) = open();
    let id = JobId::generate();
    let remains = folder.path().join("files/audio").join(id.to_string());
    std::fs::create_dir_all(&remains).unwrap();
    std::fs::write(remains.join("upload#1"), "RIFF").unwrap();
    let now = SystemTime::now();
    let hour = Duration::from_hours(1);
    assert_eq!(storage.jobs_before(now - hour).await.unwrap(), [].into());
    assert_eq!(storage.jobs_before(now + hour).await.unwrap(), [id].into());
    storage.delete_job(id).await.unwrap();
    assert!(!remains.exists());
}

#[tokio::test]
async fn media_keep_their_names_apart_and_outlive_them_in_jobs() {
    let (folder, storage) = open();
    let mut keys: Vec<MediaKey> = ["media://a", "media://a/b", "media://../a"]
        .iter()
        .map(|key| key.parse().unwrap())
        .collect();
    keys.push(keys[0].clone().of(Some(KeyId::generate())));
    for (index, key) in keys.iter().enumerate() {
        let mut upload = storage.put_media(key).await.unwrap();
        upload.write(Bytes::from(vec![7; index + 1])).await.unwrap();
        upload.finish().await.unwrap();
    }
    for (index, key) in keys.iter().enumerate() {
        let (size_bytes, bytes) = storage.get_media(key).await.unwrap();
        let bytes: Vec<Bytes> = bytes.try_collect().await.unwrap();
        assert_eq!(size_bytes, index as u64 + 1);
        assert_eq!(bytes.concat().len(), index + 1);
    }
    // Nothing lies outside the folder of media.
    let names = |path: &str| {
        let entries = std::fs::read_dir(folder.path().join(path)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name())
            .collect::<Vec<_>>()
    };
    assert_eq!(names("files"), ["media"]);
    assert_eq!(names("files/media").len(), keys.len());

    let id = JobId::generate();
    assert_eq!(
        storage
            .link_media(&keys[1], id, AudioSlot::First)
            .await
            .unwrap(),
        2
    );
    let hour = Duration::from_hours(1);
    assert_eq!(
        storage
            .expire_media(SystemTime::now() - hour)
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        storage
            .expire_media(SystemTime::now() + hour)
            .await
            .unwrap(),
        4
    );
    let gone = storage
        .link_media(&keys[1], id, AudioSlot::First)
        .await
        .unwrap_err();
    assert!(matches!(gone, StorageError::Missing(_)), "{gone}");
    assert_eq!(audio(&storage, id).await, [7, 7]);
}
