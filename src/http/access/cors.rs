//! Which web pages may ask from within a browser.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{Settings, limiter};
use crate::http::idempotency;

/// How long a browser may remember what it may send.
const MAX_AGE: Duration = Duration::from_hours(1);

/// Stands for every origin.
const ANY: &str = "*";

/// The layer that tells browsers, unless no page may ask.
pub(crate) fn cors(settings: &Settings) -> Option<CorsLayer> {
    let origins = &settings.cors_origins;
    if origins.is_empty() {
        return None;
    }
    let origins = if origins.iter().any(|origin| origin == ANY) {
        AllowOrigin::any()
    } else {
        // Checked when the program started.
        let values = origins.iter().filter_map(|o| HeaderValue::from_str(o).ok());
        AllowOrigin::list(values)
    };
    let ours = [
        header::RETRY_AFTER,
        header::WWW_AUTHENTICATE,
        HeaderName::from_static("x-request-id"),
        idempotency::REPLAYED,
    ];
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("last-event-id"),
            HeaderName::from_static("x-request-id"),
            idempotency::KEY,
        ])
        .expose_headers(ours.into_iter().chain(limiter::HEADERS).collect::<Vec<_>>())
        .max_age(MAX_AGE);
    Some(layer)
}

/// Whether `text` is an origin as browsers send it: a scheme, a host and perhaps a port.
pub(super) fn is_origin(text: &str) -> bool {
    if text == ANY {
        return true;
    }
    text.parse::<Uri>().is_ok_and(|uri| {
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return false;
        };
        text == format!("{scheme}://{authority}") && !authority.as_str().contains('@')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        for good in [
            "*",
            "https://app.example",
            "http://localhost:3000",
            "http://[::1]:8",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "",
            "app.example",
            "https://app.example/",
            "https://app.example/x",
            "https://u@app.example",
            "null",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
