//! Why audio is refused.

use std::io;

use thiserror::Error;

use super::SAMPLE_RATES;

/// A file that cannot be, or may not be, decoded.
#[derive(Debug, Error)]
pub enum AudioError {
    /// The file could not be opened or read: not the audio's fault.
    #[error("the audio file could not be read: {0}")]
    Read(#[from] io::Error),
    /// A directory, pipe or device.
    #[error("the audio must be a regular file")]
    NotAFile,
    /// No bytes at all.
    #[error("the audio file is empty: it must hold at least 1 byte; given: 0")]
    EmptyFile,
    /// More bytes than [`super::Limits::max_bytes`].
    #[error("the audio file must have at most {limit} bytes; given: {bytes}")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
        /// The file's size in bytes.
        bytes: u64,
    },
    /// Longer than [`super::Limits::max_duration_seconds`].
    #[error("the audio must last at most {limit} s; given: {}{seconds:.2} s", if *.stated { "stated as " } else { "at least " })]
    TooLong {
        /// The limit in seconds.
        limit: f64,
        /// The length in seconds: as the header has it, or as far as it was decoded.
        seconds: f64,
        /// Whether the header says so (or the decoder found out).
        stated: bool,
    },
    /// Content that is none of the containers in [`super`].
    #[error(
        "not a known audio container (WAV, RF64, FLAC, MP3, AAC, MP4, Ogg, WebM, Matroska, AIFF, CAF)"
    )]
    UnknownContainer,
    /// A known container with contents that contradict it.
    #[error("malformed {container}: {reason}")]
    Malformed {
        /// The container's name, or "audio" where it was not recognised yet.
        container: &'static str,
        /// What the reader said.
        reason: String,
    },
    /// Video, subtitles or nothing at all.
    #[error(
        "the {container} file must have an audio track; tracks of other or unknown kinds: {tracks}"
    )]
    NoAudioTrack {
        /// The container's name.
        container: &'static str,
        /// How many tracks of other or unknown kinds there are.
        tracks: usize,
    },
    /// An audio track that no decoder here understands.
    #[error("unsupported codec {codec} in {container}: {reason}")]
    UnsupportedCodec {
        /// The container's name.
        container: &'static str,
        /// The codec's name, or its number where it has none.
        codec: String,
        /// What the decoder said.
        reason: String,
    },
    /// Too low or too high a sample rate.
    #[error("the sample rate must be between {lowest} and {highest} Hz; given: {0}", lowest = SAMPLE_RATES.start(), highest = SAMPLE_RATES.end())]
    SampleRate(u32),
    /// [`super::DecodeOptions::channel`] names a channel that is not there.
    #[error("channel must be between 1 and {channels}, the number of channels; given: {channel}")]
    NoSuchChannel {
        /// The channel asked for, from 1.
        channel: u16,
        /// The channels there are.
        channels: usize,
    },
    /// A sample that is not a number or absurdly large.
    #[error("samples must be finite and at most {limit:e} in magnitude; given: {value} at {seconds:.3} s", limit = AudioError::LARGEST_SAMPLE)]
    Sample {
        /// The sample.
        value: f32,
        /// Where, in seconds from the start.
        seconds: f64,
    },
    /// A valid container around an audio track without samples.
    #[error("the {container} file's audio track must hold at least 1 sample; given: 0")]
    NoSamples {
        /// The container's name.
        container: &'static str,
    },
}

impl AudioError {
    /// Samples beyond this magnitude (full scale is 1) are taken for garbage.
    pub const LARGEST_SAMPLE: f32 = 1e6;

    /// A stable code for machines.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Read(_) => "audio_unreadable",
            Self::NotAFile => "audio_not_a_file",
            Self::EmptyFile | Self::NoSamples { .. } => "audio_empty",
            Self::TooLarge { .. } => "audio_too_large",
            Self::TooLong { .. } => "audio_too_long",
            Self::UnknownContainer => "audio_unknown_container",
            Self::Malformed { .. } => "audio_malformed",
            Self::NoAudioTrack { .. } => "audio_no_track",
            Self::UnsupportedCodec { .. } => "audio_unsupported_codec",
            Self::SampleRate(_) => "audio_sample_rate",
            Self::NoSuchChannel { .. } => "audio_no_such_channel",
            Self::Sample { .. } => "audio_sample_not_finite",
        }
    }
}
