//! The model shared by several recordings: how long a short one takes behind a long one, and what
//! sharing costs.
//!
//! `cargo bench --bench sharing [-- HOURS]`: the long recording lasts that long, 2 by default; it
//! is called off when the short ones are done. Settings are the program's.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has failed, and its result is what it prints"
)]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use diarist::audio::{AudioStream, DecodeOptions};
use diarist::config;
use diarist::domain::{Cancelled, NoProgress, ProgressHook, SAMPLE_RATE, SpeakerBounds, Step};
use diarist::dsp::MEL_BINS;
use diarist::models::{Embedder, Inference};
use diarist::pipeline::{EmbeddingSource, Pipeline, PipelineError, PipelineSettings};

const SHORT_SECONDS: usize = 10;
/// Recordings for the comparison of throughput.
const EQUAL_SECONDS: usize = 600;
/// Times that each figure is measured; the median counts.
const ROUNDS: usize = 5;
/// Batches in a measurement of the queue alone.
const BATCHES: usize = 40;
/// Frames of a window.
const FRAMES: usize = 150;

fn main() {
    let hours = std::env::args().find_map(|argument| argument.parse().ok());
    let hours: usize = hours.unwrap_or(2);
    let settings = config::load(None, Vec::new()).unwrap();
    let inference = Inference::start(&settings.model).unwrap();
    let steps = settings.steps();
    println!("model               {}", inference.description());
    queue(&inference);
    let folder = tempfile::tempdir().unwrap();
    let short = speech(folder.path(), SHORT_SECONDS);
    let equal = speech(folder.path(), EQUAL_SECONDS);
    let long = speech(folder.path(), hours * 3600);
    let run = |file: &Path, hook: &dyn ProgressHook| run(&inference, &steps, file, hook);

    let alone = rounds(|| run(&short, &NoProgress).unwrap());
    let called_off = CallOff::default();
    let behind = thread::scope(|scope| {
        let long = scope.spawn(|| run(&long, &called_off));
        while !called_off.begun.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_secs(1));
        let behind = rounds(|| run(&short, &NoProgress).unwrap());
        assert!(!long.is_finished(), "the long recording is too short");
        called_off.wanted.store(true, Ordering::Relaxed);
        assert!(matches!(
            long.join().unwrap(),
            Err(PipelineError::Cancelled)
        ));
        behind
    });
    println!("{SHORT_SECONDS} s alone          {}", figure(&alone));
    println!("  behind {hours} h        {}", figure(&behind));

    let (mut apart, mut together) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        apart.push(seconds(|| {
            for _ in 0..2 {
                run(&equal, &NoProgress).unwrap();
            }
        }));
        together.push(seconds(|| {
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| run(&equal, &NoProgress).unwrap());
                }
            });
        }));
    }
    println!("2 x {EQUAL_SECONDS} s apart     {}", figure(&apart));
    println!("  at the same time  {}", figure(&together));
    let ratio = median(&apart) / median(&together);
    println!("throughput together {ratio:.3} times that of one after the other");
}

/// What a line costs over the network alone, for one caller and for two.
fn queue(inference: &Inference) {
    let size = inference.batch_size();
    let window: Vec<f32> = (0..FRAMES * MEL_BINS)
        .map(|index| (index % 13) as f32 / 6.0 - 1.0)
        .collect();
    let embed = |batches: usize| {
        let mut embedder = Embedder::new(inference, FRAMES);
        for _ in 0..batches * size {
            embedder.push(&window).unwrap();
        }
        embedder.finish().unwrap();
    };
    let (mut bare, mut one, mut two) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(inference.bare_seconds(BATCHES).unwrap());
        one.push(seconds(|| embed(BATCHES)));
        two.push(seconds(|| {
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| embed(BATCHES / 2));
                }
            });
        }));
    }
    println!("{BATCHES} batches, bare    {}", figure(&bare));
    for (name, times) in [("one line", one), ("two lines", two)] {
        let ratio = median(&times) / median(&bare);
        println!(
            "  through {name:<10}{}, {ratio:.3} times that",
            figure(&times)
        );
    }
}

/// Seconds of speech: the clip of two voices that the project ships, over and over.
fn speech(folder: &Path, seconds: usize) -> PathBuf {
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/two-voices.flac");
    let mut stream = AudioStream::open(&clip, &DecodeOptions::default()).unwrap();
    let mut samples = Vec::new();
    while stream.read(&mut samples).unwrap() {}
    let path = folder.join(format!("{seconds}s.wav"));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(&path, spec).unwrap();
    let count = seconds * SAMPLE_RATE as usize;
    for sample in samples.iter().cycle().take(count) {
        wav.write_sample((sample * f32::from(i16::MAX)) as i16)
            .unwrap();
    }
    wav.finalize().unwrap();
    path
}

fn run(
    inference: &Inference,
    settings: &PipelineSettings,
    file: &Path,
    hook: &dyn ProgressHook,
) -> Result<(), PipelineError> {
    let embeddings = EmbeddingSource::Model(inference.clone());
    let pipeline = Pipeline::new(settings.clone(), embeddings);
    let audio = AudioStream::open(file, &DecodeOptions::default())?;
    let bounds = SpeakerBounds::new(None, None, None).unwrap();
    pipeline.run(audio, bounds, hook).map(drop)
}

/// Ends a run when it is not needed any more.
#[derive(Default)]
struct CallOff {
    begun: AtomicBool,
    wanted: AtomicBool,
}

impl ProgressHook for CallOff {
    fn progress(&self, _step: Step, _fraction: Option<f32>) -> Result<(), Cancelled> {
        self.begun.store(true, Ordering::Relaxed);
        if self.wanted.load(Ordering::Relaxed) {
            return Err(Cancelled);
        }
        Ok(())
    }
}

fn seconds(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

fn rounds(work: impl Fn()) -> Vec<f64> {
    (0..ROUNDS).map(|_| seconds(&work)).collect()
}

fn median(times: &[f64]) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn figure(times: &[f64]) -> String {
    let worst = times.iter().copied().fold(0.0, f64::max);
    format!("{:.3} s (worst {worst:.3} s)", median(times))
}
