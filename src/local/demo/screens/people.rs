//! The people of this story: at the distributor's screens, in the tenant, in the Storefront. They do what
//! the operator tells them and what people do besides.

use serde_json::{Value, json};

use crate::local::demo::sandbox_control::SandboxControl;
use crate::local::error::{LocalError, LocalResult};

/// What a press of "Transfer Subscriptions" came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pressed {
    pub(super) copied: u64,
    pub(super) switched: bool,
    /// Why the run stopped, if it did.
    pub(super) stopped_by: Option<String>,
}

/// Requests that came to the vendor's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calls {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) count: u64,
}

impl SandboxControl {
    /// "Create Tenant", with the values of the upgrade.
    pub(super) async fn creates_tenant(&self, settings: &Value) -> LocalResult<()> {
        let body = json!({ "settings": settings });
        self.post("screens/create-tenant", &body).await?;
        Ok(())
    }

    /// "Transfer Accounts" for chosen accounts; answers how many went over.
    pub(super) async fn transfers_accounts(&self, ids: &[String]) -> LocalResult<u64> {
        let body = json!({ "accountIds": ids });
        let done = self.post("screens/transfer-accounts", &body).await?;
        let done = done.get("transferred").and_then(Value::as_array);
        done.map(|ids| u64::try_from(ids.len()).unwrap_or(u64::MAX))
            .ok_or_else(|| missing("transferred"))
    }

    /// "Transfer Subscriptions".
    pub(super) async fn transfers_subscriptions(&self) -> LocalResult<Pressed> {
        let path = "screens/transfer-subscriptions";
        let done = self.post(path, &json!({})).await?;
        let stopped_by = done.get("stoppedBy").and_then(Value::as_str);
        Ok(Pressed {
            copied: number(&done, "copied")?,
            switched: done.get("switched").and_then(Value::as_bool) == Some(true),
            stopped_by: stopped_by.map(str::to_owned),
        })
    }

    /// The reseller sets the pricing options of every customer in its own BSS.
    pub(super) async fn reseller_prices_customers(&self) -> LocalResult<u64> {
        let options = json!({
            "priceList": "PL-RETAIL", "billing": { "day": 1 }, "paymentMethod": "Invoice",
            "invoicing": "Combined",
        });
        let done = self.post("reseller-staff/pricing", &options).await?;
        let priced = done.get("customerIds").and_then(Value::as_array);
        priced
            .map(|ids| u64::try_from(ids.len()).unwrap_or(u64::MAX))
            .ok_or_else(|| missing("customerIds"))
    }

    /// The reseller orders through the Storefront, and the order waits for the distributor's staff.
    pub(super) async fn storefront_order_waits(&self) -> LocalResult<String> {
        let placed = self
            .post("storefront/buy", &json!({ "hold": true }))
            .await?;
        let order = placed.get("orderId").and_then(Value::as_str);
        order.map(str::to_owned).ok_or_else(|| missing("orderId"))
    }

    /// The distributor's staff executes what waits.
    pub(super) async fn staff_executes_orders(&self) -> LocalResult<()> {
        self.post("staff/finish-order", &json!({})).await?;
        Ok(())
    }

    /// The distributor's staff opens or closes ordering for the reseller.
    pub(super) async fn staff_sets_ordering(&self, enabled: bool) -> LocalResult<()> {
        let body = json!({ "enabled": enabled });
        self.post("staff/ordering", &body).await?;
        Ok(())
    }

    /// What the operator wrote, by the audit list: the operations.
    pub(super) async fn operators_effects(&self) -> LocalResult<Vec<String>> {
        let page = self.get("audit?actor=Operator").await?;
        let entries = page.get("entries").and_then(Value::as_array);
        let operations = entries.ok_or_else(|| missing("entries"))?.iter();
        // A write that the BSS refused with an instruction for people made nothing.
        let made = operations.filter(|entry| {
            entry.get("outcome").and_then(Value::as_str) != Some("ManualStepNeeded")
        });
        Ok(made
            .filter_map(|entry| entry.get("operation")?.as_str().map(str::to_owned))
            .collect())
    }

    /// What the vendor's API was asked, by method and path.
    pub(super) async fn vendor_calls(&self) -> LocalResult<Vec<Calls>> {
        let told = self.get("interworks/calls").await?;
        let lines = told.get("calls").and_then(Value::as_array);
        let text = |line: &Value, member: &str| {
            let found = line.get(member).and_then(Value::as_str);
            found.map(str::to_owned).ok_or_else(|| missing(member))
        };
        lines
            .ok_or_else(|| missing("calls"))?
            .iter()
            .map(|line| {
                Ok(Calls {
                    method: text(line, "method")?,
                    path: text(line, "path")?,
                    count: number(line, "calls")?,
                })
            })
            .collect()
    }
}

impl Calls {
    /// Whether it is one that the operator may send: it reads, or it logs in.
    pub(super) fn only_reads(&self) -> bool {
        self.method == "GET" || (self.method == "POST" && self.path == "/oauth/token")
    }
}

fn number(value: &Value, member: &str) -> LocalResult<u64> {
    let found = value.get(member).and_then(Value::as_u64);
    found.ok_or_else(|| missing(member))
}

fn missing(member: &str) -> LocalError {
    LocalError::Unexpected(format!("the sandbox's answer shows no {member}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_no_read_whatever_its_path() {
        let calls = |method: &str, path: &str| Calls {
            method: method.to_owned(),
            path: path.to_owned(),
            count: 1,
        };
        assert!(calls("GET", "/api/accounts").only_reads());
        assert!(calls("POST", "/oauth/token").only_reads());
        for (method, path) in [
            ("POST", "/api/accounts"),
            ("PATCH", "/api/accounts/{id}"),
            ("PUT", "/oauth/token"),
        ] {
            assert!(!calls(method, path).only_reads(), "{method} {path}");
        }
    }
}
