//! `diarist worker`: jobs alone, the same as `serve --role worker`.

use std::path::PathBuf;

use crate::config::{Overrides, Role};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder for the database, audio and results
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Args {
    /// What the command and its flags override among the settings.
    pub(super) fn overrides(&self) -> Overrides {
        let mut overrides = super::data_dir(self.data_dir.as_deref());
        overrides.push(("role", Role::Worker.as_str().into()));
        overrides
    }
}
