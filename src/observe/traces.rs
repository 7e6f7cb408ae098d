//! Traces by OTLP over HTTP: a trace for each reconcile, with a span for each call to a BSS.
//!
//! Spans are sent in batches from a thread of their own; a collector that is away costs the operator
//! nothing but the spans. Only spans of this crate are exported, and none of its log lines: what stands in
//! a span is a word of a closed vocabulary, a time, or the name of an object.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{
    ExporterBuildError, Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;
use tracing::{Metadata, Subscriber};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::registry::LookupSpan;

use super::tracing::TraceSettings;

/// Where spans of this crate come from.
const OWN: &str = "tenant_reseller_operator";
/// The longest that one batch may take.
const SENDING: Duration = Duration::from_secs(10);
/// The longest that the last batch may take when the operator ends.
const LAST: Duration = Duration::from_secs(5);
/// A collector that stays away is told so seldom.
const TOLD_EVERY: Duration = Duration::from_secs(300);

/// What sends the spans. Ended, it sends those that are left.
#[derive(Debug)]
pub(super) struct Traces(SdkTracerProvider);

impl Traces {
    /// Sends what is left, within a few seconds.
    pub(super) async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(LAST)).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// The layer that makes spans of a trace, and what sends them.
pub(super) fn layer<S>(
    settings: &TraceSettings,
) -> Result<(Box<dyn Layer<S> + Send + Sync>, Traces), ExporterBuildError>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(address(&settings.endpoint))
        .with_timeout(SENDING)
        .with_http_client(Sender::new())
        .build()?;
    let resource = Resource::builder()
        .with_service_name("tenant-reseller-operator")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new(
            "service.instance.id",
            settings.instance.clone(),
        ))
        .build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.ratio)));
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("tenant-reseller-operator");
    let spans: OpenTelemetryLayer<S, SdkTracer> = OpenTelemetryLayer::new(tracer)
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false);
    let own = |of: &Metadata<'_>| of.is_span() && of.target().starts_with(OWN);
    let own = filter_fn(own).with_max_level_hint(LevelFilter::DEBUG);
    Ok((spans.with_filter(own).boxed(), Traces(provider)))
}

/// The address of traces at a collector.
fn address(endpoint: &str) -> String {
    format!("{}/v1/traces", endpoint.trim_end_matches('/'))
}

/// Sends batches by the HTTP client that everything else here uses.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    /// Batches come from a thread that has no runtime.
    runtime: Handle,
    trouble: Mutex<Trouble>,
}

/// What the log was told of a collector that does not take spans.
#[derive(Debug, Default)]
struct Trouble {
    told: Option<Instant>,
}

impl Sender {
    fn new() -> Self {
        Self {
            client: reqwest::Client::new(),
            runtime: Handle::current(),
            trouble: Mutex::default(),
        }
    }

    /// Says that it fails, now and then, and that it works again.
    fn heard(&self, failure: Option<String>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match failure {
            Some(error) => {
                if trouble.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
                    trouble.told = Some(Instant::now());
                    tracing::warn!(error, "the collector of traces does not take spans");
                }
            }
            None => {
                if trouble.told.take().is_some() {
                    tracing::info!("the collector of traces takes spans again");
                }
            }
        }
    }
}

async fn sent(
    client: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let mut request = reqwest::Request::try_from(request)?;
    *request.timeout_mut() = Some(SENDING);
    // An address may hold a password, and headers hold tokens.
    let reply = client
        .execute(request)
        .await
        .map_err(reqwest::Error::without_url)?;
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = reply.status();
    *answer.headers_mut() = reply.headers().clone();
    *answer.body_mut() = reply.bytes().await.map_err(reqwest::Error::without_url)?;
    Ok(answer)
}

impl HttpClient for Sender {
    fn send_bytes<'own, 'sending>(
        &'own self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sending>>
    where
        'own: 'sending,
        Self: 'sending,
    {
        Box::pin(async move {
            let sending = self.runtime.spawn(sent(self.client.clone(), request));
            let answer = sending
                .await
                .map_err(HttpError::from)
                .and_then(|answer| answer);
            self.heard(match &answer {
                Ok(answer) if answer.status().is_success() => None,
                Ok(answer) => Some(format!("it answers {}", answer.status())),
                Err(error) => Some(chain(error.as_ref())),
            });
            answer
        })
    }
}

/// An error with what caused it.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
