//! The command line: one clap tree, one file per subcommand.
//!
//! Exit codes: 0 when the work was done, 1 when it failed, 2 when the command line or the settings
//! are wrong. Results go to stdout, everything else to stderr.
#![expect(
    clippy::print_stderr,
    reason = "this is the room that talks to a user at a terminal"
)]

mod diarize;
mod embed;
mod evaluate;
mod healthcheck;
mod keys;
mod merge;
mod migrate;
mod openapi;
mod progress;
mod serve;
mod worker;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::config::{self, Settings};
use crate::db::Db;
use crate::domain::SpeakerBoundsError;
use crate::models::{ModelError, Segmenter};
use crate::pipeline::Method;

/// The work failed.
const FAILED: u8 = 1;
/// The command line or the settings are wrong; clap's own code too.
const WRONG_USAGE: u8 = 2;

/// Answers "who spoke when": a server with a durable job queue, and tools that need none.
#[derive(Debug, Parser)]
#[command(name = "diarist", version, max_term_width = 100)]
struct Cli {
    /// Settings file [default: diarist.toml in the working directory, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer over HTTP and run jobs, in one process or apart
    Serve(serve::Args),
    /// Run jobs alone: the same as `serve --role worker`
    Worker(worker::Args),
    /// Tell who speaks when in audio files; needs no server
    Diarize(diarize::Args),
    /// Write speaker embeddings of audio files as arrays
    Embed(embed::Args),
    /// Score RTTM against a reference: DER, JER and their components
    Evaluate(evaluate::Args),
    /// Make, list and revoke API keys
    Keys(keys::Args),
    /// Tell who said what, from turns and a transcript
    Merge(merge::Args),
    /// Bring the database's schema up to date
    Migrate(migrate::Args),
    /// Print the OpenAPI description of the HTTP interface
    Openapi,
    /// Ask a running server whether it is ready; exit code 0 says yes
    Healthcheck(healthcheck::Args),
}

/// Runs the program with the process's own arguments.
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe is no reason to fail: the user has read enough of the help.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(WRONG_USAGE));
        }
    };
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("diarist: {error:#}");
            if error.is::<config::ConfigError>() || error.is::<SpeakerBoundsError>() {
                ExitCode::from(WRONG_USAGE)
            } else {
                ExitCode::from(FAILED)
            }
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<()> {
    let settings = |flags| config::load(cli.config.as_deref(), flags);
    crate::outbound::provide_tls();
    match cli.command {
        Command::Serve(args) => serve::run(&settings(args.overrides())?),
        Command::Worker(args) => serve::run(&settings(args.overrides())?),
        Command::Diarize(args) => diarize::run(&args, &settings(args.overrides())?),
        Command::Embed(args) => embed::run(&args, &settings(model(args.model.as_deref()))?),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Keys(args) => keys::run(&args, &settings(data_dir(args.data_dir()))?),
        Command::Merge(args) => merge::run(&args),
        Command::Migrate(args) => migrate::run(&settings(data_dir(args.data_dir.as_deref()))?),
        Command::Openapi => openapi::run(),
        Command::Healthcheck(args) => healthcheck::run(&args, &settings(Vec::new())?),
    }
}

/// What a recording is called whose file this is.
fn stem(file: &Path) -> Cow<'_, str> {
    file.file_stem()
        .unwrap_or(OsStr::new("-"))
        .to_string_lossy()
}

/// What `--model` overrides.
fn model(path: Option<&Path>) -> config::Overrides {
    let path = path.map(|path| ("model.path", path.to_string_lossy().as_ref().into()));
    path.into_iter().collect()
}

/// The segmentation model, if the settings want one.
fn segmenter(settings: &Settings) -> Result<Option<Segmenter>, ModelError> {
    match settings.pipeline.method {
        Method::Windows => Ok(None),
        Method::Segmentation => Segmenter::start(&settings.model).map(Some),
    }
}

/// What `--data-dir` overrides.
fn data_dir(path: Option<&Path>) -> config::Overrides {
    let text = path.map(|path| path.to_string_lossy().into_owned());
    text.map(|text| ("data_dir", text.into()))
        .into_iter()
        .collect()
}

/// The database in the data folder, with its schema up to date; both are made if need be.
async fn open_database(settings: &Settings) -> anyhow::Result<Db> {
    let folder = &settings.data_dir;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the data folder {}", folder.display()))?;
    let path = folder.join("diarist.sqlite3");
    Db::open(&path)
        .await
        .with_context(|| format!("cannot open the database {}", path.display()))
}

/// Runs the asynchronous half of the program.
fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    Ok(runtime.block_on(work))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_tree_is_sound() {
        Cli::command().debug_assert();
    }
}
