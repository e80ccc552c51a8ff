//! The edit list of MP4, which symphonia reads past.
//!
//! Encoders like AAC start with a block of nothing (1024 samples or more); MP4 says how much in the
//! first edit of a track (ISO/IEC 14496-12, 8.6.6). Not dropping it would shift every turn.

use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use super::{Bytes, Recording};

/// Boxes looked at; a film with many tracks has hundreds.
const MOST_BOXES: u32 = 10_000;

struct Boxes {
    file: BufReader<Box<dyn Bytes>>,
    left: u32,
}

/// Seconds of track `id` that precede its presentation; `None` where the file does not say.
pub(super) fn leading_seconds(recording: &dyn Recording, id: u32) -> Option<f64> {
    let mut file = recording.open().ok()?;
    let bytes = file.seek(SeekFrom::End(0)).ok()?;
    let mut boxes = Boxes {
        file: BufReader::new(file),
        left: MOST_BOXES,
    };
    let movie = boxes.find(0..bytes, *b"moov")?;
    let mut rest = movie;
    while let Some(track) = boxes.find(rest.clone(), *b"trak") {
        rest.start = track.end;
        if boxes.track_id(&track) == Some(id) {
            let edits = boxes.find(track.clone(), *b"edts")?;
            let list = boxes.find(edits, *b"elst")?;
            let media = boxes.find(track, *b"mdia")?;
            let header = boxes.find(media, *b"mdhd")?;
            let start = boxes.first_edit(list)?;
            let scale = boxes.time_scale(header)?;
            return Some(f64::from(start) / f64::from(scale));
        }
    }
    None
}

impl Boxes {
    /// The contents of the first box named `name` within `range`.
    fn find(&mut self, mut range: Range<u64>, name: [u8; 4]) -> Option<Range<u64>> {
        while range.start < range.end {
            self.left = self.left.checked_sub(1)?;
            let header: [u8; 8] = self.read(range.start)?;
            let [a, b, c, d, found @ ..] = header;
            let (head, size) = match u32::from_be_bytes([a, b, c, d]) {
                0 => (8, range.end - range.start),
                1 => (16, u64::from_be_bytes(self.read(range.start + 8)?)),
                size => (8, u64::from(size)),
            };
            let end = range.start.checked_add(size.max(head))?.min(range.end);
            if found == name {
                return Some(range.start + head..end);
            }
            range.start = end;
        }
        None
    }

    fn track_id(&mut self, track: &Range<u64>) -> Option<u32> {
        let header = self.find(track.clone(), *b"tkhd")?;
        let wide = self.version(header.start)? == 1;
        let at = header.start + if wide { 20 } else { 12 };
        Some(u32::from_be_bytes(self.read(at)?))
    }

    fn time_scale(&mut self, header: Range<u64>) -> Option<u32> {
        let wide = self.version(header.start)? == 1;
        let at = header.start + if wide { 20 } else { 12 };
        Some(u32::from_be_bytes(self.read(at)?)).filter(|scale| *scale > 0)
    }

    /// Where in the media the first edit that is not a pause begins, in the media's time scale.
    fn first_edit(&mut self, list: Range<u64>) -> Option<u32> {
        let wide = self.version(list.start)? == 1;
        let length = if wide { 20 } else { 12 };
        let count = u64::from(u32::from_be_bytes(self.read(list.start + 4)?));
        for entry in 0..count.min(16) {
            let at = list.start + 8 + entry * length;
            let start = if wide {
                i64::from_be_bytes(self.read(at + 8)?)
            } else {
                i64::from(i32::from_be_bytes(self.read(at + 4)?))
            };
            if start >= 0 {
                return u32::try_from(start).ok();
            }
        }
        None
    }

    fn version(&mut self, at: u64) -> Option<u8> {
        let [version] = self.read(at)?;
        Some(version)
    }

    fn read<const N: usize>(&mut self, at: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        let here = self.file.stream_position().ok()?;
        let by = i64::try_from(at).ok()? - i64::try_from(here).ok()?;
        self.file.seek_relative(by).ok()?;
        self.file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }
}
