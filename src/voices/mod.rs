//! Voiceprints: what is kept of a voice, and whose voice another one is.
//!
//! A speaker's voice is the L2-normalised mean of the embeddings that a diarization gave to it
//! ([`voices`]); a [`Voiceprint`] is such a mean with the name of the space that it lies in, as text
//! that callers keep. Two of them are compared by cosine; [`Calibration`] says how probable it is
//! that a cosine belongs to one speaker, and [`identify`] gives speakers the names of those whose
//! voiceprints are known.

mod calibration;
mod centroids;
mod matching;
mod settings;
mod voiceprint;

pub use calibration::{Calibration, ThresholdName, Thresholds, UnknownThreshold};
pub use centroids::{cosine, voices};
pub use matching::{Enrolment, Identity, Matching, identify};
pub use settings::{Settings, SettingsError};
pub use voiceprint::{Voiceprint, VoiceprintError};
