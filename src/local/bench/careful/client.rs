//! A client of the reference contract that does nothing but ask: no proof, no record, no resume. The
//! careful client, the plain loop and the sandbox's own ceiling are made of it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures::{Stream, TryStreamExt as _, stream};
use reqwest::header::RETRY_AFTER;
use reqwest::{Certificate, Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::local::error::{LocalError, LocalResult};

/// No call takes longer unless something is wrong.
const BOUND: Duration = Duration::from_secs(60);
/// A request that is refused this often for the moment is refused for good.
const ATTEMPTS: u32 = 1000;

/// Where a BSS is, and how many calls it is asked at a time.
#[derive(Clone, Debug)]
pub(in crate::local::bench) struct Place<'a> {
    /// Without a path.
    pub(in crate::local::bench) url: &'a str,
    /// The authority of its certificate, PEM.
    pub(in crate::local::bench) authority: &'a str,
    /// The token of the contract.
    pub(in crate::local::bench) token: &'a str,
    /// Calls in flight at most.
    pub(in crate::local::bench) concurrency: usize,
}

/// Sends the calls and counts them.
pub(in crate::local::bench) struct Caller {
    http: Client,
    base: String,
    token: String,
    epoch: AtomicU64,
    places: Semaphore,
    calls: AtomicU32,
}

/// A page of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::local::bench) struct Page<T> {
    pub(in crate::local::bench) items: Vec<T>,
    pub(in crate::local::bench) next_cursor: Option<String>,
    pub(in crate::local::bench) inventory_revision: Option<u64>,
}

/// The reply to a batch.
#[derive(Debug, Deserialize)]
pub(in crate::local::bench) struct Results<T> {
    pub(in crate::local::bench) results: Vec<T>,
}

#[derive(Deserialize)]
struct Issued {
    epoch: u64,
}

impl Caller {
    pub(in crate::local::bench) fn new(place: &Place<'_>) -> LocalResult<Self> {
        let doing = || LocalError::http("preparing to speak to the sandbox");
        let authority = Certificate::from_pem(place.authority.as_bytes()).map_err(doing())?;
        let http = Client::builder()
            .tls_certs_only([authority])
            .no_proxy()
            .pool_max_idle_per_host(place.concurrency)
            .timeout(BOUND)
            .build()
            .map_err(doing())?;
        Ok(Self {
            http,
            base: format!("{}/tenant-reseller/v1", place.url),
            token: place.token.to_owned(),
            epoch: AtomicU64::new(0),
            places: Semaphore::new(place.concurrency),
            calls: AtomicU32::new(0),
        })
    }

    /// How many calls were sent so far.
    pub(in crate::local::bench) fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Takes the reseller: every later call carries the epoch.
    pub(in crate::local::bench) async fn acquire(
        &self,
        reseller: &str,
        holder: &str,
    ) -> LocalResult<()> {
        let body = serde_json::json!({ "holder": holder });
        let issued: Issued = self
            .post(&format!("resellers/{reseller}/epoch"), &body)
            .await?;
        self.epoch.store(issued.epoch, Ordering::Relaxed);
        Ok(())
    }

    pub(in crate::local::bench) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> LocalResult<T> {
        self.call(Method::GET, path, None).await
    }

    pub(in crate::local::bench) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> LocalResult<T> {
        let body = serde_json::to_vec(body)
            .map_err(|error| LocalError::Unexpected(format!("a request of {path}: {error}")))?;
        self.call(Method::POST, path, Some(body)).await
    }

    /// The pages of a listing, one after the other; the path has its query already, or none.
    pub(in crate::local::bench) fn pages<'a, T: DeserializeOwned + 'a>(
        &'a self,
        path: &'a str,
    ) -> impl Stream<Item = LocalResult<Page<T>>> + 'a {
        let sign = if path.contains('?') { '&' } else { '?' };
        stream::try_unfold(Some(String::new()), move |cursor| async move {
            let Some(cursor) = cursor else {
                return Ok(None);
            };
            let page: Page<T> = self.get(&format!("{path}{sign}limit=500{cursor}")).await?;
            let next = page
                .next_cursor
                .as_ref()
                .map(|next| format!("&cursor={next}"));
            Ok(Some((page, next)))
        })
    }

    /// Everything of a listing, with the revision that all of its pages carried.
    pub(in crate::local::bench) async fn all<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> LocalResult<(Vec<T>, Option<u64>)> {
        let pages = self.pages::<T>(path);
        let begun = (Vec::new(), None);
        pages
            .try_fold(begun, async |(mut rows, revision), mut page| {
                let told = page.inventory_revision;
                if revision.is_some() && revision != told {
                    return Err(moved(path));
                }
                rows.append(&mut page.items);
                Ok((rows, told))
            })
            .await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> LocalResult<T> {
        for _ in 0..ATTEMPTS {
            let (status, wait, reply) = self.once(method.clone(), path, body.clone()).await?;
            if status.is_success() {
                return serde_json::from_slice(&reply).map_err(|error| {
                    LocalError::Unexpected(format!("{path} answered something else: {error}"))
                });
            }
            if !matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            ) {
                let said = String::from_utf8_lossy(&reply);
                return Err(LocalError::Unexpected(format!(
                    "the sandbox refused {path}: {status} {said}"
                )));
            }
            tokio::time::sleep(wait).await;
        }
        Err(LocalError::Unexpected(format!(
            "the sandbox refused {path} {ATTEMPTS} times for the moment"
        )))
    }

    async fn once(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> LocalResult<(StatusCode, Duration, Vec<u8>)> {
        let doing = || LocalError::http(format!("{method} {path}"));
        let _place = self.places.acquire().await.map_err(|closed| {
            LocalError::Unexpected(format!("no call can be sent any more: {closed}"))
        })?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        let mut request = self
            .http
            .request(method.clone(), format!("{}/{path}", self.base))
            .bearer_auth(&self.token);
        let epoch = self.epoch.load(Ordering::Relaxed);
        if epoch > 0 {
            request = request
                .header("Fencing-Epoch", epoch)
                // One request of each kind needs a key: there is one reseller, and no second try.
                .header("Idempotency-Key", path);
        }
        if let Some(body) = body {
            request = request
                .header("Content-Type", "application/json")
                .body(body);
        }
        let reply = request.send().await.map_err(doing())?;
        let status = reply.status();
        let wait = reply
            .headers()
            .get(RETRY_AFTER)
            .and_then(|text| text.to_str().ok()?.parse().ok())
            .map_or(Duration::from_secs(1), Duration::from_secs);
        let reply = reply.bytes().await.map_err(doing())?;
        Ok((status, wait, reply.to_vec()))
    }
}

pub(super) fn moved(what: &str) -> LocalError {
    LocalError::Unexpected(format!("{what} changed while it was read"))
}
