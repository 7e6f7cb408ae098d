//! What a call to a BSS costs besides the call itself while no traces are exported: its span, its clock, and the
//! look for the trace that it belongs to. Built once with the feature `traces` and once without, the two tell
//! what the feature costs where no collector is named (`docs/traces.md`).
//!
//! `spans CALLS` says how long a call took in the best of several rounds. Valgrind counts instructions of two
//! runs with different numbers of calls; the difference belongs to the calls alone.

use std::hint::black_box;
use std::time::Instant;

use tenant_reseller_operator::bss::transport::{call_span, clocked, ended};
use tenant_reseller_operator::spans::trace_of;
use tracing::Instrument as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

const ROUNDS: u32 = 15;

fn main() -> std::io::Result<()> {
    let calls: u32 = std::env::args()
        .nth(1)
        .and_then(|word| word.parse().ok())
        .unwrap_or(100_000);
    // The log as it is shipped, and nothing beside it.
    let log = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(std::io::sink)
        .with_filter(EnvFilter::new("info"));
    let _logged = tracing::subscriber::set_default(tracing_subscriber::registry().with(log));
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut best = u128::MAX;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let reconcile = tracing::info_span!("reconcile", upgrade = "contoso");
        runtime.block_on(reconcile_of(calls).instrument(reconcile));
        best = best.min(began.elapsed().as_nanos());
    }
    let each = best.checked_div(u128::from(calls)).unwrap_or_default();
    let with = if cfg!(feature = "traces") {
        "with"
    } else {
        "without"
    };
    println!("{with} the feature: {each} ns a call, the best of {ROUNDS} rounds");
    Ok(())
}

async fn reconcile_of(calls: u32) {
    for call in 0..calls {
        let span = call_span("getTenant");
        let (answer, times) = clocked(&span, async {
            black_box(trace_of(&tracing::Span::current()));
            black_box(call)
        })
        .await;
        ended(&span, "Ok", times);
        black_box(answer);
    }
}
