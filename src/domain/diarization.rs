//! What the pipeline gives back.

use super::{Annotation, LocalSpeakers, SlidingWindow, SpeakerLabel, Timeline, Warning};

/// Wall-clock seconds each part of the work took.
///
/// The parts overlap in time (the model runs beside the decoder), so they need not add up to the
/// total.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepSeconds {
    /// Decoding, mixing down and resampling.
    pub decode: f64,
    /// Speech activity.
    pub speech: f64,
    /// Log-mel filterbank.
    pub filterbank: f64,
    /// Inside the embedding model.
    pub embedding: f64,
    /// Clustering.
    pub clustering: f64,
    /// Assembly of turns.
    pub assembly: f64,
    /// From the first byte to the last turn.
    pub total: f64,
}

/// The result of diarizing one recording.
#[derive(Debug, Clone)]
pub struct Diarization {
    /// Who spoke when.
    pub annotation: Annotation,
    /// The same with at most one speaker at any instant, for merging with a transcript.
    pub exclusive: Annotation,
    /// The embedded windows' numbers within [`Diarization::sliding_window`], ascending.
    pub windows: Vec<usize>,
    /// The windows' geometry.
    pub sliding_window: SlidingWindow,
    /// L2-normalised embeddings, row-major `(windows.len(), dim)`.
    pub embeddings: ndarray::Array2<f32>,
    /// The speaker of each window: `n` stands for `SPEAKER_0n`.
    pub labels: Vec<usize>,
    /// The channel (from 1) of each speaker, by number, where every channel was diarized by itself; empty
    /// otherwise.
    pub speaker_channels: Vec<u16>,
    /// How many of the embeddings an earlier run at the recording had made.
    pub resumed_windows: usize,
    /// Length of the decoded audio in seconds.
    pub audio_seconds: f64,
    /// When somebody speaks.
    pub speech: Timeline,
    /// When several speak, where that was looked for.
    pub overlap: Timeline,
    /// Who is alone, where a segmentation model was asked.
    pub locals: Option<LocalSpeakers>,
    /// Where the time went.
    pub seconds: StepSeconds,
    /// What to tell the caller.
    pub warnings: Vec<Warning>,
}

impl Diarization {
    /// The channel (from 1) that `speaker` is on, where channels were diarized by themselves.
    pub fn channel_of(&self, speaker: &SpeakerLabel) -> Option<u16> {
        let number = speaker.number()?;
        self.speaker_channels.get(number).copied()
    }
}
