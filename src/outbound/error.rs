//! What a request to a host that a caller named can fail of.

use std::{error::Error, path::PathBuf};

use thiserror::Error;

/// Why nothing came, or nothing was taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OutboundError {
    /// The URL cannot be read.
    #[error("the URL cannot be used: {0}")]
    Invalid(String),
    /// The URL's scheme is not allowed.
    #[error(
        "a URL must begin with https://{}; given: {scheme}:",
        if *http { " or http://" } else { " (http:// only if outbound.allow_http says so)" }
    )]
    Scheme {
        /// What it begins with.
        scheme: String,
        /// Whether `http` would do.
        http: bool,
    },
    /// The host has no address that may be connected to.
    #[error("{host} is not public; outbound.allowed_networks can allow it")]
    Address {
        /// The host as the URL has it.
        host: String,
    },
    /// Redirects lead on and on.
    #[error("at most {limit} redirects are followed; given: more")]
    Redirects {
        /// The limit.
        limit: u32,
    },
    /// Nothing came for too long, or too little.
    #[error("the host took longer than {seconds} seconds, the limit")]
    Timeout {
        /// The limit.
        seconds: u64,
    },
    /// The host could not be found or connected to.
    #[error("the host could not be reached: {0}")]
    Connect(String),
    /// The host could not prove who it is.
    #[error("the host's TLS failed: {0}")]
    Tls(String),
    /// The host answered with an error.
    #[error("the host answered with status {0}")]
    Status(u16),
    /// The answer broke off.
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// The certificates to trust cannot be read.
    #[error("outbound.ca_file {} cannot be used: {reason}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The client could not be set up.
    #[error("the client for outbound requests could not be set up: {0}")]
    Setup(String),
}

impl OutboundError {
    /// Stable, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "url_invalid",
            Self::Scheme { .. } | Self::Address { .. } => "url_refused",
            Self::Redirects { .. } => "url_too_many_redirects",
            Self::Timeout { .. } => "url_timeout",
            Self::Connect(_) => "url_unreachable",
            Self::Tls(_) => "url_tls_failed",
            Self::Status(_) => "url_status",
            Self::Broken(_) => "url_broken_off",
            Self::Certificates { .. } | Self::Setup(_) => "internal_error",
        }
    }

    /// Whether another try may fare better.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Connect(_) | Self::Broken(_) => true,
            // Too many requests, and what a server says of itself.
            Self::Status(status) => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::Invalid(_)
            | Self::Scheme { .. }
            | Self::Address { .. }
            | Self::Redirects { .. }
            | Self::Tls(_)
            | Self::Certificates { .. }
            | Self::Setup(_) => false,
        }
    }

    /// Reads off a client's error what it was. `seconds` is the limit that a timeout broke.
    pub(super) fn of(error: &reqwest::Error, seconds: u64) -> Self {
        if let Some(refused) = cause::<Self>(error) {
            return refused.clone();
        }
        if error.is_timeout() {
            return Self::Timeout { seconds };
        }
        if let Some(tls) = cause::<rustls::Error>(error) {
            return Self::Tls(tls.to_string());
        }
        let reason = deepest(error);
        if error.is_connect() {
            Self::Connect(reason)
        } else if error.is_builder() {
            Self::Invalid(reason)
        } else {
            Self::Broken(reason)
        }
    }
}

/// The first error of this type among `error` and what caused it.
fn cause<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error tells of what it holds, but does not count it as its source.
        let held = error.downcast_ref::<std::io::Error>();
        if let Some(held) = held.and_then(std::io::Error::get_ref)
            && let Some(found) = cause(held)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What was at the bottom of it: the errors above name the URL, with whatever secret it holds.
fn deepest(error: &(dyn Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
