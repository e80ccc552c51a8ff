//! Every format accepted gives the samples that went in.

use diarist::audio::DecodeOptions;

use super::{Decoded, decode, file, fixture, fixture_bytes, source};

/// Decodes a fixture under a name that says nothing.
fn decode_fixture(name: &str) -> Decoded {
    let file = file(&fixture_bytes(name));
    match decode(file.path(), &DecodeOptions::default()) {
        Ok(decoded) => decoded,
        Err(error) => panic!("{name}: {error}"),
    }
}

/// Where `decoded` fits `expected` best, in samples it comes late (or early, below zero), and how
/// well.
fn alignment(expected: &[f32], decoded: &[f32], most_lag: i32) -> (i32, f64) {
    let product =
        |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum() };
    let fit = |lag: i32| {
        let by = lag.unsigned_abs() as usize;
        let (a, b) = if lag < 0 {
            (&expected[by..], decoded)
        } else {
            (expected, &decoded[by..])
        };
        let n = a.len().min(b.len()).min(4_000);
        let (a, b) = (&a[..n], &b[..n]);
        product(a, b) / (product(a, a) * product(b, b)).sqrt().max(1e-9)
    };
    (-most_lag..=most_lag)
        .map(|lag| (lag, fit(lag)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap()
}

#[test]
fn lossless_formats_are_exact() {
    for (name, container, codec) in [
        ("source.wav", "wave", "pcm_s16le"),
        ("wav-s24.wav", "wave", "pcm_s24le"),
        ("wav-f32.wav", "wave", "pcm_f32le"),
        ("rf64.wav", "wave", "pcm_s16le"),
        ("wav-pipe-ffmpeg.wav", "wave", "pcm_s16le"),
        ("wav-pipe-sox.wav", "wave", "pcm_s16le"),
        ("flac.flac", "flac", "flac"),
        ("aiff.aiff", "aiff", "pcm_s16be"),
        ("aifc-f32.aifc", "aiff", "pcm_f32be"),
        ("caf.caf", "caf", "pcm_s16be"),
        ("caf-alac.caf", "caf", "alac"),
        ("m4a-alac.m4a", "isomp4", "alac"),
        ("mkv-flac.mkv", "matroska", "flac"),
        ("mkv-pcm.mkv", "matroska", "pcm_s16le"),
        ("mov-pcm.mov", "isomp4", "pcm_s16le"),
        ("ogg-flac.oga", "ogg", "flac"),
    ] {
        let decoded = decode_fixture(name);
        assert_eq!(
            (decoded.info.container, decoded.info.codec),
            (container, codec),
            "{name}"
        );
        assert_eq!(decoded.info.sample_rate_hz, 16_000, "{name}");
        assert_eq!(decoded.samples.len(), source().len(), "{name}");
        assert!(
            decoded.samples == source(),
            "{name} differs from the source"
        );
        assert_eq!(decoded.warning, None, "{name}");
    }
}

#[test]
fn lossy_formats_are_close_and_in_time() {
    let expected = source();
    // Lag and surplus length in samples at 16 kHz. Block codecs pad the last block; MPEG codecs also
    // begin with padding, which only some containers (MP3 with a LAME header, MP4) put a number on.
    for (name, container, codec, most_lag, most_length) in [
        ("wav-u8.wav", "wave", "pcm_u8", 0, 0),
        ("wav-alaw.wav", "wave", "pcm_alaw", 0, 0),
        ("caf-alaw.caf", "caf", "pcm_alaw", 0, 0),
        ("wav-mulaw.wav", "wave", "pcm_mulaw", 0, 0),
        ("wav-alaw-8k.wav", "wave", "pcm_alaw", 0, 0),
        ("wav-4k.wav", "wave", "pcm_s16le", 0, 0),
        ("wav-adpcm-ms.wav", "wave", "adpcm_ms", 0, 2036),
        ("wav-adpcm-ms-sox.wav", "wave", "adpcm_ms", 0, 500),
        ("wav-adpcm-ima.wav", "wave", "adpcm_ima_wav", 0, 2041),
        ("wav-adpcm-ima-stereo.wav", "wave", "adpcm_ima_wav", 0, 2041),
        ("mp3.mp3", "mp3", "mp3", 1, 1),
        ("mp3-44k-no-header.mp3", "mp3", "mp3", 1200, 1800),
        ("mp2.mp2", "mp2", "mp2", 500, 1200),
        ("aac.aac", "aac", "aac", 1024, 2048),
        ("m4a-moov-last.m4a", "isomp4", "aac", 1, 1024),
        ("m4a-moov-first.m4a", "isomp4", "aac", 1, 1024),
        ("mov-48k-stereo.mov", "isomp4", "aac", 1, 1024),
        ("mp4-fragmented.mp4", "isomp4", "aac", 1024, 2048),
        ("mp4-video.mp4", "isomp4", "aac", 1, 1024),
        ("mkv-aac.mkv", "matroska", "aac", 1024, 2048),
        ("mkv-video.mkv", "matroska", "vorbis", 16, 640),
        ("webm-vorbis.webm", "matroska", "vorbis", 16, 640),
        ("ogg-vorbis.ogg", "ogg", "vorbis", 1, 0),
        ("ogg-opus.opus", "ogg", "opus", 2, 1),
        ("webm-opus.webm", "matroska", "opus", 2, 320),
        ("webm-opus-live.webm", "matroska", "opus", 2, 320),
        ("mp4-opus.mp4", "isomp4", "opus", 2, 320),
    ] {
        let decoded = decode_fixture(name);
        let (lag, correlation) = alignment(&expected, &decoded.samples, most_lag + 16);
        let surplus = decoded.samples.len() as i64 - expected.len() as i64;
        println!(
            "{name}: lag {lag}, correlation {correlation:.4}, surplus {surplus}, {:?}",
            decoded.info
        );
        assert_eq!(
            (decoded.info.container, decoded.info.codec),
            (container, codec),
            "{name}"
        );
        assert!(correlation > 0.9, "{name}: correlation {correlation}");
        assert!(lag.abs() <= most_lag, "{name}: lag {lag}");
        assert!(surplus.abs() <= most_length, "{name}: surplus {surplus}");
        assert_eq!(decoded.warning, None, "{name}");
    }
}

#[test]
fn channels_are_averaged_or_picked() {
    let centre = source();
    let mixed = decode_fixture("flac-5.1.flac");
    assert_eq!(mixed.info.channels, 6);
    let expected: Vec<f32> = centre.iter().map(|s| s * (1.0 / 6.0)).collect();
    assert!(mixed.samples == expected);
    let pick = |channel| {
        let options = DecodeOptions {
            channel: Some(channel),
            ..DecodeOptions::default()
        };
        decode(&fixture("flac-5.1.flac"), &options)
    };
    assert!(pick(3).unwrap().samples == centre);
    assert!(pick(1).unwrap().samples.iter().all(|&s| s == 0.0));
    assert_eq!(
        pick(7).unwrap_err().to_string(),
        "channel must be between 1 and 6, the number of channels; given: 7"
    );
}

#[test]
fn high_rates_are_reduced() {
    let decoded = decode_fixture("flac-192k.flac");
    assert_eq!(decoded.info.sample_rate_hz, 192_000);
    assert_eq!(decoded.samples.len(), 6_400);
    let (lag, correlation) = alignment(&source()[..6_400], &decoded.samples, 16);
    assert!(lag == 0 && correlation > 0.999, "{lag} {correlation}");
}

#[test]
fn he_aac_is_read_as_its_core() {
    let plain = fixture_bytes("m4a-moov-first.m4a");
    let expected = decode_fixture("m4a-moov-first.m4a").samples;
    let configuration = b"\x14\x08\x56\xe5\x00";
    let at = plain
        .windows(configuration.len())
        .position(|bytes| bytes == configuration)
        .unwrap();
    for announced in [b"\x14\x08\x56\xe5\xa8", b"\x2c\x0a\x88\x00\x00"] {
        let mut bytes = plain.clone();
        bytes[at..at + announced.len()].copy_from_slice(announced);
        let decoded = decode(file(&bytes).path(), &DecodeOptions::default()).unwrap();
        assert_eq!(decoded.info.sample_rate_hz, 16_000);
        assert!(decoded.samples == expected, "{announced:x?}");
    }
}

#[test]
fn chained_recordings_follow_one_another() {
    // As internet radio does it: one Ogg stream ends, the next begins, rate and codec change.
    let names = ["ogg-vorbis.ogg", "ogg-opus.opus", "ogg-flac.oga"];
    let chain: Vec<u8> = names.iter().flat_map(|name| fixture_bytes(name)).collect();
    let decoded = decode(file(&chain).path(), &DecodeOptions::default()).unwrap();
    let expected: Vec<f32> = names
        .iter()
        .flat_map(|name| decode_fixture(name).samples)
        .collect();
    assert_eq!(decoded.samples.len(), expected.len());
    assert!(decoded.samples == expected);
    assert_eq!(decoded.warning, None);
}
