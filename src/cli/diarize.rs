//! `diarist diarize`: who speaks when in audio files, without a server.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use chrono::{SecondsFormat, Utc};

use super::{progress::Bar, stem};
use crate::audio::{AudioStream, DecodeOptions};
use crate::config::{self, Settings};
use crate::domain::{Diarization, SpeakerBounds};
use crate::formats::json::DiarizationOutput;
use crate::formats::{self, audacity, eaf, npy, rttm, srt, text, textgrid, webvtt};
use crate::models::Inference;
use crate::pipeline::{EmbeddingSource, Pipeline};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Audio files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Rttm)]
    format: Format,
    /// Folder for one file per input, named after it; made if it does not exist [default: write to
    /// standard output]
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// The number of speakers, where it is known
    #[arg(long, value_name = "N")]
    num_speakers: Option<usize>,
    /// Find at least so many speakers
    #[arg(long, value_name = "N")]
    min_speakers: Option<usize>,
    /// Find at most so many speakers
    #[arg(long, value_name = "N")]
    max_speakers: Option<usize>,
    /// The embedding model, an ONNX file [default: the shipped one]
    #[arg(long, value_name = "PATH")]
    model: Option<PathBuf>,
    /// How speech is found and whose it is: windows or segmentation
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// The segmentation model, an ONNX file [default: the shipped one]; for --pipeline segmentation,
    /// which it implies
    #[arg(long, value_name = "PATH")]
    segmentation: Option<PathBuf>,
    /// How to group voices: agglomerative, hdbscan or vbx
    #[arg(long, value_name = "NAME")]
    clustering: Option<String>,
    /// Embeddings made elsewhere, used instead of the model's: one row for every window of 1.5 s
    /// every 0.75 s of the one FILE
    #[arg(long, value_name = "FILE.npy", conflicts_with = "model")]
    window_embeddings: Option<PathBuf>,
    /// The channel to listen to, from 1 [default: all, mixed down]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    channel: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// NIST Rich Transcription Time Marked
    Rttm,
    /// The shape of pyannoteAI's job output
    Json,
    /// Lines like `SPEAKER_00  00:00:12 - 00:00:28`
    Text,
    /// `SubRip` subtitles
    Srt,
    /// `WebVTT` subtitles
    #[value(alias = "vtt")]
    Webvtt,
    /// Comma-separated values: start, end, duration, speaker
    Csv,
    /// Audacity's label track
    Audacity,
    /// Praat's `TextGrid`, a tier a speaker
    Textgrid,
    /// ELAN's annotation format, a tier a speaker
    Eaf,
}

impl Args {
    /// What the flags override among the settings.
    pub(super) fn overrides(&self) -> config::Overrides {
        let mut overrides = super::model(self.model.as_deref());
        let clustering = self.clustering.as_deref();
        overrides.extend(clustering.map(|name| ("clustering.method", name.into())));
        let segmentation = self.segmentation.as_deref();
        overrides.extend(segmentation.map(|path| {
            let path = path.to_string_lossy().into_owned();
            ("model.segmentation", path.into())
        }));
        let implied = segmentation.map(|_| "segmentation");
        let pipeline = self.pipeline.as_deref().or(implied);
        overrides.extend(pipeline.map(|name| ("pipeline.method", name.into())));
        overrides
    }
}

impl Format {
    fn extension(self) -> &'static str {
        match self {
            Self::Rttm => "rttm",
            Self::Json => "json",
            Self::Text => "txt",
            Self::Srt => "srt",
            Self::Webvtt => "vtt",
            Self::Csv => "csv",
            // What Audacity calls its own exports.
            Self::Audacity => "labels.txt",
            Self::Textgrid => "TextGrid",
            Self::Eaf => "eaf",
        }
    }

    /// Whether files in this format can be written one after the other, still telling which
    /// recording a line is about.
    fn can_be_joined(self) -> bool {
        match self {
            Self::Rttm | Self::Json | Self::Text => true,
            Self::Srt | Self::Webvtt | Self::Csv | Self::Audacity | Self::Textgrid | Self::Eaf => {
                false
            }
        }
    }

    fn write(self, name: &str, diarization: &Diarization) -> anyhow::Result<String> {
        let annotation = &diarization.annotation;
        Ok(match self {
            Self::Rttm => rttm::write(name, annotation),
            Self::Text => text::write(annotation),
            Self::Srt => srt::write(annotation),
            Self::Webvtt => webvtt::write(annotation),
            Self::Csv => formats::csv::write(annotation)?,
            Self::Audacity => audacity::write(annotation),
            Self::Textgrid => textgrid::write(annotation, diarization.audio_seconds),
            Self::Eaf => {
                let now = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
                eaf::write(annotation, &now)?
            }
            Self::Json => {
                let mut output = DiarizationOutput::new(diarization);
                // Fifty values a second are for programs that ask for them.
                output.confidence = None;
                serde_json::to_string_pretty(&output)? + "\n"
            }
        })
    }
}

pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<()> {
    let bounds = SpeakerBounds::new(args.num_speakers, args.min_speakers, args.max_speakers)?;
    let outputs = outputs(args)?;
    let pipeline = Pipeline::new(settings.steps(), embeddings(args, settings)?)
        .with_segmenter(super::segmenter(settings)?);
    if let Some(folder) = &args.output_dir {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let options = DecodeOptions {
        channel: args.channel,
        limits: settings.audio,
    };
    let mut failures = 0;
    for (file, output) in args.files.iter().zip(outputs) {
        let bar = Bar::new(file);
        let result = AudioStream::open(file, &options)
            .map_err(Into::into)
            .and_then(|audio| pipeline.run(audio, bounds, &bar));
        bar.finish();
        let written = result
            .map_err(anyhow::Error::from)
            .and_then(|diarization| deliver(args, file, output.as_deref(), &diarization));
        if let Err(error) = written.with_context(|| file.display().to_string()) {
            if args.files.len() == 1 {
                return Err(error);
            }
            eprintln!("diarist: {error:#}");
            failures += 1;
        }
    }
    ensure!(
        failures == 0,
        "{failures} of {} files failed",
        args.files.len()
    );
    Ok(())
}

/// The model, or the embeddings that take its place.
fn embeddings(args: &Args, settings: &Settings) -> anyhow::Result<EmbeddingSource> {
    let Some(path) = &args.window_embeddings else {
        let inference = Inference::start(&settings.model)?;
        tracing::info!(model = %inference.description(), "started");
        return Ok(EmbeddingSource::Model(inference));
    };
    ensure!(
        args.files.len() == 1,
        "--window-embeddings belong to one file; given: {}",
        args.files.len()
    );
    let read = || anyhow::Ok(npy::read_embeddings(&std::fs::read(path)?)?);
    let embeddings = read().with_context(|| format!("cannot read {}", path.display()))?;
    Ok(EmbeddingSource::Given(embeddings))
}

/// Where each file's output goes; no two may go to the same place.
fn outputs(args: &Args) -> anyhow::Result<Vec<Option<PathBuf>>> {
    let Some(folder) = &args.output_dir else {
        let several = args.files.len() > 1;
        if several && !args.format.can_be_joined() {
            bail!("several files in this format need --output-dir DIR");
        }
        return Ok(vec![None; args.files.len()]);
    };
    let mut taken: HashMap<PathBuf, &Path> = HashMap::new();
    let mut outputs = Vec::new();
    for file in &args.files {
        let output = folder.join(format!("{}.{}", stem(file), args.format.extension()));
        if let Some(other) = taken.insert(output.clone(), file) {
            bail!(
                "{} and {} would both be written to {}",
                other.display(),
                file.display(),
                output.display()
            );
        }
        outputs.push(Some(output));
    }
    Ok(outputs)
}

/// Writes the result to its file or to standard output, and warnings to standard error.
fn deliver(
    args: &Args,
    file: &Path,
    output: Option<&Path>,
    diarization: &Diarization,
) -> anyhow::Result<()> {
    for warning in &diarization.warnings {
        eprintln!("diarist: {}: warning: {warning}", file.display());
    }
    let mut written = args.format.write(&stem(file), diarization)?;
    if let Some(output) = output {
        return std::fs::write(output, written)
            .with_context(|| format!("cannot write {}", output.display()));
    }
    if args.format == Format::Text && args.files.len() > 1 {
        written = format!("{}\n{written}\n", file.display());
    }
    std::io::stdout()
        .write_all(written.as_bytes())
        .context("cannot write to standard output")
}
