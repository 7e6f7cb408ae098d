//! Looks at an installation and says which of the assumptions of docs/adapters/interworks.md hold there. It sends
//! GETs only, and shows names and types of fields; values only if it is told to.

use std::time::Duration;

use reqwest::header::HeaderName;
use serde_json::Value;

use super::filter;
use crate::bss::error::BssError;
use crate::bss::limits::Access;
use crate::bss::transport::{Effect, Get, ReadOnly, Reply, ReplySize, Rules, Settings};

/// What to probe.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The version of the API that is asked for.
    pub api_version: String,
    /// An account that is known to be a Basic reseller.
    pub basic: String,
    /// An account that is known to be a tenant reseller.
    pub tenant: String,
    /// Whether values are shown.
    pub values: Values,
}

/// Whether values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Names and types only.
    Hidden,
    /// Values too.
    Shown,
}

/// The fields that the adapter reads, by collection.
const EXPECTED: [(&str, &[&str]); 7] = [
    (
        "accounts",
        &[
            "id",
            "name",
            "code",
            "registrationNumber",
            "billToAccount",
            "orderingEnabled",
            "transactionCurrency",
            "isNetworkReseller",
            "resellerType",
            "resellingEnabled",
            "isBackOrdering",
            "updatedAt",
            "paymentMethod",
            "priceList",
        ],
    ),
    (
        "subscriptions",
        &[
            "id",
            "name",
            "account",
            "billingTo",
            "status",
            "quantity",
            "externalId",
            "startDate",
            "product",
            "productType",
            "billingCycle",
            "currency",
            "updatedAt",
        ],
    ),
    (
        "assets",
        &[
            "id",
            "name",
            "account",
            "billingTo",
            "status",
            "quantity",
            "externalId",
            "product",
            "startDate",
            "currency",
            "updatedAt",
        ],
    ),
    ("bundles", &["id", "name", "account", "billingTo", "status"]),
    ("orders", &["id", "account", "billingTo", "status"]),
    ("products", &["id", "name", "code"]),
    ("pricelists", &["id", "name", "currency"]),
];

struct Plain;

impl Rules for Plain {
    fn throttles(&self, reply: &Reply) -> bool {
        reply.status == 429
    }

    fn refuses_the_login(&self, reply: &Reply) -> bool {
        reply.status == 401
    }
}

/// Probes, and tells what was seen, line by line.
///
/// # Errors
///
/// [`BssError`] if the connection may not be used, or the login fails.
pub async fn probe(
    probe: &Probe,
    settings: Settings,
    access: Access,
) -> Result<Vec<String>, BssError> {
    let prober = Prober {
        probe,
        http: ReadOnly::new(settings, access)?,
    };
    let mut lines = Vec::new();
    // The description is for people, and may be a page that redirects.
    lines.push(match prober.get(&["apidocs"], &[]).await {
        Ok(description) => format!("GET /apidocs: status {}", description.status),
        Err(error) => format!("GET /apidocs: {error}"),
    });
    prober.calibration(&mut lines).await?;
    for (collection, expected) in EXPECTED {
        prober.collection(collection, expected, &mut lines).await?;
    }
    Ok(lines)
}

struct Prober<'a> {
    probe: &'a Probe,
    http: ReadOnly,
}

impl Prober<'_> {
    async fn get(
        &self,
        path: &[&str],
        query: &[(&'static str, String)],
    ) -> Result<Reply, BssError> {
        let get = Get {
            path,
            query: query
                .iter()
                .map(|(name, value)| ((*name).into(), value.clone()))
                .collect(),
            header: (
                HeaderName::from_static("x-api-version"),
                &self.probe.api_version,
            ),
            reply: ReplySize::Many,
            within: Duration::from_secs(240),
        };
        let reply = self.http.get(get, &Plain).await;
        let reply = reply.map_err(|failure| failure.into_error(Effect::Read))?;
        if reply.status == 401 {
            return Err(BssError::AuthRejected);
        }
        Ok(reply)
    }

    async fn calibration(&self, lines: &mut Vec<String>) -> Result<(), BssError> {
        let mut accounts = Vec::new();
        for id in [&self.probe.basic, &self.probe.tenant] {
            let reply = self.get(&["api", "accounts", id], &[]).await?;
            lines.push(format!("GET /api/accounts/{id}: status {}", reply.status));
            accounts.push(serde_json::from_slice::<Value>(&reply.body).unwrap_or_default());
        }
        for field in ["isNetworkReseller", "resellerType", "resellingEnabled"] {
            let mut values = accounts.iter().map(|account| account.get(field));
            let said = match (values.next().flatten(), values.next().flatten()) {
                (Some(one), Some(other)) if one != other => "tells the two accounts apart",
                (Some(_), Some(_)) => "is the same at both",
                (_, _) => "is absent",
            };
            lines.push(format!("  calibration: {field} {said}"));
        }
        let expression = filter::equals("billToAccountId", &self.probe.basic);
        let query = [("$filter", expression), ("pageSize", "10".to_owned())];
        let reply = self.get(&["api", "accounts"], &query).await?;
        let rows = rows(&reply.body);
        let of_basic = |row: &&Value| {
            let owner = row
                .pointer("/billToAccount/id")
                .or_else(|| row.get("billToAccountId"));
            owner.map(|id| id.to_string().trim_matches('"').to_owned())
                == Some(self.probe.basic.clone())
        };
        let matching = rows.iter().filter(of_basic).count();
        let said = match rows.len() {
            0 => "the account has no customer, or the filter finds nothing",
            all if all == matching => "the filter holds",
            _ => "the filter is not heeded",
        };
        lines.push(format!(
            "  filter billToAccountId: {} rows, {matching} of them match: {said}",
            rows.len()
        ));
        Ok(())
    }

    async fn collection(
        &self,
        name: &str,
        expected: &[&str],
        lines: &mut Vec<String>,
    ) -> Result<(), BssError> {
        let query = [("pageSize", "1".to_owned())];
        let reply = self.get(&["api", name], &query).await?;
        lines.push(format!("GET /api/{name}: status {}", reply.status));
        if reply.status != 200 {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let has = |pointer: &str| {
            if body.pointer(pointer).is_some() {
                "yes"
            } else {
                "no"
            }
        };
        lines.push(format!(
            "  envelope: {}; total: {}; link to the next page: {}",
            if body.is_array() {
                "a bare array"
            } else {
                "an object"
            },
            has("/paging/totalRecords"),
            has("/links/next")
        ));
        let rows = rows(&reply.body);
        let Some(Value::Object(row)) = rows.first() else {
            lines.push("  no record to look at".to_owned());
            return Ok(());
        };
        for (field, value) in row {
            lines.push(self.field(field, value));
        }
        let absent: Vec<&str> = expected
            .iter()
            .filter(|field| !row.contains_key(**field))
            .copied()
            .collect();
        if !absent.is_empty() {
            lines.push(format!("  does not hold: {}", absent.join(", ")));
        }
        let id = row
            .get("id")
            .map(|id| id.to_string().trim_matches('"').to_owned());
        if let Some(id) = id {
            self.details(name, &id, lines).await?;
        }
        Ok(())
    }

    /// What comes one by one.
    async fn details(&self, name: &str, id: &str, lines: &mut Vec<String>) -> Result<(), BssError> {
        let part = match name {
            "accounts" => "syncoptions",
            "subscriptions" => "addons",
            "pricelists" => "items",
            _ => return Ok(()),
        };
        let reply = self.get(&["api", name, id, part], &[]).await?;
        lines.push(format!(
            "GET /api/{name}/ID/{part}: status {}",
            reply.status
        ));
        if let Some(Value::Object(row)) = rows(&reply.body).first() {
            for (field, value) in row {
                lines.push(self.field(field, value));
            }
        }
        Ok(())
    }

    fn field(&self, name: &str, value: &Value) -> String {
        let kind = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "boolean".to_owned(),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "text".to_owned(),
            Value::Array(_) => "list".to_owned(),
            Value::Object(inner) => {
                let names: Vec<&str> = inner.keys().map(String::as_str).collect();
                format!("object with {}", names.join(", "))
            }
        };
        let line = match self.probe.values {
            Values::Hidden => format!("  {name}: {kind}"),
            Values::Shown => format!("  {name}: {kind}: {value}"),
        };
        self.http.clean(&line)
    }
}

fn rows(body: &[u8]) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let rows = body.get("data").unwrap_or(&body);
    rows.as_array().cloned().unwrap_or_default()
}
