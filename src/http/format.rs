//! The forms that a result's turns can take.

use serde::Deserialize;
use utoipa::ToSchema;

use super::error::ApiError;
use crate::{
    domain::Annotation,
    formats::{self, audacity, eaf, srt, text, textgrid, webvtt},
    storage::Artefact,
};

/// A form a result can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// All there is, in the shape of pyannoteAI's output.
    Json,
    /// NIST's Rich Transcription Time Marked.
    Rttm,
    /// `SubRip` subtitles.
    Srt,
    /// `WebVTT` subtitles.
    #[serde(alias = "webvtt")]
    Vtt,
    /// Lines for people, times rounded to the second.
    Text,
    /// Comma-separated values: start, end, duration, speaker.
    Csv,
    /// Audacity's label track.
    Audacity,
    /// Praat's `TextGrid`, an interval tier a speaker.
    Textgrid,
    /// ELAN's annotation format, a tier a speaker.
    Eaf,
}

/// Where a form comes from.
pub(crate) enum Source {
    /// The workers made it.
    Stored(Artefact),
    /// It is made of the turns when it is asked for.
    Written(fn(&Annotation, &Recording) -> Result<String, ApiError>),
}

/// What some forms say about a recording beside its turns.
pub(crate) struct Recording {
    /// What it is called in RTTM.
    pub(crate) name: String,
    /// Its length.
    pub(crate) seconds: f64,
    /// When the result was made, as RFC 3339 has it.
    pub(crate) date: String,
}

impl Format {
    /// Media types and what they stand for, the preferred one first.
    pub(crate) const OFFERED: [(&str, Self); 10] = [
        ("application/json", Self::Json),
        ("text/plain", Self::Rttm),
        ("text/rttm", Self::Rttm),
        ("text/vtt", Self::Vtt),
        ("application/x-subrip", Self::Srt),
        ("text/srt", Self::Srt),
        ("text/csv", Self::Csv),
        ("text/tab-separated-values", Self::Audacity),
        ("text/praat-textgrid", Self::Textgrid),
        ("text/x-eaf+xml", Self::Eaf),
    ];

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Rttm | Self::Text => "text/plain; charset=utf-8",
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Audacity => "text/tab-separated-values; charset=utf-8",
            Self::Textgrid => "text/praat-textgrid; charset=utf-8",
            Self::Eaf => "text/x-eaf+xml; charset=utf-8",
        }
    }

    pub(crate) fn source(self) -> Source {
        match self {
            Self::Json => Source::Stored(Artefact::Result),
            Self::Rttm => Source::Stored(Artefact::Rttm),
            Self::Srt => Source::Written(|turns, _| Ok(srt::write(turns))),
            Self::Vtt => Source::Written(|turns, _| Ok(webvtt::write(turns))),
            Self::Text => Source::Written(|turns, _| Ok(text::write(turns))),
            Self::Csv => {
                Source::Written(|turns, _| formats::csv::write(turns).map_err(ApiError::internal))
            }
            Self::Audacity => Source::Written(|turns, _| Ok(audacity::write(turns))),
            Self::Textgrid => {
                Source::Written(|turns, recording| Ok(textgrid::write(turns, recording.seconds)))
            }
            Self::Eaf => Source::Written(|turns, recording| {
                eaf::write(turns, &recording.date).map_err(ApiError::internal)
            }),
        }
    }
}
