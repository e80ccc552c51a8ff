//! The store on a real folder.

use std::time::Duration;

use tempfile::TempDir;

use super::*;

fn open() -> (TempDir, Storage) {
    let folder = TempDir::new().unwrap();
    let storage = Storage::open(&folder.path().join("files")).unwrap();
    (folder, storage)
}

#[tokio::test]
async fn an_upload_shows_as_a_whole_or_not_at_all() {
    let (_folder, storage) = open();
    let id = JobId::generate();
    let mut upload = storage.put_upload(id).await.unwrap();
    for _ in 0..50 {
        upload.write(Bytes::from(vec![7; 100_000])).await.unwrap();
    }
    let missing = storage.open_audio(id).await.unwrap_err();
    assert!(matches!(missing, StorageError::Missing(_)), "{missing}");
    assert_eq!(upload.finish().await.unwrap(), 5_000_000);
    let path = storage.open_audio(id).await.unwrap();
    assert_eq!(std::fs::read(path).unwrap(), vec![7; 5_000_000]);
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
    assert_eq!(storage.uploads_before(now - hour).await.unwrap(), []);
    assert_eq!(storage.uploads_before(now + hour).await.unwrap(), [id]);
    storage.delete_job(id).await.unwrap();
    assert!(!remains.exists());
}
