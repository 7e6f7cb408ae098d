//! Logs: to stderr, as JSON or text, filtered as `RUST_LOG` does. Traces beside them, where a collector is
//! named.

use std::io;
use std::panic::{self, PanicHookInfo};

use thiserror::Error;
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::util::TryInitError;
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Why logging could not be set up.
#[derive(Debug, Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error("the log filter cannot be read")]
    Filter(#[from] ParseError),
    /// A collector of traces is named, and this build sends none.
    #[error("this build of the operator has no traces: build it with the feature `traces`")]
    NoTraces,
    /// The collector's address or what stands in the environment cannot be used.
    #[cfg(feature = "traces")]
    #[error("traces cannot be sent")]
    Traces(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Logging was set up before.
    #[error("logging is set up already")]
    Twice(#[from] TryInitError),
}

/// Where traces go.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// The base URL of a collector that takes OTLP over HTTP.
    pub endpoint: String,
    /// The share of reconciles that are traced: 1 is all of them.
    pub ratio: f64,
    /// The name of this process.
    pub instance: String,
}

/// What logs and traces leave to do when the process ends.
#[derive(Debug, Default)]
pub struct Observing {
    #[cfg(feature = "traces")]
    traces: Option<super::traces::Traces>,
}

impl Observing {
    /// Sends the spans that are left.
    pub async fn end(self) {
        #[cfg(feature = "traces")]
        if let Some(traces) = self.traces {
            traces.end().await;
        }
    }
}

/// Sets logging up, and lets panics speak through it. Once per process, first thing in `main`. Without
/// settings of traces there is no layer that makes any.
pub fn init(
    format: LogFormat,
    filter: &str,
    traces: Option<&TraceSettings>,
) -> Result<Observing, LogError> {
    let filter = EnvFilter::try_new(filter)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let lines = match format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(true)
            .boxed(),
        LogFormat::Text => lines.with_ansi(false).boxed(),
    };
    let lines = tracing_subscriber::registry().with(lines.with_filter(filter));
    let observing = match traces {
        None => {
            lines.try_init()?;
            Observing::default()
        }
        #[cfg(feature = "traces")]
        Some(settings) => {
            let (spans, traces) = super::traces::layer(settings)?;
            lines.with(spans).try_init()?;
            Observing {
                traces: Some(traces),
            }
        }
        #[cfg(not(feature = "traces"))]
        Some(_) => return Err(LogError::NoTraces),
    };
    panic::set_hook(Box::new(log_panic));
    Ok(observing)
}

/// Says where a panic was. What it says itself is shown only if it is a literal: a formatted
/// message may hold a secret value.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let (file, line) = panic
        .location()
        .map_or(("unknown", 0), |place| (place.file(), place.line()));
    let said = literal(panic);
    ::tracing::error!(file, line, said, "panic: a defect of the operator");
}

fn literal<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    panic
        .payload()
        .downcast_ref::<&'static str>()
        .copied()
        .unwrap_or("(a formatted message, withheld)")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Panics of other tests may come in between: they are told here as they would be in the log.
    #[test]
    fn a_panic_tells_no_value() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let said = literal(panic).to_owned();
            heard.lock().expect("no panic here").push(said);
        }));
        let secret = "canary-of-a-secret".to_owned();
        let formatted = panic::catch_unwind(|| panic!("the token is {secret}"));
        let plain = panic::catch_unwind(|| panic!("a plain text"));
        panic::set_hook(before);
        assert!(formatted.is_err() && plain.is_err());
        let told = told.lock().expect("no panic here").join("\n");
        assert!(told.contains("a plain text"), "{told}");
        assert!(told.contains("withheld"), "{told}");
        assert!(!told.contains("canary"), "{told}");
    }
}
