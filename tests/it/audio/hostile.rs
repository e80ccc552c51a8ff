//! Bytes that lie, and bytes that mean nothing.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{decode, decode_bytes, file, fixture_bytes, fmt, riff, source};
use diarist::audio::{AudioError, AudioStream, DecodeOptions, Limits};

/// The beginnings that make a reader take an interest.
const MAGIC: [&[u8]; 14] = [
    b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data",
    b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0",
    b"fLaC\0\0\0\x22",
    b"ID3\x04\0\0",
    b"\xff\xfb\x90\x64",
    b"\xff\xf1\x50\x80",
    b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42\0\0",
    b"\0\0\0\x14ftypisom\0\0\0\0isom\0\0\x04\0moov",
    b"OggS\0\x02\0\0\0\0\0\0\0\0",
    b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01",
    b"\x1a\x45\xdf\xa3\x93\x42\x82\x84webm",
    b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm\x18\x53\x80\x67",
    b"FORM\0\0\xff\xffAIFFCOMM\0\0\0\x12",
    b"caff\0\x01\0\0desc\0\0\0\0\0\0\0\x20",
];

const FIXTURES: [&str; 25] = [
    "source.wav",
    "rf64.wav",
    "wav-adpcm-ms.wav",
    "wav-adpcm-ima-stereo.wav",
    "flac.flac",
    "mp3.mp3",
    "mp2.mp2",
    "aac.aac",
    "m4a-moov-last.m4a",
    "m4a-alac.m4a",
    "mp4-fragmented.mp4",
    "ogg-vorbis.ogg",
    "ogg-opus.opus",
    "webm-opus.webm",
    "mkv-video.mkv",
    "aiff.aiff",
    "caf.caf",
    "caf-alac.caf",
    "wav-adpcm-ima-5.1.wav",
    "wav-adpcm-ms-3.wav",
    "aac-5.1.aac",
    "m4a-aac-quad.m4a",
    "ogg-opus-255.opus",
    "webm-opus-7.1.webm",
    "mkv-opus-255.mkv",
];

/// A changed time stamp stands for any length of silence, and all of it would be kept here.
fn decode_a_minute(bytes: &[u8]) {
    let limits = Limits {
        max_duration_seconds: 60.0,
        ..Limits::default()
    };
    let options = DecodeOptions {
        limits,
        channel: None,
    };
    let _ = decode(file(bytes).path(), &options);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Noise after a valid beginning gives samples or an error, never a panic.
    #[test]
    fn noise_after_a_magic_number(
        magic in prop::sample::select(MAGIC.to_vec()),
        noise in prop::collection::vec(any::<u8>(), 0..4_000),
    ) {
        decode_a_minute(&[magic, &noise].concat());
    }

    /// So does a real file with a few bytes changed.
    #[test]
    fn flipped_bytes(
        name in prop::sample::select(FIXTURES.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        in_header in any::<bool>(),
    ) {
        let mut bytes = fixture_bytes(name);
        let reach = if in_header { bytes.len().min(512) } else { bytes.len() };
        for (at, value) in changes {
            bytes[at.index(reach)] = value;
        }
        decode_a_minute(&bytes);
    }
}

#[test]
fn claims_cost_neither_memory_nor_time() {
    let data = vec![0; 32_000];
    let claims = [
        // 65,535 channels of 32 bits at 192 kHz.
        riff(&[
            (b"fmt ", fmt(1, u16::MAX, 192_000, 32)),
            (b"data", data.clone()),
        ]),
        // An ADPCM block as large as a block can be.
        riff(&[
            (b"fmt ", {
                let mut chunk = fmt(2, 1, 16_000, 4);
                chunk[12..14].copy_from_slice(&u16::MAX.to_le_bytes());
                chunk
            }),
            (b"data", data.clone()),
        ]),
        // A chunk of 4 GiB before the data.
        {
            let mut file = riff(&[(b"JUNK", data.clone()), (b"data", data)]);
            file[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
            file
        },
        // FLAC: 2^36 samples of 32 bits in 8 channels, blocks of 65,535.
        {
            let mut file = fixture_bytes("flac.flac");
            file[8..12].fill(0xff);
            file[21..26].fill(0xff);
            file
        },
    ];
    let start = Instant::now();
    for (number, file) in claims.iter().enumerate() {
        let _ = decode_bytes(file).inspect_err(|error| println!("{number}: {error}"));
    }
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn lengths_that_were_claimed_are_not_believed() {
    // The sample table of an MP4 says how many samples there are; the file says otherwise.
    let mut file = fixture_bytes("source.wav");
    file[40..44].copy_from_slice(&2_000_000_000_u32.to_le_bytes());
    let decoded = decode_bytes(&file).unwrap();
    assert!(decoded.samples == source());
    assert!(decoded.warning.is_some());
}

/// A box of an MP4.
fn mp4_box(name: [u8; 4], contents: &[u8]) -> Vec<u8> {
    let size = u32::try_from(contents.len() + 8).unwrap().to_be_bytes();
    [size.as_slice(), &name, contents].concat()
}

/// A fragment of an MP4 whose runs claim so many samples and say nothing about any of them.
fn claiming_fragment(runs: &[u32]) -> Vec<u8> {
    let runs = runs.iter().flat_map(|samples| {
        let contents = [0_u32.to_be_bytes(), samples.to_be_bytes()].concat();
        mp4_box(*b"trun", &contents)
    });
    let track = mp4_box(*b"tfhd", &[0, 0, 0, 0, 0, 0, 0, 1]);
    let traf = mp4_box(*b"traf", &[track, runs.collect()].concat());
    let moof = mp4_box(*b"moof", &[mp4_box(*b"mfhd", &[0; 8]), traf].concat());
    [moof, mp4_box(*b"mdat", b"")].concat()
}

/// `ftyp` and `moov` of a fragmented MP4, and the fragment that follows.
fn fragmented() -> (Vec<u8>, Vec<u8>) {
    let mut file = fixture_bytes("mp4-fragmented.mp4");
    let fragments = file.split_off(696);
    assert_eq!(&fragments[4..8], b"moof");
    (file, fragments)
}

#[test]
fn fragments_claim_no_more_samples_than_a_file_can_hold() {
    let (header, _) = fragmented();
    let files = [
        claiming_fragment(&[u32::MAX]),
        claiming_fragment(&[65_537]),
        claiming_fragment(&[40_000; 2_000]),
        claiming_fragment(&[40_000]).repeat(2_000),
        // Something symphonia skips to find it again later, and what it starts from anew.
        [
            mp4_box(*b"free", &vec![0; 400_000]),
            claiming_fragment(&[u32::MAX]),
        ]
        .concat(),
    ]
    .map(|fragments| [header.clone(), fragments].concat());
    let moov_last = {
        let (ftyp, moov) = header.split_at(32);
        [ftyp, &claiming_fragment(&[u32::MAX]), moov].concat()
    };
    let after_junk = [b"not a box at all", files[0].as_slice()].concat();
    let after_boxes = [claiming_fragment(&[u32::MAX]), header].concat();
    let start = Instant::now();
    for file in files.iter().chain([&moov_last, &after_junk, &after_boxes]) {
        let error = decode_bytes(file).unwrap_err();
        assert!(matches!(error, AudioError::Malformed { .. }), "{error}");
        let message = error.to_string();
        let limit = file.len().max(65_536);
        assert!(
            message.contains(&format!("at most {limit} samples")) && message.contains("given: "),
            "{message}"
        );
    }
    // The first of them alone would be counted for seconds; all of the many, for hours.
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn samples_of_fragments_are_found_in_bounded_time() {
    let (header, _) = fragmented();
    let runs = [vec![0; 200_000], vec![60_000]].concat();
    let file = [header, claiming_fragment(&runs)].concat();
    let error = decode_bytes(&file).unwrap_err();
    assert!(matches!(error, AudioError::Malformed { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("at most 4294967296 runs") && message.contains("given: "),
        "{message}"
    );
}

#[test]
fn a_fragment_that_claims_too_much_ends_the_audio_before_it() {
    let whole = fixture_bytes("mp4-fragmented.mp4");
    let honest = decode_bytes(&whole).unwrap();
    let (header, first) = fragmented();
    let filler = mp4_box(*b"free", &vec![0; 100_000]);
    let file = [header, first, filler, claiming_fragment(&[u32::MAX])].concat();
    let decoded = decode_bytes(&file).unwrap();
    assert!(decoded.samples == honest.samples);
    let warning = decoded.warning.unwrap();
    assert!(format!("{warning:?}").contains("at most "), "{warning:?}");
}

#[test]
fn boxes_or_junk_before_the_first_one_of_an_mp4_are_passed_over() {
    let whole = fixture_bytes("mp4-fragmented.mp4");
    let honest = decode_bytes(&whole).unwrap();
    let fragment_start = 696;
    for prefix in [mp4_box(*b"free", &[0; 3_000]), b"not a box at all".to_vec()] {
        let mut file = [prefix.as_slice(), &whole].concat();
        // Where the samples are, from the beginning of the file.
        let base = prefix.len() + fragment_start + 48;
        assert_eq!(file[base..base + 8], 696_u64.to_be_bytes());
        let moved = (prefix.len() + fragment_start) as u64;
        file[base..base + 8].copy_from_slice(&moved.to_be_bytes());
        let decoded = decode_bytes(&file).unwrap();
        assert!(decoded.samples == honest.samples);
    }
}

#[test]
fn a_constant_sample_size_claims_no_more_than_the_file_holds() {
    let mut file = fixture_bytes("mov-pcm.mov");
    let whole = decode_bytes(&file).unwrap();
    let count = (1_u32 << 31).to_be_bytes();
    for (name, at) in [(b"stts", 16), (b"stsc", 20), (b"stsz", 16)] {
        let start = file.windows(4).position(|bytes| bytes == name).unwrap() - 4;
        file[start + at..start + at + 4].copy_from_slice(&count);
    }
    // A day and a half at this rate: the limit on what is stated must not be what ends it.
    let options = DecodeOptions {
        limits: Limits {
            max_duration_seconds: Limits::LONGEST_SECONDS,
            ..Limits::default()
        },
        channel: None,
    };
    let decoded = decode(self::file(&file).path(), &options).unwrap();
    let most = file.len() / 2;
    assert!(
        (whole.samples.len()..most).contains(&decoded.samples.len()),
        "{}",
        decoded.samples.len()
    );
}

/// Resident memory of this process, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1024
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_follow_the_length() {
    // An hour of silence: a header and a hole.
    let samples = 3_600 * 16_000_u64;
    let mut header = riff(&[(b"fmt ", fmt(1, 1, 16_000, 16)), (b"data", Vec::new())]);
    header[40..44].copy_from_slice(&u32::try_from(samples * 2).unwrap().to_le_bytes());
    let file = file(&header);
    file.as_file().set_len(44 + samples * 2).unwrap();
    let mut stream = AudioStream::open(file.path(), &DecodeOptions::default()).unwrap();
    let (before, mut most, mut total) = (resident(), 0, 0);
    let mut block = Vec::new();
    while stream.read(&mut block).unwrap() {
        total += block.len() as u64;
        if total % (600 * 16_000) == 0 {
            most = most.max(resident());
        }
        block.clear();
    }
    assert_eq!((total, stream.warning()), (samples, None));
    // The samples alone would be 220 MiB.
    assert!(
        most.saturating_sub(before) < 64 << 20,
        "{before} bytes became {most}"
    );
}
