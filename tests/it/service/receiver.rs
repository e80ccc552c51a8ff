//! A host on this machine that records what it is asked and answers as it is told.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use axum::{Router, routing::any};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request that came.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What to answer: `None` stands for never.
pub(super) type Answer = Option<Response<Body>>;

pub(super) struct Receiver {
    pub(super) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    server: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    /// One that asks `answer` what to do, with the number of requests that came before.
    pub(super) async fn start(
        answer: impl Fn(usize, &Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::start_on(listener, answer)
    }

    pub(super) fn start_on(
        listener: TcpListener,
        answer: impl Fn(usize, &Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(answer);
        let log = Arc::clone(&received);
        let handler = async move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let request = Received {
                path: uri.to_string(),
                headers,
                body,
            };
            let answer = {
                let mut log = log.lock().unwrap();
                let answer = answer(log.len(), &request);
                log.push(request);
                answer
            };
            match answer {
                Some(answer) => answer,
                None => std::future::pending().await,
            }
        };
        let router = Router::new().fallback(any(handler));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            received,
            server,
        }
    }

    /// The requests to `path`, once there are `count` of them.
    pub(super) async fn wait_for(&self, path: &str, count: usize) -> Vec<Received> {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let received = self.received(path);
            if received.len() >= count {
                return received;
            }
            assert!(Instant::now() < end, "only {received:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn received(&self, path: &str) -> Vec<Received> {
        let received = self.received.lock().unwrap();
        let received = received.iter().filter(|request| request.path == path);
        received.cloned().collect()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what is answered may be nothing")]
pub(super) fn status(status: u16) -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Some(response)
}

pub(super) fn redirect(status: u16, location: &str) -> Answer {
    let mut response = self::status(status)?;
    let location = location.parse().unwrap();
    response.headers_mut().insert("location", location);
    Some(response)
}

#[expect(clippy::unnecessary_wraps, reason = "what is answered may be nothing")]
pub(super) fn bytes(bytes: impl Into<Body>) -> Answer {
    Some(Response::new(bytes.into()))
}
