//! Speed of what every sample passes before the model, on one core.
//!
//! Criterion's elements are seconds of audio, so that its "elem/s" reads as "times real time".
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use diarist::domain::SAMPLE_RATE;
use diarist::dsp::Filterbank;
use diarist::speech::SpeechDetector;

const SECONDS: usize = 60;
/// Samples pushed at once, as the decoder hands them over.
const BLOCK: usize = 16_000;

/// Noise at a tenth of full scale.
fn noise() -> Vec<f32> {
    let mut state = 1_u32;
    let mut sample = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 83_886_080.0 - 0.1
    };
    (0..SECONDS * SAMPLE_RATE as usize)
        .map(|_| sample())
        .collect()
}

fn front_end(criterion: &mut Criterion) {
    let samples = noise();
    let mut group = criterion.benchmark_group("front_end");
    group.throughput(Throughput::Elements(SECONDS as u64));
    group.sample_size(20);
    let id = |name| BenchmarkId::new(name, format!("{SECONDS}s"));
    group.bench_function(id("filterbank"), |bencher| {
        let mut frames = Vec::new();
        bencher.iter(|| {
            let mut filterbank = Filterbank::new(1.0);
            for block in samples.chunks(BLOCK) {
                frames.clear();
                filterbank.push(block, &mut frames);
            }
            filterbank.finish(&mut frames);
            black_box(&frames);
        });
    });
    group.bench_function(id("speech"), |bencher| {
        bencher.iter(|| {
            let mut detector = SpeechDetector::new();
            for block in samples.chunks(BLOCK) {
                detector.push(block);
            }
            detector.finish();
            black_box(detector.probabilities().len())
        });
    });
    group.finish();
}

criterion_group!(benches, front_end);
criterion_main!(benches);
