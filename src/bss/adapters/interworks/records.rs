//! Customers, subscriptions and assets as the adapter compares them: the same form for both sides, and one
//! function that makes a digest of it. Pure.
//!
//! What is compared of a subscription or an asset belongs to its source and looks alike on both sides: product
//! code, billing cycle, quantity, start, add-ons. Names, prices, ids and currencies are left out: the vendor
//! renames, both sides have prices of their own, and the currency is checked against the catalogue. Of a
//! customer nothing is compared but that it has its copy: its Bill To differs on the two sides, and the vendor
//! overwrites its currency at the switch.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::options::Words;
use super::wire::{Account, AddOn, Asset, Held, Subscription, SyncOption};
use super::words;
use crate::bss::port::{Digest, ItemKind, Mark, PurchaseState, Sync};

/// A customer, on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CustomerRecord {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) code: Option<String>,
    pub(super) registration: Option<String>,
    pub(super) bill_to: Option<String>,
    /// What it is called in provisioning systems: system and external id.
    pub(super) externals: Vec<(String, String)>,
    pub(super) sync: Sync,
    pub(super) mark: Mark,
}

impl CustomerRecord {
    pub(super) fn read(account: &Account, options: &[SyncOption], words: &Words) -> Self {
        let externals = options.iter().filter_map(|option| {
            let system = option.system_code.as_ref()?;
            Some((folded(system), option.external_id.clone()?))
        });
        Self {
            id: account.id.clone(),
            name: account.name.clone(),
            code: account.code.clone(),
            registration: account.registration_number.clone(),
            bill_to: account.bill_to().map(str::to_owned),
            externals: externals.collect(),
            sync: words::sync(options.iter().map(|option| option.status.as_deref()), words),
            mark: mark(account.is_back_ordering),
        }
    }
}

/// The digest of every customer.
pub(super) fn customer_digest() -> Digest {
    digest("customer")
}

/// A subscription or an asset, on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PurchaseRecord {
    pub(super) id: String,
    pub(super) kind: ItemKind,
    /// The customer that owns it, by its id on this side.
    pub(super) customer: String,
    pub(super) state: PurchaseState,
    pub(super) mark: Mark,
    /// The product's system and the vendor's own id.
    pub(super) external: Option<(String, String)>,
    pub(super) product: Option<String>,
    pub(super) cycle: Option<String>,
    pub(super) currency: Option<String>,
    /// The product codes of its add-ons.
    pub(super) add_ons: Vec<String>,
    /// What is compared; none if a part of it did not arrive.
    pub(super) facts: Option<String>,
}

/// The parts of what is compared, as they arrived.
struct Parts<'a> {
    product: Option<&'a str>,
    cycle: Option<&'a str>,
    quantity: Option<&'a str>,
    start: Option<&'a str>,
    add_ons: &'a [AddOn],
}

impl PurchaseRecord {
    pub(super) fn of_subscription(
        subscription: &Subscription,
        add_ons: &[AddOn],
        words: &Words,
    ) -> Self {
        let ended = |add_on: &AddOn| {
            add_on.status.is_some()
                && !matches!(
                    words::state(add_on.status.as_deref(), None, words),
                    PurchaseState::Active | PurchaseState::Unclear(_)
                )
        };
        let add_ons: Vec<AddOn> = add_ons.iter().filter(|one| !ended(one)).cloned().collect();
        let parts = Parts {
            product: subscription.product.code.as_deref(),
            cycle: subscription.billing_cycle.as_deref(),
            quantity: subscription.quantity.as_deref(),
            start: subscription.start(),
            add_ons: &add_ons,
        };
        let state = words::state(subscription.status.as_deref(), subscription.is_trial, words);
        let external = subscription.external_id.as_deref();
        Self {
            id: subscription.id.clone(),
            kind: ItemKind::Subscription,
            customer: subscription.account.id.clone().unwrap_or_default(),
            mark: mark(subscription.is_back_ordering),
            external: external_key(subscription.system(), external),
            currency: subscription.currency.clone(),
            ..Self::compared(&parts, state)
        }
    }

    pub(super) fn of_asset(asset: &Asset, words: &Words) -> Self {
        let parts = Parts {
            product: asset.product.code.as_deref(),
            // An asset is bought once.
            cycle: Some("once"),
            quantity: asset.quantity.as_deref(),
            start: asset.start_date.as_deref(),
            add_ons: &[],
        };
        let state = words::state(asset.status.as_deref(), None, words);
        Self {
            // Ids of subscriptions and of assets are not of one space.
            id: format!("asset-{}", asset.id),
            kind: ItemKind::Asset,
            customer: asset.owner().unwrap_or_default().to_owned(),
            mark: mark(asset.is_back_ordering),
            external: external_key(asset.product.system.as_deref(), asset.external()),
            currency: asset.currency.clone(),
            cycle: None,
            ..Self::compared(&parts, state)
        }
    }

    /// A bundle, which cannot be compared: it holds the switch until it has ended.
    pub(super) fn of_bundle(bundle: &Held, words: &Words) -> Self {
        let state = match words::state(bundle.status.as_deref(), None, words) {
            state @ (PurchaseState::Cancelled | PurchaseState::Expired) => state,
            PurchaseState::Active
            | PurchaseState::Suspended
            | PurchaseState::FutureDated
            | PurchaseState::Trial
            | PurchaseState::Unclear(_) => {
                PurchaseState::Unclear("a bundle, which cannot be compared".to_owned())
            }
        };
        let parts = Parts {
            product: None,
            cycle: None,
            quantity: None,
            start: None,
            add_ons: &[],
        };
        Self {
            id: format!("bundle-{}", bundle.id),
            customer: bundle.account.id.clone().unwrap_or_default(),
            ..Self::compared(&parts, state)
        }
    }

    fn compared(parts: &Parts<'_>, state: PurchaseState) -> Self {
        let facts = facts(parts);
        let state = match (&facts, state) {
            // What is active and cannot be compared is told by what is missing.
            (Err(missing), PurchaseState::Active) => {
                PurchaseState::Unclear(format!("active, without {}", missing.join(", ")))
            }
            (_, state) => state,
        };
        let codes = parts.add_ons.iter();
        Self {
            id: String::new(),
            kind: ItemKind::Subscription,
            customer: String::new(),
            state,
            mark: Mark::Unseen,
            external: None,
            product: parts.product.map(str::to_owned),
            cycle: parts.cycle.map(folded),
            currency: None,
            add_ons: codes.filter_map(|one| one.product.code.clone()).collect(),
            facts: facts.ok(),
        }
    }

    /// The digest of what is compared.
    pub(super) fn digest(&self) -> Digest {
        match &self.facts {
            Some(facts) => digest(facts),
            // It equals no other: what cannot be compared does not agree with anything.
            None => digest(&format!(
                "not comparable {} {}",
                self.kind.as_str(),
                self.id
            )),
        }
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(
            self.state,
            PurchaseState::Cancelled | PurchaseState::Expired
        )
    }
}

fn mark(shown: Option<bool>) -> Mark {
    match shown {
        Some(true) => Mark::Marked,
        Some(false) => Mark::Unmarked,
        None => Mark::Unseen,
    }
}

fn external_key(system: Option<&str>, external: Option<&str>) -> Option<(String, String)> {
    Some((folded(system?), external?.trim().to_lowercase()))
}

pub(super) fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The text of what is compared, or the names of what is missing.
fn facts(parts: &Parts<'_>) -> Result<String, Vec<&'static str>> {
    let mut missing = Vec::new();
    let mut part = |name: &'static str, value: Option<String>| {
        value.unwrap_or_else(|| {
            missing.push(name);
            String::new()
        })
    };
    let product = part("product.code", parts.product.map(folded));
    let cycle = part("billingCycle", parts.cycle.map(folded));
    let quantity = part("quantity", parts.quantity.and_then(decimal));
    let start = part("startDate", parts.start.and_then(instant));
    let mut add_ons: Vec<(String, String)> = parts
        .add_ons
        .iter()
        .map(|add_on| {
            (
                part(
                    "addons.product.code",
                    add_on.product.code.as_deref().map(folded),
                ),
                part(
                    "addons.quantity",
                    add_on.quantity.as_deref().and_then(decimal),
                ),
            )
        })
        .collect();
    if !missing.is_empty() {
        missing.dedup();
        return Err(missing);
    }
    add_ons.sort();
    // Quoted, so that no part can look like two.
    Ok(format!(
        "{product:?} {cycle:?} {quantity} {start} {add_ons:?}"
    ))
}

/// A decimal number in its one form: no sign, no leading and no trailing zeros.
fn decimal(text: &str) -> Option<String> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    Some(if fraction.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{fraction}")
    })
}

/// A time in its one form: the instant, where a zone is given; otherwise the time as it is written there.
fn instant(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.to_string());
    }
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(civil.to_string())
}

/// A digest as text that any record can hold.
pub(super) fn digest(text: &str) -> Digest {
    let hash = Sha256::digest(text.as_bytes());
    let mut short = String::from("v1:");
    for byte in hash.iter().take(16) {
        // Writing to a text never fails.
        write!(short, "{byte:02x}").unwrap_or_default();
    }
    Digest(short)
}

#[cfg(test)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "a JSON text that is written in the call reads better without a reference"
)]
mod tests {
    use super::super::envelope;
    use super::*;
    use serde_json::{Value, json};

    fn subscription(value: Value) -> PurchaseRecord {
        let whole: Subscription = envelope::record(value.to_string().as_bytes()).unwrap();
        PurchaseRecord::of_subscription(&whole, &[], &Words::default())
    }

    fn whole() -> Value {
        json!({
            "id": "a", "status": "Active", "quantity": 5, "startDate": "2026-01-05T00:00:00Z",
            "product": { "code": "M365", "system": "CSP" }, "billingCycle": "Monthly",
            "account": { "id": 7 }, "externalId": "E-1",
        })
    }

    fn with(name: &str, value: Value) -> PurchaseRecord {
        let mut changed = whole();
        changed[name] = value;
        subscription(changed)
    }

    #[test]
    fn the_same_facts_have_one_digest_however_they_are_written() {
        let usual = subscription(whole()).digest();
        for (name, value) in [
            ("quantity", json!("5.0")),
            ("quantity", json!(5.0)),
            ("startDate", json!("2026-01-05T02:00:00+02:00")),
            ("billingCycle", json!({ "id": 3, "name": "monthly" })),
            ("name", json!("End customer - Product")),
            ("id", json!("another")),
            ("account", json!({ "id": 8 })),
            ("externalId", json!("E-2")),
        ] {
            assert_eq!(with(name, value.clone()).digest(), usual, "{name} {value}");
        }
        for (name, value) in [
            ("quantity", json!(6)),
            ("startDate", json!("2026-01-06T00:00:00Z")),
            ("billingCycle", json!("Yearly")),
            ("product", json!({ "code": "M365-E5" })),
        ] {
            assert_ne!(with(name, value.clone()).digest(), usual, "{name} {value}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_unclear_and_agrees_with_nothing() {
        for (name, missing) in [
            ("quantity", "active, without quantity"),
            ("startDate", "active, without startDate"),
            ("billingCycle", "active, without billingCycle"),
            ("product", "active, without product.code"),
        ] {
            let record = with(name, Value::Null);
            assert_eq!(record.state, PurchaseState::Unclear(missing.to_owned()));
            let mut other = whole();
            other[name] = Value::Null;
            other["id"] = json!("b");
            assert_ne!(record.digest(), subscription(other).digest());
        }
        let mut ended = whole();
        ended["status"] = json!("Cancelled");
        ended["quantity"] = Value::Null;
        assert_eq!(subscription(ended).state, PurchaseState::Cancelled);
        let mut odd = whole();
        odd["quantity"] = json!("five");
        assert!(matches!(subscription(odd).state, PurchaseState::Unclear(_)));
    }

    #[test]
    fn add_ons_count_with_their_quantity_in_any_order() {
        let of = |add_ons: Value| {
            let list = envelope::rows::<AddOn>(add_ons.to_string().as_bytes()).unwrap();
            let whole: Subscription = envelope::record(whole().to_string().as_bytes()).unwrap();
            PurchaseRecord::of_subscription(&whole, &list.all, &Words::default())
        };
        let one = json!({ "product": { "code": "A" }, "quantity": 1 });
        let two = json!({ "product": { "code": "B" }, "quantity": 2 });
        let ended = json!({ "product": { "code": "C" }, "quantity": 2, "status": "Cancelled" });
        assert_eq!(
            of(json!([one, two])).digest(),
            of(json!([two, one])).digest()
        );
        assert_eq!(of(json!([one, ended])).digest(), of(json!([one])).digest());
        assert_ne!(of(json!([one, one])).digest(), of(json!([one])).digest());
        let nameless = of(json!([{ "quantity": 1 }]));
        let unclear = PurchaseState::Unclear("active, without addons.product.code".to_owned());
        assert_eq!(nameless.state, unclear);
    }

    #[test]
    fn a_bundle_holds_the_switch_until_it_has_ended() {
        let bundle = |status: &str| {
            let value = json!({ "id": 1, "status": status, "account": { "id": 7 } });
            let bundle: Held = envelope::record(value.to_string().as_bytes()).unwrap();
            PurchaseRecord::of_bundle(&bundle, &Words::default()).state
        };
        assert!(matches!(bundle("Active"), PurchaseState::Unclear(_)));
        assert!(matches!(bundle("Anything"), PurchaseState::Unclear(_)));
        assert_eq!(bundle("Cancelled"), PurchaseState::Cancelled);
    }
}
