//! Seeds, and what comes of them.

use std::path::Path;

/// Pieces that parsers of text care for.
const PIECES: [&[u8]; 24] = [
    b"null",
    b"\"\"",
    b"-1",
    b"0",
    b"1e308",
    b"1e-300",
    b"NaN",
    b"-0.0",
    b"4294967296",
    b"0.0005",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\0",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b" ",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b"<NA>",
    b"<ALT>",
];

/// The largest input that is made, in bytes.
const LARGEST: usize = 20_000;

/// The seeds of target `name`, and what `rounds` mutations make of each.
pub(crate) fn mutations(name: &str, rounds: usize) -> impl Iterator<Item = Vec<u8>> {
    let seeds = seeds(name);
    let rounds = std::env::var("DIARIST_FUZZ_ROUNDS").map_or(rounds, |text| text.parse().unwrap());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut current = Vec::new();
    (0..seeds.len() * (rounds + 1)).map(move |index| {
        let (seed, round) = (index / (rounds + 1), index % (rounds + 1));
        // A few steps away from the seed, then back to it.
        if round % 8 == 0 {
            current.clone_from(&seeds[seed]);
        }
        if round > 0 {
            mutate(&mut current, &seeds, &mut random);
        }
        current.clone()
    })
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(name);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} has no seeds");
    let seeds = paths.iter().map(|path| std::fs::read(path).unwrap());
    seeds.collect()
}

fn mutate(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len() + 1);
    let end = (at + random.below(12)).min(bytes.len());
    match random.below(7) {
        0 => drop(bytes.drain(at..end)),
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 => {
            let piece = PIECES[random.below(PIECES.len())];
            bytes.splice(at..end, piece.iter().copied());
        }
        3 => {
            let piece = PIECES[random.below(PIECES.len())];
            bytes.splice(at..at, piece.iter().copied());
        }
        4 => {
            let other = &seeds[random.below(seeds.len())];
            let from = random.below(other.len() + 1);
            let to = (from + random.below(200)).min(other.len());
            bytes.splice(at..end, other[from..to].iter().copied());
        }
        5 => {
            let piece = bytes[at..(at + 80).min(bytes.len())].to_vec();
            let again = random.below(30);
            bytes.splice(at..at, piece.repeat(again));
        }
        _ => {
            // A digit becomes another one: times move, and cross each other.
            let digit = bytes[at..].iter().position(u8::is_ascii_digit);
            if let Some(index) = digit {
                bytes[at + index] = b'0' + random.below(10) as u8;
            }
        }
    }
    bytes.truncate(LARGEST);
}

/// Xorshift: numbers that come again in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
