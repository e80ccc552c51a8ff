//! Section `[webhooks]` of the settings.

use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;

use crate::http::secret::Secret;

/// How a signature is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Hexadecimal digits in lower case.
    Hex,
    /// Base64 (RFC 4648, section 4).
    Base64,
}

/// How webhooks are delivered.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// What receivers check signatures with; empty: one that the service makes for itself.
    pub secret: Secret,
    /// How signatures are written.
    pub signature_encoding: Encoding,
    /// Seconds to wait before each further try after one that failed; as many tries as there are
    /// values, and the first one.
    pub retry_seconds: Vec<f64>,
    /// Seconds that a receiver may take to answer.
    pub timeout_seconds: f64,
    /// Redirects that are followed.
    pub max_redirects: u32,
}

/// A setting beyond its limit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("webhooks.{key} must {wanted}; given: {value}")]
pub struct WebhookSettingsError {
    key: &'static str,
    wanted: &'static str,
    value: String,
}

impl WebhookSettings {
    const MOST_RETRIES: usize = 20;

    /// Checks every value against its limit.
    ///
    /// # Errors
    /// The first one beyond it.
    pub fn validate(&self) -> Result<(), WebhookSettingsError> {
        let delays = &self.retry_seconds;
        let in_range = |seconds: &f64| (0.0..=86_400.0).contains(seconds);
        let checks = [
            (
                "retry_seconds",
                delays.len() <= Self::MOST_RETRIES && delays.iter().all(in_range),
                "be at most 20 values between 0 and 86400",
                format!("{delays:?}"),
            ),
            (
                "timeout_seconds",
                (0.1..=300.0).contains(&self.timeout_seconds),
                "be between 0.1 and 300",
                self.timeout_seconds.to_string(),
            ),
            (
                "max_redirects",
                self.max_redirects <= 20,
                "be between 0 and 20",
                self.max_redirects.to_string(),
            ),
        ];
        match checks.into_iter().find(|(_, ok, ..)| !ok) {
            Some((key, _, wanted, value)) => Err(WebhookSettingsError { key, wanted, value }),
            None => Ok(()),
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout_seconds)
    }

    /// How long to wait after the try that made `failures` failures; `None` if it was the last.
    pub(super) fn delay(&self, failures: i64) -> Option<Duration> {
        let index = usize::try_from(failures).ok()?.checked_sub(1)?;
        let seconds = self.retry_seconds.get(index)?;
        Some(Duration::from_secs_f64(*seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> WebhookSettings {
        WebhookSettings {
            secret: Secret::from(String::new()),
            signature_encoding: Encoding::Hex,
            retry_seconds: vec![0.0, 60.0],
            timeout_seconds: 10.0,
            max_redirects: 2,
        }
    }

    #[test]
    fn delays_are_taken_in_order_and_end() {
        let delays = [1, 2, 3].map(|failures| settings().delay(failures));
        let expected = [Some(Duration::ZERO), Some(Duration::from_mins(1)), None];
        assert_eq!(delays, expected);
    }

    #[test]
    fn a_wrong_setting_is_named_with_its_limit_and_value() {
        settings().validate().unwrap();
        let wrong = WebhookSettings {
            retry_seconds: vec![-1.0],
            ..settings()
        };
        assert_eq!(
            wrong.validate().unwrap_err().to_string(),
            "webhooks.retry_seconds must be at most 20 values between 0 and 86400; given: [-1.0]"
        );
    }
}
