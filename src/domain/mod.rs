//! The nouns of diarization: segments, turns, annotations, speakers, words, results.
//!
//! No I/O, no serialisation, no async: every other room may use this one and this one uses none.
//! Times are seconds from the start of the recording, as `f64`; sample and frame counts are
//! integers at [`SAMPLE_RATE`].

mod annotation;
mod api_key;
mod diarization;
mod embedding_space;
mod job;
mod local_speakers;
mod media;
mod score;
mod segment;
mod sliding_window;
mod speaker;
mod step;
mod timeline;
mod transcript;
mod warning;

pub use annotation::{Annotation, Turn};
pub use api_key::{
    InvalidKeyName, KeyId, KeyName, KeySecret, NoEntropy, Scope, SecretHash, UnknownScope,
};
pub use diarization::{Diarization, StepSeconds};
pub use embedding_space::EmbeddingSpace;
pub use job::{InvalidTransition, JobEvent, JobId, JobStatus, UnknownStatus};
pub use local_speakers::{LocalFrames, LocalSpeakers};
pub use media::{InvalidMediaKey, MediaKey};
pub use score::{DiarizationErrorRate, JaccardErrorRate, Score, ScoreOptions};
pub use segment::Segment;
pub use sliding_window::SlidingWindow;
pub use speaker::{SpeakerBounds, SpeakerBoundsError, SpeakerLabel};
pub use step::{Cancelled, NoProgress, ProgressHook, Step};
pub use timeline::Timeline;
pub use transcript::{Transcript, Utterance, Word};
pub use warning::Warning;

/// Samples a second of everything below the decoder, in hertz.
pub const SAMPLE_RATE: u32 = 16_000;
