//! What went less than perfectly without being an error.

use std::fmt;

/// A remark that travels with a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// The audio breaks off; the result covers what came before.
    Truncated {
        /// What the decoder said.
        reason: String,
    },
    /// The number of speakers asked for could not be reached.
    SpeakersNotHonoured {
        /// What was asked for, in words.
        asked: String,
        /// How many speakers the result has.
        found: usize,
        /// Why.
        reason: String,
    },
    /// Another clustering algorithm than the one asked for did the work.
    OtherClustering {
        /// The one asked for.
        asked: &'static str,
        /// The one used.
        used: &'static str,
        /// Why.
        reason: String,
    },
    /// What is so on one of the channels that were diarized by themselves.
    OnChannel {
        /// The channel, from 1.
        channel: u16,
        /// What is so.
        warning: Box<Warning>,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { reason } => {
                write!(
                    f,
                    "the audio breaks off and the result covers what came before: {reason}"
                )
            }
            Self::SpeakersNotHonoured {
                asked,
                found,
                reason,
            } => {
                write!(f, "{asked} asked for, {found} found: {reason}")
            }
            Self::OtherClustering {
                asked,
                used,
                reason,
            } => {
                write!(f, "clustering by {used} instead of {asked}: {reason}")
            }
            Self::OnChannel { channel, warning } => write!(f, "channel {channel}: {warning}"),
        }
    }
}
