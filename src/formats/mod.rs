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
//! | [`csv`] | for spreadsheets | | yes |
//! | [`audacity`], [`textgrid`], [`eaf`] | for audio editors and linguists' tools | | yes |
//! | [`voices`] | names, voiceprints and comparisons as pyannoteAI shapes them | yes | yes |
//! | [`npy`] | window embeddings and labels | yes | yes |
//!
//! Everything read comes from outside: readers name the line and what is wrong with it.

pub mod audacity;
pub mod csv;
pub mod eaf;
pub mod json;
pub(crate) mod lines;
pub mod metrics;
pub mod npy;
pub(crate) mod plain;
pub mod recordings;
pub mod rttm;
pub mod score;
pub mod srt;
pub mod text;
pub mod textgrid;
mod tiers;
pub(crate) mod timestamp;
pub mod uem;
pub mod voices;
pub mod webvtt;

pub use lines::ParseError;
pub use recordings::OtherRecordings;
