//! Where what stands in a file.

use std::fmt;

/// What files begin with that are not plain. No audio container does.
pub(in crate::storage) const MAGIC: &[u8; 8] = b"\x8eDIARIST";

/// What stands before plain bytes that begin with [`MAGIC`] themselves.
pub(in crate::storage) const GUARD: [u8; 9] = [0x8e, b'D', b'I', b'A', b'R', b'I', b'S', b'T', 0];

/// The byte after [`MAGIC`] for segments of XChaCha20-Poly1305.
const SEALED: u8 = 1;

/// Bytes of a recording in one segment.
pub(super) const SEGMENT_BYTES: usize = 1 << 16;

/// Bytes that authenticate a segment.
pub(super) const TAG_BYTES: usize = 16;

/// Bytes of a nonce that are the same for all segments of a file: the cipher's 24 without STREAM's
/// counter and mark of the last segment.
pub(super) const NONCE_BYTES: usize = 19;

/// [`MAGIC`], kind, fingerprint, nonce.
pub(super) const HEADER_BYTES: usize = MAGIC.len() + 1 + 8 + NONCE_BYTES;

/// What tells one key from another, without telling the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) struct Fingerprint(pub(super) [u8; 8]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What stands before the segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::storage) struct Header {
    pub(super) key: Fingerprint,
    pub(super) nonce: [u8; NONCE_BYTES],
}

impl Header {
    pub(super) fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let (magic, rest) = bytes.split_at_mut(MAGIC.len());
        magic.copy_from_slice(MAGIC);
        rest[0] = SEALED;
        rest[1..9].copy_from_slice(&self.key.0);
        rest[9..].copy_from_slice(&self.nonce);
        bytes
    }
}

/// What a file is, by how it begins.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::storage) enum Beginning {
    Plain,
    Guarded,
    Sealed(Header),
    /// It has our mark and goes on as none of ours.
    Broken,
}

impl Beginning {
    /// How many bytes tell.
    pub(in crate::storage) const BYTES: usize = HEADER_BYTES;

    /// Reads the first [`Self::BYTES`] of a file, or as many as there are.
    pub(in crate::storage) fn of(bytes: &[u8]) -> Self {
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            return Self::Plain;
        };
        match rest.split_first() {
            Some((0, _)) => Self::Guarded,
            Some((&SEALED, rest)) => Self::sealed(rest).unwrap_or(Self::Broken),
            _ => Self::Broken,
        }
    }

    fn sealed(rest: &[u8]) -> Option<Self> {
        let (key, rest) = rest.split_first_chunk()?;
        let nonce = rest.first_chunk()?;
        Some(Self::Sealed(Header {
            key: Fingerprint(*key),
            nonce: *nonce,
        }))
    }
}

/// How the segments of a file lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// The number of the last segment, from 0.
    pub(super) last: u32,
    /// Bytes of the recording in it.
    pub(super) last_bytes: usize,
}

impl Layout {
    const SEALED_SEGMENT: u64 = (SEGMENT_BYTES + TAG_BYTES) as u64;

    /// The layout of a file of `file_bytes`; `None` if no file of ours has this size.
    pub(super) fn of(file_bytes: u64) -> Option<Self> {
        let body = file_bytes.checked_sub(HEADER_BYTES as u64)?;
        let last = body.div_ceil(Self::SEALED_SEGMENT).checked_sub(1)?;
        let sealed = usize::try_from(body - last * Self::SEALED_SEGMENT).ok()?;
        let last_bytes = sealed.checked_sub(TAG_BYTES)?;
        // Only a recording without a byte has a segment without one.
        (last_bytes > 0 || last == 0).then_some(())?;
        let last = u32::try_from(last).ok()?;
        Some(Self { last, last_bytes })
    }

    /// Bytes of the recording.
    pub(super) fn bytes(self) -> u64 {
        u64::from(self.last) * SEGMENT_BYTES as u64 + self.last_bytes as u64
    }

    /// Where segment `number` begins in the file, and how many of its bytes are the recording's.
    pub(super) fn segment(self, number: u32) -> (u64, usize) {
        let start = HEADER_BYTES as u64 + u64::from(number) * Self::SEALED_SEGMENT;
        let bytes = if number == self.last {
            self.last_bytes
        } else {
            SEGMENT_BYTES
        };
        (start, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_told_apart() {
        let header = Header {
            key: Fingerprint(*b"the key "),
            nonce: *b"nineteen bytes here",
        };
        let bytes = header.to_bytes();
        assert_eq!(Beginning::of(&bytes), Beginning::Sealed(header));
        assert_eq!(Beginning::of(&bytes[..bytes.len() - 1]), Beginning::Broken);
        assert_eq!(Beginning::of(&GUARD), Beginning::Guarded);
        assert_eq!(Beginning::of(MAGIC), Beginning::Broken);
        assert_eq!(
            Beginning::of(&[MAGIC, &[2][..]].concat()),
            Beginning::Broken
        );
        for plain in [b"".as_slice(), &MAGIC[..7], b"RIFF", b"\x8eDIARISS\x01"] {
            assert_eq!(Beginning::of(plain), Beginning::Plain);
        }
    }

    #[test]
    fn a_size_gives_its_layout_or_none() {
        let head = HEADER_BYTES as u64;
        let full = Layout::SEALED_SEGMENT;
        let of = |body: u64| Layout::of(head + body).map(Layout::bytes);
        assert_eq!(of(16), Some(0));
        assert_eq!(of(17), Some(1));
        assert_eq!(of(full), Some(65_536));
        assert_eq!(of(full + 17), Some(65_537));
        assert_eq!(of(3 * full), Some(3 * 65_536));
        for broken in [0, 15, full + 1, full + 16, u64::MAX - head] {
            assert_eq!(of(broken), None, "{broken}");
        }
        assert_eq!(Layout::of(head - 1), None);
        let most = (1_u64 << 32) * full;
        assert!(of(most).is_some());
        assert_eq!(of(most + 17), None);
    }
}
