//! What the caller asked for, as it is kept with the job.

use serde::{Deserialize, Serialize};

/// The options of one job. Counts were checked when the job was accepted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each answers a question of its own"
)]
pub struct JobOptions {
    /// Exactly this many speakers.
    pub num_speakers: Option<usize>,
    /// At least this many speakers.
    pub min_speakers: Option<usize>,
    /// At most this many speakers.
    pub max_speakers: Option<usize>,
    /// Answer with the exclusive turns too.
    pub exclusive: bool,
    /// Answer with a confidence per frame too.
    pub confidence: bool,
    /// Answer with a confidence per turn too.
    pub turn_level_confidence: bool,
    /// Clustering algorithm by name; the configured one if absent.
    pub clustering: Option<String>,
    /// Only this channel of the recording.
    pub channel: Option<u16>,
    /// Each channel of the recording by itself.
    pub separate_channels: bool,
    /// How to score against a reference that came with the job.
    pub scoring: ScoringOptions,
}

/// How a result is compared with a reference.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScoringOptions {
    /// Width in seconds of the stretch left out around each reference boundary, in all (half of
    /// it on either side, pyannote.metrics' convention).
    pub collar: f64,
    /// Leave out stretches where the reference has more than one speaker.
    pub skip_overlap: bool,
}
