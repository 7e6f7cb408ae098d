//! The trace that a span belongs to, where traces are exported. Without the feature `traces`, and where
//! no traces are exported, there is none.

use tracing::Span;

/// Where a span stands in its trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace, in hexadecimal digits.
    pub trace_id: String,
    /// The span, in hexadecimal digits.
    pub span_id: String,
    /// Whether the trace is exported.
    pub sampled: bool,
}

/// The trace of a span.
#[cfg(feature = "traces")]
#[must_use]
pub fn trace_of(span: &Span) -> Option<TraceContext> {
    use opentelemetry::trace::TraceContextExt as _;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let there = context.span().span_context().clone();
    there.is_valid().then(|| TraceContext {
        trace_id: there.trace_id().to_string(),
        span_id: there.span_id().to_string(),
        sampled: there.is_sampled(),
    })
}

/// The trace of a span: this build exports none.
#[cfg(not(feature = "traces"))]
#[must_use]
pub fn trace_of(_span: &Span) -> Option<TraceContext> {
    None
}
