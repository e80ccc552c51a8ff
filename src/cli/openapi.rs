//! `diarist openapi`: the description of the HTTP interface, as generated from its handlers.

use std::io::Write as _;

use anyhow::Context as _;

use crate::http;

pub(super) fn run() -> anyhow::Result<()> {
    let document = http::openapi().to_pretty_json()? + "\n";
    std::io::stdout()
        .write_all(document.as_bytes())
        .context("cannot write to standard output")
}
