//! What happens around every request, in the order that `router` decides.

mod access_log;
mod authenticate;
mod measure;
mod problem;

pub(super) use access_log::access_log;
pub(super) use authenticate::{Gate, authenticate};
pub(super) use measure::{known_method, measure};
pub(super) use problem::{panicked, problem};
