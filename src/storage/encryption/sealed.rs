//! Bytes on their way out of a sealed file.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
};

use aead_stream::{StreamPrimitive as _, aead::Payload};

use super::{HEADER_BYTES, Header, Keys, Layout, SEGMENT_BYTES, Stream, TAG_BYTES};
use crate::storage::StorageError;

/// A sealed file, of which one segment at a time is open.
pub(in crate::storage) struct Sealed {
    file: File,
    stream: Stream,
    header: [u8; HEADER_BYTES],
    layout: Layout,
    open: Option<(u32, Vec<u8>)>,
}

impl Sealed {
    /// The file of `file_bytes` that begins with `header`. Its last segment is opened at once, so that
    /// a file that lost its end is known before its beginning is used.
    ///
    /// # Errors
    /// [`StorageError::KeyMissing`] if `keys` has not the file's, [`StorageError::Damaged`] if
    /// the file is not what was written.
    pub(in crate::storage) fn open(
        file: File,
        file_bytes: u64,
        header: &Header,
        keys: &Keys,
    ) -> Result<Self, StorageError> {
        let Some(stream) = keys.unseal(header) else {
            return Err(StorageError::KeyMissing(header.key.to_string()));
        };
        let Some(layout) = Layout::of(file_bytes) else {
            return Err(StorageError::Damaged("it has lost its end".to_owned()));
        };
        let mut sealed = Self {
            file,
            stream,
            header: header.to_bytes(),
            layout,
            open: None,
        };
        sealed.segment(layout.last)?;
        Ok(sealed)
    }

    /// Bytes of the recording.
    pub(in crate::storage) fn bytes(&self) -> u64 {
        self.layout.bytes()
    }

    /// What stands at `position` of the recording, up to the end of its segment; nothing at its end.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] if that is not what was written there, [`StorageError::Read`] if it
    /// cannot be read.
    pub(in crate::storage) fn at(&mut self, position: u64) -> Result<&[u8], StorageError> {
        if position >= self.bytes() {
            return Ok(&[]);
        }
        let number = position / SEGMENT_BYTES as u64;
        let within = (position % SEGMENT_BYTES as u64) as usize;
        // Below the last one's, which has 32 bits.
        let segment = self.segment(number as u32)?;
        Ok(segment.get(within..).unwrap_or_default())
    }

    fn segment(&mut self, number: u32) -> Result<&[u8], StorageError> {
        let open = match self.open.take() {
            Some(open) if open.0 == number => open,
            _ => (number, self.unseal(number)?),
        };
        Ok(&self.open.insert(open).1)
    }

    fn unseal(&mut self, number: u32) -> Result<Vec<u8>, StorageError> {
        let (start, bytes) = self.layout.segment(number);
        let mut sealed = vec![0; bytes + TAG_BYTES];
        self.file.seek(SeekFrom::Start(start))?;
        self.file.read_exact(&mut sealed)?;
        let payload = Payload {
            msg: &sealed,
            aad: &self.header,
        };
        let last = number == self.layout.last;
        self.stream.decrypt(number, last, payload).map_err(|_| {
            let from = u64::from(number) * SEGMENT_BYTES as u64;
            StorageError::Damaged(format!(
                "the {bytes} bytes from {from} on are not what was written"
            ))
        })
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed")
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}
