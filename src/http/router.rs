//! Paths, and what happens around every request; the one place that decides the order.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, Request},
    middleware::from_fn,
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
    trace::TraceLayer,
};
use utoipa_swagger_ui::SwaggerUi;

use super::{
    error::{ApiError, Code},
    middleware, openapi,
    state::AppState,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) fn router(state: AppState) -> Router {
    let (api, document) = openapi::routes().split_for_parts();
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .layer(from_fn(middleware::measure))
        .layer(from_fn(middleware::problem))
        .layer(CatchPanicLayer::custom(middleware::panicked));
    api.merge(SwaggerUi::new("/docs").url("/openapi.json", document))
        .fallback(|| async { ApiError::new(Code::RouteNotFound, "see /docs for what there is") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                Code::MethodNotAllowed,
                "the Allow header names those it has",
            )
        })
        // Bodies are bounded where they are read, each by its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(layers)
        .with_state(state)
}

/// Never the query or a header: either may hold a secret.
fn span<B>(request: &Request<B>) -> tracing::Span {
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok());
    tracing::info_span!(
        "request",
        id = id.unwrap_or_default(),
        method = %request.method(),
        path = request.uri().path(),
    )
}
