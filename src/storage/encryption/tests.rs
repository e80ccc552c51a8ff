//! Sealed files in a real store, opened, damaged and read with other keys.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
};

use bytes::Bytes;
use futures::TryStreamExt as _;
use tempfile::TempDir;

use super::*;
use crate::{
    domain::{JobId, MediaKey},
    storage::{AudioSlot, Storage, StorageError},
};

const OLD: &str = "4f4c44204f4c44204f4c44204f4c44204f4c44204f4c44204f4c44204f4c4420";
const NEW: &str = "4e45574e45574e45574e45574e45574e45574e45574e45574e45574e45574e45";

/// Bytes on either side of every border between segments.
const SIZES: [usize; 10] = [
    0,
    1,
    7,
    SEGMENT_BYTES - 1,
    SEGMENT_BYTES,
    SEGMENT_BYTES + 1,
    2 * SEGMENT_BYTES - 1,
    2 * SEGMENT_BYTES,
    2 * SEGMENT_BYTES + 1,
    20 * SEGMENT_BYTES + 12_345,
];

struct Store(TempDir);

impl Store {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// The store, with these keys.
    fn with(&self, current: Option<&str>, previous: &[&str]) -> Storage {
        let keys = Keys::parse(current, previous.iter().copied()).unwrap();
        Storage::open(self.0.path(), keys).unwrap()
    }

    fn file(&self, id: JobId) -> PathBuf {
        self.0.path().join(format!("audio/{id}/upload"))
    }
}

/// Samples that repeat at no segment's length.
fn recording(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at * at / 251 + at) as u8).collect()
}

async fn put(storage: &Storage, bytes: &[u8]) -> JobId {
    let id = JobId::generate();
    let mut upload = storage.put_upload(id, AudioSlot::First).await.unwrap();
    // Pieces that meet the borders nowhere.
    for piece in bytes.chunks(10_007) {
        upload.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    assert_eq!(upload.finish().await.unwrap(), bytes.len() as u64);
    id
}

/// The whole of it, or why not.
async fn get(storage: &Storage, id: JobId) -> Result<Vec<u8>, StorageError> {
    let mut file = storage.open_audio(id, AudioSlot::First).await?.open()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    assert_eq!(bytes.len() as u64, file.size_bytes());
    Ok(bytes)
}

#[tokio::test]
async fn what_was_put_is_got_whatever_its_size_and_nothing_of_it_is_on_the_disk() {
    let store = Store::new();
    let storage = store.with(Some(NEW), &[]);
    for size in SIZES {
        let bytes = recording(size);
        let id = put(&storage, &bytes).await;
        assert_eq!(get(&storage, id).await.unwrap(), bytes, "{size}");
        let file = fs::read(store.file(id)).unwrap();
        let segments = size.div_ceil(SEGMENT_BYTES).max(1);
        assert_eq!(file.len(), HEADER_BYTES + size + segments * TAG_BYTES);
        // Some of them: a search in a mebibyte takes its time.
        for part in bytes.chunks_exact(16).step_by(1009) {
            assert!(!file.windows(16).any(|window| window == part), "{size}");
        }
    }
}

#[tokio::test]
async fn a_sealed_file_is_read_from_anywhere() {
    let store = Store::new();
    let storage = store.with(Some(NEW), &[]);
    let bytes = recording(3 * SEGMENT_BYTES + 100);
    let id = put(&storage, &bytes).await;
    let mut file = storage
        .open_audio(id, AudioSlot::First)
        .await
        .unwrap()
        .open()
        .unwrap();
    assert_eq!(
        file.seek(SeekFrom::End(-50)).unwrap(),
        bytes.len() as u64 - 50
    );
    for start in [bytes.len() - 50, 65_530, 65_536, 0, 131_071, bytes.len()] {
        file.seek(SeekFrom::Start(start as u64)).unwrap();
        let mut read = vec![0; 70_000.min(bytes.len() - start)];
        file.read_exact(&mut read).unwrap();
        assert_eq!(read, bytes[start..start + read.len()], "from {start}");
    }
    assert_eq!(
        file.seek(SeekFrom::Current(-10)).unwrap(),
        bytes.len() as u64 - 10
    );
    assert!(file.seek(SeekFrom::Current(-1_000_000)).is_err());
    file.seek(SeekFrom::Start(u64::MAX)).unwrap();
    assert_eq!(file.read(&mut [0; 10]).unwrap(), 0);
}

#[tokio::test]
async fn every_change_to_a_sealed_file_is_noticed() {
    type Change = fn(&mut Vec<u8>);
    const SEALED: usize = SEGMENT_BYTES + TAG_BYTES;
    let changes: [(&str, Change); 12] = [
        ("a bit of the first segment", |file| {
            file[HEADER_BYTES + 9] ^= 1;
        }),
        ("a bit of a tag", |file| {
            file[HEADER_BYTES + SEALED - 1] ^= 0x80;
        }),
        ("a bit of the last segment", |file| {
            *file.last_mut().unwrap() ^= 1;
        }),
        ("a bit of the nonce", |file| file[HEADER_BYTES - 1] ^= 1),
        ("the kind", |file| file[MAGIC.len()] = 2),
        ("the last byte cut off", |file| {
            file.truncate(file.len() - 1);
        }),
        ("the last segment cut off", |file| {
            file.truncate(HEADER_BYTES + 3 * SEALED);
        }),
        ("all segments cut off", |file| file.truncate(HEADER_BYTES)),
        ("the header cut off in the middle", |file| file.truncate(20)),
        ("a byte appended", |file| file.push(0)),
        ("two segments swapped", |file| {
            let (left, right) = file[HEADER_BYTES..].split_at_mut(SEALED);
            left.swap_with_slice(&mut right[..SEALED]);
        }),
        ("a segment left out", |file| {
            file.drain(HEADER_BYTES + SEALED..HEADER_BYTES + 2 * SEALED);
        }),
    ];
    let store = Store::new();
    let storage = store.with(Some(NEW), &[]);
    let id = put(&storage, &recording(3 * SEGMENT_BYTES + 100)).await;
    let written = fs::read(store.file(id)).unwrap();
    for (what, change) in changes {
        let mut changed = written.clone();
        change(&mut changed);
        fs::write(store.file(id), changed).unwrap();
        let error = get(&storage, id).await.unwrap_err();
        assert!(
            matches!(error, StorageError::Damaged(_)),
            "{what}: {error:?}"
        );
    }
    fs::write(store.file(id), &written).unwrap();
    get(&storage, id).await.unwrap();

    // A segment of another file at its own place.
    let other = put(&storage, &recording(3 * SEGMENT_BYTES + 100)).await;
    let mut mixed = fs::read(store.file(other)).unwrap();
    mixed[HEADER_BYTES..HEADER_BYTES + SEALED].copy_from_slice(&written[HEADER_BYTES..][..SEALED]);
    fs::write(store.file(other), mixed).unwrap();
    let error = get(&storage, other).await.unwrap_err();
    assert!(matches!(error, StorageError::Damaged(_)), "{error:?}");
}

#[tokio::test]
async fn keys_are_turned_over_and_a_missing_one_is_named() {
    let store = Store::new();
    let plain = put(&store.with(None, &[]), b"before encryption").await;
    let old = put(&store.with(Some(OLD), &[]), b"with the old key").await;
    let storage = store.with(Some(NEW), &[OLD]);
    let new = put(&storage, b"with the new key").await;
    assert_eq!(get(&storage, plain).await.unwrap(), b"before encryption");
    assert_eq!(get(&storage, old).await.unwrap(), b"with the old key");
    assert_eq!(get(&storage, new).await.unwrap(), b"with the new key");
    let without = store.with(Some(NEW), &[]);
    assert_eq!(get(&without, new).await.unwrap(), b"with the new key");
    for storage in [without, store.with(None, &[])] {
        let fingerprint = store
            .with(Some(OLD), &[])
            .keys
            .current()
            .unwrap()
            .to_string();
        match get(&storage, old).await.unwrap_err() {
            StorageError::KeyMissing(key) => assert_eq!(key, fingerprint),
            other => panic!("{other}"),
        }
        assert_eq!(get(&storage, plain).await.unwrap(), b"before encryption");
    }
}

#[tokio::test]
async fn plain_bytes_that_look_sealed_are_kept_as_they_are() {
    let store = Store::new();
    let sealed = fs::read(store.file(put(&store.with(Some(NEW), &[]), b"bait").await)).unwrap();
    for bytes in [&sealed[..], &GUARD, MAGIC, &MAGIC[..7], b"", b"RIFF...."] {
        for current in [None, Some(NEW)] {
            let id = put(&store.with(current, &[]), bytes).await;
            let storage = store.with(Some(NEW), &[]);
            assert_eq!(get(&storage, id).await.unwrap(), bytes);
            let mut file = storage
                .open_audio(id, AudioSlot::First)
                .await
                .unwrap()
                .open()
                .unwrap();
            let half = bytes.len() / 2;
            file.seek(SeekFrom::Start(half as u64)).unwrap();
            let mut rest = Vec::new();
            file.read_to_end(&mut rest).unwrap();
            assert_eq!(rest, bytes[half..]);
        }
    }
}

#[tokio::test]
async fn media_are_sealed_and_linked_to_jobs_with_the_size_they_were_given() {
    let store = Store::new();
    let storage = store.with(Some(NEW), &[]);
    let key: MediaKey = "media://talk".parse().unwrap();
    let bytes = recording(2 * SEGMENT_BYTES + 5);
    let mut upload = storage.put_media(&key).await.unwrap();
    upload.write(Bytes::from(bytes.clone())).await.unwrap();
    upload.finish().await.unwrap();
    let (size_bytes, stream) = storage.get_media(&key).await.unwrap();
    assert_eq!(size_bytes, bytes.len() as u64);
    let chunks: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert_eq!(chunks.concat(), bytes);

    let id = JobId::generate();
    assert_eq!(
        storage
            .link_media(&key, id, AudioSlot::First)
            .await
            .unwrap(),
        bytes.len() as u64
    );
    assert_eq!(get(&storage, id).await.unwrap(), bytes);

    let locked = store.with(Some(OLD), &[]);
    let missing = |error| matches!(error, StorageError::KeyMissing(_));
    assert!(missing(locked.get_media(&key).await.err().unwrap()));
    let id = JobId::generate();
    assert!(missing(
        locked
            .link_media(&key, id, AudioSlot::First)
            .await
            .unwrap_err()
    ));
    // Nothing is left of what could not be linked, and nothing lost of what was to be.
    assert!(!store.file(id).exists());
    assert_eq!(storage.get_media(&key).await.unwrap().0, bytes.len() as u64);
}
