//! Traces for an OpenTelemetry collector, over OTLP.
//!
//! Where they go is said by OpenTelemetry's own variables, which every collector's documentation names:
//! without `OTEL_EXPORTER_OTLP_ENDPOINT` (or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) nothing is collected
//! and nothing leaves the process.

use opentelemetry::global;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, trace::TraceContextExt as _};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The variables that switch tracing on.
const ENDPOINTS: [&str; 2] = [
    opentelemetry_otlp::OTEL_EXPORTER_OTLP_ENDPOINT,
    opentelemetry_otlp::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
];

/// Sends spans for as long as it lives; what is left is sent when it is dropped.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Starts the exporter's thread, if the environment names a collector.
    pub(super) fn from_environment() -> Result<Option<Self>, ExporterBuildError> {
        let given = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !ENDPOINTS.into_iter().any(given) {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().build()?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let mut resource = Resource::builder().with_attribute(version);
        if !given("OTEL_SERVICE_NAME") {
            resource = resource.with_service_name("diarist");
        }
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        global::set_text_map_propagator(TraceContextPropagator::new());
        Ok(Some(Self(provider)))
    }

    /// What turns `tracing`'s spans into OpenTelemetry's.
    pub(super) fn tracer(&self) -> SdkTracer {
        self.0.tracer("diarist")
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // The log may be gone already.
        drop(self.0.shutdown());
    }
}

/// Makes `span` a child of the caller's, if the request's `traceparent` (W3C Trace Context) names one.
pub fn continue_trace(span: &Span, headers: &http::HeaderMap) {
    let context =
        global::get_text_map_propagator(|propagator| propagator.extract(&HeaderExtractor(headers)));
    if context.span().span_context().is_valid() {
        // A span that nobody listens to has nothing to continue.
        drop(span.set_parent(context));
    }
}
