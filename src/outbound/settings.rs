//! Section `[outbound]` of the settings.

use std::{net::IpAddr, path::PathBuf};

use ipnet::IpNet;
use serde::Deserialize;
use thiserror::Error;

/// What may be connected to, and how patiently.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether `http://` is allowed beside `https://`.
    pub allow_http: bool,
    /// Networks that are not public and may be connected to nevertheless: `10.0.0.0/8`, `::1`.
    pub allowed_networks: Vec<String>,
    /// Certificates in PEM to trust beside those of the public authorities; none if absent.
    #[serde(deserialize_with = "path")]
    pub ca_file: Option<PathBuf>,
    /// Seconds that a connection may take to come about.
    pub connect_seconds: u64,
    /// Seconds for which a download may stand still.
    pub idle_seconds: u64,
    /// Seconds that a download may take in all.
    pub download_seconds: u64,
    /// Redirects that a download follows.
    pub max_redirects: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_http: false,
            allowed_networks: Vec::new(),
            ca_file: None,
            connect_seconds: 10,
            idle_seconds: 30,
            download_seconds: 3600,
            max_redirects: 5,
        }
    }
}

/// An empty path stands for none.
fn path<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    Ok((!path.as_os_str().is_empty()).then_some(path))
}

/// A setting beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("outbound.{key} must {wanted}; given: {value}")]
pub struct SettingsError {
    key: &'static str,
    wanted: String,
    value: String,
}

impl Settings {
    /// Checks every value against its limit.
    ///
    /// # Errors
    /// The first one beyond it.
    pub fn validate(&self) -> Result<(), SettingsError> {
        if let Some(text) = self.networks().find_map(Result::err) {
            return Err(SettingsError {
                key: "allowed_networks",
                wanted: "hold networks such as 10.0.0.0/8 or addresses".to_owned(),
                value: format!("{text:?}"),
            });
        }
        for (key, value, from, to) in [
            ("connect_seconds", self.connect_seconds, 1, 300),
            ("idle_seconds", self.idle_seconds, 1, 3600),
            ("download_seconds", self.download_seconds, 1, 604_800),
            ("max_redirects", self.max_redirects.into(), 0, 20),
        ] {
            if !(from..=to).contains(&value) {
                return Err(SettingsError {
                    key,
                    wanted: format!("be between {from} and {to}"),
                    value: value.to_string(),
                });
            }
        }
        Ok(())
    }

    /// The allowed networks, or the text that is none.
    pub(super) fn networks(&self) -> impl Iterator<Item = Result<IpNet, &str>> {
        self.allowed_networks.iter().map(|text| {
            let address = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse()
                .or_else(|_| address())
                .map_err(|_| text.as_str())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_is_none_is_named() {
        let settings = Settings {
            allowed_networks: vec!["10.0.0.0/8".to_owned(), "10.0.0.0/33".to_owned()],
            ..Settings::default()
        };
        assert_eq!(
            settings.validate().unwrap_err().to_string(),
            "outbound.allowed_networks must hold networks such as 10.0.0.0/8 or addresses; \
             given: \"10.0.0.0/33\""
        );
    }
}
