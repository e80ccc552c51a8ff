//! Spans as a collector receives them.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, extract::State, routing::post};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use prost::Message as _;
use reqwest::StatusCode;
use tokio::net::TcpListener;

use super::app::tiny_model_path;
use super::voices::talk;
use crate::program::{Server, client, diarist};

type Received = Arc<Mutex<Vec<ExportTraceServiceRequest>>>;

/// What a collector does: takes OTLP over HTTP, as protobuf.
async fn collector() -> (String, Received) {
    let received = Received::default();
    let take = async |State(received): State<Received>, body: Bytes| {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        received.lock().unwrap().push(request);
    };
    let router = Router::new().route("/v1/traces", post(take));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = router.with_state(Arc::clone(&received));
    tokio::spawn(async { axum::serve(listener, router).await });
    (url, received)
}

/// Attributes as text.
fn attributes(values: &[KeyValue]) -> BTreeMap<&str, String> {
    let text = |value: &KeyValue| match value.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    };
    let named = values.iter();
    named
        .filter_map(|value| Some((value.key.as_str(), text(value)?)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_requests_and_jobs_as_spans() {
    let (collector, received) = collector().await;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::spawn(
        diarist(folder.path())
            .arg("serve")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector)
            .env("DIARIST_MODEL__PATH", tiny_model_path())
            .env("DIARIST_LOG__FILTER", "off"),
        Stdio::inherit(),
    );
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let url = format!("http://{}", server.address);
    let client = client();
    let posted = client
        .post(format!("{url}/v1/diarize?name=secret"))
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .header("content-type", "audio/wav")
        .body(talk(3));
    let receipt: serde_json::Value = posted.send().await.unwrap().json().await.unwrap();
    let id = receipt["jobId"].as_str().unwrap();
    let events = client.get(format!("{url}/v1/jobs/{id}/events")).send();
    events.await.unwrap().text().await.unwrap();
    let missing = client.get(format!("{url}/v1/jobs/{trace}"));
    let status = missing.send().await.unwrap().status();
    assert_eq!(status, StatusCode::NOT_FOUND);
    // What was not sent yet is sent before the process ends.
    let stopped = tokio::task::spawn_blocking(move || server.stop()).await;
    assert!(stopped.unwrap().success());

    let received = received.lock().unwrap();
    let resources = received.iter().flat_map(|request| &request.resource_spans);
    let resource = resources.clone().next().unwrap().resource.as_ref().unwrap();
    let resource = attributes(&resource.attributes);
    assert_eq!(resource["service.name"], "diarist");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    let scopes = resources.flat_map(|resource| &resource.scope_spans);
    let spans: Vec<&Span> = scopes.flat_map(|scope| &scope.spans).collect();
    let named = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("no span {name} among {spans:?}"))
    };

    let request = named("POST /v1/diarize");
    assert_eq!(request.kind(), SpanKind::Server);
    assert_eq!(hex::encode(&request.trace_id), trace);
    assert_eq!(hex::encode(&request.parent_span_id), "00f067aa0ba902b7");
    let about = attributes(&request.attributes);
    assert_eq!(about["http.route"], "/v1/diarize");
    assert_eq!(about["http.request.method"], "POST");
    assert_eq!(about["http.response.status_code"], "200");
    assert_eq!(about["job.id"], id);
    assert!(!format!("{spans:?}").contains("secret"), "a query leaked");

    let missing = attributes(&named("GET /v1/jobs/{id}").attributes);
    assert_eq!(missing["http.response.status_code"], "404");

    let job = named("job");
    assert_eq!(attributes(&job.attributes)["job.id"], id);
    let children = spans.iter().filter(|s| s.parent_span_id == job.span_id);
    let mut children: Vec<&str> = children.map(|span| span.name.as_str()).collect();
    children.sort_unstable();
    assert_eq!(children, ["assembly", "clustering", "scan"]);
}
