//! `diarist evaluate`: scores RTTM against a reference.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::domain::{Annotation, Score, ScoreOptions, Timeline};
use crate::evaluation;
use crate::formats::{ParseError, rttm, score, uem};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Who really spoke when; may tell of several files
    #[arg(value_name = "REFERENCE.rttm")]
    reference: PathBuf,
    /// What is to be scored; files are matched by their names in the RTTM
    #[arg(value_name = "HYPOTHESIS.rttm")]
    hypothesis: PathBuf,
    /// The parts to be scored, as UEM [default: from the first start to the last end of a turn]
    #[arg(long, value_name = "FILE")]
    uem: Option<PathBuf>,
    /// Seconds left out around each boundary of the reference, half on each side, as
    /// pyannote.metrics counts; md-eval's -c 0.25 is 0.5 here
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0)]
    collar: f64,
    /// Leave out where the reference has more than one turn at once
    #[arg(long)]
    skip_overlap: bool,
    /// A table for people or JSON for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Table,
    Json,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let reference = read(&args.reference, rttm::parse)?;
    let hypothesis = read(&args.hypothesis, rttm::parse)?;
    let uem = args.uem.as_deref().map(|path| read(path, uem::parse));
    let options = ScoreOptions {
        collar: args.collar,
        skip_overlap: args.skip_overlap,
    };
    let rows = rows(&reference, &hypothesis, uem.transpose()?.as_ref(), options)?;
    let report = match args.format {
        Format::Table => score::table(&rows, options),
        Format::Json => {
            let report = score::ReportJson::new(&rows, options);
            serde_json::to_string_pretty(&report)? + "\n"
        }
    };
    std::io::stdout()
        .write_all(report.as_bytes())
        .context("cannot write the report")
}

fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T, ParseError>) -> anyhow::Result<T> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

/// A score for every file that the reference or the UEM names. One without a hypothesis was
/// missed from beginning to end.
fn rows(
    reference: &BTreeMap<String, Annotation>,
    hypothesis: &BTreeMap<String, Annotation>,
    uem: Option<&BTreeMap<String, Timeline>>,
    options: ScoreOptions,
) -> anyhow::Result<Vec<(String, Score)>> {
    let scored = uem.into_iter().flat_map(BTreeMap::keys);
    let files: BTreeSet<_> = reference.keys().chain(scored).collect();
    let strangers: Vec<_> = hypothesis
        .keys()
        .filter(|file| !files.contains(file))
        .map(String::as_str)
        .collect();
    if !strangers.is_empty() {
        bail!(
            "the reference does not tell of these files of the hypothesis: {}",
            strangers.join(", ")
        );
    }
    let nobody = Annotation::default();
    files
        .into_iter()
        .map(|file| {
            let parts = match uem {
                Some(uem) => Some(
                    uem.get(file)
                        .with_context(|| format!("the UEM does not tell of {file}"))?,
                ),
                None => None,
            };
            let [reference, hypothesis] =
                [reference, hypothesis].map(|side| side.get(file).unwrap_or(&nobody));
            let score = evaluation::score(reference, hypothesis, parts, options)
                .with_context(|| file.clone())?;
            Ok((file.clone(), score))
        })
        .collect()
}
