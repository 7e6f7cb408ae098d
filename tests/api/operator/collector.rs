//! A collector of traces on loopback: takes OTLP over HTTP and keeps what came.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// What came: the bodies as they are, and the spans in them.
#[derive(Clone, Default)]
pub(super) struct Collector {
    taken: Arc<Mutex<(Vec<Bytes>, Vec<Span>)>>,
}

impl Collector {
    /// Serves for as long as the test runs; answers the base URL too.
    pub(super) async fn start() -> (Self, String) {
        let collector = Self::default();
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .with_state(collector.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (collector, url)
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        self.taken.lock().unwrap().1.clone()
    }

    /// Whether a text is anywhere in what came.
    pub(super) fn holds(&self, text: &str) -> bool {
        let taken = self.taken.lock().unwrap();
        let mut bodies = taken.0.iter();
        bodies.any(|body| body.windows(text.len()).any(|part| part == text.as_bytes()))
    }
}

async fn take(State(collector): State<Collector>, body: Bytes) {
    let request = ExportTraceServiceRequest::decode(body.clone()).expect("OTLP");
    let resources = request.resource_spans.into_iter();
    let scopes = resources.flat_map(|resource| resource.scope_spans);
    let spans: Vec<Span> = scopes.flat_map(|scope| scope.spans).collect();
    let mut taken = collector.taken.lock().unwrap();
    taken.0.push(body);
    taken.1.extend(spans);
}

/// An attribute of a span, as text.
pub(super) fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|found| found.key == name)?;
    Some(match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::DoubleValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _always = write!(text, "{byte:02x}");
        text
    })
}
