//! WAVE as it is found, rather than as it is specified.

use diarist::domain::Warning;
use proptest::prelude::*;

use super::{decode_bytes, float_wave, fmt, riff, source};

fn pcm(samples: &[f32]) -> Vec<u8> {
    let quantised = samples.iter().map(|s| (s * 32_768.0) as i16);
    quantised.flat_map(i16::to_le_bytes).collect()
}

/// The source as a file whose outer size and `data` size are set by force.
fn with_sizes(riff_size: u32, data_size: u32) -> Vec<u8> {
    let mut file = riff(&[(b"fmt ", fmt(1, 1, 16_000, 16)), (b"data", pcm(&source()))]);
    file[4..8].copy_from_slice(&riff_size.to_le_bytes());
    file[40..44].copy_from_slice(&data_size.to_le_bytes());
    file
}

#[test]
fn sizes_that_nobody_filled_in_mean_to_the_end() {
    for (riff_size, data_size) in [
        (u32::MAX, u32::MAX),
        (0, 0),
        (36, 0),
        (0x7fff_f024, 0x7fff_f000),
        (0, u32::MAX),
    ] {
        let decoded = decode_bytes(&with_sizes(riff_size, data_size)).unwrap();
        assert!(decoded.samples == source(), "{riff_size} {data_size}");
        assert_eq!(decoded.warning, None);
        assert_eq!(decoded.info.duration_seconds, None);
    }
}

#[test]
fn a_data_size_beyond_the_file_is_a_truncation() {
    let decoded = decode_bytes(&with_sizes(u32::MAX, 2 * 16_000 * 60)).unwrap();
    assert!(decoded.samples == source());
    assert_eq!(decoded.info.duration_seconds, Some(60.0));
    let Some(Warning::Truncated { reason }) = decoded.warning else {
        panic!("{:?}", decoded.warning);
    };
    assert_eq!(
        reason,
        "it ends after 0.80 s of the 60.00 s its header states"
    );
}

#[test]
fn an_empty_data_chunk_in_a_finished_file_is_empty() {
    let file = riff(&[
        (b"fmt ", fmt(1, 1, 16_000, 16)),
        (b"data", Vec::new()),
        (b"LIST", b"INFOINAM\x04\0\0\0name".to_vec()),
    ]);
    assert_eq!(
        decode_bytes(&file).unwrap_err().to_string(),
        "the wave file's audio track must hold at least 1 sample; given: 0"
    );
}

#[test]
fn other_chunks_and_odd_lengths_are_passed_over() {
    let mut long_fmt = fmt(1, 1, 16_000, 16);
    long_fmt.extend([7; 31]);
    let file = riff(&[
        (b"bext", vec![1; 605]),
        (b"LIST", vec![2; 3]),
        (b"fmt ", long_fmt),
        (b"fact", vec![3; 12]),
        (b"data", pcm(&source())),
        (b"id3 ", vec![4; 99]),
    ]);
    assert!(decode_bytes(&file).unwrap().samples == source());
}

#[test]
fn sixty_four_channels_are_averaged() {
    let frame: Vec<f32> = (0..64).map(|channel| channel as f32 / 64.0).collect();
    let samples: Vec<f32> = frame.iter().copied().cycle().take(64 * 16_000).collect();
    let decoded = decode_bytes(&float_wave(&samples, 64, 16_000)).unwrap();
    assert_eq!((decoded.info.channels, decoded.samples.len()), (64, 16_000));
    let mean = frame.iter().sum::<f32>() / 64.0;
    assert!(decoded.samples.iter().all(|s| (s - mean).abs() < 1e-6));
}

#[test]
fn eight_byte_floats_and_four_byte_integers() {
    let double: Vec<u8> = source()
        .iter()
        .flat_map(|&s| f64::from(s).to_le_bytes())
        .collect();
    let integer: Vec<u8> = source()
        .iter()
        .flat_map(|&s| ((f64::from(s) * 2_147_483_648.0) as i32).to_le_bytes())
        .collect();
    for (tag, bits, data) in [(3, 64, double), (1, 32, integer)] {
        let file = riff(&[(b"fmt ", fmt(tag, 1, 16_000, bits)), (b"data", data)]);
        assert!(decode_bytes(&file).unwrap().samples == source(), "{bits}");
    }
}

#[test]
fn silence_is_no_error() {
    let decoded = decode_bytes(&float_wave(&vec![0.0; 16_000], 1, 16_000)).unwrap();
    assert_eq!((decoded.samples.len(), decoded.warning), (16_000, None));
    assert!(decoded.samples.iter().all(|&s| s == 0.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// 16 kHz mono is the identity, whatever finite samples it holds.
    #[test]
    fn sixteen_kilohertz_mono_passes_bit_for_bit(
        samples in prop::collection::vec(-4.0_f32..4.0, 1..40_000),
    ) {
        let decoded = decode_bytes(&float_wave(&samples, 1, 16_000)).unwrap();
        let bits = |all: &[f32]| all.iter().map(|s| s.to_bits()).collect::<Vec<_>>();
        prop_assert!(bits(&decoded.samples) == bits(&samples));
    }
}
