//! Decoding files as strangers send them.

mod formats;
mod hostile;
mod refusals;
mod resampling;
mod surround;
mod truncation;
mod wave;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use diarist::audio::{AudioError, AudioInfo, AudioStream, DecodeOptions};
use diarist::domain::Warning;
use tempfile::NamedTempFile;

/// All of a file's samples, what it said about itself, and what was wrong with it.
#[derive(Debug)]
struct Decoded {
    samples: Vec<f32>,
    info: AudioInfo,
    warning: Option<Warning>,
}

fn decode(path: &Path, options: &DecodeOptions) -> Result<Decoded, AudioError> {
    let mut stream = AudioStream::open(path, options)?;
    let mut samples = Vec::new();
    loop {
        let before = samples.len();
        let more = stream.read(&mut samples)?;
        let taken = samples.len() - before;
        assert!(taken <= 16_000, "a block of {taken} samples");
        assert_eq!(more, taken > 0);
        if !more {
            break;
        }
    }
    assert_eq!(stream.fraction(), Some(1.0));
    Ok(Decoded {
        samples,
        info: stream.info().clone(),
        warning: stream.warning(),
    })
}

fn decode_bytes(bytes: &[u8]) -> Result<Decoded, AudioError> {
    decode(file(bytes).path(), &DecodeOptions::default())
}

/// A file with no name to give its content away.
fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/audio")
        .join(name)
}

fn fixture_bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

/// What the fixtures encode: 16-bit mono at 16 kHz, read without the code under test.
fn source() -> Vec<f32> {
    let bytes = fixture_bytes("source.wav");
    let samples = bytes[44..].chunks_exact(2);
    samples
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect()
}

/// A RIFF file of the chunks given, with honest sizes.
fn riff(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    for (id, data) in chunks {
        body.extend_from_slice(*id);
        body.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        body.extend_from_slice(data);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    let mut file = b"RIFF".to_vec();
    file.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    file.extend(body);
    file
}

/// A plain `fmt ` chunk.
fn fmt(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let align = channels.wrapping_mul(bits / 8);
    let mut chunk = Vec::new();
    chunk.extend(tag.to_le_bytes());
    chunk.extend(channels.to_le_bytes());
    chunk.extend(rate.to_le_bytes());
    chunk.extend(rate.wrapping_mul(u32::from(align)).to_le_bytes());
    chunk.extend(align.to_le_bytes());
    chunk.extend(bits.to_le_bytes());
    chunk
}

/// A float WAVE file of interleaved `samples`.
fn float_wave(samples: &[f32], channels: u16, rate: u32) -> Vec<u8> {
    let data = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    riff(&[(b"fmt ", fmt(3, channels, rate, 32)), (b"data", data)])
}
