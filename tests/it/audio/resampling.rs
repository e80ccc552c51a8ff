//! Sample rates from 4 to 192 kHz come out at 16 kHz, in time and in band.

use std::f64::consts::TAU;

use proptest::prelude::*;

use super::{decode_bytes, float_wave};

const RATES: [u32; 14] = [
    4_000, 8_000, 11_025, 12_000, 15_999, 16_001, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200,
    96_000, 192_000,
];

fn tone(hertz: f64, rate: u32, frames: usize) -> Vec<f32> {
    (0..frames)
        .map(|n| (0.5 * (TAU * hertz * n as f64 / f64::from(rate)).sin()) as f32)
        .collect()
}

/// Largest difference apart from the edges, where a tone that starts at once is not band-limited.
fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    let edge = 2_000;
    a.iter()
        .zip(b)
        .skip(edge)
        .take(a.len() - 2 * edge)
        .map(|(x, y)| (x - y).abs())
        .fold(0.0, f32::max)
}

#[test]
fn tones_keep_their_phase_and_level_to_the_last_second() {
    for rate in RATES {
        for hertz in [300.0, f64::from(rate.min(16_000)) * 0.475] {
            let seconds = 2;
            let decoded = decode_bytes(&float_wave(
                &tone(hertz, rate, (rate * seconds) as usize),
                1,
                rate,
            ))
            .unwrap();
            let expected = tone(hertz, 16_000, 16_000 * seconds as usize);
            assert_eq!(decoded.samples.len(), expected.len(), "{rate}");
            let difference = largest_difference(&decoded.samples, &expected);
            println!("{rate} Hz, tone of {hertz} Hz: {difference}");
            assert!(
                difference < 2e-3,
                "{rate} Hz, tone of {hertz} Hz: {difference}"
            );
        }
    }
}

#[test]
fn what_cannot_be_represented_does_not_fold_back() {
    for rate in [22_050, 44_100, 48_000, 192_000] {
        for hertz in [8_300.0, 10_000.0] {
            let decoded =
                decode_bytes(&float_wave(&tone(hertz, rate, rate as usize), 1, rate)).unwrap();
            let silence = vec![0.0; decoded.samples.len()];
            let alias = largest_difference(&decoded.samples, &silence);
            println!("{rate} Hz, tone of {hertz} Hz leaves {alias}");
            assert!(alias < 1e-3, "{rate} Hz, tone of {hertz} Hz leaves {alias}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// `round(n * 16000 / rate)` samples, whatever the rate and length.
    #[test]
    fn the_length_is_exact(
        // Multiples of 25 Hz: others take seconds to set up, and two of them are among `RATES`.
        rate in (160_u32..=7_680).prop_map(|step| step * 25),
        frames in 1_usize..20_000,
    ) {
        let decoded = decode_bytes(&float_wave(&vec![0.1; frames], 1, rate)).unwrap();
        let exact = (frames as f64 * 16_000.0 / f64::from(rate)).round() as usize;
        prop_assert_eq!(decoded.samples.len(), exact);
    }
}
