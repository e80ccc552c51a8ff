//! A stretch of time.

use std::cmp::Ordering;

/// A half-open stretch of time `[start, end)`, in seconds.
///
/// Segments order by start, then by end. One that is shorter than a microsecond is empty, so that
/// rounding noise of arithmetic in seconds never counts as speech.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// First instant, in seconds.
    pub start: f64,
    /// First instant after the segment, in seconds.
    pub end: f64,
}

impl Segment {
    /// Segments shorter than this many seconds are empty.
    pub const PRECISION: f64 = 1e-6;

    /// The segment from `start` to `end`, in seconds.
    pub const fn new(start: f64, end: f64) -> Self {
        Self { start, end }
    }

    /// Length in seconds, zero when empty.
    pub fn duration(&self) -> f64 {
        if self.is_empty() {
            0.0
        } else {
            self.end - self.start
        }
    }

    /// Whether nothing lies between start and end.
    pub fn is_empty(&self) -> bool {
        self.end - self.start <= Self::PRECISION
    }

    /// The instant half way, in seconds.
    pub fn middle(&self) -> f64 {
        0.5 * (self.start + self.end)
    }

    /// The stretch both segments cover, if there is one.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let common = Self::new(self.start.max(other.start), self.end.min(other.end));
        (!common.is_empty()).then_some(common)
    }
}

impl Eq for Segment {}

impl PartialOrd for Segment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Segment {
    fn cmp(&self, other: &Self) -> Ordering {
        self.start
            .total_cmp(&other.start)
            .then(self.end.total_cmp(&other.end))
    }
}
