//! Recordings to test with.

use std::io::Cursor;
use std::path::Path;

use diarist::audio::{AudioStream, DecodeOptions};
use ndarray::Array1;
use ndarray_npy::ReadNpyExt as _;

/// Samples a second of what is made here: a telephone's.
const RATE: u32 = 8000;

/// `seconds` of the fixtures' synthesised voice over and over, with pauses, as 8-bit WAV.
pub(super) fn talk(seconds: usize) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/golden/waveform.npy");
    let voice: Array1<f32> = Array1::read_npy(std::fs::File::open(path).unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 8,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut wav, spec).unwrap();
    // Every other sample of 16 kHz; a second's pause after each round.
    let round = voice.iter().step_by(2).copied();
    let round = round.chain(std::iter::repeat_n(0.0, RATE as usize));
    for sample in round
        .collect::<Vec<_>>()
        .iter()
        .cycle()
        .take(seconds * RATE as usize)
    {
        writer.write_sample((sample * 127.0) as i8).unwrap();
    }
    writer.finalize().unwrap();
    wav.into_inner()
}

/// A WAV file of 16 kHz with these samples as its channels, as long as the longest of them.
pub(super) fn channels(planes: &[Vec<f32>]) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: planes.len() as u16,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut wav, spec).unwrap();
    let frames = planes.iter().map(Vec::len).max().unwrap_or(0);
    for frame in 0..frames {
        for plane in planes {
            let sample = plane.get(frame).copied().unwrap_or(0.0);
            writer.write_sample((sample * 32767.0) as i16).unwrap();
        }
    }
    writer.finalize().unwrap();
    wav.into_inner()
}

/// What a file decodes to.
pub(super) fn decoded(path: &Path) -> Vec<f32> {
    let mut stream = AudioStream::open(path, &DecodeOptions::default()).unwrap();
    let mut samples = Vec::new();
    while stream.read(&mut samples).unwrap() {}
    samples
}
