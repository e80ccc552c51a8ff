//! Integration tests: one binary against the real program.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod audio;
mod cli;
mod diarize;
mod embed;
mod formats;
mod fuzz;
mod models;
mod oracle;
mod program;
mod readme;
mod scoring;
mod service;
