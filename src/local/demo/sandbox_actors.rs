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
    /// How many creations of a tenant were accepted.
    pub(super) tenants_requested: u64,
    /// The kind of the reseller.
    pub(super) reseller_kind: String,
    /// Customers whose Bill To is the reseller.
    pub(super) customers: u64,
    /// Those that have a copy with its contacts.
    pub(super) customers_copied: u64,
    /// Those that are marked.
    pub(super) customers_marked: u64,
    /// Contacts of the copies.
    pub(super) contacts: u64,
    /// Active subscriptions and assets of those customers.
    pub(super) purchases_eligible: u64,
    /// Copies of subscriptions and assets that are in use.
    pub(super) purchases_copied: u64,
}

/// What the judge found, by source ids and ledgers.
#[derive(Clone, Debug)]
pub(super) struct JudgedLedgers(Value);

impl JudgedLedgers {
    /// One of its figures.
    pub(super) fn figure(&self, name: &str) -> LocalResult<i64> {
        let found = self.0.get(name).and_then(Value::as_i64);
        found.ok_or_else(|| missing("judge", name))
    }
}

/// The faults of the story. Each has to strike at least once: see
/// [`SandboxControl::end_faults`].
const FAULTS: [&str; 3] = ["Throttle", "Unavailable503", "LoseReplyAfterEffect"];

/// How bad the BSS is while subscriptions are copied. The first of each strikes for certain, more
/// of them by the seed.
fn story_rules(seed: u64) -> Value {
    let rule = |kind: &Value, more: Value| {
        let mut rule = json!({ "operation": "copySubscriptions", "kind": kind });
        if let (Some(rule), Value::Object(more)) = (rule.as_object_mut(), more) {
            rule.extend(more);
        }
        rule
    };
    let by_seed = |probability: f64| json!({ "probability": probability, "seed": seed });
    let strikes = [
        json!({ "Throttle": { "retryAfterSeconds": 1 } }),
        json!("Unavailable503"),
        json!("LoseReplyAfterEffect"),
    ];
    // Slow enough that there is a middle to be killed in, and not all at the same pace.
    let mut rules = vec![
        rule(&json!({ "Latency": { "ms": 200 } }), json!({})),
        rule(&json!({ "Latency": { "ms": 300 } }), by_seed(0.5)),
    ];
    rules.extend(strikes.iter().map(|kind| rule(kind, json!({ "times": 1 }))));
    rules.extend(strikes.iter().map(|kind| rule(kind, by_seed(0.04))));
    json!({ "rules": rules })
}

impl SandboxControl {
    /// Counts.
    pub(super) async fn census(&self) -> LocalResult<Census> {
        let state = self.get("state").await?;
        let number = |pointer: &str| {
            let found = state.pointer(pointer).and_then(Value::as_u64);
            found.ok_or_else(|| missing("state", pointer))
        };
        Ok(Census {
            tenant: text(&state, "/tenant/status").ok(),
            tenants_requested: number("/tenantsRequested")?,
            reseller_kind: text(&state, "/kind")?,
            customers: number("/customers/total")?,
            customers_copied: number("/customers/copied")?,
            customers_marked: number("/customers/marked")?,
            contacts: number("/customers/contacts")?,
            purchases_eligible: number("/subscriptions/eligible")?,
            purchases_copied: number("/subscriptions/copied")?,
        })
    }

    /// Lets both ledgers run some billing cycles on, and asks for the judgement.
    pub(super) async fn judge(&self, cycles: u32) -> LocalResult<JudgedLedgers> {
        let body = json!({ "count": cycles });
        self.post("run-billing-cycles", &body).await?;
        Ok(JudgedLedgers(self.get("judge").await?))
    }

    /// The source ids of the customers that were copied, by the audit list.
    pub(super) async fn copied_customers(&self) -> LocalResult<Vec<String>> {
        let mut customers = Vec::new();
        let mut after = 0;
        loop {
            let path = format!("audit?operation=copyCustomers&after={after}");
            let page = self.get(&path).await?;
            let entries = page.get("entries").and_then(Value::as_array);
            for entry in entries.ok_or_else(|| missing("audit", "entries"))? {
                if text(entry, "/outcome")? == "Created" {
                    customers.push(text(entry, "/sourceId")?);
                }
            }
            match page.get("next").and_then(Value::as_u64) {
                Some(next) => after = next,
                None => return Ok(customers),
            }
        }
    }

    /// From now on the BSS throttles, fails and loses replies.
    pub(super) async fn begin_faults(&self, seed: u64) -> LocalResult<()> {
        self.put("faults", &story_rules(seed)).await?;
        Ok(())
    }

    /// Ends that, and answers how often each fault struck.
    pub(super) async fn end_faults(&self) -> LocalResult<Vec<(&'static str, u64)>> {
        let faults = self.get("faults").await?;
        self.put("faults", &json!({ "rules": [] })).await?;
        let rules = faults.get("rules").and_then(Value::as_array);
        let rules = rules.ok_or_else(|| missing("faults", "rules"))?;
        Ok(FAULTS.map(|kind| (kind, fired(rules, kind))).to_vec())
    }

    /// The distributor's staff tries to order for a customer.
    pub(super) async fn staff_orders(&self, customer: &str) -> LocalResult<Answer> {
        self.try_post("staff/order", &json!({ "customerId": customer }))
            .await
    }

    /// The reseller buys one for a customer through the Storefront.
    pub(super) async fn storefront_buys(&self, customer: &str) -> LocalResult<()> {
        self.post("storefront/buy", &json!({ "customerId": customer }))
            .await?;
        Ok(())
    }

    /// The reseller cancels one through the Storefront that is copied already; answers which.
    pub(super) async fn storefront_cancels_a_copied_one(&self) -> LocalResult<String> {
        let body = json!({ "pick": "Copied" });
        let cancelled = self.post("storefront/cancel", &body).await?;
        text(&cancelled, "/sourceId")
    }

    /// The reseller's staff ends a copy in its own BSS.
    pub(super) async fn reseller_staff_ends_copy(&self, source: &str) -> LocalResult<()> {
        self.post("reseller-staff/end-copy", &json!({ "sourceId": source }))
            .await?;
        Ok(())
    }

    /// The distributor's people extend the price list, update the tenant and mend currencies;
    /// answers how many currencies.
    pub(super) async fn people_fix_defects(&self) -> LocalResult<u64> {
        let fixed = self.post("fix-defects", &json!({})).await?;
        let currencies = fixed.get("currencies").and_then(Value::as_u64);
        currencies.ok_or_else(|| missing("fix-defects", "currencies"))
    }
}

/// How often the rules of a kind struck. A kind is a word, or an object with that word as its only
/// member.
fn fired(rules: &[Value], kind: &str) -> u64 {
    rules
        .iter()
        .filter(|rule| {
            rule.get("kind")
                .is_some_and(|told| told.as_str() == Some(kind) || told.get(kind).is_some())
        })
        .filter_map(|rule| rule.get("fired")?.as_u64())
        .fold(0, u64::saturating_add)
}

fn missing(what: &str, member: &str) -> LocalError {
    LocalError::Unexpected(format!("the sandbox's {what} shows no {member}"))
}

fn text(value: &Value, pointer: &str) -> LocalResult<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .ok_or_else(|| missing("reply", pointer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_of_the_story_is_among_its_rules_and_counted() {
        let mut faults = story_rules(7);
        for rule in faults["rules"].as_array_mut().unwrap() {
            rule["fired"] = json!(3);
        }
        let rules = faults["rules"].as_array().unwrap();
        for kind in FAULTS {
            assert_eq!(fired(rules, kind), 6, "{kind}");
        }
        assert_eq!(fired(rules, "CutBody"), 0);
    }
}
