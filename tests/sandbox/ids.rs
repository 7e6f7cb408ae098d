//! Ids at the bounds of the contract, and ids that the contract does not know.

use serde_json::{Value, json};
use tenant_reseller_operator::sandbox::Ids;

use crate::support::{ACCOUNT, World, but, create_tenant, read, text};

/// An id as it stands in a path.
fn encoded(id: &str) -> String {
    url::form_urlencoded::byte_serialize(id.as_bytes()).collect()
}

fn at_the_bound(id: &Value) -> bool {
    let id = text(id);
    id.chars().count() == 128 && id.len() == 512
}

#[tokio::test]
async fn every_id_of_a_world_with_the_longest_ids_is_at_the_bound() {
    let mut world = World::with(|config| config.ids = Ids::Longest).await;
    let account = format!("/resellers/{}", encoded(&Ids::Longest.of("10423")));
    // The usual id is no id here.
    world.get(ACCOUNT).await.refused(404, "NotFound");
    let reseller = world.get(&account).await.ok();
    assert_eq!(reseller["accountId"], Ids::Longest.of("10423"));
    let holder = json!({ "holder": "tests" });
    world.post(&format!("{account}/epoch"), &holder).await.ok();
    let request = world
        .request(reqwest::Method::POST, &format!("{account}/tenant"))
        .header("Fencing-Epoch", 1)
        .header("Idempotency-Key", "tenant")
        .json(&create_tenant());
    let accepted = request.send().await.unwrap();
    let location = accepted.headers()["Location"].to_str().unwrap().to_owned();
    let operation = read(accepted).await.ok();
    assert!(at_the_bound(&operation["id"]));
    assert!(
        location.ends_with(&encoded(&text(&operation["id"]))),
        "{location}"
    );
    let operation = format!("/operations/{}", encoded(&text(&operation["id"])));
    assert_eq!(world.get(&operation).await.ok()["state"], "Succeeded");
    let tenant = world.get(&format!("{account}/tenant")).await.ok()["tenant"].clone();
    assert!(at_the_bound(&tenant["id"]));

    let customers = world.list(&format!("{account}/customers?limit=2")).await;
    assert_eq!(customers.len(), 6);
    assert!(customers.iter().all(|one| at_the_bound(&one["id"])));
    let purchases = world
        .list(&format!("{account}/subscriptions?limit=5"))
        .await;
    assert!(
        purchases
            .iter()
            .all(|one| at_the_bound(&one["id"]) && at_the_bound(&one["customerId"]))
    );
    let ids: Vec<&str> = purchases
        .iter()
        .filter_map(|one| one["id"].as_str())
        .collect();
    assert!(ids.is_sorted());

    let tenant_path = format!("/tenants/{}", encoded(&text(&tenant["id"])));
    let item = json!({
        "sourceId": customers[0]["id"], "businessKey": "key-1", "expectedSource": customers[0]["digest"],
    });
    let reply = world
        .write(
            (1, "unused"),
            &format!("{tenant_path}/customers/copy"),
            &json!({ "items": [item] }),
        )
        .await
        .ok();
    assert_eq!(reply["results"][0]["outcome"], "Created", "{reply}");
    world.restart().await;
    let copies = world
        .list(&format!("{tenant_path}/copies?kind=Customers"))
        .await;
    assert_eq!(copies.len(), 1);
    assert!(at_the_bound(&copies[0]["id"]));
    // What comes later, also after a restart, is as long; and the control API means this reseller.
    let wish = json!({ "customerId": customers[1]["id"] });
    world.control("storefront/buy", wish).await.ok();
    world.look("state").await;
    let later = world.list(&format!("{account}/subscriptions")).await;
    assert!(later.iter().all(|one| at_the_bound(&one["id"])));
}

#[tokio::test]
async fn an_id_that_cannot_exist_is_not_found_in_a_path_and_wrong_in_a_body() {
    let world = World::new().await.with_tenant().await;
    for id in [
        ".", "..", "a%0Ab", "%00", "%7F", "%C2%85", "%2E%2E", "%2e", "%FF", "%2F",
    ] {
        for path in [
            format!("/resellers/{id}"),
            format!("/resellers/{id}/customers"),
            format!("/operations/{id}"),
            format!("/tenants/{id}/copies?kind=Customers"),
        ] {
            // A client library would tidy such a path up.
            assert_eq!(raw_status(&world, &path).await, 404, "{path}");
        }
    }
    let customer = world.customers().await.swap_remove(0);
    let item = json!({
        "sourceId": customer["id"], "businessKey": "key-1", "expectedSource": customer["digest"],
    });
    for wrong in [".", "..", "a\nb", "\u{0}", "a\u{7f}", "\u{85}"] {
        let refused = world
            .copy_customers(1, &[but(&item, "sourceId", wrong)])
            .await;
        assert_eq!(refused.invalid(), ["items[0].sourceId"], "{wrong:?}");
        let lookup = json!({ "customerIds": [wrong] });
        let refused = world
            .post("/tenants/tenant-1/pricing/lookup", &lookup)
            .await;
        assert_eq!(refused.invalid(), ["customerIds[0]"], "{wrong:?}");
    }
    for wrong in ["a b", "key\n", "\u{e9}"] {
        let refused = world
            .copy_customers(1, &[but(&item, "businessKey", wrong)])
            .await;
        assert_eq!(refused.invalid(), ["items[0].businessKey"], "{wrong:?}");
    }
    assert!(world.copies("Customers").await.is_empty());
    let refused = world
        .post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "a\tb" }))
        .await;
    assert_eq!(refused.invalid(), ["holder"]);
}

/// The status of a GET whose path is sent byte by byte.
async fn raw_status(world: &World, path: &str) -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = world.url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /tenant-reseller/v1{path} HTTP/1.1\r\nHost: {address}\r\n\
         Authorization: Bearer {}\r\nConnection: close\r\n\r\n",
        world.config.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply.split(' ').nth(1).unwrap().parse().unwrap()
}
