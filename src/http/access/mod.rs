//! Who may ask for what.
//!
//! What a path asks of its caller is written where the path is documented: the `security` of its
//! operation is what [`Requirements`] enforce, so that the description and the truth are one.

mod address;
mod caller;
mod cors;
mod limiter;
mod refusals;
mod requirements;
mod settings;

pub(super) use address::address;
pub(super) use caller::Caller;
pub(super) use cors::cors;
pub(super) use limiter::{Client, Limiter};
pub(super) use requirements::{Requirement, Requirements, describe};
pub use settings::{Auth, Settings, SettingsError};
