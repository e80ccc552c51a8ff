//! Words and turns brought together: who said what.
//!
//! [`mod@parse`] reads a transcript from whoever made it, [`assign`] gives every word its speaker,
//! [`smooth`] lets sentences have one speaker if that is wanted, and [`mod@write`] has the forms that
//! the outcome can take. Pure: text and turns in, text out.

mod kept;
mod merge;
pub mod parse;
mod smooth;
pub mod write;

pub use kept::KeptTranscript;
pub use merge::{MAX_DISTANCE, assign};
pub use parse::{MAX_WORDS, TranscriptError, parse};
pub use smooth::smooth;
