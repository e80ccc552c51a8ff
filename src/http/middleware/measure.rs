//! Request metrics, named after OpenTelemetry's semantic conventions for HTTP.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
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

/// The method's name, `_OTHER` for one that we do not know: anybody can invent methods, and labels must
/// stay few.
pub(crate) fn known_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "_OTHER",
    }
}

/// Times the request until its response begins.
pub(crate) async fn measure(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let _active = Active::start();
    let method = known_method(request.method());
    let route = match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned(),
        None => String::new(),
    };
    let response = next.run(request).await;
    let status = response.status();
    let span = tracing::Span::current();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    histogram!(
        REQUEST_DURATION,
        "http_request_method" => method,
        "http_route" => route,
        "http_response_status_code" => status.as_str().to_owned(),
    )
    .record(start.elapsed());
    response
}
