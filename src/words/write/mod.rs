//! What a transcript with speakers can be written as.
//!
//! Words that nobody was near have the speaker `null` where the format can say so, and
//! [`UNKNOWN`] where it cannot.

pub mod ctm;
pub mod diarized;
pub mod json;
pub mod seglst;
pub mod srt;
pub mod stm;
mod subtitles;
pub mod text;
pub mod webvtt;

/// The speaker of words without one, in formats that must name somebody.
pub const UNKNOWN: &str = "unknown";

/// Seconds to the millisecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
