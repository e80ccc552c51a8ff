//! One hour of audio from file to turns: speed, where the time goes, memory.
//!
//! Each length runs in a process of its own, so that its peak memory is its own. Settings are the
//! program's: `DIARIST_MODEL__PATH=... cargo bench --bench hour` measures another model.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has failed, and its result is what it prints"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use diarist::audio::{AudioStream, DecodeOptions};
use diarist::config;
use diarist::domain::{NoProgress, SAMPLE_RATE, SpeakerBounds};
use diarist::models::Inference;
use diarist::pipeline::{EmbeddingSource, Pipeline};
use serde::{Deserialize, Serialize};

const HOUR_SECONDS: u32 = 3600;
/// Tells a process that it is to measure the file named next.
const MEASURE: &str = "--measure";

/// What one process found out.
#[derive(Serialize, Deserialize)]
struct Measurement {
    model: String,
    audio_seconds: f64,
    speech_seconds: f64,
    windows: usize,
    /// Name and seconds of each step; steps overlap in time.
    steps: Vec<(String, f64)>,
    total_seconds: f64,
    /// ONNX Runtime alone on as many windows, nothing beside it.
    bare_seconds: f64,
    peak_megabytes: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == MEASURE) {
        let measurement = measure(Path::new(&arguments[at + 1]));
        println!("{}", serde_json::to_string(&measurement).unwrap());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [one, two] = [1, 2].map(|hours| in_process_of_its_own(&speech(folder.path(), hours)));
    report(&one, &two);
}

/// Hours of speech: the clip of two voices that the project ships, over and over.
fn speech(folder: &Path, hours: u32) -> PathBuf {
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/two-voices.flac");
    let mut stream = AudioStream::open(&clip, &DecodeOptions::default()).unwrap();
    let mut samples = Vec::new();
    while stream.read(&mut samples).unwrap() {}
    let path = folder.join(format!("{hours}h.wav"));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(&path, spec).unwrap();
    let count = hours * HOUR_SECONDS * SAMPLE_RATE;
    for sample in samples.iter().cycle().take(count as usize) {
        wav.write_sample((sample * f32::from(i16::MAX)) as i16)
            .unwrap();
    }
    wav.finalize().unwrap();
    path
}

fn in_process_of_its_own(file: &Path) -> Measurement {
    let output = Command::new(std::env::current_exe().unwrap())
        .arg(MEASURE)
        .arg(file)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", file.display());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn measure(file: &Path) -> Measurement {
    let settings = config::load(None, Vec::new()).unwrap();
    let inference = Inference::start(&settings.model).unwrap();
    let pipeline = Pipeline::new(settings.steps(), EmbeddingSource::Model(inference.clone()));
    let audio = AudioStream::open(file, &DecodeOptions::default()).unwrap();
    let bounds = SpeakerBounds::new(None, None, None).unwrap();
    let found = pipeline.run(audio, bounds, &NoProgress).unwrap();
    let peak_megabytes = peak_megabytes();
    let windows = found.windows.len();
    let batches = windows.div_ceil(inference.batch_size());
    let seconds = found.seconds;
    let steps = [
        ("decode", seconds.decode),
        ("speech", seconds.speech),
        ("filterbank", seconds.filterbank),
        ("embedding", seconds.embedding),
        ("clustering", seconds.clustering),
        ("assembly", seconds.assembly),
    ];
    Measurement {
        model: inference.description().to_string(),
        audio_seconds: found.audio_seconds,
        speech_seconds: found.speech.duration(),
        windows,
        steps: steps.map(|(name, s)| (name.to_owned(), s)).into(),
        total_seconds: seconds.total,
        bare_seconds: inference.bare_seconds(batches).unwrap(),
        peak_megabytes,
    }
}

/// The most memory this process has had so far, as Linux counts it.
fn peak_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.map_or(f64::NAN, |kilobytes: f64| kilobytes * 1024.0 / 1e6)
}

fn report(one: &Measurement, two: &Measurement) {
    println!("model               {}", one.model);
    println!(
        "audio               {:.0} s, {:.0} s of it speech, {} windows",
        one.audio_seconds, one.speech_seconds, one.windows
    );
    let factor = one.total_seconds / one.audio_seconds;
    let times = factor.recip();
    println!(
        "total               {:.2} s: real-time factor {factor:.5}, {times:.0} times real time",
        one.total_seconds
    );
    for (step, seconds) in &one.steps {
        println!("  {step:<18}{seconds:.2} s");
    }
    let bare = one.bare_seconds;
    let ratio = one.total_seconds / bare;
    println!("bare ONNX Runtime   {bare:.2} s for as many windows; total is {ratio:.3} times that");
    let (first, second) = (one.peak_megabytes, two.peak_megabytes);
    let growth = second - first;
    println!(
        "peak memory         {first:.0} MB for one hour, {second:.0} MB for two: {growth:+.0} MB"
    );
}
