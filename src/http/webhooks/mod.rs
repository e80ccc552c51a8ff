//! Telling callers of a job's end, as pyannoteAI does.
//!
//! `run` takes deliveries that are due off the database, posts each with a `signature`, and puts
//! those that fail off to the next of the delays in `settings`. What is posted is what a `GET` of
//! the job shows.

mod deliver;
mod settings;
mod signature;

pub(super) use deliver::run;
pub use settings::{Encoding, WebhookSettings, WebhookSettingsError};
