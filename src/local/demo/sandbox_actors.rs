//! What the sandbox's people do and what its tables show, in the words of the story. Together with
//! [`SandboxControl`] the only code that knows the control API.

use serde_json::{Value, json};

use super::sandbox_control::{Answer, SandboxControl};
use crate::local::error::{LocalError, LocalResult};

/// What the sandbox's tables show at a moment.
#[derive(Clone, Debug)]
pub(super) struct Census {
    /// The status of the reseller's tenant.
    pub(super) tenant: Option<String>,
    /// The kind of the reseller.
    pub(super) reseller_kind: String,
    /// Customers whose Bill To is the reseller.
    pub(super) customers: u64,
    /// Those that have a copy.
    pub(super) customers_copied: u64,
    /// Those that are marked.
    pub(super) customers_marked: u64,
    /// Those that own something to copy and have no pricing options.
    pub(super) without_pricing: Vec<String>,
    /// Subscriptions and assets to be copied.
    pub(super) purchases_eligible: u64,
    /// Those that have a copy.
    pub(super) purchases_copied: u64,
    /// Those that a pre-check refuses.
    pub(super) blocked: u64,
}

/// What the judge found in the ledgers.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) eligible: i64,
    pub(super) copied: i64,
    pub(super) duplicated: i64,
    pub(super) lost: i64,
    pub(super) double_charges: i64,
    pub(super) missing_charges: i64,
    pub(super) provisionings: i64,
    pub(super) orders: i64,
    pub(super) mails: i64,
    pub(super) activations: i64,
}

/// How bad the BSS is while everything is copied.
pub(super) fn story_faults() -> Vec<Value> {
    vec![
        json!({ "operation": "copySubscriptions", "fault": "Latency", "milliseconds": 150 }),
        json!({ "operation": "copySubscriptions", "fault": "Throttle", "every": 7, "retryAfterSeconds": 1 }),
        json!({ "operation": "copySubscriptions", "fault": "LoseReply", "every": 5 }),
        json!({ "operation": "copySubscriptions", "fault": "Unavailable", "every": 11 }),
    ]
}

impl SandboxControl {
    /// Counts.
    pub(super) async fn census(&self) -> LocalResult<Census> {
        let state = self.get("state").await?;
        let strings = |pointer: &str| {
            let list = state.pointer(pointer).and_then(Value::as_array);
            let list = list.ok_or_else(|| missing("state", pointer))?;
            Ok::<_, LocalError>(
                list.iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
            )
        };
        Ok(Census {
            tenant: state
                .pointer("/tenant/status")
                .and_then(Value::as_str)
                .map(str::to_owned),
            reseller_kind: string(&state, "/reseller/kind")?,
            customers: number(&state, "/customers/eligible")?,
            customers_copied: number(&state, "/customers/copied")?,
            customers_marked: number(&state, "/customers/marked")?,
            without_pricing: strings("/customers/withoutPricing")?,
            purchases_eligible: number(&state, "/purchases/eligible")?,
            purchases_copied: number(&state, "/purchases/copied")?,
            blocked: number(&state, "/purchases/blocked")?,
        })
    }

    /// Lets both ledgers run some billing cycles on, and asks for the judgement.
    pub(super) async fn judge(&self, cycles: u32) -> LocalResult<Verdict> {
        let found = self.post("judge", &json!({ "cycles": cycles })).await?;
        let figure = |member: &str| {
            let pointer = format!("/{member}");
            let value = found.pointer(&pointer).and_then(Value::as_i64);
            value.ok_or_else(|| missing("judge", &pointer))
        };
        Ok(Verdict {
            eligible: figure("eligible")?,
            copied: figure("copied")?,
            duplicated: figure("duplicated")?,
            lost: figure("lost")?,
            double_charges: figure("doubleCharges")?,
            missing_charges: figure("missingCharges")?,
            provisionings: figure("provisionings")?,
            orders: figure("orders")?,
            mails: figure("mails")?,
            activations: figure("activations")?,
        })
    }

    /// How often an operation took effect, by the audit list.
    pub(super) async fn audit_count(&self, operation: &str) -> LocalResult<u64> {
        let audit = self.get(&format!("audit?operation={operation}")).await?;
        let entries = audit.pointer("/items").and_then(Value::as_array);
        let entries = entries.ok_or_else(|| missing("audit", "/items"))?;
        Ok(u64::try_from(entries.len()).unwrap_or(u64::MAX))
    }

    /// From now on the BSS does this to requests, and nothing else.
    pub(super) async fn set_faults(&self, faults: &[Value]) -> LocalResult<()> {
        self.post("faults", &json!({ "rules": faults })).await?;
        Ok(())
    }

    /// A customer that has a copy.
    pub(super) async fn some_copied_customer(&self) -> LocalResult<String> {
        string(&self.get("state").await?, "/examples/copiedCustomer")
    }

    /// An active subscription that has a copy.
    pub(super) async fn some_copied_purchase(&self) -> LocalResult<String> {
        string(&self.get("state").await?, "/examples/copiedPurchase")
    }

    /// The distributor's staff tries to order for a customer.
    pub(super) async fn staff_orders(&self, customer: &str) -> LocalResult<Answer> {
        self.try_post("staff/orders", &json!({ "customerId": customer }))
            .await
    }

    /// The reseller buys one for a customer through the Storefront.
    pub(super) async fn storefront_buys(&self, customer: &str) -> LocalResult<()> {
        self.post("storefront/buy", &json!({ "customerId": customer }))
            .await?;
        Ok(())
    }

    /// The reseller cancels one through the Storefront.
    pub(super) async fn storefront_cancels(&self, purchase: &str) -> LocalResult<()> {
        self.post("storefront/cancel", &json!({ "id": purchase }))
            .await?;
        Ok(())
    }

    /// The reseller's staff ends a copy in its own BSS.
    pub(super) async fn reseller_staff_ends_copy(&self, source: &str) -> LocalResult<()> {
        self.post("reseller-staff/end-copy", &json!({ "sourceId": source }))
            .await?;
        Ok(())
    }

    /// The distributor's people extend the price list, update the tenant, mend what is wrong.
    pub(super) async fn people_fix_blockers(&self) -> LocalResult<()> {
        self.post("staff/fix-blockers", &json!({})).await?;
        Ok(())
    }
}

fn missing(what: &str, pointer: &str) -> LocalError {
    LocalError::Unexpected(format!("the sandbox's {what} shows no {pointer}"))
}

fn string(value: &Value, pointer: &str) -> LocalResult<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .ok_or_else(|| missing("state", pointer))
}

fn number(value: &Value, pointer: &str) -> LocalResult<u64> {
    let found = value.pointer(pointer).and_then(Value::as_u64);
    found.ok_or_else(|| missing("state", pointer))
}
