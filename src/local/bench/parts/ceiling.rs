//! The sandbox's own ceiling: how many calls a second it answers when nothing else is done. What the
//! operator reaches is to be read beside this.

use std::time::Instant;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};

use crate::local::bench::careful::client::{Caller, Results};
use crate::local::bench::careful::rows::{Batch, CopyItem, Outcome, Priced, Purchase};
use crate::local::bench::measured::{Measured, Table};
use crate::local::bench::stage::{Bss, Load, Stage};
use crate::local::bench::{Bench, figures};
use crate::local::error::{LocalError, LocalResult};

const RESELLER: &str = "10423";

/// Calls a second of one kind.
struct Rate {
    what: &'static str,
    batch: usize,
    calls: usize,
    seconds: f64,
}

/// Lists, checks and copies, in batches of 100 and of 1, with 8 calls in flight.
pub(in crate::local::bench) async fn run(bench: &mut Bench<'_>) -> LocalResult<Measured> {
    let mut measured = Measured::default();
    let mut table = Table::new("whose sandbox | calls | items of a call | calls/s | items/s");
    let load = Load::new("ceiling", bench.scale.ceiling_items);
    for stage in &bench.stages {
        let bss = stage.bss_of(&stage.version, &load).await?;
        for rate in rates(&bss, bench.scale.ceiling_items).await? {
            let per_second = figures::ratio(as_f64(rate.calls), rate.seconds);
            let items = per_second * as_f64(rate.batch);
            table.row(vec![
                whose(stage),
                rate.what.to_owned(),
                rate.batch.to_string(),
                format!("{per_second:.0}"),
                format!("{items:.0}"),
            ]);
            let what = format!("{} in batches of {}, calls/s", rate.what, rate.batch);
            bench.teller.fact(&format!("{what}: {per_second:.0}"))?;
            measured.figure(&what, per_second);
        }
    }
    measured.table(table);
    Ok(measured)
}

fn whose(stage: &Stage) -> String {
    match stage.version.name.as_str() {
        "this" => "this version's".to_owned(),
        other => format!("that of {other}"),
    }
}

fn as_f64(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

async fn rates(bss: &Bss, items: u32) -> LocalResult<Vec<Rate>> {
    let people = json!({ "customers": items });
    let made = bss.control.post("staff/adoption", &people).await?;
    let options = json!({ "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined" });
    bss.control.post("reseller-staff/pricing", &options).await?;
    let tenant = made.pointer("/tenantId").and_then(Value::as_str);
    let tenant = tenant.ok_or_else(|| LocalError::Unexpected("no tenant was made".into()))?;
    let caller = Caller::new(&bss.place())?;
    caller.acquire(RESELLER, "ceiling").await?;
    let loops = Loops {
        caller: &caller,
        tenant,
    };
    loops.rates().await
}

struct Loops<'a> {
    caller: &'a Caller,
    tenant: &'a str,
}

impl Loops<'_> {
    async fn rates(&self) -> LocalResult<Vec<Rate>> {
        let path = format!("resellers/{RESELLER}/subscriptions");
        let (mut sources, _) = self.caller.all::<Purchase>(&path).await?;
        sources.retain(|source| source.counts(RESELLER));
        let price = self.price(&sources).await?;
        // A fifth one by one, the rest by the hundred.
        let (single, many) = sources.split_at(sources.len() / 5);
        let mut rates = vec![self.list(500, 200).await?, self.list(100, 400).await?];
        for (batch, part) in [(100, &sources[..]), (1, single)] {
            rates.push(self.check(batch, part).await?);
        }
        for (batch, part) in [(100, many), (1, single)] {
            rates.push(self.copy(batch, part, &price).await?);
        }
        Ok(rates)
    }

    /// All customers have the same options.
    async fn price(&self, sources: &[Purchase]) -> LocalResult<String> {
        let ids: Vec<&str> = sources
            .first()
            .map(|each| each.customer_id.as_str())
            .into_iter()
            .collect();
        let path = format!("tenants/{}/pricing/lookup", self.tenant);
        let found: Results<Priced> = self
            .caller
            .post(&path, &json!({ "customerIds": ids }))
            .await?;
        let digest = found.results.into_iter().find_map(|each| each.digest);
        digest.ok_or_else(|| LocalError::Unexpected("nothing is priced".into()))
    }

    async fn list(&self, rows: usize, calls: usize) -> LocalResult<Rate> {
        let path = format!("resellers/{RESELLER}/subscriptions?limit={rows}");
        let work = async |()| self.caller.get::<Value>(&path).await.map(|_| ());
        self.timed("list", rows, vec![(); calls], work).await
    }

    async fn check(&self, batch: usize, sources: &[Purchase]) -> LocalResult<Rate> {
        let path = format!("resellers/{RESELLER}/checks");
        let work = async |part: &[Purchase]| {
            let ids: Vec<&str> = part.iter().map(|each| each.id.as_str()).collect();
            let body = json!({ "target": { "tenantId": self.tenant }, "sourceIds": ids });
            let done: Results<Value> = self.caller.post(&path, &body).await?;
            all_of(done.results.len(), part.len())
        };
        let parts = sources.chunks(batch).collect();
        self.timed("check", batch, parts, work).await
    }

    async fn copy(&self, batch: usize, sources: &[Purchase], price: &str) -> LocalResult<Rate> {
        let path = format!("tenants/{}/subscriptions/copy", self.tenant);
        let work = async |part: &[Purchase]| {
            let items = part.iter().map(|source| CopyItem {
                source_id: &source.id,
                kind: Some(&source.kind),
                business_key: format!("ceiling/{}", source.id),
                expected_source: &source.digest,
                pricing_digest: Some(price),
            });
            let items = items.collect();
            let done: Results<Outcome> = self.caller.post(&path, &Batch { items }).await?;
            let made = done.results.iter().filter(|each| each.outcome == "Created");
            all_of(made.count(), part.len())
        };
        let parts = sources.chunks(batch).collect();
        self.timed("copy", batch, parts, work).await
    }

    async fn timed<T>(
        &self,
        what: &'static str,
        batch: usize,
        parts: Vec<T>,
        work: impl AsyncFn(T) -> LocalResult<()>,
    ) -> LocalResult<Rate> {
        let (calls, began) = (parts.len(), Instant::now());
        stream::iter(parts)
            .map(|part| work(part))
            .buffer_unordered(8)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(Rate {
            what,
            batch,
            calls,
            seconds: began.elapsed().as_secs_f64(),
        })
    }
}

fn all_of(done: usize, asked: usize) -> LocalResult<()> {
    if done == asked {
        return Ok(());
    }
    Err(LocalError::Unexpected(format!(
        "the sandbox did {done} of {asked}"
    )))
}
