//! `diarist merge`: who said what, from turns and a transcript.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::formats::{recordings, rttm};
use crate::words::{self, write::Form};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Who speaks when
    #[arg(value_name = "TURNS.rttm")]
    turns: PathBuf,
    /// What is said: verbose JSON of `OpenAI` or Whisper, JSON of `WhisperX` or Deepgram, or CTM
    #[arg(value_name = "TRANSCRIPT")]
    transcript: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// The recording's name in the RTTM, where it is about several [default: the transcript's name
    /// without its extension]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Let every sentence have one speaker, whoever has more than half of its words
    #[arg(long)]
    smooth_punctuation: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Words and turns with their text, under pyannoteAI's names
    Json,
    /// `OpenAI`'s transcription by speaker, with the words beside its segments
    #[value(name = "diarized_json")]
    DiarizedJson,
    /// `SubRip` subtitles
    Srt,
    /// `WebVTT` subtitles
    #[value(alias = "vtt")]
    Webvtt,
    /// Lines like `SPEAKER_00: what was said`
    Text,
    /// NIST's words with times; it has no speakers
    Ctm,
    /// NIST's segments with speakers
    Stm,
    /// `MeetEval`'s segments with speakers, in JSON
    Seglst,
}

impl From<Format> for Form {
    fn from(format: Format) -> Self {
        match format {
            Format::Json => Self::Json,
            Format::DiarizedJson => Self::DiarizedJson,
            Format::Srt => Self::Srt,
            Format::Webvtt => Self::WebVtt,
            Format::Text => Self::Text,
            Format::Ctm => Self::Ctm,
            Format::Stm => Self::Stm,
            Format::Seglst => Self::SegLst,
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let turns = read(&args.turns)?;
    let of_turns = || args.turns.display().to_string();
    let recordings = rttm::parse(&turns).with_context(of_turns)?;
    let name = args.name.clone().or_else(|| {
        let only = recordings.keys().next().filter(|_| recordings.len() == 1);
        only.cloned()
    });
    let name = name.unwrap_or_else(|| super::stem(&args.transcript).into_owned());
    let turns = recordings::pick(recordings, &name).with_context(of_turns)?;
    let transcript = read(&args.transcript)?;
    let mut transcript =
        words::parse(&transcript, &name).with_context(|| args.transcript.display().to_string())?;
    words::assign(&mut transcript, &turns.exclusive());
    if args.smooth_punctuation {
        words::smooth(&mut transcript);
    }
    let ends = turns.turns().iter().map(|turn| turn.segment.end);
    let ends = ends.chain(transcript.words().iter().map(|word| word.segment.end));
    let seconds = ends.fold(0.0, f64::max);
    let written = Form::from(args.format).write(&transcript, &name, seconds)?;
    std::io::stdout()
        .write_all(written.as_bytes())
        .context("cannot write to standard output")
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
