//! Embeddings kept while a recording is worked on, so that another run can go on where one was
//! killed.
//!
//! What a run repeats is cheap beside the model: decoding and speech detection. So a checkpoint is
//! the embeddings of the chosen windows so far and nothing else; all the rest comes out again as
//! it did. Every run writes a file of its own, named by its number, because a run that was taken
//! for dead may still be writing.
//!
//! A file is a key of 32 bytes and records. A record is a number of windows (`u32`), their numbers
//! (`u32` each), their embeddings (`f32`, row by row) and 32 bytes of SHA-256 over the digest
//! before it (the key, for the first) and all of that; integers and floats are little-endian. The
//! key is a digest of what the embeddings depend on. Whatever does not fit is not read: another
//! key, and everything from the first record on that is torn or altered.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Windows in a record: half a minute of speech.
const RECORD: usize = 40;

/// Windows that a record may claim when it is read.
const LARGEST_RECORD: usize = 1024;

/// Changes whenever the same key could mean other embeddings.
const FORMAT: &str = "diarist checkpoint 1";

type Hash = [u8; 32];

/// Windows and their embeddings, row after row.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Known {
    pub(super) windows: Vec<usize>,
    pub(super) table: Vec<f32>,
}

/// Where one run at a recording keeps its embeddings.
///
/// Keeping them is a service to a later run: where it fails, the log says so and this run goes on
/// without.
#[derive(Debug)]
pub struct Checkpoint {
    folder: PathBuf,
    run: u64,
    recording: Hash,
    file: Option<File>,
    failed: bool,
    digest: Hash,
    /// Values in an embedding.
    dim: usize,
    /// Windows in the file.
    written: usize,
}

impl Checkpoint {
    /// For run number `run` at one recording; `folder` is that recording's own, and is made when
    /// there is something to keep. `recording` tells the recording, and how it is read, from any
    /// other.
    pub fn new(folder: PathBuf, run: u64, recording: &[u8]) -> Self {
        Self {
            folder,
            run,
            recording: Sha256::digest(recording).into(),
            file: None,
            failed: false,
            digest: Hash::default(),
            dim: 1,
            written: 0,
        }
    }

    /// Takes over what earlier runs kept under the same circumstances. `circumstances` is all that
    /// embeddings of `dim` values depend on beside the recording.
    pub(super) fn resume(&mut self, circumstances: &str, dim: usize) -> Known {
        let mut key = Sha256::new();
        for part in [
            FORMAT.as_bytes(),
            env!("CARGO_PKG_VERSION").as_bytes(),
            circumstances.as_bytes(),
        ] {
            key.update(part.len().to_le_bytes());
            key.update(part);
        }
        key.update(self.recording);
        self.digest = key.finalize().into();
        self.dim = dim;
        let earlier = self.earlier();
        let most = earlier
            .iter()
            .map(|path| read(path, self.digest, dim))
            .max_by_key(|known| known.windows.len());
        let known = most.unwrap_or_default();
        self.append(&known.windows, &known.table);
        // A file that is not needed any more, or never was; where this run could not write its own,
        // the old one is still good.
        if !self.failed {
            for path in earlier {
                remove(&path);
            }
        }
        known
    }

    /// Keeps the embeddings in `table`, the first ones of `windows`, once enough of them are new.
    pub(super) fn save(&mut self, windows: &[usize], table: &[f32]) {
        let (from, to) = (self.written, table.len() / self.dim);
        if to >= from + RECORD {
            self.append(&windows[from..to], &table[from * self.dim..to * self.dim]);
        }
    }

    /// Forgets everything, this run's file too.
    pub fn discard(&mut self) {
        self.file = None;
        self.written = 0;
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "a checkpoint was not removed");
            }
            _ => {}
        }
    }

    /// The files of earlier runs.
    fn earlier(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let numbered = |path: &PathBuf| {
            let run = path.file_name()?.to_str()?.parse::<u64>().ok()?;
            (run < self.run).then_some(())
        };
        let paths = entries.flatten().map(|entry| entry.path());
        paths.filter(|path| numbered(path).is_some()).collect()
    }

    fn append(&mut self, windows: &[usize], table: &[f32]) {
        if self.failed || windows.is_empty() {
            return;
        }
        if let Err(error) = self.try_append(windows, table) {
            tracing::warn!(%error, "no checkpoint is kept of this run any more");
            self.failed = true;
            // Half a record is of no use, and the disk may be full.
            if self.file.take().is_some() {
                remove(&self.path());
            }
        }
    }

    fn try_append(&mut self, windows: &[usize], table: &[f32]) -> io::Result<()> {
        if self.file.is_none() {
            fs::create_dir_all(&self.folder)?;
            let mut file = File::create(self.path())?;
            file.write_all(&self.digest)?;
            self.file = Some(file);
        }
        for (windows, table) in windows.chunks(RECORD).zip(table.chunks(RECORD * self.dim)) {
            let mut record = Vec::with_capacity(4 * (1 + windows.len() + table.len()) + 32);
            record.extend((windows.len() as u32).to_le_bytes());
            for window in windows {
                record.extend((*window as u32).to_le_bytes());
            }
            for value in table {
                record.extend(value.to_le_bytes());
            }
            let digest = chained(&self.digest, &record);
            record.extend(digest);
            if let Some(file) = &mut self.file {
                file.write_all(&record)?;
            }
            self.digest = digest;
            self.written += windows.len();
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(self.run.to_string())
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, path = %path.display(), "a checkpoint was not removed");
    }
}

fn chained(before: &Hash, record: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(record);
    hasher.finalize().into()
}

/// The records at `path` that are whole, if they were written under `key`.
fn read(path: &Path, key: Hash, dim: usize) -> Known {
    let mut known = Known::default();
    let Ok(file) = File::open(path) else {
        return known;
    };
    let mut file = BufReader::new(file);
    let mut digest = Hash::default();
    if file.read_exact(&mut digest).is_err() || digest != key {
        return known;
    }
    while let Some(record) = record(&mut file, &mut digest, dim) {
        let count = record.len() / (4 * (1 + dim));
        let (windows, values) = record.split_at(4 * count);
        known
            .windows
            .extend(words(windows).map(|w| u32::from_le_bytes(w) as usize));
        known.table.extend(words(values).map(f32::from_le_bytes));
    }
    known
}

/// The next record without its count, if it is whole; moves `digest` on.
fn record(file: &mut impl Read, digest: &mut Hash, dim: usize) -> Option<Vec<u8>> {
    let mut count = [0; 4];
    file.read_exact(&mut count).ok()?;
    let windows = u32::from_le_bytes(count) as usize;
    if !(1..=LARGEST_RECORD).contains(&windows) {
        return None;
    }
    let mut record = count.to_vec();
    record.resize(4 + 4 * windows * (1 + dim), 0);
    file.read_exact(&mut record[4..]).ok()?;
    let mut stated = Hash::default();
    file.read_exact(&mut stated).ok()?;
    let next = chained(digest, &record);
    if next != stated {
        return None;
    }
    *digest = next;
    Some(record.split_off(4))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> {
    bytes.as_chunks().0.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const DIM: usize = 3;

    fn table(rows: usize) -> (Vec<usize>, Vec<f32>) {
        let windows = (0..rows).map(|row| 2 * row).collect();
        let values = (0..rows * DIM).map(|value| value as f32 * 0.37);
        (windows, values.collect())
    }

    fn run(folder: &TempDir, number: u64) -> Checkpoint {
        Checkpoint::new(folder.path().join("job"), number, b"talk.wav")
    }

    /// A first run that saved after every window, up to this many.
    fn first(folder: &TempDir, rows: usize) -> PathBuf {
        let mut checkpoint = run(folder, 1);
        assert_eq!(checkpoint.resume("here", DIM), Known::default());
        let (windows, values) = table(rows);
        for count in 0..=rows {
            checkpoint.save(&windows, &values[..count * DIM]);
        }
        checkpoint.path()
    }

    fn resumed(folder: &TempDir, circumstances: &str) -> usize {
        let known = run(folder, 2).resume(circumstances, DIM);
        let (windows, values) = table(known.windows.len());
        assert_eq!(known.windows, windows);
        assert_eq!(known.table, values);
        known.windows.len()
    }

    #[test]
    fn what_was_saved_comes_back_but_for_less_than_a_record() {
        let folder = TempDir::new().unwrap();
        let path = first(&folder, 3 * RECORD + RECORD / 2);
        assert_eq!(resumed(&folder, "here"), 3 * RECORD);
        assert!(!path.exists());
        // The second run wrote what it took over, so that a third one finds it.
        assert_eq!(
            run(&folder, 3).resume("here", DIM).windows.len(),
            3 * RECORD
        );
    }

    #[test]
    fn a_run_goes_on_in_its_own_file() {
        let folder = TempDir::new().unwrap();
        first(&folder, RECORD);
        let mut second = run(&folder, 2);
        second.resume("here", DIM);
        let (windows, values) = table(2 * RECORD);
        second.save(&windows, &values);
        assert_eq!(run(&folder, 3).resume("here", DIM).windows, windows);
    }

    #[test]
    fn what_is_torn_or_altered_is_not_read() {
        let folder = TempDir::new().unwrap();
        let path = first(&folder, 3 * RECORD);
        let whole = fs::read(&path).unwrap();
        let record = (whole.len() - 32) / 3;
        for (bytes, expected) in [
            (whole[..whole.len() - 1].to_vec(), 2 * RECORD),
            (whole[..32 + record + 3].to_vec(), RECORD),
            (whole[..20].to_vec(), 0),
            (Vec::new(), 0),
        ] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(resumed(&folder, "here"), expected);
        }
        for (at, expected) in [(0, 0), (32, 0), (40, 0), (32 + record + 300, RECORD)] {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x80;
            fs::write(&path, bytes).unwrap();
            assert_eq!(resumed(&folder, "here"), expected, "byte {at}");
        }
    }

    #[test]
    fn checkpoints_of_other_circumstances_are_ignored() {
        let folder = TempDir::new().unwrap();
        first(&folder, RECORD);
        assert_eq!(resumed(&folder, "elsewhere"), 0);
        first(&folder, RECORD);
        let mut other = Checkpoint::new(folder.path().join("job"), 2, b"other.wav");
        assert_eq!(other.resume("here", DIM), Known::default());
        first(&folder, RECORD);
        assert_eq!(run(&folder, 2).resume("here", DIM + 1), Known::default());
    }

    #[test]
    fn where_nothing_can_be_written_the_run_goes_on_without() {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("job"), "no folder").unwrap();
        first(&folder, 2 * RECORD);
        assert_eq!(resumed(&folder, "here"), 0);
    }
}
