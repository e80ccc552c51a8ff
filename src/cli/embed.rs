//! `diarist embed`: speaker embeddings of whole files or of windows, as arrays.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use ndarray::Array2;
use ndarray_npy::WriteNpyExt as _;

use crate::audio::{AudioStream, DecodeOptions, Limits};
use crate::config::Settings;
use crate::domain::{SAMPLE_RATE, SlidingWindow};
use crate::dsp::{self, FRAME_SHIFT, Filterbank, FrameWindows, MEL_BINS};
use crate::models::{Embedder, Inference};

/// Frames a second.
const FRAME_RATE: f64 = SAMPLE_RATE as f64 / FRAME_SHIFT as f64;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Audio files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Folder for the arrays, one FILE.npy per file; made if it does not exist
    #[arg(long, value_name = "DIR")]
    output_dir: PathBuf,
    /// One embedding per window of this length instead of one per file
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    window: Option<usize>,
    /// From one window to the next [default: half a window]
    #[arg(long, value_name = "SECONDS", value_parser = seconds, requires = "window")]
    step: Option<usize>,
    /// The embedding model, an ONNX file
    #[arg(long, value_name = "PATH")]
    pub(super) model: Option<PathBuf>,
}

/// Seconds as samples: whole frames, up to the longest recording embedded in one go.
fn seconds(text: &str) -> Result<usize, String> {
    let longest = Inference::MAX_WHOLE_FRAMES as f64 / FRAME_RATE;
    let expected = format!("must be seconds from 0.01 to {longest} in steps of 0.01");
    let frames = text.parse::<f64>().map_err(|_| expected.clone())? * FRAME_RATE;
    let whole = (frames - frames.round()).abs() < 1e-6;
    if whole && (1.0..=Inference::MAX_WHOLE_FRAMES as f64).contains(&frames.round()) {
        Ok(frames.round() as usize * FRAME_SHIFT)
    } else {
        Err(expected)
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<()> {
    let outputs = outputs(args)?;
    std::fs::create_dir_all(&args.output_dir)
        .with_context(|| format!("cannot make the folder {}", args.output_dir.display()))?;
    let inference = Inference::start(&settings.model)?;
    for (file, output) in args.files.iter().zip(outputs) {
        let embeddings = match args.window {
            Some(length) => {
                let step = args.step.unwrap_or((length / 2).max(FRAME_SHIFT));
                windows(
                    file,
                    settings.audio,
                    SlidingWindow { length, step },
                    &inference,
                )
            }
            None => whole(file, settings.audio, &inference),
        }
        .with_context(|| format!("{}", file.display()))?;
        File::create(&output)
            .map_err(Into::into)
            .and_then(|file| embeddings.write_npy(BufWriter::new(file)))
            .with_context(|| format!("cannot write {}", output.display()))?;
    }
    Ok(())
}

/// The array's path for each file; no two may be the same.
fn outputs(args: &Args) -> anyhow::Result<Vec<PathBuf>> {
    let mut taken: HashMap<PathBuf, &Path> = HashMap::new();
    let mut outputs = Vec::new();
    for file in &args.files {
        let Some(stem) = file.file_stem() else {
            bail!("{} is no file", file.display());
        };
        let mut name = stem.to_owned();
        name.push(".npy");
        let output = args.output_dir.join(name);
        if let Some(other) = taken.insert(output.clone(), file) {
            bail!(
                "{} and {} would both be written to {}",
                other.display(),
                file.display(),
                output.display()
            );
        }
        outputs.push(output);
    }
    Ok(outputs)
}

/// One embedding of all of `file`: `(1, dim)`.
fn whole(file: &Path, limits: Limits, inference: &Inference) -> anyhow::Result<Array2<f32>> {
    let mut features = Vec::new();
    frames(file, limits, inference, |frames| {
        features.extend_from_slice(frames);
        let count = features.len() / MEL_BINS;
        ensure!(
            count <= Inference::MAX_WHOLE_FRAMES,
            "a whole file may be {} s long, this one is longer: use --window SECONDS",
            Inference::MAX_WHOLE_FRAMES as f64 / FRAME_RATE
        );
        Ok(())
    })?;
    if inference.metadata().global_mean {
        dsp::subtract_mean(&mut features);
    }
    let features = Array2::from_shape_vec((features.len() / MEL_BINS, MEL_BINS), features)?;
    Ok(inference.submit_whole(features).wait()?.embeddings)
}

/// An embedding per window: `(windows, dim)`.
fn windows(
    file: &Path,
    limits: Limits,
    window: SlidingWindow,
    inference: &Inference,
) -> anyhow::Result<Array2<f32>> {
    let mut cutter = FrameWindows::new(window);
    let mut embedder = Embedder::new(inference, cutter.length());
    let mut failure = None;
    let mut embed = |_: usize, rows: &[f32]| {
        if failure.is_none() {
            failure = embedder.push(rows).err();
        }
    };
    let samples = frames(file, limits, inference, |frames| {
        cutter.push(frames, &mut embed);
        Ok(())
    })?;
    cutter.finish(samples, &mut embed);
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(embedder.finish()?.embeddings),
    }
}

/// Hands the log-mel frames of `file` to `each`, block by block; gives its number of samples.
fn frames(
    file: &Path,
    limits: Limits,
    inference: &Inference,
    mut each: impl FnMut(&[f32]) -> anyhow::Result<()>,
) -> anyhow::Result<usize> {
    let options = DecodeOptions {
        limits,
        channel: None,
    };
    let mut audio = AudioStream::open(file, &options)?;
    let mut filterbank = Filterbank::new(inference.metadata().sample_scale());
    let (mut samples, mut frames, mut count) = (Vec::new(), Vec::new(), 0);
    while audio.read(&mut samples)? {
        filterbank.push(&samples, &mut frames);
        count += samples.len();
        each(&frames)?;
        samples.clear();
        frames.clear();
    }
    filterbank.finish(&mut frames);
    each(&frames)?;
    if let Some(warning) = audio.warning() {
        eprintln!("diarist: {}: warning: {warning}", file.display());
    }
    let shortest = FRAME_SHIFT / 2;
    ensure!(
        count >= shortest,
        "there must be at least {shortest} samples at 16 kHz; given: {count}"
    );
    Ok(count)
}
