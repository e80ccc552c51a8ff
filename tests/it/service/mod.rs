//! The service over HTTP.

mod app;
mod conversations;
mod health;
mod openapi;
mod problems;
mod process;
mod running;
mod uploads;
mod voices;
mod waiting;
