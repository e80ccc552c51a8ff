//! Bytes to mono samples at 16 kHz.
//!
//! [`AudioStream`] opens a file, recognises it by content, decodes it, mixes it down and resamples
//! it, one block at a time. The way of the data, one file each:
//!
//! `recording` (where bytes come from) -> `source` (bytes, with a bound on what one step may read) -> `wave`, `mp4` (symphonia's, with a bound
//! on the samples that `fragments` claim) or another reader of symphonia's (packets) -> `decoder` (planes of samples at the file's rate, silence where time stamps leave a
//! gap) -> `mixdown` (one channel) -> `resample` (16 kHz) -> `stream` (limits, finite samples).
//!
//! Accepted: WAV, RF64 and BW64 (8 to 32-bit integer, float, A-law, mu-law, MS and IMA ADPCM),
//! FLAC, MP1/2/3, AAC in ADTS, M4A/MP4/MOV (AAC, ALAC, FLAC, Opus, MP3, PCM), Ogg (Vorbis, Opus,
//! FLAC), `WebM` and Matroska (Opus, Vorbis, AAC, FLAC, MP3, PCM), AIFF/AIFC and CAF.
//!
//! Any number of channels. Symphonia decodes all that it can; `opus`, `adpcm` and `aac_surround` are
//! for more channels than it knows of. Not accepted: headerless PCM of any kind, which no content
//! gives away.

mod aac;
mod aac_surround;
mod adpcm;
mod decoder;
mod edit_list;
mod error;
mod fault;
mod fragments;
mod limits;
mod mixdown;
mod mp4;
mod ogg;
mod opus;
mod opus_framing;
mod opus_header;
mod packet_decoder;
mod recording;
mod registry;
mod repair;
mod resample;
mod source;
mod stream;
mod wave;
mod wave_format;

pub use error::AudioError;
pub use limits::{DecodeOptions, Limits, LimitsError};
pub use recording::{Bytes, Recording};
pub use stream::{AudioInfo, AudioStream};

/// The sample rates accepted, in hertz.
pub const SAMPLE_RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;
