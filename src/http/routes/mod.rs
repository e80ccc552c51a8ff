//! Handlers, by noun.

pub(super) mod diarize;
pub(super) mod events;
pub(super) mod health;
pub(super) mod jobs;
pub(super) mod list;
pub(super) mod media;
pub(super) mod metrics;
pub(super) mod recluster;
pub(super) mod reference;
pub(super) mod results;
pub(super) mod verify;
pub(super) mod voices;
pub(super) mod words;
