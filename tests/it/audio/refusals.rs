//! What is refused, and the sentence that says why.

use diarist::audio::{AudioError, AudioStream, DecodeOptions, Limits};

use super::{decode, decode_bytes, file, fixture, fixture_bytes, float_wave, fmt, riff};

fn refusal(bytes: &[u8]) -> (&'static str, String) {
    let error = decode_bytes(bytes).unwrap_err();
    (error.code(), error.to_string())
}

fn limited(max_bytes: u64, max_duration_seconds: f64) -> DecodeOptions {
    DecodeOptions {
        limits: Limits {
            max_bytes,
            max_duration_seconds,
        },
        channel: None,
    }
}

#[test]
fn empty_files_and_other_things_than_files() {
    assert_eq!(refusal(b"").0, "audio_empty");
    let directory = tempfile::tempdir().unwrap();
    let error = AudioStream::open(directory.path(), &DecodeOptions::default())
        .err()
        .unwrap();
    assert!(matches!(error, AudioError::NotAFile), "{error}");
    let missing = directory.path().join("missing");
    let error = AudioStream::open(&missing, &DecodeOptions::default())
        .err()
        .unwrap();
    assert!(matches!(error, AudioError::Read(_)), "{error}");
}

#[test]
fn text_and_pictures() {
    let text = "It was a dark and stormy night. ".repeat(5000);
    let png = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 4096]].concat();
    for bytes in [text.as_bytes(), &png, b"RIFF", b"x", b"{}"] {
        assert_eq!(
            refusal(bytes).0,
            "audio_unknown_container",
            "{:?}",
            &bytes[..1]
        );
    }
    let image = [b"RIFF\x24\0\0\0WEBPVP8 ".as_slice(), &[0; 64]].concat();
    assert_eq!(refusal(&image).0, "audio_unknown_container");
}

#[test]
fn films_without_sound() {
    for (name, container) in [
        ("silent-film.mp4", "isomp4"),
        ("silent-film.webm", "matroska"),
    ] {
        assert_eq!(
            refusal(&fixture_bytes(name)),
            (
                "audio_no_track",
                format!(
                    "the {container} file must have an audio track; \
                     tracks of other or unknown kinds: 1"
                )
            )
        );
    }
}

#[test]
fn codecs_without_a_decoder_are_named() {
    let (code, message) = refusal(&fixture_bytes("mkv-ac3.mkv"));
    assert_eq!(code, "audio_unsupported_codec");
    assert_eq!(
        message,
        "unsupported codec AC-3 in matroska: there is no decoder for it"
    );
    let (code, message) = refusal(&fixture_bytes("wav-gsm.wav"));
    assert_eq!(code, "audio_unsupported_codec");
    assert_eq!(
        message,
        "unsupported codec format tag 0x0031 in wave: there is no decoder for it"
    );
}

#[test]
fn files_over_the_size_limit() {
    let bytes = std::fs::metadata(fixture("flac.flac")).unwrap().len();
    let error = decode(&fixture("flac.flac"), &limited(bytes - 1, 60.0)).unwrap_err();
    assert_eq!(error.code(), "audio_too_large");
    assert_eq!(
        error.to_string(),
        format!(
            "the audio file must have at most {} bytes; given: {bytes}",
            bytes - 1
        )
    );
    decode(&fixture("flac.flac"), &limited(bytes, 60.0)).unwrap();
}

#[test]
fn audio_over_the_duration_limit() {
    // Once as the header has it, once as it turns out.
    for (name, given) in [
        ("flac.flac", "stated as 0.80 s"),
        ("wav-pipe-ffmpeg.wav", "at least"),
        ("webm-opus-live.webm", "at least"),
    ] {
        let error = decode(&fixture(name), &limited(u64::MAX, 0.5)).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.code(), "audio_too_long");
        assert!(
            message.starts_with(&format!(
                "the audio must last at most 0.5 s; given: {given}"
            )),
            "{message}"
        );
        decode(&fixture(name), &limited(u64::MAX, 0.9)).unwrap();
    }
}

#[test]
fn sample_rates_outside_the_range() {
    for rate in [0, 1, 3_999, 192_001, u32::MAX] {
        let (code, message) = refusal(&float_wave(&[0.0; 1000], 1, rate));
        assert_eq!(code, "audio_sample_rate");
        assert_eq!(
            message,
            format!("the sample rate must be between 4000 and 192000 Hz; given: {rate}")
        );
    }
    for rate in [4_000, 192_000] {
        decode_bytes(&float_wave(&[0.0; 1000], 1, rate)).unwrap();
    }
}

#[test]
fn samples_that_are_no_numbers() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2e6] {
        for channels in [1, 2] {
            let mut samples = vec![0.25; 32_000];
            samples[8_000] = value;
            let (code, message) = refusal(&float_wave(&samples, channels, 16_000));
            assert_eq!(code, "audio_sample_not_finite");
            let at = 0.5 / f64::from(channels);
            assert!(
                message.starts_with("samples must be finite and at most 1e6 in magnitude; given: ")
                    && message.ends_with(&format!(" at {at:.3} s")),
                "{message}"
            );
        }
    }
}

#[test]
fn doubles_that_are_no_numbers() {
    let data = [0.0, f64::NAN]
        .iter()
        .flat_map(|s| s.to_le_bytes())
        .collect();
    let file = riff(&[(b"fmt ", fmt(3, 1, 16_000, 64)), (b"data", data)]);
    assert_eq!(refusal(&file).0, "audio_sample_not_finite");
}

#[test]
fn valid_headers_around_nothing() {
    let wave = riff(&[(b"fmt ", fmt(1, 1, 16_000, 16)), (b"data", Vec::new())]);
    assert_eq!(refusal(&wave).0, "audio_empty");
    let no_data = riff(&[(b"fmt ", fmt(1, 1, 16_000, 16))]);
    assert_eq!(refusal(&no_data).0, "audio_malformed");
    let flac = fixture_bytes("flac.flac");
    let header = &flac[..42]; // the marker and STREAMINFO
    assert!(["audio_empty", "audio_malformed"].contains(&refusal(header).0));
}

#[test]
fn a_stream_reports_how_far_it_is() {
    let file = file(&float_wave(&vec![0.0; 160_000], 1, 16_000));
    let mut stream = AudioStream::open(file.path(), &DecodeOptions::default()).unwrap();
    let mut last = 0.0;
    let mut block = Vec::new();
    while stream.read(&mut block).unwrap() {
        let fraction = stream.fraction().unwrap();
        assert!((last..=1.0).contains(&fraction));
        let exact = block.len() as f32 / 160_000.0;
        assert!((fraction - exact).abs() < 0.2, "{fraction} at {exact}");
        last = fraction;
    }
    assert_eq!(block.len(), 160_000);
}
