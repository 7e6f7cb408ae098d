//! Pages that do not come in time are asked for again with half their rows.

use std::time::Duration;

use serde_json::json;
use tenant_reseller_operator::bss::adapters::interworks::InterworksBss;
use tenant_reseller_operator::bss::{BssError, port::Bss as _};

use super::world::{World, purchases, request, reseller};

/// The sizes of pages that the face was asked for.
async fn sizes(world: &World, path: &str) -> Vec<u32> {
    let asked = world.asked().await;
    let all = asked["parameters"].as_array().unwrap().clone();
    let mut sizes: Vec<u32> = all
        .iter()
        .filter(|one| one["path"] == path && one["name"] == "pageSize")
        .map(|one| one["value"].as_str().unwrap().parse().unwrap())
        .collect();
    sizes.sort_unstable();
    sizes
}

fn reading(world: &World, rows: u16, within: Duration) -> InterworksBss {
    world.distributor(|options| {
        options.reading.page_size = rows;
        options.reading.list_timeout = within;
    })
}

#[tokio::test]
async fn a_page_that_comes_too_late_is_asked_for_with_half_its_rows() {
    let world = World::new(|config| config.subscriptions = 60).await;
    let honest = purchases(&world.distributor(|_| {})).await.unwrap();
    // A page of 80 rows takes 1.6 s, one of 40 takes 0.8 s.
    world
        .switch(json!({ "slowRowMs": 20, "largestPage": 100 }))
        .await;
    world.forget_asked().await;
    let bss = reading(&world, 80, Duration::from_millis(1200));
    assert_eq!(purchases(&bss).await.unwrap(), honest);
    let asked = sizes(&world, "/api/accounts").await;
    assert!(asked.contains(&80) && asked.contains(&40), "{asked:?}");
    // What was learnt is kept: the other collections are asked for no more than that from the start.
    let later = sizes(&world, "/api/subscriptions").await;
    assert_eq!(later.iter().max(), Some(&40), "{later:?}");
    assert!(later.iter().all(|size| *size >= 10), "{later:?}");
}

#[tokio::test]
async fn a_server_that_breaks_on_large_pages_is_asked_for_small_ones_and_not_for_tiny_ones() {
    let world = World::new(|config| config.subscriptions = 60).await;
    let honest = purchases(&world.distributor(|_| {})).await.unwrap();
    world.switch(json!({ "failsAbove": 30 })).await;
    let bss = reading(&world, 80, Duration::from_secs(10));
    assert_eq!(purchases(&bss).await.unwrap(), honest);
    assert_eq!(sizes(&world, "/api/accounts").await.last(), Some(&80));
    // Below ten rows it is another fault, which is told.
    world.switch(json!({ "failsAbove": 3 })).await;
    world.forget_asked().await;
    let bss = reading(&world, 80, Duration::from_secs(10));
    let mut refused = None;
    for _ in 0..5 {
        refused = bss.list_customers(&reseller(), &request(None)).await.err();
    }
    assert!(
        matches!(refused, Some(BssError::Unavailable { .. })),
        "{refused:?}"
    );
    let asked = sizes(&world, "/api/accounts").await;
    assert_eq!(asked.first(), Some(&10), "{asked:?}");
}
