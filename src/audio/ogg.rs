//! Opus in Ogg with a channel mapping that symphonia turns down.
//!
//! It knows mapping families 0 and 1; RFC 7845 5.1.1.4 wants every other one read like 255: channels
//! without a place, in the order of the file. The streams and the table that follow are the same as
//! in family 1, so that is what symphonia gets to see, along with a number of channels that it
//! takes for possible there and a version that tells [`super::opus_header`] to undo both.

use std::io::{self, Read, Seek, SeekFrom};

use super::opus_header::{
    CHANNELS, FAMILY, FAMILY_PROJECTION, FAMILY_VORBIS, MAGIC, TABLE, VERSION, VERSION_UNPLACED,
};
use super::repair::Repair;

/// The most channels that family 1 has.
const MOST_PLACES: u8 = 8;

/// Offset of a page's checksum, and of its flags and its number of segments (RFC 3533 6).
const CHECKSUM: usize = 22;
const FLAGS: usize = 5;
const SEGMENTS: usize = 26;
const HEADER: usize = 27;

/// In [`FLAGS`]: a stream begins here. All do so before any goes on.
const BEGINS: u8 = 2;

/// Streams side by side that are looked at; a film has a handful.
const MOST_STREAMS: usize = 100;

/// What must be changed in the pages at the front of an Ogg file.
pub(super) fn understated(file: &mut (impl Read + Seek)) -> io::Result<Repair> {
    let mut repair = Repair::default();
    let mut at = 0;
    file.seek(SeekFrom::Start(at))?;
    for _ in 0..MOST_STREAMS {
        let mut page = vec![0; HEADER];
        file.read_exact(&mut page)?;
        if !page.starts_with(b"OggS") || page[FLAGS] & BEGINS == 0 {
            break;
        }
        let mut segments = vec![0; usize::from(page[SEGMENTS])];
        file.read_exact(&mut segments)?;
        let body = HEADER + segments.len();
        let bytes: usize = segments.iter().copied().map(usize::from).sum();
        page.append(&mut segments);
        page.resize(body + bytes, 0);
        file.read_exact(&mut page[body..])?;
        if understate(&mut page[body..]) {
            page[CHECKSUM..CHECKSUM + 4].fill(0);
            let checksum = checksum(&page).to_le_bytes();
            page[CHECKSUM..CHECKSUM + 4].copy_from_slice(&checksum);
            let end = (body + TABLE).min(page.len());
            repair.patches.push((at, page[..end].to_vec()));
        }
        at += page.len() as u64;
    }
    Ok(repair)
}

/// Passes the header of a family without places off as one of family 1, if it is one.
fn understate(header: &mut [u8]) -> bool {
    if !header.starts_with(MAGIC) || header.len() <= TABLE {
        return false;
    }
    // Families 0 and 1 are understood, and that of the matrix is not to be misunderstood.
    if header[FAMILY] <= FAMILY_VORBIS || header[FAMILY] == FAMILY_PROJECTION {
        return false;
    }
    header[VERSION] = VERSION_UNPLACED;
    header[FAMILY] = FAMILY_VORBIS;
    header[CHANNELS] = header[CHANNELS].min(MOST_PLACES);
    true
}

/// A page's checksum: CRC-32 with polynomial 0x04c11db7, from 0, with neither bits reversed nor
/// inverted (RFC 3533 6).
fn checksum(page: &[u8]) -> u32 {
    page.iter().fold(0, |checksum: u32, byte| {
        (0..8).fold(checksum ^ u32::from(*byte) << 24, |checksum, _| {
            let carry = if checksum >> 31 == 1 { 0x04c1_1db7 } else { 0 };
            checksum << 1 ^ carry
        })
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn page(flags: u8, body: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0".to_vec();
        page.push(flags);
        page.resize(SEGMENTS, 0);
        page.extend([1, body.len() as u8]);
        page.extend(body);
        let checksum = checksum(&page);
        page[CHECKSUM..CHECKSUM + 4].copy_from_slice(&checksum.to_le_bytes());
        page
    }

    fn head(channels: u8, family: u8) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.push(channels);
        head.resize(FAMILY, 0);
        head.extend([family, channels, 0]);
        head.extend(0..channels);
        head
    }

    fn shown(file: &[u8]) -> Vec<u8> {
        let repair = understated(&mut Cursor::new(file)).unwrap();
        let mut shown = file.to_vec();
        repair.apply(0, &mut shown);
        shown
    }

    #[test]
    fn channels_without_a_place_get_one() {
        for (channels, stated) in [(3, 3), (8, 8), (20, 8)] {
            let mut expected = head(channels, 1);
            expected[VERSION] = VERSION_UNPLACED;
            expected[CHANNELS] = stated;
            // Behind another stream, as in a film.
            let film = |head: &[u8]| [page(2, b"\x80theora"), page(2, head), page(0, b"")].concat();
            assert_eq!(shown(&film(&head(channels, 255))), film(&expected));
        }
    }

    #[test]
    fn everything_else_is_left_alone() {
        for file in [
            [page(2, &head(6, 1)), page(0, &head(6, 255))].concat(),
            [page(2, &head(2, 0)), page(0, b"")].concat(),
            [page(2, &head(6, 3)), page(0, b"")].concat(),
            [page(2, b"OpusHead"), page(0, b"")].concat(),
        ] {
            assert_eq!(shown(&file), file);
        }
    }
}
