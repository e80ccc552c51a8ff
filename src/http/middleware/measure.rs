//! Request metrics, named after OpenTelemetry's semantic conventions for HTTP.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use metrics::{gauge, histogram};

use crate::http::metrics::{ACTIVE_REQUESTS, REQUEST_DURATION};

/// Counts a request as active for as long as it lives, even if its caller hangs up.
struct Active;

impl Active {
    fn start() -> Self {
        gauge!(ACTIVE_REQUESTS).increment(1);
        Self
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        gauge!(ACTIVE_REQUESTS).decrement(1);
    }
}

/// Times the request until its response begins.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let _active = Active::start();
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH") => {
            known.to_owned()
        }
        // Anybody can invent methods; labels must stay few.
        _ => "_OTHER".to_owned(),
    };
    let route = match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned(),
        None => String::new(),
    };
    let response = next.run(request).await;
    histogram!(
        REQUEST_DURATION,
        "http_request_method" => method,
        "http_route" => route,
        "http_response_status_code" => response.status().as_u16().to_string(),
    )
    .record(start.elapsed());
    response
}
