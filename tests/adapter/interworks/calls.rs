//! How many calls a look takes, counted by the face. The table of docs/adapters/interworks.md is made here:
//!
//! `cargo test --all-features --test adapter -- interworks::calls --include-ignored --nocapture`
//!
//! A look here is what precedes the last button: the reseller, its tenant, both sides of customers, subscriptions
//! and assets, orders, the checks of everything, and the pricing options of every customer.

use std::fmt::Debug;
use std::time::Duration;

use serde_json::Value;
use tenant_reseller_operator::bss::adapters::interworks::InterworksBss;
use tenant_reseller_operator::bss::error::BssError;
use tenant_reseller_operator::bss::port::{
    Bss as _, CheckTarget, CopyListing, Freshness, PageRequest, SourceId,
};

use super::world::{World, read, reseller, tenant};

/// The calls that came to a path of the face, and to all of them.
async fn counted(world: &World) -> (Vec<(String, u64)>, u64) {
    let asked = world.asked().await;
    let calls = asked["calls"].as_array().unwrap().iter();
    // The catalogue is read by the clock, and its size has nothing to do with that of the reseller.
    let of_the_catalogue = |call: &&Value| {
        let path = call["path"].as_str().unwrap();
        path.starts_with("/api/pricelists") || path == "/api/products"
    };
    let calls = calls.filter(|call| !of_the_catalogue(call));
    let by_path: Vec<(String, u64)> = calls
        .filter(|call| call["method"] == "GET")
        .map(|call: &Value| {
            let path = call["path"].as_str().unwrap().to_owned();
            (path, call["calls"].as_u64().unwrap())
        })
        .collect();
    let sum = by_path.iter().map(|(_, calls)| calls).sum();
    (by_path, sum)
}

/// Both listings of a look. If one fails, the other says only that the look ended.
fn both<S: Debug, C: Debug>(
    sources: Result<Vec<S>, BssError>,
    copies: Result<Vec<C>, BssError>,
) -> (Vec<S>, Vec<C>) {
    match (sources, copies) {
        (Ok(sources), Ok(copies)) => (sources, copies),
        (sources, copies) => panic!("{:?}, {:?}", sources.err(), copies.err()),
    }
}

/// One look at everything. Answers how many customers and how many purchases it saw.
async fn look(bss: &InterworksBss, freshness: Freshness) -> (usize, usize) {
    let first = PageRequest {
        cursor: None,
        limit: 500,
        freshness,
    };
    let (account, tenant) = (&reseller(), &tenant());
    bss.get_reseller(account).await.unwrap();
    bss.get_tenant(account).await.unwrap();
    // The two listings of a kind are asked for together, as the operator does: they are one look.
    let copies = |listing| {
        let page =
            move |page: PageRequest| async move { bss.list_copies(tenant, listing, &page).await };
        read(first.clone(), page)
    };
    let page = |page: PageRequest| async move { bss.list_customers(account, &page).await };
    let sources = read(first.clone(), page);
    let (customers, theirs) = tokio::join!(sources, copies(CopyListing::Customers));
    let (customers, _) = both(customers, theirs);
    let page = |page: PageRequest| async move { bss.list_subscriptions(account, &page).await };
    let sources = read(first.clone(), page);
    let (purchases, theirs) = tokio::join!(sources, copies(CopyListing::Subscriptions));
    let (purchases, _) = both(purchases, theirs);
    let page = |page: PageRequest| async move { bss.list_open_orders(account, &page).await };
    read(first.clone(), page).await.unwrap();
    let owners: Vec<SourceId> = customers.iter().map(|one| one.id.clone()).collect();
    for some in owners.chunks(50) {
        bss.get_pricing(tenant, some).await.unwrap();
    }
    let items: Vec<SourceId> = purchases.iter().map(|one| one.id.clone()).collect();
    let target = CheckTarget::Tenant(tenant.clone());
    for some in items.chunks(50) {
        bss.check_purchases(account, &target, some).await.unwrap();
    }
    (customers.len(), purchases.len())
}

/// The row of the table for a reseller of this size, whose accounts are transferred and whose subscriptions are
/// not, and then both.
async fn row(customers: u32, subscriptions: u32) -> String {
    let world = World::new(|config| {
        config.customers = customers;
        config.subscriptions = subscriptions;
        config.switches.interworks.largest_page = 500;
    })
    .await;
    let bss = world.both_reading(|options| {
        options.reading.page_size = 500;
        options.reading.max_scanned = 100_000;
        options.reading.list_timeout = Duration::from_secs(240);
        options.reading.record_timeout = Duration::from_secs(240);
    });
    world.press("create-tenant").await;
    world.press("transfer-accounts").await;
    bss.get_capabilities().await.unwrap();
    world.forget_asked().await;
    let (of_customers, of_purchases) = Box::pin(look(&bss, Freshness::Fresh)).await;
    assert_eq!(of_customers, usize::try_from(customers).unwrap());
    assert!(of_purchases >= usize::try_from(subscriptions).unwrap());
    let (paths, before) = counted(&world).await;
    println!("before the button: {paths:?}");
    world.press("transfer-subscriptions").await;
    Box::pin(look(&bss, Freshness::Fresh)).await;
    world.forget_asked().await;
    Box::pin(look(&bss, Freshness::Fresh)).await;
    let (paths, after) = counted(&world).await;
    println!("after it: {paths:?}");
    world.forget_asked().await;
    Box::pin(look(&bss, Freshness::Remembered)).await;
    let (paths, remembered) = counted(&world).await;
    println!("remembered: {paths:?}");
    // What people are told of the time rests on this: no look takes more than the adapter says.
    let detail = bss.get_capabilities().await.unwrap().detail_calls;
    let pages = 2 * (u64::from(customers) + u64::from(subscriptions)) / 100 + 60;
    let said = u64::from(detail.per_customer) * u64::from(customers)
        + u64::from(detail.per_purchase) * u64::try_from(of_purchases).unwrap()
        + pages;
    assert!(before <= said && after <= said, "{before} {after} {said}");
    let minutes = before.div_ceil(120);
    format!("| {subscriptions} | {customers} | {before} | {after} | {remembered} | {minutes} |")
}

async fn stands_in_the_table(customers: u32, subscriptions: u32) {
    let row = row(customers, subscriptions).await;
    println!("{row}");
    let page = std::fs::read_to_string("docs/adapters/interworks.md").unwrap();
    assert!(page.lines().any(|line| line == row), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_120_subscriptions() {
    stands_in_the_table(40, 120).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute; it makes a row of a table in the documents"]
async fn of_1000_subscriptions() {
    stands_in_the_table(300, 1000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "six minutes; it makes a row of a table in the documents"]
async fn of_10000_subscriptions() {
    stands_in_the_table(3000, 10_000).await;
}
