//! The service over HTTP.

mod access_log;
mod app;
mod browsers;
mod conversations;
mod deploy;
mod health;
mod idempotency;
mod keys;
mod lanes;
mod limits;
mod media;
mod openapi;
mod problems;
mod process;
mod pyannoteai;
mod resuming;
mod retention;
mod running;
mod schemathesis;
mod traces;
mod uploads;
mod voices;
mod waiting;
