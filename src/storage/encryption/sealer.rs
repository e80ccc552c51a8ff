//! Bytes on their way into a file.

use aead_stream::{StreamPrimitive as _, aead::Payload};

use super::{GUARD, HEADER_BYTES, Keys, MAGIC, SEGMENT_BYTES, Stream};
use crate::storage::StorageError;

/// What the bytes of one file become.
#[derive(Debug)]
pub(in crate::storage) enum Form {
    /// They stay as they are. The first ones are held back until it is clear whether they need a
    /// guard.
    Plain { held: Option<Vec<u8>> },
    /// They are sealed.
    Sealed(Sealer),
}

impl Form {
    /// How a store with `keys` keeps a file. What stands before all else goes to `out`.
    ///
    /// # Errors
    /// [`StorageError::Encryption`] if the system has no random numbers.
    pub(in crate::storage) fn new(keys: &Keys, out: &mut Vec<u8>) -> Result<Self, StorageError> {
        let sealed = keys
            .seal()
            .map_err(|error| StorageError::Encryption(error.to_string()))?;
        let Some((header, stream)) = sealed else {
            return Ok(Self::Plain {
                held: Some(Vec::new()),
            });
        };
        let header = header.to_bytes();
        out.extend_from_slice(&header);
        Ok(Self::Sealed(Sealer {
            stream,
            header,
            number: 0,
            waiting: Vec::with_capacity(SEGMENT_BYTES),
        }))
    }

    /// Takes the next bytes; what is ready to be written is appended to `out`.
    ///
    /// # Errors
    /// [`StorageError::Encryption`] once there are more than can be sealed.
    pub(in crate::storage) fn push(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), StorageError> {
        match self {
            Self::Sealed(sealer) => sealer.push(bytes, out),
            Self::Plain { held: None } => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Self::Plain { held: Some(start) } => {
                start.extend_from_slice(bytes);
                if start.len() >= MAGIC.len() {
                    self.release(out);
                }
                Ok(())
            }
        }
    }

    /// Appends what is left.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub(in crate::storage) fn finish(mut self, out: &mut Vec<u8>) -> Result<(), StorageError> {
        self.release(out);
        match self {
            Self::Sealed(sealer) => sealer.finish(out),
            Self::Plain { .. } => Ok(()),
        }
    }

    fn release(&mut self, out: &mut Vec<u8>) {
        if let Self::Plain { held } = self
            && let Some(start) = held.take()
        {
            if start.starts_with(MAGIC) {
                out.extend_from_slice(&GUARD);
            }
            out.extend_from_slice(&start);
        }
    }
}

/// Seals segment by segment, and holds at most one.
pub(in crate::storage) struct Sealer {
    stream: Stream,
    header: [u8; HEADER_BYTES],
    /// Of the segment that is filled now.
    number: u32,
    waiting: Vec<u8>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl Sealer {
    fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) -> Result<(), StorageError> {
        while !bytes.is_empty() {
            // A full segment waits for the next byte: until then it may be the last one.
            if self.waiting.len() == SEGMENT_BYTES {
                self.seal(false, out)?;
                self.number = self.number.checked_add(1).ok_or_else(too_many)?;
            }
            let room = SEGMENT_BYTES - self.waiting.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    fn finish(mut self, out: &mut Vec<u8>) -> Result<(), StorageError> {
        self.seal(true, out)
    }

    fn seal(&mut self, last: bool, out: &mut Vec<u8>) -> Result<(), StorageError> {
        let payload = Payload {
            msg: &self.waiting,
            aad: &self.header,
        };
        let sealed = self.stream.encrypt(self.number, last, payload);
        out.extend(sealed.map_err(|_| too_many())?);
        self.waiting.clear();
        Ok(())
    }
}

fn too_many() -> StorageError {
    StorageError::Encryption("there are more bytes than one nonce is for".to_owned())
}
