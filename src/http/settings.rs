//! Section `[http]` of the settings.

use axum::http::Uri;
use serde::Deserialize;
use thiserror::Error;

/// What the server takes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The largest reference, in bytes.
    pub max_reference_bytes: usize,
    /// The largest transcript, in bytes.
    pub max_words_bytes: usize,
    /// How long an upload may stand still, in seconds.
    pub upload_idle_seconds: u64,
    /// What links to this service begin with; empty: what the caller used.
    pub public_base_url: String,
    /// How long a link to upload or download media may be used, in seconds.
    pub link_seconds: u32,
    /// How long media are kept, in hours.
    pub media_hours: u32,
}

/// A setting beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("http.{key} must be {wanted}; given: {value}")]
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
        let checks = [
            (
                "max_reference_bytes",
                self.max_reference_bytes as u64,
                1 << 30,
            ),
            ("max_words_bytes", self.max_words_bytes as u64, 1 << 28),
            ("upload_idle_seconds", self.upload_idle_seconds, 3600),
            ("link_seconds", self.link_seconds.into(), 604_800),
            ("media_hours", self.media_hours.into(), 8760),
        ];
        for (key, value, most) in checks {
            if !(1..=most).contains(&value) {
                return Err(SettingsError {
                    key,
                    wanted: format!("between 1 and {most}"),
                    value: value.to_string(),
                });
            }
        }
        if !self.public_base_url.is_empty() && !is_base(&self.public_base_url) {
            return Err(SettingsError {
                key: "public_base_url",
                wanted: "empty, or http:// or https:// with a host and no query".to_owned(),
                value: format!("{:?}", self.public_base_url),
            });
        }
        Ok(())
    }
}

fn is_base(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && uri.query().is_none()
        && !url.contains('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_is_a_url_to_put_paths_after() {
        for good in ["https://diarist.example", "http://10.0.0.1:8080/diarist/"] {
            assert!(is_base(good), "{good}");
        }
        for bad in [
            "diarist.example",
            "ftp://a",
            "https://",
            "https://a?b",
            "https://a#b",
            "/v1",
        ] {
            assert!(!is_base(bad), "{bad}");
        }
    }
}
