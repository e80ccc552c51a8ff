//! How many seconds of audio a second decodes, mixes down and resamples, by format.
//!
//! `cargo bench --bench decode` reports it as `thrpt: ... elem/s`: an element is a second of audio,
//! so that the figure is the speed in multiples of real time on one core. Needs `ffmpeg`, which
//! encodes a minute of the README's clip in each format.
#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed, or says why it does not begin"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use diarist::audio::{AudioStream, DecodeOptions};

/// Name, extension and ffmpeg's arguments of each format.
const FORMATS: [(&str, &str, &str); 9] = [
    ("wav 16 kHz mono", "wav", "-ar 16000 -ac 1"),
    ("wav 48 kHz stereo", "wav", "-ar 48000 -ac 2"),
    ("flac 16 kHz mono", "flac", "-ar 16000 -ac 1"),
    ("flac 44.1 kHz stereo", "flac", "-ar 44100 -ac 2"),
    ("mp3 44.1 kHz stereo", "mp3", "-ar 44100 -ac 2 -b:a 128k"),
    ("m4a 44.1 kHz stereo", "m4a", "-ar 44100 -ac 2 -b:a 128k"),
    (
        "ogg vorbis 44.1 kHz stereo",
        "ogg",
        "-ar 44100 -ac 2 -c:a libvorbis -q:a 4",
    ),
    (
        "webm opus 48 kHz mono",
        "webm",
        "-ac 1 -c:a libopus -b:a 32k",
    ),
    (
        "wav a-law 8 kHz mono",
        "wav",
        "-ar 8000 -ac 1 -c:a pcm_alaw",
    ),
];

const SECONDS: u32 = 60;

fn encode(folder: &Path, extension: &str, arguments: &str) -> PathBuf {
    let clip = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/two-voices.flac"
    );
    let file = folder.join(format!("audio.{extension}"));
    let status = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-nostdin",
            "-y",
            "-stream_loop",
            "-1",
            "-i",
            clip,
        ])
        .args(["-t", &SECONDS.to_string()])
        .args(arguments.split(' '))
        .arg(&file)
        .status()
        .unwrap();
    assert!(status.success(), "ffmpeg: {status}");
    file
}

fn samples(file: &Path) -> usize {
    let mut stream = AudioStream::open(file, &DecodeOptions::default()).unwrap();
    let mut block = Vec::new();
    let mut total = 0;
    while stream.read(&mut block).unwrap() {
        total += block.len();
        block.clear();
    }
    total
}

fn decode(criterion: &mut Criterion) {
    if Command::new("ffmpeg").arg("-version").output().is_err() {
        eprintln!("decode: SKIPPED, ffmpeg is not installed");
        return;
    }
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(u64::from(SECONDS)));
    group.sample_size(10);
    for (name, extension, arguments) in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let file = encode(folder.path(), extension, arguments);
        let seconds = samples(&file) as f64 / 16_000.0;
        assert!(
            (seconds - f64::from(SECONDS)).abs() < 0.2,
            "{name}: {seconds} s"
        );
        group.bench_function(name, |bencher| bencher.iter(|| samples(&file)));
    }
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
