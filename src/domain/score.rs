//! How far a hypothesis is from its reference: two error rates, summed over a corpus.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// What counts when a hypothesis is scored.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScoreOptions {
    /// Seconds left out around each start and end of a reference turn, half of them on each side.
    pub collar: f64,
    /// Leave out the stretches in which the reference has more than one turn at once.
    pub skip_overlap: bool,
}

/// Diarization error rate (NIST Rich Transcription evaluations, 2000s), in seconds.
///
/// Sums of components over files give the corpus' rate: the ratio of sums, not the mean of rates.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DiarizationErrorRate {
    /// Speech in the reference; where two speak at once, both count.
    pub total: f64,
    /// Speech of the reference that nobody answers for.
    pub missed: f64,
    /// Speech of the hypothesis beyond what the reference has.
    pub false_alarm: f64,
    /// Speech given to the wrong speaker.
    pub confusion: f64,
}

impl DiarizationErrorRate {
    /// `(missed + false alarm + confusion) / total`; without any reference speech 0 if nothing
    /// was claimed, else 1. May exceed 1.
    pub fn rate(&self) -> f64 {
        let errors = self.missed + self.false_alarm + self.confusion;
        if self.total > 0.0 {
            errors / self.total
        } else {
            f64::from(u8::from(errors > 0.0))
        }
    }
}

/// Jaccard error rate (Second DIHARD Challenge evaluation plan, 2019).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JaccardErrorRate {
    /// Sum over the reference's speakers of their own error: the time that only one of the
    /// paired speakers has over the time that either has, 1 for a speaker without a partner.
    pub speaker_error: f64,
    /// How many speakers the reference has.
    pub speakers: f64,
}

impl JaccardErrorRate {
    /// The mean error of a reference speaker, at most 1; 1 if there is none.
    pub fn rate(&self) -> f64 {
        if self.speakers > 0.0 {
            self.speaker_error / self.speakers
        } else {
            1.0
        }
    }
}

/// Both rates of one file, or, summed, of a corpus.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Score {
    /// Diarization error rate.
    pub der: DiarizationErrorRate,
    /// Jaccard error rate.
    pub jer: JaccardErrorRate,
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.der.total += other.der.total;
        self.der.missed += other.der.missed;
        self.der.false_alarm += other.der.false_alarm;
        self.der.confusion += other.der.confusion;
        self.jer.speaker_error += other.jer.speaker_error;
        self.jer.speakers += other.jer.speakers;
    }
}

impl Add for Score {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Sum for Score {
    fn sum<I: Iterator<Item = Self>>(scores: I) -> Self {
        scores.fold(Self::default(), Add::add)
    }
}
