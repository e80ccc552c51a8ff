//! The service over HTTP.

mod app;
mod conversations;
mod deploy;
mod health;
mod keys;
mod lanes;
mod limits;
mod media;
mod openapi;
mod problems;
mod process;
mod pyannoteai;
mod running;
mod uploads;
mod voices;
mod waiting;
