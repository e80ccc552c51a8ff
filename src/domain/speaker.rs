//! Speakers and how many of them to expect.

use std::fmt;

use thiserror::Error;

/// The name of a speaker within one recording.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpeakerLabel(String);

impl SpeakerLabel {
    /// The label of the `index`-th speaker to appear, from 0: `SPEAKER_00`, `SPEAKER_01`, ...
    pub fn nth(index: usize) -> Self {
        Self(format!("SPEAKER_{index:02}"))
    }

    /// A name given by somebody else, as in a reference.
    pub fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// Whether the label only numbers the speaker, as [`SpeakerLabel::nth`] does.
    pub fn is_numbered(&self) -> bool {
        let number = self.0.strip_prefix("SPEAKER_");
        number.is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// The number of a label that only numbers the speaker.
    pub fn number(&self) -> Option<usize> {
        let number = self.0.strip_prefix("SPEAKER_")?.parse().ok()?;
        (Self::nth(number) == *self).then_some(number)
    }

    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpeakerLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many speakers the caller expects: at least `min`, at most `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpeakerBounds {
    min: usize,
    max: Option<usize>,
}

/// Counts that contradict each other or exceed [`SpeakerBounds::LIMIT`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpeakerBoundsError {
    /// A count of zero or above the limit.
    #[error("{name} must be between 1 and {limit}; given: {value}", limit = SpeakerBounds::LIMIT)]
    OutOfRange {
        /// Which of the three counts.
        name: &'static str,
        /// The count given.
        value: usize,
    },
    /// The least exceeds the most.
    #[error("minSpeakers must not exceed maxSpeakers; given: {min} and {max}")]
    Crossed {
        /// `minSpeakers` as given.
        min: usize,
        /// `maxSpeakers` as given.
        max: usize,
    },
    /// An exact count beside a range that does not contain it.
    #[error(
        "numSpeakers must lie between minSpeakers and maxSpeakers; given: {exact} outside {range}"
    )]
    Outside {
        /// `numSpeakers` as given.
        exact: usize,
        /// The range as given.
        range: String,
    },
}

impl SpeakerBounds {
    /// The largest count that may be asked for.
    pub const LIMIT: usize = 1000;

    /// No expectation: one speaker or any larger number.
    pub const ANY: Self = Self { min: 1, max: None };

    /// Bounds from the three counts a caller may give.
    pub fn new(
        exact: Option<usize>,
        min: Option<usize>,
        max: Option<usize>,
    ) -> Result<Self, SpeakerBoundsError> {
        for (name, count) in [
            ("numSpeakers", exact),
            ("minSpeakers", min),
            ("maxSpeakers", max),
        ] {
            if let Some(value) = count
                && !(1..=Self::LIMIT).contains(&value)
            {
                return Err(SpeakerBoundsError::OutOfRange { name, value });
            }
        }
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            return Err(SpeakerBoundsError::Crossed { min, max });
        }
        let range = Self {
            min: min.unwrap_or(1),
            max,
        };
        match exact {
            None => Ok(range),
            Some(exact) if range.contains(exact) => Ok(Self {
                min: exact,
                max: Some(exact),
            }),
            Some(exact) => Err(SpeakerBoundsError::Outside {
                exact,
                range: format!(
                    "{}..{}",
                    range.min,
                    range.max.map_or_else(String::new, |max| max.to_string())
                ),
            }),
        }
    }

    /// The least number of speakers.
    pub fn min(&self) -> usize {
        self.min
    }

    /// The largest number of speakers, if bounded.
    pub fn max(&self) -> Option<usize> {
        self.max
    }

    /// The number of speakers, if only one will do.
    pub fn exact(&self) -> Option<usize> {
        self.max.filter(|max| *max == self.min)
    }

    /// Whether `count` speakers are within the bounds.
    pub fn contains(&self, count: usize) -> bool {
        count >= self.min && self.max.is_none_or(|max| count <= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_count_inside_its_range_wins() {
        let bounds = SpeakerBounds::new(Some(3), Some(2), Some(5)).unwrap();
        assert_eq!((bounds.exact(), bounds.contains(2)), (Some(3), false));
    }

    #[test]
    fn contradictions_name_the_values() {
        let message = |e, l, m| SpeakerBounds::new(e, l, m).unwrap_err().to_string();
        assert_eq!(
            message(Some(0), None, None),
            "numSpeakers must be between 1 and 1000; given: 0"
        );
        assert!(message(None, Some(4), Some(2)).ends_with("given: 4 and 2"));
        assert!(message(Some(6), Some(2), Some(5)).ends_with("given: 6 outside 2..5"));
    }
}
