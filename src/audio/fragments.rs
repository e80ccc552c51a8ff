//! What the fragments of an MP4 claim to hold (ISO/IEC 14496-12, 8.8), followed as it is read.
//!
//! A run of samples (`trun`) may leave sizes and durations to defaults; then nothing but a number
//! says how many samples there are, and symphonia counts up to it, 2^32 times for 16 bytes of file.
//! No sample takes less than a byte, so a file cannot hold more of them than bytes.
//!
//! And it looks every sample up by passing over the runs before it in the fragment, whose time grows
//! with the square of what the fragment holds. Writers put one run into a fragment, or a few.

use thiserror::Error;

/// Follows the boxes among the bytes that pass by, in any pieces. It steps from header to header,
/// and waits for each, since a demuxer cannot get past one without reading it either.
#[derive(Debug)]
pub(super) struct Fragments {
    /// Where the box to be looked at begins.
    at: u64,
    /// The ends of the `moof` and the `traf` around it.
    ends: Vec<u64>,
    /// What was seen of the box's beginning so far.
    seen: Vec<u8>,
    claimed: u64,
    limit: u64,
    /// Runs of the `traf` so far.
    runs: u64,
    /// Runs to be passed over until all samples are found.
    passed: u64,
}

/// What no file can hold, or nobody should wait for.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum FragmentError {
    #[error(
        "the fragments of this file must claim at most {limit} samples that have no entry of their own; given: at least {claimed}"
    )]
    TooManySamples { limit: u64, claimed: u64 },
    #[error(
        "finding the samples of this file must pass over at most {PASSED} runs of its fragments; given: at least {0}"
    )]
    TooManyRuns(u64),
    #[error("a {0} box must state its size of at least 8 bytes; given: 0, for up to the end")]
    OpenEnded(&'static str),
}

/// The boxes that symphonia reads where it meets them, rather than passing over; of a size of 0
/// only their contents would tell where the next one begins.
const READ: [(&[u8; 4], &str); 5] = [
    (b"ftyp", "ftyp"),
    (b"moov", "moov"),
    (b"meta", "meta"),
    (b"sidx", "sidx"),
    (b"moof", "moof"),
];

/// `trun` flags: samples have durations, sizes, flags, time offsets of their own. Such a sample has
/// at least four bytes to show for itself.
const ENTRIES: u32 = 0xf00;

/// Runs to be passed over, summed over all samples of a file: about 20 s without optimisation. Ten
/// hours of AAC in a single fragment of 5,000 runs come to as much.
const PASSED: u64 = 1 << 32;

/// Samples any file may claim, so that one that breaks off in its first fragment can be read.
const ALWAYS: u64 = 65_536;

impl Fragments {
    /// Follows the boxes of a file of `bytes` bytes from `start`.
    pub(super) fn new(start: u64, bytes: u64) -> Self {
        Self {
            at: start,
            ends: Vec::with_capacity(2),
            seen: Vec::with_capacity(24),
            claimed: 0,
            limit: bytes.max(ALWAYS),
            runs: 0,
            passed: 0,
        }
    }

    /// Whether one of the outermost boxes begins at `at`, which is as far as the bytes went.
    pub(super) fn is_between_boxes(&self, at: u64) -> bool {
        self.at == at && self.ends.is_empty()
    }

    /// Looks at `bytes`, which were read from `position`.
    pub(super) fn pass(&mut self, position: u64, bytes: &[u8]) -> Result<(), FragmentError> {
        loop {
            let missing = self.needed() - self.seen.len();
            if missing > 0 {
                let next = (self.at + self.seen.len() as u64).checked_sub(position);
                let Some(rest) = next
                    .and_then(|next| usize::try_from(next).ok())
                    .and_then(|next| bytes.get(next..))
                    .filter(|rest| !rest.is_empty())
                else {
                    return Ok(());
                };
                self.seen.extend(rest.iter().take(missing));
            } else {
                self.step()?;
            }
        }
    }

    /// Bytes to see of the box before it can be left behind.
    fn needed(&self) -> usize {
        match self.seen.len() {
            0..8 => 8,
            _ if self.is_run() => self.header() + 8,
            _ => self.header(),
        }
    }

    /// Bytes before the box's contents.
    fn header(&self) -> usize {
        if self.number(0) == 1 { 16 } else { 8 }
    }

    fn is_run(&self) -> bool {
        self.ends.len() == 2 && self.seen.get(4..8) == Some(b"trun")
    }

    fn number(&self, at: usize) -> u32 {
        self.seen
            .get(at..)
            .and_then(|seen| seen.first_chunk())
            .map_or(0, |number| u32::from_be_bytes(*number))
    }

    /// Goes on to the next box, whether within this one or behind it.
    fn step(&mut self) -> Result<(), FragmentError> {
        let header = self.header();
        let size = match self.number(0) {
            1 => u64::from(self.number(8)) << 32 | u64::from(self.number(12)),
            size => u64::from(size),
        };
        let name = self.seen.get(4..8).unwrap_or_default();
        if size == 0
            && let Some((_, name)) = READ.iter().find(|(read, _)| name == *read)
        {
            return Err(FragmentError::OpenEnded(name));
        }
        // The others of size 0 are looked into: padding, and what symphonia does with them.
        let end = self.at.saturating_add(size.max(header as u64));
        let around = self.ends.last().copied().unwrap_or(u64::MAX);
        let opened = match self.ends.len() {
            0 => name == b"moof",
            1 => name == b"traf",
            _ => false,
        };
        if end > around {
            // Broken: nothing more is read of what is around it.
            self.at = around;
        } else if opened {
            self.ends.push(end);
            self.at += header as u64;
            self.runs = 0;
        } else {
            if self.is_run() {
                self.run(header, size)?;
            }
            self.at = end;
        }
        // Less than a header is left: nothing is.
        while let Some(end) = self.ends.pop_if(|end| end.saturating_sub(self.at) < 8) {
            self.at = end;
        }
        self.seen.clear();
        Ok(())
    }

    /// Counts what a run of `size` bytes holds and what its samples cost to find.
    fn run(&mut self, header: usize, size: u64) -> Result<(), FragmentError> {
        let samples = u64::from(self.number(header + 4));
        let samples = if self.number(header) & ENTRIES == 0 {
            self.claim(samples)?;
            samples
        } else {
            samples.min(size / 4)
        };
        self.passed = self
            .passed
            .saturating_add(samples.saturating_mul(self.runs));
        self.runs += 1;
        if self.passed > PASSED {
            return Err(FragmentError::TooManyRuns(self.passed));
        }
        Ok(())
    }

    fn claim(&mut self, samples: u64) -> Result<(), FragmentError> {
        self.claimed = self.claimed.saturating_add(samples);
        if self.claimed > self.limit {
            return Err(FragmentError::TooManySamples {
                limit: self.limit,
                claimed: self.claimed,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(name: [u8; 4], contents: &[u8]) -> Vec<u8> {
        let size = u32::try_from(contents.len() + 8).unwrap().to_be_bytes();
        [size.as_slice(), &name, contents].concat()
    }

    fn run(flags: u32, samples: u32) -> Vec<u8> {
        boxed(
            *b"trun",
            &[flags.to_be_bytes(), samples.to_be_bytes()].concat(),
        )
    }

    fn fragment(runs: &[Vec<u8>]) -> Vec<u8> {
        let traf = boxed(
            *b"traf",
            &[boxed(*b"tfhd", b"12345678"), runs.concat()].concat(),
        );
        let moof = boxed(*b"moof", &[boxed(*b"mfhd", b"12345678"), traf].concat());
        [moof, boxed(*b"mdat", b"moof"), boxed(*b"mdat", b"")].concat()
    }

    fn followed(bytes: &[u8], piece: usize) -> Result<Fragments, FragmentError> {
        let mut fragments = Fragments::new(0, bytes.len() as u64);
        for (number, bytes) in bytes.chunks(piece).enumerate() {
            fragments.pass((number * piece) as u64, bytes)?;
        }
        Ok(fragments)
    }

    #[test]
    fn claims_add_up_over_runs_and_fragments_however_they_are_read() {
        let half = run(0, 32_768);
        let fits = [
            boxed(*b"free", b""),
            fragment(std::slice::from_ref(&half)),
            fragment(&[run(0x300, u32::MAX), half]),
        ]
        .concat();
        let beyond = [fits.clone(), fragment(&[run(1, 1)])].concat();
        for piece in [1, 7, 8, 16, 23, 10_000] {
            let fragments = followed(&fits, piece).unwrap();
            assert!(fragments.is_between_boxes(fits.len() as u64), "{piece}");
            assert_eq!(
                followed(&beyond, piece).unwrap_err(),
                FragmentError::TooManySamples {
                    limit: 65_536,
                    claimed: 65_537,
                }
            );
        }
    }

    #[test]
    fn a_larger_file_may_hold_more() {
        let file = [fragment(&[run(0, 70_000)]), vec![0; 70_000]].concat();
        followed(&file, 4096).unwrap();
        followed(&fragment(&[run(0, 70_000)]), 4096).unwrap_err();
    }

    #[test]
    fn samples_are_found_in_a_bounded_number_of_steps() {
        let entries = |samples: u32| {
            let sizes = vec![0; 4 * samples as usize];
            let header = [0x200_u32.to_be_bytes(), samples.to_be_bytes()].concat();
            boxed(*b"trun", &[header, sizes].concat())
        };
        let empty = |runs: usize| run(0, 0).repeat(runs);
        // A fragment of 65,536 runs and 65,536 samples behind them costs what a file may.
        for samples in [run(0, 65_536), entries(65_536)] {
            let most = fragment(&[empty(65_536), samples]);
            followed(&most, 4096).unwrap();
            assert_eq!(
                followed(&[most, fragment(&[empty(1), entries(1)])].concat(), 4096).unwrap_err(),
                FragmentError::TooManyRuns(PASSED + 1)
            );
        }
        // The samples of other fragments cost nothing, and no run holds more than it has room for.
        followed(&fragment(&[run(0, 1)]).repeat(50_000), 4096).unwrap();
        followed(&fragment(&[empty(65_536), run(0x200, u32::MAX)]), 4096).unwrap();
    }

    #[test]
    fn wide_sizes_hide_nothing() {
        let wide = |narrow: &[u8]| {
            let length = u64::try_from(narrow.len() + 8).unwrap().to_be_bytes();
            [&[0, 0, 0, 1], &narrow[4..8], &length, &narrow[8..]].concat()
        };
        let traf = wide(&boxed(*b"traf", &wide(&run(0, u32::MAX))));
        followed(&wide(&boxed(*b"moof", &traf)), 5).unwrap_err();
    }

    #[test]
    fn broken_boxes_end_what_is_around_them() {
        let far = [&u32::MAX.to_be_bytes(), b"free".as_slice()].concat();
        let moof = boxed(*b"moof", &[far, run(0, u32::MAX)].concat());
        let file = [moof, fragment(&[run(0, 65_537)])].concat();
        assert!(matches!(
            followed(&file, 3).unwrap_err(),
            FragmentError::TooManySamples {
                claimed: 65_537,
                ..
            }
        ));
    }

    #[test]
    fn only_what_is_passed_over_may_end_with_the_file() {
        let mut file = fragment(&[]);
        file[..4].fill(0);
        assert_eq!(
            followed(&file, 50).unwrap_err(),
            FragmentError::OpenEnded("moof")
        );
        // Padding.
        followed(&[fragment(&[]), vec![0; 1000]].concat(), 50).unwrap();
    }

    #[test]
    fn what_was_skipped_is_waited_for() {
        let file = [vec![0; 8], fragment(&[run(0, u32::MAX)])].concat();
        let mut fragments = Fragments::new(0, file.len() as u64);
        fragments.pass(20, &file[20..]).unwrap();
        fragments.pass(0, &file[..30]).unwrap();
        fragments.pass(24, &file[24..]).unwrap_err();
    }
}
