//! A sandbox of its own for each test, and the few steps that most tests begin with.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tenant_reseller_operator::sandbox::{Config, Server};

pub const ACCOUNT: &str = "/resellers/10423";

/// A running sandbox with a client.
pub struct World {
    pub url: String,
    pub client: Client,
    pub config: Config,
    pub server: Option<Server>,
    _folder: TempDir,
}

/// A reply: status and JSON body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The body of a reply that must be a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.body
    }

    /// Asserts a refusal of this status and class.
    #[track_caller]
    pub fn refused(self, status: u16, class: &str) -> Value {
        assert_eq!(
            (self.status, self.body["class"].as_str()),
            (status, Some(class)),
            "{self:?}"
        );
        assert_eq!(self.body["status"], status);
        self.body
    }

    /// Asserts an `Invalid` refusal and returns the fields that it names, in order.
    #[track_caller]
    pub fn invalid(self) -> Vec<String> {
        let body = self.refused(422, "Invalid");
        body["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| text(&f["field"]))
            .collect()
    }

    /// Asserts a `Blocked` refusal and returns its reasons.
    #[track_caller]
    pub fn blocked(self) -> Vec<String> {
        let body = self.refused(409, "Blocked");
        body["blockers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|b| text(&b["reason"]))
            .collect()
    }
}

pub fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("no text: {value}"))
        .to_owned()
}

impl World {
    /// A world without defects, as small as the tests need it.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = TempDir::new().unwrap();
        let mut config = Config::for_tests(folder.path().join("world.db"));
        change(&mut config);
        let server = Server::start(config.clone()).await.unwrap();
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let url = server.url().to_owned();
        Self {
            url,
            client,
            config,
            server: Some(server),
            _folder: folder,
        }
    }

    /// Ends the server and starts another over the same file.
    pub async fn restart(&mut self) {
        self.server.take().unwrap().shutdown().await.unwrap();
        let server = Server::start(self.config.clone()).await.unwrap();
        server.url().clone_into(&mut self.url);
        self.server = Some(server);
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}/tenant-reseller/v1{path}", self.url))
            .bearer_auth(&self.config.token)
    }

    pub async fn get(&self, path: &str) -> Answer {
        read(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// A POST without epoch or request key.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        read(
            self.request(Method::POST, path)
                .json(body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    /// A POST with the epoch and a request key.
    pub async fn write(&self, (epoch, key): (u64, &str), path: &str, body: &Value) -> Answer {
        let request = self
            .request(Method::POST, path)
            .header("Fencing-Epoch", epoch)
            .header("Idempotency-Key", key)
            .json(body);
        read(request.send().await.unwrap()).await
    }

    pub fn control_request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}/control/v1/{path}", self.url))
            .bearer_auth(&self.config.control_token)
    }

    pub async fn control(&self, path: &str, body: Value) -> Answer {
        read(
            self.control_request(Method::POST, path)
                .json(&body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    pub async fn look(&self, path: &str) -> Value {
        read(
            self.control_request(Method::GET, path)
                .send()
                .await
                .unwrap(),
        )
        .await
        .ok()
    }

    /// A PUT to the control API.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        let request = self.control_request(Method::PUT, path).json(body);
        read(request.send().await.unwrap()).await
    }

    /// Switches promises over.
    pub async fn switch(&self, changes: Value) -> Value {
        self.put("promises", &changes).await.ok()
    }

    pub async fn set_faults(&self, rules: Value) -> Answer {
        let body = json!({ "rules": rules });
        read(
            self.control_request(Method::PUT, "faults")
                .json(&body)
                .send()
                .await
                .unwrap(),
        )
        .await
    }

    /// Epoch 1 and an Active tenant, `tenant-1`.
    pub async fn with_tenant(self) -> Self {
        self.post(&format!("{ACCOUNT}/epoch"), &json!({ "holder": "tests" }))
            .await
            .ok();
        self.write(
            (1, "tenant"),
            &format!("{ACCOUNT}/tenant"),
            &create_tenant(),
        )
        .await
        .ok();
        let settled = async || self.get("/operations/op-1").await.ok()["state"] == "Succeeded";
        until("the tenant is ready", settled).await;
        self
    }

    /// All customers copied.
    pub async fn with_customers(self) -> Self {
        let world = self.with_tenant().await;
        for customer in world.customers().await {
            let result = world.copy_customer(&customer_item(&customer)).await;
            assert_eq!(result["outcome"], "Created", "{result}");
        }
        world
    }

    /// All customers copied and priced.
    pub async fn with_pricing(self) -> Self {
        let world = self.with_customers().await;
        let options = json!({ "priceList": "PL-RETAIL", "billing": { "day": 1 },
            "paymentMethod": "Invoice", "invoicing": "Combined" });
        world.control("reseller-staff/pricing", options).await.ok();
        world
    }

    /// Everything copied.
    pub async fn complete(self) -> Self {
        let world = self.with_pricing().await;
        for item in world.subscription_items().await {
            let result = world.copy_subscription(&item).await;
            assert_eq!(result["outcome"], "Created", "{result}");
        }
        world
    }

    pub async fn list(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(&format!("{path}{cursor}")).await.ok();
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["nextCursor"].as_str() else {
                return items;
            };
            let sign = if path.contains('?') { '&' } else { '?' };
            cursor = format!("{sign}cursor={next}");
        }
    }

    pub async fn customers(&self) -> Vec<Value> {
        self.list(&format!("{ACCOUNT}/customers")).await
    }

    pub async fn customer(&self, id: &str) -> Value {
        let all = self.customers().await;
        all.into_iter()
            .find(|customer| customer["id"] == id)
            .unwrap()
    }

    pub async fn subscriptions(&self) -> Vec<Value> {
        self.list(&format!("{ACCOUNT}/subscriptions")).await
    }

    pub async fn subscription(&self, id: &str) -> Value {
        let all = self.subscriptions().await;
        all.into_iter()
            .find(|subscription| subscription["id"] == id)
            .unwrap()
    }

    /// Active purchases of customers.
    pub async fn eligible(&self) -> Vec<Value> {
        let all = self.subscriptions().await.into_iter();
        all.filter(|each| each["state"] == "Active" && each["customerId"] != "10423")
            .collect()
    }

    /// The first eligible one that recurs.
    pub async fn first_subscription(&self) -> Value {
        let all = self.eligible().await;
        all.into_iter()
            .find(|each| each["kind"] == "Subscription")
            .unwrap()
    }

    pub async fn copies(&self, kind: &str) -> Vec<Value> {
        self.list(&format!("/tenants/tenant-1/copies?kind={kind}"))
            .await
    }

    pub async fn copy_of(&self, source: &str) -> Value {
        for kind in ["Customers", "Subscriptions"] {
            let found = self
                .copies(kind)
                .await
                .into_iter()
                .find(|c| c["sourceId"] == source);
            if let Some(copy) = found {
                return copy;
            }
        }
        Value::Null
    }

    pub async fn copy_customers(&self, epoch: u64, items: &[Value]) -> Answer {
        let body = json!({ "items": items });
        self.write((epoch, "unused"), "/tenants/tenant-1/customers/copy", &body)
            .await
    }

    pub async fn copy_customer(&self, item: &Value) -> Value {
        self.copy_customers(1, std::slice::from_ref(item))
            .await
            .ok()["results"][0]
            .clone()
    }

    pub async fn copy_subscriptions(&self, epoch: u64, items: &[Value]) -> Answer {
        let body = json!({ "items": items });
        self.write(
            (epoch, "unused"),
            "/tenants/tenant-1/subscriptions/copy",
            &body,
        )
        .await
    }

    pub async fn copy_subscription(&self, item: &Value) -> Value {
        self.copy_subscriptions(1, std::slice::from_ref(item))
            .await
            .ok()["results"][0]
            .clone()
    }

    pub async fn pricing_digest(&self, customer: &str) -> Value {
        let body = json!({ "customerIds": [customer] });
        let answer = self
            .post("/tenants/tenant-1/pricing/lookup", &body)
            .await
            .ok();
        answer["results"][0]["digest"].clone()
    }

    /// A copy item for a subscription that has no copy yet.
    pub async fn subscription_item(&self, subscription: &Value) -> Value {
        let pricing = self
            .pricing_digest(&text(&subscription["customerId"]))
            .await;
        let pricing = pricing.as_str().unwrap_or("none").to_owned();
        json!({
            "sourceId": subscription["id"],
            "kind": subscription["kind"],
            "businessKey": key(subscription),
            "expectedSource": subscription["digest"],
            "pricingDigest": pricing,
        })
    }

    pub async fn subscription_items(&self) -> Vec<Value> {
        let mut items = Vec::new();
        for each in self.eligible().await {
            items.push(self.subscription_item(&each).await);
        }
        items
    }

    pub async fn revision(&self) -> u64 {
        let page = self.get(&format!("{ACCOUNT}/open-orders")).await.ok();
        page["inventoryRevision"].as_u64().unwrap()
    }

    pub async fn activate(&self, key: &str) -> Answer {
        let revision = self.revision().await;
        self.activate_at(revision, key).await
    }

    pub async fn activate_at(&self, revision: u64, key: &str) -> Answer {
        let body = json!({ "businessKey": "k/activation", "expectedRevision": revision });
        self.write((1, key), "/tenants/tenant-1/activation", &body)
            .await
    }

    pub async fn judge(&self) -> Value {
        self.look("judge").await
    }
}

pub async fn read(response: Response) -> Answer {
    let status = response.status().as_u16();
    let kind = response
        .headers()
        .get("content-type")
        .map(|v| v.to_str().unwrap().to_owned());
    let bytes = response.bytes().await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let expected = if status < 300 {
        "application/json"
    } else {
        "application/problem+json"
    };
    assert_eq!(kind.as_deref(), Some(expected), "{status} {body}");
    Answer { status, body }
}

pub fn settings() -> Value {
    json!({
        "priceList": "PL-RESELLER-EUR", "edition": "Premium", "language": "en-GB",
        "timeZone": "Europe/Athens", "dateFormat": "dd/MM/yyyy", "invoicing": "Combined",
    })
}

pub fn create_tenant() -> Value {
    json!({ "businessKey": "k/tenant", "settings": settings() })
}

/// The business key that these tests use for a source.
pub fn key(source: &Value) -> String {
    format!("k/{}", text(&source["id"]))
}

/// A copy item for a customer that has no copy yet.
pub fn customer_item(customer: &Value) -> Value {
    json!({
        "sourceId": customer["id"],
        "businessKey": key(customer),
        "expectedSource": customer["digest"],
    })
}

/// The same item with another member.
pub fn but(item: &Value, member: &str, value: impl Into<Value>) -> Value {
    let mut item = item.clone();
    item[member] = value.into();
    item
}

/// The reasons of a blocked item.
#[track_caller]
pub fn reasons(result: &Value) -> Vec<String> {
    assert_eq!(result["outcome"], "Blocked", "{result}");
    result["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| text(&b["reason"]))
        .collect()
}

/// Polls until something is so, at most ten seconds.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !so().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
