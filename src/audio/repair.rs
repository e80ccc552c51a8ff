//! Sizes in CAF, AIFF, MP4 and Matroska headers that the file does not keep.
//!
//! Symphonia looks for what follows the samples before it reads them, so a file that breaks off
//! within them, or a CAF that was written to a pipe and states no length, would be refused. Here
//! the sizes are cut to the file before symphonia sees them, or the file is passed off as a pipe.
//! (WAVE needs none of this: its reader is ours. The others are read from front to back anyway. What
//! is shown differently in Ogg is no size: see `ogg`.)

use std::io::{self, Read, Seek, SeekFrom};

use super::ogg;

/// Bytes to show in place of those in the file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Repair {
    pub(super) patches: Vec<(u64, Vec<u8>)>,
    /// Whether a stated size was cut, rather than merely filled in.
    pub(super) truncated: bool,
    /// Whether the header leaves open where the file ends, as that of a recording in progress does.
    pub(super) open_ended: bool,
    /// Whether the demuxer must not know that it could seek, nor how long the file is.
    pub(super) as_pipe: bool,
}

/// Chunks looked at before the samples; real files have a handful.
const MOST_CHUNKS: usize = 1_000;

impl Repair {
    /// What must be repaired in a file of `bytes` bytes; nothing in any other container.
    pub(super) fn of(file: &mut (impl Read + Seek), bytes: u64) -> io::Result<Self> {
        let mut start = [0; 12];
        let read = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.read_exact(&mut start));
        let repair = match (read, &start) {
            (Ok(()), [b'c', b'a', b'f', b'f', ..]) => caf(file, bytes),
            (Ok(()), [b'F', b'O', b'R', b'M', .., b'A', b'I', b'F', b'F' | b'C']) => {
                aiff(file, bytes)
            }
            (Ok(()), [_, _, _, _, b'f', b't', b'y', b'p', ..]) => mp4(file, bytes),
            (Ok(()), [0x1a, 0x45, 0xdf, 0xa3, ..]) => matroska(file, bytes),
            (Ok(()), [b'O', b'g', b'g', b'S', ..]) => ogg::understated(file),
            _ => Ok(Self::default()),
        };
        file.seek(SeekFrom::Start(0))?;
        match repair {
            // What is broken before the samples is for the demuxer to refuse.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Self::default()),
            repair => repair,
        }
    }

    /// Applies the patches to `buffer`, which was read from `position`.
    pub(super) fn apply(&self, position: u64, buffer: &mut [u8]) {
        for (at, bytes) in &self.patches {
            for (byte, offset) in bytes.iter().zip(*at..) {
                let index = offset.checked_sub(position).map(usize::try_from);
                if let Some(Ok(index)) = index
                    && let Some(shown) = buffer.get_mut(index)
                {
                    *shown = *byte;
                }
            }
        }
    }
}

/// Apple's Core Audio Format: chunks of a four-letter name and a signed 64-bit size, -1 for a
/// `data` chunk that ends with the file.
fn caf(file: &mut (impl Read + Seek), bytes: u64) -> io::Result<Repair> {
    let mut at = 8;
    for _ in 0..MOST_CHUNKS {
        let mut header = [0; 12];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut header)?;
        let [a, b, c, d, size @ ..] = header;
        let size = i64::from_be_bytes(size);
        let left = bytes - (at + 12).min(bytes);
        if [a, b, c, d] == *b"data" {
            let stated = u64::try_from(size).ok();
            if stated.is_none_or(|size| size > left) {
                return Ok(Repair {
                    patches: vec![(at + 4, left.to_be_bytes().to_vec())],
                    truncated: stated.is_some(),
                    ..Repair::default()
                });
            }
            break;
        }
        at = at
            .saturating_add(12)
            .saturating_add(u64::try_from(size).unwrap_or(0));
    }
    Ok(Repair::default())
}

/// AIFF: chunks of a four-letter name and an unsigned 32-bit size, padded to even lengths, inside
/// one `FORM` with a size of its own.
fn aiff(file: &mut (impl Read + Seek), bytes: u64) -> io::Result<Repair> {
    let mut at = 12;
    for _ in 0..MOST_CHUNKS {
        let mut header = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut header)?;
        let [a, b, c, d, size @ ..] = header;
        let size = u64::from(u32::from_be_bytes(size));
        let left = bytes - (at + 8).min(bytes);
        if [a, b, c, d] == *b"SSND" {
            if size > left {
                let narrow = |size: u64| u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes();
                return Ok(Repair {
                    patches: vec![
                        (4, narrow(bytes - 8).to_vec()),
                        (at + 4, narrow(left).to_vec()),
                    ],
                    truncated: true,
                    ..Repair::default()
                });
            }
            break;
        }
        at += 8 + size + (size & 1);
    }
    Ok(Repair::default())
}

/// MP4: boxes of a 32-bit size and a four-letter name, with a 64-bit size behind it where the first
/// is 1; 0 for a box that ends with the file.
fn mp4(file: &mut (impl Read + Seek), bytes: u64) -> io::Result<Repair> {
    let mut at = 0;
    for _ in 0..MOST_CHUNKS {
        let mut header = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut header)?;
        let [a, b, c, d, ..] = header;
        let left = bytes - at.min(bytes);
        let (size, shown) = match u32::from_be_bytes([a, b, c, d]) {
            0 => break,
            1 => {
                let mut wide = [0; 8];
                file.read_exact(&mut wide)?;
                (
                    u64::from_be_bytes(wide),
                    (at + 8, left.to_be_bytes().to_vec()),
                )
            }
            // Beyond 32 bits, "to the end of the file" says the same.
            size => {
                let shown = u32::try_from(left).unwrap_or(0).to_be_bytes();
                (u64::from(size), (at, shown.to_vec()))
            }
        };
        if size > left {
            return Ok(Repair {
                patches: vec![shown],
                truncated: true,
                ..Repair::default()
            });
        }
        at += size.max(8);
    }
    Ok(Repair::default())
}

/// Matroska: an EBML header, then one Segment around everything (RFC 8794, RFC 9559).
fn matroska(file: &mut (impl Read + Seek), bytes: u64) -> io::Result<Repair> {
    file.seek(SeekFrom::Start(4))?;
    let header = vint(file)?.unwrap_or(0);
    file.seek_relative(i64::try_from(header).unwrap_or(i64::MAX))?;
    let mut id = [0; 4];
    file.read_exact(&mut id)?;
    if id != [0x18, 0x53, 0x80, 0x67] {
        return Ok(Repair::default());
    }
    let stated = vint(file)?;
    let left = bytes - file.stream_position()?.min(bytes);
    let truncated = stated.is_some_and(|size| size > left);
    Ok(Repair {
        patches: Vec::new(),
        truncated,
        open_ended: stated.is_none(),
        as_pipe: truncated,
    })
}

/// An EBML size: as many bytes as there are leading zeros and one more; all ones for unknown.
fn vint(file: &mut impl Read) -> io::Result<Option<u64>> {
    let mut first = [0];
    file.read_exact(&mut first)?;
    let more = first[0].leading_zeros().min(7);
    let mut value = u64::from(first[0]) & (0x7f >> more);
    for _ in 0..more {
        let mut next = [0];
        file.read_exact(&mut next)?;
        value = value << 8 | u64::from(next[0]);
    }
    Ok((value != (1 << (7 * (more + 1))) - 1).then_some(value))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn caf_file(size: i64) -> Vec<u8> {
        let mut file = b"caff\0\x01\0\0free\0\0\0\0\0\0\0\x02..data".to_vec();
        file.extend(size.to_be_bytes());
        file.extend(b"\0\0\0\0samples!");
        file
    }

    fn repaired(file: &[u8]) -> (Vec<u8>, bool) {
        let repair = Repair::of(&mut Cursor::new(file), file.len() as u64).unwrap();
        let mut shown = file.to_vec();
        // In two reads that meet inside the patch.
        let (head, tail) = shown.split_at_mut(29);
        repair.apply(0, head);
        repair.apply(29, tail);
        (shown, repair.truncated)
    }

    #[test]
    fn unknown_and_broken_sizes_become_the_rest_of_the_file() {
        assert_eq!(repaired(&caf_file(12)), (caf_file(12), false));
        assert_eq!(repaired(&caf_file(-1)), (caf_file(12), false));
        assert_eq!(repaired(&caf_file(99)), (caf_file(12), true));
        assert_eq!(repaired(&caf_file(i64::MAX)), (caf_file(12), true));
    }

    #[test]
    fn a_broken_segment_is_read_as_a_pipe() {
        for (size, truncated) in [
            (b"\x82".as_slice(), false),
            (b"\x83", true),
            (b"\xff", false),
            (b"\x40\x02", false),
            (b"\x01\0\0\0\0\0\0\x03", true),
            (b"\x01\xff\xff\xff\xff\xff\xff\xff", false),
        ] {
            let file = [
                b"\x1a\x45\xdf\xa3\x82..\x18\x53\x80\x67".as_slice(),
                size,
                b"ab",
            ]
            .concat();
            let repair = Repair::of(&mut Cursor::new(&file), file.len() as u64).unwrap();
            assert_eq!(
                (repair.truncated, repair.as_pipe),
                (truncated, truncated),
                "{size:x?}"
            );
        }
    }

    #[test]
    fn broken_headers_are_left_alone() {
        for file in [
            &caf_file(99)[..20],
            b"FORM\0\0\0\0AIFFCOMM\xff\xff\xff\xff",
            b"caff",
            b"wave",
        ] {
            let repair = Repair::of(&mut Cursor::new(file), file.len() as u64).unwrap();
            assert_eq!(repair, Repair::default());
        }
    }
}
