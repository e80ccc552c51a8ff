//! One line a request: what was asked for, how it went, and by whose key. Never a query, a header
//! or a body: each may hold a secret.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{Method, StatusCode},
    middleware::Next,
    response::Response,
};
use http_body::{Frame, SizeHint};
use tower_http::request_id::RequestId;

use crate::http::access::Caller;

/// The lines' target, by which `log.filter` can leave them out.
const TARGET: &str = "diarist::access";

/// What probes and collectors ask for, again and again.
const ROUTINE: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// Logs the request once its answer was sent, or broke off.
pub(crate) async fn access_log(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok());
    let mut line = Line {
        start: Instant::now(),
        method: request.method().clone(),
        path: request.uri().path().to_owned(),
        request_id: id.unwrap_or_default().to_owned(),
        status: StatusCode::OK,
        key: None,
        received: Arc::default(),
        sent: Arc::default(),
    };
    let received = Arc::clone(&line.received);
    let request = request.map(|body| Body::new(Counted::new(body, received, None)));
    let response = next.run(request).await;
    line.status = response.status();
    let caller = response.extensions().get::<Caller>();
    line.key = caller.and_then(|caller| Some(caller.key.as_ref()?.name.clone()));
    let sent = Arc::clone(&line.sent);
    response.map(|body| Body::new(Counted::new(body, sent, Some(line))))
}

/// What is logged of a request, when it is dropped.
struct Line {
    start: Instant,
    method: Method,
    path: String,
    request_id: String,
    status: StatusCode,
    key: Option<String>,
    received: Arc<AtomicU64>,
    sent: Arc<AtomicU64>,
}

impl Drop for Line {
    fn drop(&mut self) {
        macro_rules! log {
            ($level:expr) => {
                tracing::event!(
                    target: TARGET,
                    $level,
                    method = %self.method,
                    path = self.path,
                    status = self.status.as_u16(),
                    duration_ms = self.start.elapsed().as_millis() as u64,
                    bytes = self.sent.load(Ordering::Relaxed),
                    received_bytes = self.received.load(Ordering::Relaxed),
                    request_id = self.request_id,
                    key = self.key,
                    "request"
                )
            };
        }
        if ROUTINE.contains(&self.path.as_str()) && self.status.is_success() {
            log!(tracing::Level::DEBUG);
        } else {
            log!(tracing::Level::INFO);
        }
    }
}

/// A body whose bytes are counted.
struct Counted {
    body: Body,
    count: Arc<AtomicU64>,
    /// Dropped with the body: that is when the request is over.
    _line: Option<Line>,
}

impl Counted {
    fn new(body: Body, count: Arc<AtomicU64>, line: Option<Line>) -> Self {
        Self {
            body,
            count,
            _line: line,
        }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(bytes) = frame.data_ref()
        {
            self.count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
