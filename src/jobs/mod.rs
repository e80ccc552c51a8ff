//! What happens to a job after it was accepted.

pub mod metrics;
pub mod scoring;
mod settings;
mod wake;

pub use settings::{Settings, SettingsError};
pub use wake::Wake;

/// The clustering algorithms that a job may ask for.
pub const CLUSTERINGS: [&str; 2] = ["agglomerative", "hdbscan"];
