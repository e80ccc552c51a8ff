//! Requests that this service makes to hosts that callers name: downloads of recordings and webhooks.
//!
//! Whoever may name a host could otherwise make the service knock at doors that only it can reach.
//! [`Outbound`] therefore looks at every address before it connects: a name is resolved once, what
//! is not public is dropped (unless the settings allow it), and the connection goes to an address
//! that was looked at. Redirects are followed by hand, each as if it were the first URL.

mod client;
mod error;
mod guard;
mod networks;
mod resolver;
mod settings;
#[cfg(test)]
mod tests;
mod tls;

pub use client::{Download, Outbound};
pub use error::OutboundError;
pub use reqwest::Url;
pub use settings::{Settings, SettingsError};
pub use tls::provide as provide_tls;
