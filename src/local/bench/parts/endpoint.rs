//! The use of the endpoint while subscriptions are copied: the operator beside a plain loop that sends the
//! same copy requests and does nothing else.

use std::time::Instant;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::local::bench::careful::client::{Caller, Results};
use crate::local::bench::careful::rows::{Batch, CopyItem, Outcome, Priced, Purchase};
use crate::local::bench::figures::{self, ratio};
use crate::local::bench::measured::{Measured, Table, percent};
use crate::local::bench::stage::{CONCURRENCY, Load, Stage};
use crate::local::bench::upgrade::{self, COPY};
use crate::local::bench::{Bench, Teller};
use crate::local::demo::sandbox_control::SandboxControl;
use crate::local::error::{LocalError, LocalResult};

const RESELLER: &str = "10423";

/// The use of the endpoint in one run.
struct Use {
    who: String,
    items: u32,
    /// From the first copy to the last, in seconds.
    seconds: f64,
    /// Calls of any kind in that time.
    calls: f64,
    /// How many of those were copies.
    copy_calls: f64,
    /// How many calls were under way at a time, on average.
    under_way: f64,
}

impl Use {
    fn share(&self, capacity: f64) -> f64 {
        ratio(ratio(self.calls, self.seconds), capacity)
    }
}

/// Both, for each size of the batches.
pub(in crate::local::bench) async fn run(bench: &mut Bench<'_>) -> LocalResult<Measured> {
    let mut measured = Measured::default();
    let mut table = Table::new(
        "who copies | items | batch | items/s | calls/s | copy calls/s | calls under way \
         | use of the endpoint | of the plain loop's",
    );
    let (items, latency) = (bench.scale.use_items, bench.scale.use_latency_ms);
    let capacity = ratio(f64::from(CONCURRENCY), f64::from(latency) / 1000.0);
    for &batch in &bench.scale.use_batches {
        let load = |who: &str| {
            Load::new(format!("use-{who}-{batch}"), items)
                .batch(batch)
                .latency_ms(latency)
        };
        let Some(first) = bench.stages.first() else {
            break;
        };
        let plain = plain_use(first, &load("plain"), &mut bench.teller).await?;
        let mut rows = Vec::new();
        for stage in &bench.stages {
            let used = operator_use(stage, &load("operator"), &mut bench.teller).await?;
            let of_plain = ratio(used.share(capacity), plain.share(capacity));
            let what = format!("use of the endpoint of the plain loop's, batches of {batch}");
            measured.figure(&what, of_plain);
            rows.push((used, of_plain));
        }
        rows.push((plain, 1.0));
        for (used, of_plain) in rows {
            table.row(vec![
                used.who.clone(),
                used.items.to_string(),
                batch.to_string(),
                format!("{:.0}", ratio(f64::from(used.items), used.seconds)),
                format!("{:.1}", ratio(used.calls, used.seconds)),
                format!("{:.1}", ratio(used.copy_calls, used.seconds)),
                format!("{:.2}", used.under_way),
                percent(used.share(capacity)),
                percent(of_plain),
            ]);
        }
    }
    measured.table(table);
    Ok(measured)
}

async fn operator_use(stage: &Stage, load: &Load, teller: &mut Teller<'_>) -> LocalResult<Use> {
    let done = upgrade::run(stage, load, teller).await?;
    let (first, last, copied) = copies(&done.bss.control).await?;
    let (Some(before), Some(after)) = (done.readings.at(first), done.readings.at(last)) else {
        return Err(LocalError::Unexpected(
            "the copies lie outside of the readings of the metrics".into(),
        ));
    };
    let during = after.since(&before);
    let seconds = figures::millis(first, last);
    let calls: Vec<String> = during
        .by_operation
        .iter()
        .filter(|(_, count)| **count >= 1.0)
        .map(|(operation, count)| format!("{operation} {count:.0}"))
        .collect();
    teller.fact(&format!("{seconds:.2} s of copying: {}", calls.join(", ")))?;
    Ok(Use {
        who: stage.operator_name(),
        items: copied,
        seconds,
        calls: during.total(),
        copy_calls: during.by_operation.get(COPY).copied().unwrap_or(0.0),
        under_way: ratio(during.under_way(), seconds),
    })
}

async fn plain_use(stage: &Stage, load: &Load, teller: &mut Teller<'_>) -> LocalResult<Use> {
    let bss = stage.bss(load).await?;
    let people = json!({ "customers": load.items });
    let made = bss.control.post("staff/adoption", &people).await?;
    let options = json!({ "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined" });
    bss.control.post("reseller-staff/pricing", &options).await?;
    let tenant = made.pointer("/tenantId").and_then(Value::as_str);
    let tenant = tenant.ok_or_else(|| missing("a tenant"))?;
    let caller = Caller::new(&bss.place())?;
    caller.acquire(RESELLER, "plain-loop").await?;
    let path = format!("resellers/{RESELLER}/subscriptions");
    let (mut sources, _) = caller.all::<Purchase>(&path).await?;
    sources.retain(|source| source.counts(RESELLER));
    let asked = sources.first().map(|each| each.customer_id.as_str());
    let asked = json!({ "customerIds": asked.into_iter().collect::<Vec<_>>() });
    let path = format!("tenants/{tenant}/pricing/lookup");
    let priced: Results<Priced> = caller.post(&path, &asked).await?;
    let price = priced.results.into_iter().find_map(|each| each.digest);
    let price = price.ok_or_else(|| missing("a price"))?;
    let path = format!("tenants/{tenant}/subscriptions/copy");
    let batches: Vec<&[Purchase]> = sources.chunks(usize::from(load.batch)).collect();
    let requests = u32::try_from(batches.len()).unwrap_or(u32::MAX);
    let began = Instant::now();
    let each: Vec<f64> = stream::iter(batches)
        .map(async |batch| {
            let items = batch.iter().map(|source| CopyItem {
                source_id: &source.id,
                kind: Some(&source.kind),
                business_key: format!("plain/{}", source.id),
                expected_source: &source.digest,
                pricing_digest: Some(&price),
            });
            let items = items.collect();
            let began = Instant::now();
            let done: Results<Outcome> = caller.post(&path, &Batch { items }).await?;
            let took = began.elapsed().as_secs_f64();
            let mut made = done.results.iter();
            if done.results.len() == batch.len() && made.all(|each| each.outcome == "Created") {
                return Ok(took);
            }
            Err(missing("all copies of a batch"))
        })
        .buffer_unordered(usize::from(CONCURRENCY))
        .try_collect()
        .await?;
    let seconds = began.elapsed().as_secs_f64();
    teller.fact(&format!("a plain loop: {seconds:.2} s"))?;
    Ok(Use {
        who: "a plain loop".to_owned(),
        items: u32::try_from(sources.len()).unwrap_or(u32::MAX),
        seconds,
        calls: f64::from(requests),
        copy_calls: f64::from(requests),
        under_way: ratio(each.iter().sum(), seconds),
    })
}

/// The moments of the first and of the last copy, in milliseconds since 1970, and how many items
/// were copied, by the audit list of the BSS.
async fn copies(control: &SandboxControl) -> LocalResult<(i64, i64, u32)> {
    let (mut first, mut last, mut copied) = (None, None, 0_u32);
    let mut after = 0;
    loop {
        let page = control
            .get(&format!("audit?operation={COPY}&after={after}"))
            .await?;
        let entries = page.get("entries").and_then(Value::as_array);
        for entry in entries.ok_or_else(|| missing("entries of the audit list"))? {
            if entry.get("outcome").and_then(Value::as_str) != Some("Created") {
                continue;
            }
            let time = entry.get("time").and_then(Value::as_str);
            let time: Timestamp = time
                .and_then(|time| time.parse().ok())
                .ok_or_else(|| missing("the time of an entry"))?;
            let time = time.as_millisecond();
            first = first.or(Some(time));
            last = Some(time);
            copied = copied.saturating_add(1);
        }
        match page.get("next").and_then(Value::as_u64) {
            Some(next) => after = next,
            None => break,
        }
    }
    let (Some(first), Some(last)) = (first, last) else {
        return Err(missing("any copy"));
    };
    Ok((first, last, copied))
}

fn missing(what: &str) -> LocalError {
    LocalError::Unexpected(format!("the sandbox did not answer {what}"))
}
