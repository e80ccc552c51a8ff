//! The file as the demuxers see it.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use symphonia::core::io::MediaSource;
use thiserror::Error;

use super::repair::Repair;
use super::{AudioError, Bytes, Limits, Recording};

/// A file that counts what is read from it and bounds what one step of a demuxer may read.
///
/// Demuxers keep what they read of a header, a table or a packet. With the bound on reading, no
/// claim in a file can make one of those larger than [`Source::LARGEST_STEP`], whatever the format.
pub(super) struct Source {
    file: Box<dyn Bytes>,
    bytes: u64,
    repair: Repair,
    meter: Arc<Meter>,
}

/// The shared view on a [`Source`] that a demuxer owns.
#[derive(Debug, Default)]
pub(super) struct Meter {
    position: AtomicU64,
    allowance: AtomicU64,
}

/// One element of the container exceeds [`Source::LARGEST_STEP`].
#[derive(Debug, Error)]
#[error(
    "one element must have at most {} bytes; given: more",
    Source::LARGEST_STEP
)]
pub(super) struct ElementTooLarge;

impl Source {
    /// Bytes one step (opening, or reading one packet) may read. The sample tables of a day of
    /// video stay below it.
    pub(super) const LARGEST_STEP: u64 = 64 << 20;

    pub(super) fn open(recording: &dyn Recording, limits: &Limits) -> Result<Self, AudioError> {
        let mut file = recording.open()?;
        let bytes = file.seek(SeekFrom::End(0))?;
        if bytes == 0 {
            return Err(AudioError::EmptyFile);
        }
        if bytes > limits.max_bytes {
            return Err(AudioError::TooLarge {
                limit: limits.max_bytes,
                bytes,
            });
        }
        let meter = Arc::new(Meter::default());
        meter.begin_step();
        let source = Self {
            repair: Repair::of(&mut file, bytes)?,
            file,
            bytes,
            meter,
        };
        Ok(source)
    }

    /// What counts the reading, also once a demuxer owns the source.
    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// The size of the file.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the file ends before its header says.
    pub(super) fn is_cut_short(&self) -> bool {
        self.repair.truncated
    }

    /// Whether the header does not say where the file ends.
    pub(super) fn is_open_ended(&self) -> bool {
        self.repair.open_ended
    }
}

impl Meter {
    /// Grants the next step its full allowance.
    pub(super) fn begin_step(&self) {
        self.allowance
            .store(Source::LARGEST_STEP, Ordering::Relaxed);
    }

    /// The byte up to which the file has been read.
    pub(super) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowance = self.meter.allowance.load(Ordering::Relaxed);
        if allowance == 0 {
            return Err(io::Error::other(ElementTooLarge));
        }
        let most = buffer
            .len()
            .min(usize::try_from(allowance).unwrap_or(usize::MAX));
        let read = self.file.read(&mut buffer[..most])?;
        self.meter
            .allowance
            .store(allowance - read as u64, Ordering::Relaxed);
        let position = self
            .meter
            .position
            .fetch_add(read as u64, Ordering::Relaxed);
        self.repair.apply(position, &mut buffer[..read]);
        Ok(read)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = self.file.seek(to)?;
        self.meter.position.store(position, Ordering::Relaxed);
        Ok(position)
    }
}

impl MediaSource for Source {
    fn is_seekable(&self) -> bool {
        !self.repair.as_pipe
    }

    fn byte_len(&self) -> Option<u64> {
        (!self.repair.as_pipe).then_some(self.bytes)
    }
}
