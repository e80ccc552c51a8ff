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

use serde::Serialize;

use crate::domain::Transcript;

/// A form by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// [`json`].
    Json,
    /// [`diarized`].
    DiarizedJson,
    /// [`srt`].
    Srt,
    /// [`webvtt`].
    WebVtt,
    /// [`text`].
    Text,
    /// [`ctm`].
    Ctm,
    /// [`stm`].
    Stm,
    /// [`seglst`].
    SegLst,
}

impl Form {
    /// Writes the transcript of the recording `name`, which lasts `seconds`.
    ///
    /// # Errors
    /// None that an input could cause.
    pub fn write(
        self,
        transcript: &Transcript,
        name: &str,
        seconds: f64,
    ) -> Result<String, serde_json::Error> {
        Ok(match self {
            Self::Json => in_lines(&json::TranscriptJson::new(transcript))?,
            Self::DiarizedJson => in_lines(&diarized::DiarizedJson::new(transcript, seconds))?,
            Self::SegLst => in_lines(&seglst::segments(name, transcript))?,
            Self::Srt => srt::write(transcript),
            Self::WebVtt => webvtt::write(transcript),
            Self::Text => text::write(transcript),
            Self::Ctm => ctm::write(name, transcript),
            Self::Stm => stm::write(name, transcript),
        })
    }
}

fn in_lines(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

/// The speaker of words without one, in formats that must name somebody.
pub const UNKNOWN: &str = "unknown";

/// Seconds to the millisecond.
fn rounded(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
