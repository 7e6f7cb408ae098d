//! The four phases of the careful client.

use std::collections::HashMap;
use std::time::Duration;

use futures::{Stream, StreamExt as _, TryStreamExt as _, future, stream};
use serde_json::{Value, json};

use super::Order;
use super::client::{Caller, Results, moved};
use super::rows::{
    Batch, Checked, Copied, CopyItem, Customer, Outcome, Priced, Purchase, TenantLookup,
};
use crate::local::error::{LocalError, LocalResult};

const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A tenant that is queued longer than this many looks is not made in this bench.
const LOOKS: u32 = 1200;

/// One upgrade by the careful client.
pub(super) struct Careful<'a> {
    pub(super) caller: &'a Caller,
    pub(super) reseller: &'a str,
    pub(super) batch: usize,
    /// Chains of calls side by side; the caller itself bounds what is in flight.
    pub(super) side_by_side: usize,
    pub(super) order: Order,
}

/// Digests of the pricing options, by customer.
type Prices = HashMap<String, String>;

impl Careful<'_> {
    /// Phase 1: the tenant, waited for until it is Active.
    pub(super) async fn tenant(&self) -> LocalResult<String> {
        let path = format!("resellers/{}/tenant", self.reseller);
        let mut found: TenantLookup = self.caller.get(&path).await?;
        if found.tenant.is_none() {
            let body = json!({
                "businessKey": format!("careful/{}/tenant", self.reseller),
                "settings": { "priceList": "PL-RESELLER-EUR", "edition": "Premium",
                    "language": "en-GB", "timeZone": "Europe/Athens",
                    "dateFormat": "dd/MM/yyyy", "invoicing": "Combined" },
            });
            let _queued: Value = self.caller.post(&path, &body).await?;
            found = self.caller.get(&path).await?;
        }
        for _ in 0..LOOKS {
            if let Some(tenant) = found.tenant.filter(|tenant| tenant.status == "Active") {
                return Ok(tenant.id);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            found = self.caller.get(&path).await?;
        }
        Err(LocalError::Unexpected("the tenant does not come".into()))
    }

    /// Phases 2 and 3 up to the last pre-check: customers copied and priced, everything checked.
    pub(super) async fn prepare(&self, tenant: &str) -> LocalResult<(u32, Prices, Vec<Purchase>)> {
        match self.order {
            Order::Overlapped => {
                let customers = self.customers_as_they_come(tenant);
                let purchases = self.purchases_as_they_come(tenant);
                let ((count, prices), purchases) = future::try_join(customers, purchases).await?;
                Ok((count, prices, purchases))
            }
            Order::PhaseByPhase => {
                let (customers, _) = self.caller.all(&self.customers_path()).await?;
                let customers: Vec<Customer> = self.mine(customers);
                self.each(&customers, async |batch| {
                    self.copy_customers(tenant, batch).await
                })
                .await?;
                self.each(&customers, async |batch| {
                    self.set_prices(tenant, batch).await
                })
                .await?;
                let prices = self
                    .each(&customers, async |batch| self.prices(tenant, batch).await)
                    .await?;
                let prices = prices.into_iter().flatten().collect();
                let purchases = self.eligible().await?.0;
                self.each(&purchases, async |batch| self.check(tenant, batch).await)
                    .await?;
                Ok((count(customers.len()), prices, purchases))
            }
        }
    }

    /// Phase 3: copies, and how many were made.
    pub(super) async fn copy(
        &self,
        tenant: &str,
        prices: &Prices,
        purchases: &[Purchase],
    ) -> LocalResult<u32> {
        let made = self
            .each(purchases, async |batch| {
                self.copy_purchases(tenant, prices, batch).await
            })
            .await?;
        Ok(made.into_iter().fold(0, u32::saturating_add))
    }

    /// Reads both sides again and compares them. Answers the revision that they were read at.
    pub(super) async fn read_again(&self, tenant: &str) -> LocalResult<Option<u64>> {
        let path = format!("tenants/{tenant}/copies?kind=Subscriptions");
        let (sources, copies) =
            future::try_join(self.eligible(), self.caller.all::<Copied>(&path)).await?;
        let ((sources, revision), (copies, other)) = (sources, copies);
        if revision != other {
            return Err(moved("the inventory"));
        }
        let copies: HashMap<String, String> = copies
            .into_iter()
            .filter_map(|copy| Some((copy.source_id?, copy.digest)))
            .collect();
        let differs = sources
            .iter()
            .find(|source| copies.get(&source.id) != Some(&source.digest));
        match differs {
            None => Ok(revision),
            Some(source) => Err(LocalError::Unexpected(format!(
                "{} and its copy differ",
                source.id
            ))),
        }
    }

    /// Phase 4.
    pub(super) async fn activate(&self, tenant: &str, revision: Option<u64>) -> LocalResult<()> {
        let path = format!("resellers/{}/open-orders", self.reseller);
        let (open, now) = self.caller.all::<Value>(&path).await?;
        if !open.is_empty() || now != revision {
            return Err(moved("the inventory"));
        }
        let mut body = json!({ "businessKey": format!("careful/{tenant}/activation") });
        if let (Some(revision), Value::Object(body)) = (revision, &mut body) {
            body.insert("expectedRevision".into(), json!(revision));
        }
        let path = format!("tenants/{tenant}/activation");
        let _done: Value = self.caller.post(&path, &body).await?;
        Ok(())
    }

    fn customers_path(&self) -> String {
        format!("resellers/{}/customers", self.reseller)
    }

    fn purchases_path(&self) -> String {
        format!("resellers/{}/subscriptions", self.reseller)
    }

    fn mine(&self, mut customers: Vec<Customer>) -> Vec<Customer> {
        customers.retain(|customer| customer.bill_to == self.reseller);
        customers
    }

    async fn eligible(&self) -> LocalResult<(Vec<Purchase>, Option<u64>)> {
        let path = self.purchases_path();
        let (mut purchases, revision) = self.caller.all::<Purchase>(&path).await?;
        purchases.retain(|purchase| purchase.counts(self.reseller));
        Ok((purchases, revision))
    }

    /// Each batch is copied, priced and looked up while the next pages are still read.
    async fn customers_as_they_come(&self, tenant: &str) -> LocalResult<(u32, Prices)> {
        let path = self.customers_path();
        let batches = self.batches(&path, |customers| self.mine(customers));
        let chains = batches
            .map_ok(async |batch: Vec<Customer>| {
                self.copy_customers(tenant, &batch).await?;
                self.set_prices(tenant, &batch).await?;
                self.prices(tenant, &batch).await
            })
            .try_buffer_unordered(self.side_by_side);
        let begun = (0, Prices::new());
        let chains = std::pin::pin!(chains);
        chains
            .try_fold(begun, async |(count, mut all), prices| {
                let count = prices
                    .iter()
                    .fold(count, |count: u32, _| count.saturating_add(1));
                all.extend(prices);
                Ok((count, all))
            })
            .await
    }

    /// Each batch is checked while the next pages are still read.
    async fn purchases_as_they_come(&self, tenant: &str) -> LocalResult<Vec<Purchase>> {
        let path = self.purchases_path();
        let batches = self.batches(&path, |mut purchases: Vec<Purchase>| {
            purchases.retain(|purchase| purchase.counts(self.reseller));
            purchases
        });
        let checks = batches
            .map_ok(async |batch: Vec<Purchase>| {
                self.check(tenant, &batch).await?;
                Ok(batch)
            })
            .try_buffer_unordered(self.side_by_side);
        let checks = std::pin::pin!(checks);
        checks.try_concat().await
    }

    /// The rows of a listing in batches, as its pages come.
    fn batches<'a, T: serde::de::DeserializeOwned + 'a>(
        &'a self,
        path: &'a str,
        choose: impl Fn(Vec<T>) -> Vec<T> + 'a,
    ) -> impl Stream<Item = LocalResult<Vec<T>>> + 'a {
        let pages = self.caller.pages::<T>(path);
        pages
            .map_ok(move |page| stream::iter(in_batches(choose(page.items), self.batch)).map(Ok))
            .try_flatten()
    }

    /// Does something with each batch of a list, side by side.
    async fn each<'b, T, R>(
        &self,
        rows: &'b [T],
        work: impl AsyncFn(&'b [T]) -> LocalResult<R>,
    ) -> LocalResult<Vec<R>> {
        stream::iter(rows.chunks(self.batch))
            .map(|rows| work(rows))
            .buffer_unordered(self.side_by_side)
            .try_collect()
            .await
    }

    async fn copy_customers(&self, tenant: &str, customers: &[Customer]) -> LocalResult<()> {
        let items = customers.iter().map(|customer| CopyItem {
            source_id: &customer.id,
            kind: None,
            business_key: format!("careful/{tenant}/{}", customer.id),
            expected_source: &customer.digest,
            pricing_digest: None,
        });
        let path = format!("tenants/{tenant}/customers/copy");
        let made = self.created(&path, items.collect()).await?;
        self.all_of(&path, made, customers.len())
    }

    async fn set_prices(&self, tenant: &str, customers: &[Customer]) -> LocalResult<()> {
        let items: Vec<Value> = customers
            .iter()
            .map(|customer| json!({ "customerId": customer.id, "options": options() }))
            .collect();
        let path = format!("tenants/{tenant}/pricing");
        let done: Results<Outcome> = self.caller.post(&path, &Batch { items }).await?;
        let written = done.results.iter().filter(|each| each.outcome == "Written");
        self.all_of(&path, written.count(), customers.len())
    }

    async fn prices(
        &self,
        tenant: &str,
        customers: &[Customer],
    ) -> LocalResult<Vec<(String, String)>> {
        let ids: Vec<&str> = customers.iter().map(|each| each.id.as_str()).collect();
        let path = format!("tenants/{tenant}/pricing/lookup");
        let body = json!({ "customerIds": ids });
        let found: Results<Priced> = self.caller.post(&path, &body).await?;
        let prices: Vec<(String, String)> = found
            .results
            .into_iter()
            .filter_map(|each| Some((each.customer_id, each.digest?)))
            .collect();
        self.all_of(&path, prices.len(), customers.len())?;
        Ok(prices)
    }

    async fn check(&self, tenant: &str, purchases: &[Purchase]) -> LocalResult<()> {
        let ids: Vec<&str> = purchases.iter().map(|each| each.id.as_str()).collect();
        let path = format!("resellers/{}/checks", self.reseller);
        let body = json!({ "target": { "tenantId": tenant }, "sourceIds": ids });
        let found: Results<Checked> = self.caller.post(&path, &body).await?;
        let blocked = found.results.iter().find(|each| !each.reasons.is_empty());
        if let Some(blocked) = blocked {
            let id = &blocked.source_id;
            return Err(LocalError::Unexpected(format!("{id} is blocked")));
        }
        self.all_of(&path, found.results.len(), purchases.len())
    }

    async fn copy_purchases(
        &self,
        tenant: &str,
        prices: &Prices,
        purchases: &[Purchase],
    ) -> LocalResult<u32> {
        let items = purchases.iter().map(|purchase| CopyItem {
            source_id: &purchase.id,
            kind: Some(&purchase.kind),
            business_key: format!("careful/{tenant}/{}", purchase.id),
            expected_source: &purchase.digest,
            pricing_digest: prices.get(&purchase.customer_id).map(String::as_str),
        });
        let path = format!("tenants/{tenant}/subscriptions/copy");
        let made = self.created(&path, items.collect()).await?;
        self.all_of(&path, made, purchases.len())?;
        Ok(count(made))
    }

    async fn created(&self, path: &str, items: Vec<CopyItem<'_>>) -> LocalResult<usize> {
        let done: Results<Outcome> = self.caller.post(path, &Batch { items }).await?;
        let created = done.results.iter().filter(|each| each.outcome == "Created");
        Ok(created.count())
    }

    #[expect(
        clippy::unused_self,
        reason = "a step of the client, told apart by its path"
    )]
    fn all_of(&self, path: &str, done: usize, asked: usize) -> LocalResult<()> {
        if done == asked {
            return Ok(());
        }
        Err(LocalError::Unexpected(format!(
            "{path} did {done} of {asked}"
        )))
    }
}

fn options() -> Value {
    json!({ "priceList": "PL-RETAIL", "billing": { "day": 1 },
        "paymentMethod": "Invoice", "invoicing": "Combined" })
}

fn count(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}

/// Rows by so many; the last batch may be smaller.
fn in_batches<T>(rows: Vec<T>, size: usize) -> Vec<Vec<T>> {
    let mut rows = rows.into_iter().peekable();
    let mut batches = Vec::new();
    while rows.peek().is_some() {
        batches.push(rows.by_ref().take(size.max(1)).collect());
    }
    batches
}

#[cfg(test)]
mod tests {
    #[test]
    fn batches_hold_everything_once() {
        let batches = super::in_batches((0..7).collect(), 3);
        assert_eq!(batches, [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
        assert!(super::in_batches(Vec::<u8>::new(), 3).is_empty());
    }
}
