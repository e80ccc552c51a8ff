//! More than two channels, in every format that has them.

use std::f64::consts::TAU;

use diarist::audio::DecodeOptions;

use super::{Decoded, decode, decode_bytes, file, fixture, fixture_bytes, fmt, riff};

/// Each file with its container, its codec and the tone of each channel in hertz. The fixtures are
/// made of tones in WAVE's order: front left and right, centre, low frequencies, and those behind.
const FILES: [(&str, &str, &str, &[u16]); 12] = [
    ("wav-adpcm-ima-5.1.wav", "wave", "adpcm_ima_wav", &WAVE),
    ("wav-adpcm-ms-3.wav", "wave", "adpcm_ms", &[300, 500, 700]),
    ("aac-5.1.aac", "aac", "aac", &WAVE),
    ("m4a-aac-5.1.m4a", "isomp4", "aac", &WAVE),
    ("m4a-aac-quad.m4a", "isomp4", "aac", &[300, 500, 1100, 1500]),
    ("mp4-aac-3.mp4", "isomp4", "aac", &[300, 500, 700]),
    ("mkv-aac-7.1.mkv", "matroska", "aac", &WAVE_8),
    ("ogg-opus-5.1.opus", "ogg", "opus", &WAVE),
    ("mp4-opus-5.1.mp4", "isomp4", "opus", &WAVE),
    ("webm-opus-7.1.webm", "matroska", "opus", &WAVE_8),
    // Mapping family 255: as they come.
    ("mkv-opus-255.mkv", "matroska", "opus", &WAVE),
    ("ogg-opus-255.opus", "ogg", "opus", &TEN),
];

const WAVE: [u16; 6] = [300, 500, 700, 80, 1100, 1500];
const WAVE_8: [u16; 8] = [300, 500, 700, 80, 1100, 1500, 1900, 2300];
const TEN: [u16; 10] = [300, 500, 700, 900, 1100, 1300, 1500, 1700, 1900, 2100];

fn pick(name: &str, channel: usize) -> Decoded {
    let options = DecodeOptions {
        channel: Some(u16::try_from(channel).unwrap()),
        ..DecodeOptions::default()
    };
    match decode(&fixture(name), &options) {
        Ok(decoded) => decoded,
        Err(error) => panic!("{name}, channel {channel}: {error}"),
    }
}

/// The amplitude of the tone of `hertz` in the middle of `samples`.
fn amplitude(samples: &[f32], hertz: u16) -> f64 {
    let middle = &samples[2_000..8_000];
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (at, sample) in middle.iter().enumerate() {
        let angle = TAU * f64::from(hertz) * at as f64 / 16_000.0;
        sine += f64::from(*sample) * angle.sin();
        cosine += f64::from(*sample) * angle.cos();
    }
    sine.hypot(cosine) * 2.0 / middle.len() as f64
}

#[test]
fn every_channel_is_the_one_asked_for() {
    for (name, container, codec, tones) in FILES {
        for (index, own) in tones.iter().enumerate() {
            let Decoded {
                samples,
                info,
                warning,
            } = pick(name, index + 1);
            assert_eq!((info.container, info.codec), (container, codec), "{name}");
            assert_eq!((info.channels, warning), (tones.len(), None), "{name}");
            assert!(
                (9_600..9_600 + 2_100).contains(&samples.len()),
                "{name}: {} samples",
                samples.len()
            );
            for tone in tones {
                // The fixtures' tones are 9 dB below full scale.
                let heard = amplitude(&samples, *tone) / 0.355;
                let expected = if tone == own { 0.7..1.3 } else { 0.0..0.05 };
                assert!(
                    expected.contains(&heard),
                    "{name}, channel {}: {heard:.3} of {tone} Hz",
                    index + 1
                );
            }
        }
    }
}

#[test]
fn all_channels_are_averaged() {
    for (name, _, _, tones) in FILES {
        let mut mean = vec![0.0; 20_000];
        for channel in 1..=tones.len() {
            for (sum, sample) in mean.iter_mut().zip(pick(name, channel).samples) {
                *sum += sample / tones.len() as f32;
            }
        }
        let mixed = decode(&fixture(name), &DecodeOptions::default()).unwrap();
        for (at, (mixed, mean)) in mixed.samples.iter().zip(mean).enumerate() {
            assert!(
                (mixed - mean).abs() < 1e-5,
                "{name}: {mixed}, not {mean}, at {at}"
            );
        }
    }
}

#[test]
fn there_is_no_channel_behind_the_last() {
    for (name, _, _, tones) in FILES {
        let options = DecodeOptions {
            channel: Some(99),
            ..DecodeOptions::default()
        };
        assert_eq!(
            decode(&fixture(name), &options).unwrap_err().to_string(),
            format!(
                "channel must be between 1 and {}, the number of channels; given: 99",
                tones.len()
            )
        );
    }
}

#[test]
fn files_that_break_off_give_what_is_there() {
    for (name, container, ..) in FILES {
        let bytes = fixture_bytes(name);
        for percent in [2, 20, 50, 80] {
            let cut = &bytes[..bytes.len() * percent / 100];
            let decoded = decode_bytes(cut);
            // An MP4 may have its index at the end, and two percent are no more than a header.
            if percent < 20 || container == "isomp4" {
                continue;
            }
            let seconds = match decoded {
                Ok(decoded) => decoded.samples.len() as f64 / 16_000.0,
                Err(error) => panic!("{name}, {percent} %: {error}"),
            };
            let expected = 0.6 * percent as f64 / 100.0;
            assert!(
                (seconds - expected).abs() < 0.2,
                "{name}, {percent} %: {seconds} s"
            );
        }
    }
}

#[test]
fn damage_in_the_middle_leaves_the_first_half() {
    for (name, ..) in FILES {
        let mut bytes = fixture_bytes(name);
        let middle = bytes.len() / 2;
        bytes[middle..middle + 40].fill(0xff);
        let samples = decode_bytes(&bytes).unwrap().samples.len();
        assert!((4_000..12_000).contains(&samples), "{name}: {samples}");
    }
}

#[test]
fn as_many_channels_as_a_block_has_room_for() {
    for (tag, channels) in [(0x02, 9_363), (0x11, 8_191)] {
        let mut chunk = fmt(tag, channels, 16_000, 4);
        chunk[12..14].copy_from_slice(&u16::MAX.to_le_bytes());
        let wave = riff(&[(b"fmt ", chunk), (b"data", vec![0; 65_535 * 3])]);
        let options = DecodeOptions {
            channel: Some(channels),
            ..DecodeOptions::default()
        };
        let decoded = decode(file(&wave).path(), &options);
        if tag == 0x02 {
            // One more than fits.
            assert_eq!(decoded.unwrap_err().code(), "audio_malformed");
        } else {
            let decoded = decoded.unwrap();
            assert_eq!(decoded.info.channels, usize::from(channels));
            assert_eq!(decoded.samples, [0.0; 27]);
        }
    }
}
