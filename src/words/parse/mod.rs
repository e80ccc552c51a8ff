//! Transcripts as their makers write them, told apart by what is in them.
//!
//! | what | told by | words |
//! |---|---|---|
//! | verbose JSON of `OpenAI` and Whisper, `WhisperX`'s JSON | an object with `words` or `segments` | `words`, else those of the segments, else the segments themselves |
//! | Deepgram's JSON | an object with `results` | those of every channel's first alternative |
//! | CTM (NIST) | anything that is not JSON | a line each |
//!
//! Nothing here trusts its input: counts and times have limits, and an error names the limit and
//! the value.

mod ctm;
mod deepgram;
mod json;
mod timing;
mod verbose;

use thiserror::Error;

use crate::{
    domain::Transcript,
    formats::{OtherRecordings, ParseError},
};

/// The most words a transcript may have: a day of fast speech.
pub const MAX_WORDS: usize = 300_000;

/// Why a transcript cannot be used.
#[derive(Debug, Error)]
pub enum TranscriptError {
    /// It looks like JSON and is not, or is JSON of another shape.
    #[error("the transcript cannot be read as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// JSON, but of no kind that is known.
    #[error(
        "the transcript is JSON without words: it must have words or segments (OpenAI, Whisper, \
         WhisperX) or results (Deepgram)"
    )]
    Unknown,
    /// No JSON, and no CTM either.
    #[error("the transcript is neither JSON nor CTM: {0}")]
    Ctm(ParseError),
    /// It is about several recordings, and none of them is this one.
    #[error("the transcript {0}")]
    OtherRecordings(#[from] OtherRecordings),
    /// It is too long.
    #[error("a transcript must have at most {limit} words; given: {given}", limit = MAX_WORDS)]
    TooManyWords {
        /// How many it has.
        given: usize,
    },
    /// A word at an impossible time.
    #[error("{what} of word {word} (from 1) must be {limit}; given: {given}")]
    Time {
        /// `the start`, `the end` or `the duration`.
        what: &'static str,
        /// Which word, from 1.
        word: usize,
        /// What it must be.
        limit: String,
        /// What it is, in seconds.
        given: f64,
    },
    /// Nothing says when anything was said.
    #[error("word {word} (from 1) has no times, and none can be told from its neighbours")]
    NoTimes {
        /// Which word, from 1.
        word: usize,
    },
}

/// Reads a transcript of the recording `name`.
///
/// Words may come in any order. Those without times of their own, as `WhisperX` leaves numbers,
/// share the time between their neighbours.
///
/// # Errors
/// What is wrong with it, with the limit and the value.
pub fn parse(text: &str, name: &str) -> Result<Transcript, TranscriptError> {
    let text = text.trim_start_matches('\u{feff}');
    match text.trim_start().chars().next() {
        Some('{') => {}
        Some('[') => return Err(TranscriptError::Unknown),
        _ => return timing::timed(ctm::parse(text, name)?),
    }
    let document: json::Document = serde_json::from_str(text)?;
    let passages = match document.results {
        Some(results) => deepgram::passages(results),
        None => verbose::passages(document).ok_or(TranscriptError::Unknown)?,
    };
    timing::timed(passages)
}

#[cfg(test)]
mod tests;
