//! Turning an [`ApiError`] into its body, and logging it.

use std::any::Any;

use axum::{
    Json,
    extract::{OriginalUri, Request},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::request_id::RequestId;

use crate::http::{
    error::{ApiError, Code},
    views::{Problem, ProblemField},
};

/// Gives every error that the handlers answered with its body.
pub(crate) async fn problem(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = match request.extensions().get::<OriginalUri>() {
        Some(uri) => uri.path().to_owned(),
        None => request.uri().path().to_owned(),
    };
    let request_id = request.extensions().get::<RequestId>().and_then(|id| {
        let id = id.header_value().to_str().ok()?;
        Some(id.to_owned())
    });
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<ApiError>() else {
        return response;
    };
    let request_id_logged = request_id.as_deref().unwrap_or_default();
    let code = error.code.as_str();
    if error.code.status().is_server_error() {
        let source = error.source.as_deref().map(tracing::field::display);
        tracing::error!(request_id = request_id_logged, %method, path, code, source, "request failed");
    } else {
        tracing::debug!(request_id = request_id_logged, %method, path, code, detail = error.detail, "request refused");
    }
    let body = Json(body(error, path, request_id)).into_response();
    let (parts, _) = response.into_parts();
    let (mut rendered, body) = body.into_parts();
    rendered.status = parts.status;
    rendered.headers = parts.headers;
    rendered.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    // Of the empty body that this one replaces.
    rendered.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(rendered, body)
}

fn body(error: ApiError, instance: String, request_id: Option<String>) -> Problem {
    let code = error.code;
    let detail = error.detail.unwrap_or_else(|| code.title().to_owned());
    let errors = error.errors.into_iter().map(|error| ProblemField {
        field: error.field,
        message: error.message,
    });
    Problem {
        kind: format!("urn:diarist:problem:{}", code.as_str()),
        title: code.title().to_owned(),
        status: code.status().as_u16(),
        message: detail.clone(),
        detail,
        instance,
        code: code.as_str().to_owned(),
        request_id,
        errors: errors.collect(),
    }
}

/// A handler panicked: the panic hook has logged where, the caller learns nothing of it.
pub(crate) fn panicked(_panic: Box<dyn Any + Send + 'static>) -> Response {
    ApiError {
        code: Code::Internal,
        detail: None,
        errors: Vec::new(),
        retry_after: None,
        source: None,
    }
    .into_response()
}
