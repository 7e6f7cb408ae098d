//! The sandbox's own ceiling: the same copy requests, sent by a loop that does nothing else. What
//! the operator reaches is to be compared with this.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};

use super::figures::ratio;
use super::stage::{Bss, CONCURRENCY, Load};
use crate::local::error::{LocalError, LocalResult};

const BOUND: Duration = Duration::from_secs(30);
const RESELLER: &str = "10423";

/// What the loop took.
pub(super) struct Took {
    /// From the first request to the last reply.
    pub(super) seconds: f64,
    /// How many were sent.
    pub(super) requests: u32,
    /// How many were under way at a time, on average.
    pub(super) under_way: f64,
}

struct Caller<'a> {
    http: Client,
    bss: &'a Bss,
    tenant: String,
    epoch: u64,
}

/// Copies everything, with as many requests under way as the connection would allow.
pub(super) async fn run(bss: &Bss, load: &Load) -> LocalResult<Took> {
    let people = json!({ "customers": load.items });
    let made = bss.control.post("staff/adoption", &people).await?;
    let options = json!({ "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined" });
    bss.control.post("reseller-staff/pricing", &options).await?;
    let mut caller = Caller {
        http: client(bss)?,
        bss,
        tenant: text(&made, "/tenantId")?,
        epoch: 0,
    };
    let holder = json!({ "holder": "plain-loop" });
    let issued = caller
        .post(&format!("resellers/{RESELLER}/epoch"), &holder)
        .await?;
    caller.epoch = issued
        .pointer("/epoch")
        .and_then(Value::as_u64)
        .ok_or_else(|| missing("/epoch"))?;
    let items = caller.items().await?;
    let batches: Vec<&[Value]> = items.chunks(usize::from(load.batch)).collect();
    let requests = u32::try_from(batches.len()).unwrap_or(u32::MAX);
    let began = Instant::now();
    let each: Vec<f64> = stream::iter(batches)
        .map(async |batch| {
            let began = Instant::now();
            caller.copy(batch).await?;
            LocalResult::Ok(began.elapsed().as_secs_f64())
        })
        .buffer_unordered(usize::from(CONCURRENCY))
        .try_collect()
        .await?;
    let seconds = began.elapsed().as_secs_f64();
    Ok(Took {
        seconds,
        requests,
        under_way: ratio(each.iter().sum(), seconds),
    })
}

impl Caller<'_> {
    /// One copy item for each subscription; all customers have the same options.
    async fn items(&self) -> LocalResult<Vec<Value>> {
        let mut sources = Vec::new();
        let first = format!("resellers/{RESELLER}/subscriptions");
        let mut path = first.clone();
        loop {
            let page = self.call(Method::GET, &path, None).await?;
            let items = page.pointer("/items").and_then(Value::as_array);
            sources.extend(items.ok_or_else(|| missing("/items"))?.iter().cloned());
            match page.pointer("/nextCursor").and_then(Value::as_str) {
                Some(next) => path = format!("{first}?cursor={next}"),
                None => break,
            }
        }
        sources.retain(|source| {
            source.pointer("/state").and_then(Value::as_str) == Some("Active")
                && source.pointer("/customerId").and_then(Value::as_str) != Some(RESELLER)
        });
        let some = sources.first().ok_or_else(|| missing("/items/0"))?;
        let asked = json!({ "customerIds": [text(some, "/customerId")?] });
        let path = format!("tenants/{}/pricing/lookup", self.tenant);
        let pricing = text(&self.post(&path, &asked).await?, "/results/0/digest")?;
        sources
            .iter()
            .map(|source| {
                let id = text(source, "/id")?;
                Ok(json!({
                    "sourceId": id,
                    "kind": text(source, "/kind")?,
                    "businessKey": format!("plain/{id}"),
                    "expectedSource": text(source, "/digest")?,
                    "pricingDigest": pricing,
                }))
            })
            .collect()
    }

    async fn copy(&self, batch: &[Value]) -> LocalResult<()> {
        let path = format!("tenants/{}/subscriptions/copy", self.tenant);
        let answer = self.post(&path, &json!({ "items": batch })).await?;
        let results = answer.pointer("/results").and_then(Value::as_array);
        let created = results.is_some_and(|results| {
            results.len() == batch.len()
                && results
                    .iter()
                    .all(|each| each.pointer("/outcome").and_then(Value::as_str) == Some("Created"))
        });
        if created {
            return Ok(());
        }
        Err(LocalError::Unexpected(format!(
            "the sandbox did not copy all of a batch: {answer}"
        )))
    }

    async fn post(&self, path: &str, body: &Value) -> LocalResult<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> LocalResult<Value> {
        let doing = || LocalError::http(format!("{method} {path}"));
        let target = &self.bss.target;
        let url = format!("{}/tenant-reseller/v1/{path}", target.url);
        let mut request = self
            .http
            .request(method.clone(), url)
            .bearer_auth(&target.token);
        if self.epoch > 0 {
            request = request
                .header("Fencing-Epoch", self.epoch)
                .header("Idempotency-Key", "unused");
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let reply = request.send().await.map_err(doing())?;
        let status = reply.status();
        let body = reply.bytes().await.map_err(doing())?;
        if !status.is_success() {
            let said = String::from_utf8_lossy(&body);
            return Err(LocalError::Unexpected(format!(
                "the sandbox refused {path}: {status} {said}"
            )));
        }
        serde_json::from_slice(&body)
            .map_err(|error| LocalError::Unexpected(format!("{path} answered no JSON: {error}")))
    }
}

fn client(bss: &Bss) -> LocalResult<Client> {
    let doing = || LocalError::http("preparing to speak to the sandbox");
    let authority = Certificate::from_pem(bss.target.authority.as_bytes()).map_err(doing())?;
    Client::builder()
        .tls_certs_only([authority])
        .no_proxy()
        .timeout(BOUND)
        .build()
        .map_err(doing())
}

fn text(value: &Value, pointer: &str) -> LocalResult<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| missing(pointer))
}

fn missing(pointer: &str) -> LocalError {
    LocalError::Unexpected(format!("the sandbox's reply shows no {pointer}"))
}
