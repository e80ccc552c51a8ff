//! Text and array formats, read and written.
//!
//! | module | what | read | written |
//! |---|---|---|---|
//! | [`rttm`] | who spoke when, NIST Rich Transcription | yes | yes |
//! | [`uem`] | what is scored | yes | |
//! | [`json`] | result as pyannoteAI shapes it | | yes |
//! | [`metrics`] | what a job cost and how good it was | | yes |
//! | [`score`] | error rates | | yes |
//! | [`srt`], [`webvtt`], [`text`] | for people and players | | yes |
//! | [`npy`] | window embeddings and labels | yes | yes |
//!
//! Everything read comes from outside: readers name the line and what is wrong with it.

pub mod json;
mod lines;
pub mod metrics;
pub mod npy;
pub mod rttm;
pub mod score;
pub mod srt;
pub mod text;
mod timestamp;
pub mod uem;
pub mod webvtt;

pub use lines::ParseError;
