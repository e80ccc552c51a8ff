//! Paths, and what happens around every request; the one place that decides the order.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath},
    http::{HeaderName, Request},
    middleware::{from_fn, from_fn_with_state},
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    trace::TraceLayer,
};
use tracing::field::Empty;
use utoipa_swagger_ui::SwaggerUi;

use super::{
    access::{self, Limiter, Requirements},
    error::{ApiError, Code},
    middleware, openapi,
    state::AppState,
};
use crate::telemetry::continue_trace;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) fn router(state: AppState) -> Router {
    let (api, document) = openapi::routes().split_for_parts();
    let cors = access::cors(&state.access);
    let gate = middleware::Gate {
        requirements: Arc::new(Requirements::of(&document)),
        limiter: Arc::new(Limiter::new(&state.access)),
        state: state.clone(),
    };
    let router = api
        .merge(SwaggerUi::new("/docs").url("/openapi.json", document))
        .fallback(|| async { ApiError::new(Code::RouteNotFound, "see /docs for what there is") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                Code::MethodNotAllowed,
                "the Allow header names those it has",
            )
        })
        .layer(from_fn_with_state(gate, middleware::authenticate))
        // Bodies are bounded where they are read, each by its own limit.
        .layer(DefaultBodyLimit::disable())
        .with_state(state);
    // Around authentication: a browser asks for leave before it shows a key.
    let router = match cors {
        Some(cors) => router.layer(cors),
        None => router,
    };
    layered(router)
}

fn layered(router: Router) -> Router {
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(from_fn(middleware::access_log))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(from_fn(middleware::measure))
        .layer(from_fn(middleware::problem))
        .layer(CatchPanicLayer::custom(middleware::panicked));
    router.layer(layers)
}

/// Never the query or a header: either may hold a secret. Names are those of OpenTelemetry's semantic
/// conventions for HTTP; what is empty here is filled in when it is known.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok());
    let method = middleware::known_method(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("", MatchedPath::as_str);
    let span = tracing::info_span!(
        "request",
        id = id.unwrap_or_default(),
        job.id = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        url.path = request.uri().path(),
        otel.name = format!("{method} {route}").trim_end(),
        otel.kind = "server",
        otel.status_code = Empty,
    );
    continue_trace(&span, request.headers());
    span
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::header, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_without_its_secrets() {
        let router = Router::new().route("/", get(async || -> String { panic!("a secret") }));
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = layered(router).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
        let body = axum::body::to_bytes(response.into_body(), 10_000).await;
        let body = String::from_utf8(body.unwrap().to_vec()).unwrap();
        assert!(body.contains("\"code\":\"internal_error\""), "{body}");
        assert!(!body.contains("secret"), "{body}");
    }
}
