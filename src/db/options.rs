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
    /// What is to be done.
    pub task: Task,
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

/// What a job is to do with its recording.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "name",
    rename_all = "snake_case",
    rename_all_fields = "camelCase"
)]
pub enum Task {
    /// Say who speaks when.
    #[default]
    Diarize,
    /// Make a voiceprint of its one speaker.
    Voiceprint,
    /// Say who speaks when, and which of the voiceprints that came with the job theirs are.
    Identify {
        /// Whether a name goes to one speaker at most.
        exclusive: bool,
        /// Confidence, 0 to 100, below which a speaker stays without a name.
        threshold: f32,
    },
    /// Say whether its speaker is that of another recording, or of the voiceprint that came with
    /// the job.
    Verify {
        /// The threshold's name.
        threshold: String,
        /// Whether there is a second recording.
        second: bool,
        /// Where that is to be fetched from, if it is not stored already.
        second_url: Option<String>,
    },
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
