//! Speech activity: a probability per 16 ms, and the segments where somebody speaks.

mod detector;
mod segments;
mod settings;

pub use detector::{FRAME_SAMPLES, SpeechDetector};
pub use segments::segments;
pub use settings::{Settings, SettingsError};
