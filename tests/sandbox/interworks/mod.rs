//! The vendor's face: what it shows, what it hides, how it misleads, and what people do at its
//! screens.

mod fields;
mod lists;
mod login;
mod screens;
mod secrets;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tenant_reseller_operator::sandbox::{Config, InterworksLogin};

use crate::support::World;

/// A world whose vendor's face is served, to the distributor and to the tenant of the reseller.
pub async fn world(change: impl FnOnce(&mut Config)) -> World {
    World::with(|config| {
        let login = |name: &str, reseller: Option<&str>| InterworksLogin {
            client_id: format!("{name}-client"),
            client_secret: format!("{name}-secret"),
            user: format!("{name}-user"),
            password: format!("{name} pass&word"),
            reseller: reseller.map(ToOwned::to_owned),
        };
        config.interworks_logins = vec![login("distributor", None), login("tenant", Some("10423"))];
        change(config);
    })
    .await
}

/// A reply, whatever its status.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub body: Value,
}

impl Seen {
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.body
    }

    /// The rows of a list in either envelope.
    #[track_caller]
    pub fn rows(self) -> Vec<Value> {
        let body = self.ok();
        let rows = body.get("data").unwrap_or(&body);
        rows.as_array()
            .unwrap_or_else(|| panic!("no list: {body}"))
            .clone()
    }
}

pub async fn seen(request: RequestBuilder) -> Seen {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Seen { status, body }
}

/// The form of a password grant.
pub fn grant(world: &World, who: &str) -> RequestBuilder {
    let form = [
        ("grant_type", "password".to_owned()),
        ("username", format!("{who}-user")),
        ("password", format!("{who} pass&word")),
    ];
    world
        .client
        .post(format!("{}/oauth/token", world.url))
        .basic_auth(format!("{who}-client"), Some(format!("{who}-secret")))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(encoded(&form))
}

pub fn encoded<K: AsRef<str>, V: AsRef<str>>(form: &[(K, V)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in form {
        text.append_pair(name.as_ref(), value.as_ref());
    }
    text.finish()
}

/// One side, logged in.
pub struct Side<'w> {
    pub world: &'w World,
    pub token: String,
}

impl<'w> Side<'w> {
    pub async fn of(world: &'w World, who: &str) -> Self {
        let body = seen(grant(world, who)).await.ok();
        let token = body["access_token"].as_str().unwrap().to_owned();
        Self { world, token }
    }

    /// A request in version 3.0.
    pub fn request(&self, method: Method, path: &str, query: &[(&str, &str)]) -> RequestBuilder {
        let query = encoded(query);
        self.world
            .client
            .request(method, format!("{}/api/{path}?{query}", self.world.url))
            .bearer_auth(&self.token)
            .header("X-Api-Version", "3.0")
    }

    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Seen {
        seen(self.request(Method::GET, path, query)).await
    }

    /// Every row of a list, in pages of 100.
    pub async fn all(&self, path: &str, filter: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        for page in 1..100 {
            let page = page.to_string();
            let mut query = vec![("page", page.as_str()), ("pageSize", "100")];
            if !filter.is_empty() {
                query.push(("$filter", filter));
            }
            let more = self.get(path, &query).await.rows();
            if more.is_empty() {
                return rows;
            }
            rows.extend(more);
        }
        panic!("{path} has no end");
    }
}

/// Switches the face over.
pub async fn switch(world: &World, changes: Value) {
    world.switch(json!({ "interworks": changes })).await;
}

/// A button of the vendor's.
pub async fn press(world: &World, button: &str, body: Value) -> Value {
    world.control(&format!("screens/{button}"), body).await.ok()
}
