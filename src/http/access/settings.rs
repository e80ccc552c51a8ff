//! Section `[access]` of the settings.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use thiserror::Error;

use super::cors::is_origin;

/// Who must show an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// Everybody, unless the server listens on a loopback address.
    Auto,
    /// Everybody.
    Required,
    /// Nobody.
    Off,
}

/// Who may ask, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Who must show an API key.
    pub auth: Auth,
    /// GET requests that a client may make in a minute; 0 for any number.
    pub reads_per_minute: u32,
    /// All other requests that a client may make in a minute; 0 for any number.
    pub writes_per_minute: u32,
    /// Jobs that a client may submit in a day; 0 for any number.
    pub jobs_per_day: u64,
    /// Bytes of audio that a client may submit in a day; 0 for any number.
    pub bytes_per_day: u64,
    /// Proxies whose word on where a request comes from is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins of web pages that may ask from within a browser; `*` for all.
    pub cors_origins: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            auth: Auth::Auto,
            reads_per_minute: 0,
            writes_per_minute: 0,
            jobs_per_day: 0,
            bytes_per_day: 0,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
        }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "access.cors_origins must be origins such as https://app.example:8443, without a path, or *; \
     given: {given:?}"
)]
pub struct SettingsError {
    given: String,
}

impl Settings {
    /// Checks every value against its limit.
    ///
    /// # Errors
    /// The first one beyond it.
    pub fn validate(&self) -> Result<(), SettingsError> {
        match self.cors_origins.iter().find(|origin| !is_origin(origin)) {
            None => Ok(()),
            Some(given) => Err(SettingsError {
                given: given.clone(),
            }),
        }
    }

    /// Whether callers of a server that listens on `address` must show a key.
    pub fn keys_required(&self, address: IpAddr) -> bool {
        match self.auth {
            Auth::Auto => !is_loopback(address),
            Auth::Required => true,
            Auth::Off => false,
        }
    }

    /// Whether everybody who reaches `address`, which others than this machine can, may do
    /// everything.
    pub fn is_wide_open(&self, address: IpAddr) -> bool {
        !self.keys_required(address) && !is_loopback(address)
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_asked_for_beyond_loopback() {
        let with = |auth| Settings {
            auth,
            ..Settings::default()
        };
        let (auto, off) = (with(Auth::Auto), with(Auth::Off));
        let required = with(Auth::Required);
        for (address, beyond) in [
            ("127.0.0.1", false),
            ("127.9.9.9", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("0.0.0.0", true),
            ("::", true),
            ("192.168.1.2", true),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(auto.keys_required(address), beyond, "{address}");
            assert!(!auto.is_wide_open(address));
            assert!(required.keys_required(address) && !required.is_wide_open(address));
            assert!(!off.keys_required(address));
            assert_eq!(off.is_wide_open(address), beyond, "{address}");
        }
    }
}
