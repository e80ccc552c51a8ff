//! `diarist migrate`: brings the database's schema up to date.
//!
//! `serve` does the same at start; a deployment that starts several processes at once runs this
//! first.

use std::path::PathBuf;

use crate::config::Settings;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder that the database is in
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
}

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    super::block_on(async {
        super::open_database(settings).await?.close().await;
        anyhow::Ok(())
    })?
}
