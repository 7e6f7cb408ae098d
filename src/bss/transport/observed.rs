//! How a call is observed: its span in the trace of a reconcile, and its times. The wait for a turn is
//! told apart from the call itself: the one is the operator's own doing, the other is the BSS's.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{Instrument, Span, field};

tokio::task_local! {
    static WAITED: Cell<Duration>;
}

/// How long a call took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallTimes {
    /// The wait for its turn.
    pub waited: Duration,
    /// All the rest: the login, where one is needed, the request and the reply.
    pub took: Duration,
}

/// The span of one call. Below the level of the usual log: without an exporter of traces it is not made,
/// and what remains of it is one look at a flag.
#[must_use]
pub fn call_span(operation: &'static str) -> Span {
    tracing::debug_span!(
        "bss_call",
        otel.name = operation,
        otel.kind = "client",
        otel.status_code = field::Empty,
        operation,
        outcome = field::Empty,
        waited_seconds = field::Empty,
    )
}

/// Makes a call in its span; answers with it how long it took. The call lies on the heap: it is large, and
/// each layer around it would hold it once more.
pub async fn clocked<F: Future>(span: &Span, call: F) -> (F::Output, CallTimes) {
    let began = Instant::now();
    let call = Box::pin(call.instrument(span.clone()));
    let both = async {
        let answer = call.await;
        (answer, WAITED.with(Cell::get))
    };
    let (answer, waited) = WAITED.scope(Cell::new(Duration::ZERO), both).await;
    let took = began.elapsed().saturating_sub(waited);
    (answer, CallTimes { waited, took })
}

/// Tells the span how its call ended.
pub fn ended(span: &Span, outcome: &'static str, times: CallTimes) {
    if span.is_disabled() {
        return;
    }
    span.record("outcome", outcome);
    span.record("waited_seconds", times.waited.as_secs_f64());
    span.record(
        "otel.status_code",
        if outcome == "Ok" { "OK" } else { "ERROR" },
    );
}

/// A call waited for its turn. Outside of a call that is clocked the time is nobody's.
pub(super) fn waited(time: Duration) {
    let _unheard = WAITED.try_with(|waited| waited.set(waited.get().saturating_add(time)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_is_told_apart_from_the_call_and_belongs_to_one_call() {
        let call = |millis: u64| {
            let span = call_span("getTenant");
            async move {
                clocked(&span, async {
                    let began = Instant::now();
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    let wait = began.elapsed();
                    waited(wait);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    (wait, began.elapsed())
                })
                .await
            }
        };
        let (one, two) = futures::join!(call(10), call(60));
        for ((wait, all), times) in [one, two] {
            assert_eq!(times.waited, wait);
            assert!(times.took >= all.saturating_sub(wait), "{times:?}, {all:?}");
        }
        waited(Duration::from_secs(1));
    }
}
