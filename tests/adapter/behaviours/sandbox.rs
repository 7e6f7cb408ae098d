//! The sandbox over HTTP, through the reference adapter and its control API.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Stage, Turn};
use crate::adapter;
use crate::sandbox::{CONTROL_TOKEN, Sandbox};
use crate::suite::World as _;
use support::simulated_bss::{Action, Corruption, CorruptionKind, Pick, TenantVerb};
use tenant_reseller_operator::bss::adapters::reference::ReferenceBss;
use tenant_reseller_operator::bss::port::{
    Bss, Freshness, ItemKind, Keys, Mode, PageRequest, PurchaseState, SourceId, Strength,
    TenantSettings, WriteOperation,
};

/// A sandbox and the adapter for it.
pub(crate) struct OverHttp {
    sandbox: Sandbox,
    bss: ReferenceBss,
}

impl OverHttp {
    pub(crate) async fn new() -> Self {
        Self::of(6, 12).await
    }

    /// Three customers who own nothing yet.
    pub(crate) async fn small() -> Self {
        Self::of(3, 0).await
    }

    async fn of(customers: u32, subscriptions: u32) -> Self {
        let sandbox = Sandbox::configured(|config, _| {
            config.tenant_queue = Duration::from_millis(60);
            (config.customers, config.subscriptions) = (customers, subscriptions);
        });
        let sandbox = sandbox.await;
        let bss = adapter(sandbox.settings());
        Self { sandbox, bss }
    }

    async fn control(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let url = format!("{}/control/v1/{path}", self.sandbox.server.url());
        let method = method.parse().unwrap();
        let request = self.sandbox.control.request(method, url);
        let request = request.bearer_auth(CONTROL_TOKEN);
        let request = request.header("content-type", "application/json");
        let reply = request.body(body.to_string()).send().await.unwrap();
        let status = reply.status();
        let text = reply.text().await.unwrap();
        if status.is_success() {
            Ok(serde_json::from_str(&text).unwrap_or_default())
        } else {
            assert!(status.is_client_error() && status != 422, "{path}: {text}");
            Err(text)
        }
    }

    async fn by_hand(&self, step: WriteOperation, pick: Pick) -> Result<(), String> {
        let done = match (step, pick) {
            (WriteOperation::CreateTenant, _) => {
                let body = json!({ "action": "Create" });
                self.control("POST", "staff/tenant", &body).await?
            }
            (WriteOperation::CopyCustomers, Pick::Wrong) => {
                let body = json!({ "customerIds": [self.alien().0] });
                self.control("POST", "staff/copy-customers", &body).await?
            }
            (WriteOperation::CopySubscriptions, Pick::Wrong) => {
                let body = json!({ "sourceIds": [self.suspended().await] });
                self.control("POST", "staff/copy-subscriptions", &body)
                    .await?
            }
            (WriteOperation::CopyCustomers, _) => {
                self.control("POST", "staff/copy-customers", &json!({}))
                    .await?
            }
            (WriteOperation::CopySubscriptions, _) => {
                self.control("POST", "staff/copy-subscriptions", &json!({}))
                    .await?
            }
            (WriteOperation::SetPricing, _) => return self.price(None, &retail()).await,
            (WriteOperation::ActivateBackOrdering, _) => {
                self.control("POST", "staff/activate-back-ordering", &json!({}))
                    .await?
            }
        };
        let none = |name: &str| done[name].as_array().is_none_or(Vec::is_empty);
        if none("copied") && !none("refused") {
            return Err(done["refused"].to_string());
        }
        Ok(())
    }

    async fn suspended(&self) -> String {
        let page = PageRequest {
            cursor: None,
            limit: 500,
            freshness: Freshness::Fresh,
        };
        let all = self
            .bss
            .list_subscriptions(&"10423".into(), &page)
            .await
            .unwrap();
        let mut all = all.items.into_iter();
        let found = all.find(|each| each.state == PurchaseState::Suspended);
        found.unwrap().id.0
    }

    async fn price(&self, who: Option<&SourceId>, options: &Value) -> Result<(), String> {
        let mut body = options.clone();
        if let Some(who) = who {
            body["customerIds"] = json!([who.0]);
        }
        self.control("POST", "reseller-staff/pricing", &body)
            .await
            .map(drop)
    }
}

fn retail() -> Value {
    json!({
        "priceList": "PL-RETAIL",
        "billing": { "day": 1 },
        "paymentMethod": "Invoice",
        "invoicing": "Combined",
    })
}

fn corrupted(corruption: &Corruption) -> Value {
    let name = match (corruption.kind, corruption.item) {
        (CorruptionKind::Currency, ItemKind::Customer) => "CustomerCurrency".to_owned(),
        (CorruptionKind::Unmarked, ItemKind::Customer) => "AccountUnmarked".to_owned(),
        (CorruptionKind::Unmarked, _) => "SubscriptionUnmarked".to_owned(),
        (kind, _) => format!("{kind:?}"),
    };
    match &corruption.source {
        Some(source) => json!({ "kind": name, "sourceId": source.0 }),
        None => json!({ "kind": name }),
    }
}

fn form(strength: Strength, strong: &str) -> Value {
    json!(if strength == Strength::Strong {
        strong
    } else {
        "None"
    })
}

fn change(turn: Turn) -> Value {
    match turn {
        Turn::Keys(keys) => json!({ "keys": match keys {
            Keys::Unique => "Unique",
            Keys::Findable => "Findable",
            Keys::None => "None",
        } }),
        Turn::Epochs(of) => json!({ "epochs": form(of, "Issued") }),
        Turn::Revision(of) => json!({ "revision": form(of, "Carried") }),
        Turn::Compares(of) => json!({ "compares": form(of, "Atomic") }),
        Turn::Orders(of) => json!({ "orders": form(of, "Listed") }),
        Turn::OffGuard(of) => json!({ "offGuard": form(of, "Atomic") }),
        Turn::Mode(operation, mode) => json!({ "operations": { operation.as_str(): match mode {
            Mode::Automatic => "Automatic",
            Mode::ManualStep => "ManualStep",
            Mode::WithSwitch => "WithSwitch",
            Mode::Unsupported => "Unsupported",
        } } }),
        Turn::ReplayedRefusals(replayed) => json!({ "replayedRefusals": replayed }),
        Turn::KeysForgotten => json!({ "requestKeyMs": 0 }),
        Turn::Lag(lags) => json!({ "lagMs": if lags { 4_000_000_000_u32 } else { 0 } }),
        Turn::MarksLater => json!({ "marks": "Later" }),
        Turn::OffsetPaging(offset) => json!({ "offsetPaging": offset }),
        Turn::Careless => json!({ "screens": "Careless" }),
    }
}

/// Path and body of what a person does.
fn told(action: &Action) -> (&'static str, Value) {
    let source = |id: &SourceId| json!({ "sourceId": id.0 });
    let state = |synced: bool| if synced { "Synced" } else { "NotSynced" };
    match action {
        Action::Buy(id) => ("storefront/buy", json!({ "customerId": id.0 })),
        Action::BuyHeld(id) => (
            "storefront/buy",
            json!({ "customerId": id.0, "hold": true }),
        ),
        Action::Cancel(id) => ("storefront/cancel", source(id)),
        Action::Suspend(id) => ("storefront/suspend", source(id)),
        Action::Resume(id) => ("storefront/resume", source(id)),
        Action::Quantity(id, quantity) => (
            "storefront/quantity",
            json!({ "sourceId": id.0, "quantity": quantity }),
        ),
        Action::FinishOrders => ("staff/finish-order", json!({})),
        Action::CancelOrders => ("staff/cancel-order", json!({})),
        Action::StaffCancels(id) => ("staff/cancel", source(id)),
        Action::StaffOrders(id) => ("staff/order", json!({ "customerId": id.0 })),
        Action::Ordering(enabled) => ("staff/ordering", json!({ "enabled": enabled })),
        Action::BillTo(id, payer) => (
            "staff/bill-to",
            json!({ "customerId": id.0, "billTo": payer.0 }),
        ),
        Action::PriceList(id, active) => (
            "staff/price-list",
            json!({ "priceList": id.0, "active": active }),
        ),
        Action::Kind(kind) => (
            "staff/reseller-kind",
            json!({ "kind": format!("{kind:?}") }),
        ),
        Action::Tenant(verb) => {
            let verb = match verb {
                TenantVerb::Suspend => "Suspend",
                TenantVerb::Resume => "Resume",
                TenantVerb::Delete => "Delete",
                TenantVerb::Replace => "Replace",
                TenantVerb::Create => "Create",
                TenantVerb::FailCreation => "FailCreation",
                TenantVerb::Change(_) => panic!("no behaviour changes settings"),
            };
            ("staff/tenant", json!({ "action": verb }))
        }
        Action::Sync(id, synced) => (
            "staff/sync",
            json!({ "customerId": id.0, "state": state(*synced) }),
        ),
        Action::RemovePricing(None) => ("reseller-staff/remove-pricing", json!({})),
        Action::RemovePricing(Some(id)) => (
            "reseller-staff/remove-pricing",
            json!({ "customerIds": [id.0] }),
        ),
        Action::AmendPrice(id, price) => (
            "reseller-staff/amend",
            json!({ "sourceId": id.0, "sellPrice": price }),
        ),
        Action::AmendQuantity(id, quantity) => (
            "reseller-staff/amend",
            json!({ "sourceId": id.0, "quantity": quantity }),
        ),
        Action::EndCopy(id) => ("reseller-staff/end-copy", source(id)),
        Action::OrderInOwnBss(id) => ("reseller-staff/order", json!({ "customerId": id.0 })),
        Action::Plant(support::simulated_bss::Defect::Currency, id) => (
            "staff/redenominate",
            json!({ "sourceId": id.0, "currency": "USD" }),
        ),
        Action::Repair => ("fix-defects", json!({})),
        Action::Corrupt(corruption) => ("reseller-staff/corrupt", corrupted(corruption)),
        other => panic!("the sandbox's stage does not know {other:?}"),
    }
}

impl Stage for OverHttp {
    type Bss = ReferenceBss;

    fn bss(&self) -> &ReferenceBss {
        &self.bss
    }

    fn settings(&self) -> TenantSettings {
        self.sandbox.tenant_settings()
    }

    fn alien(&self) -> SourceId {
        "20007".into()
    }

    async fn turn(&self, turns: &[Turn]) {
        let mut all = json!({});
        for turn in turns {
            for (name, value) in change(*turn).as_object().unwrap() {
                match (all[name].as_object_mut(), value.as_object()) {
                    (Some(inner), Some(more)) => inner.extend(more.clone()),
                    _ => all[name] = value.clone(),
                }
            }
        }
        self.control("PUT", "promises", &all).await.unwrap();
    }

    async fn act(&self, action: Action) -> Result<(), String> {
        match &action {
            Action::ByHand(step, pick) => self.by_hand(*step, *pick).await,
            Action::Price(who) => self.price(who.as_ref(), &retail()).await,
            Action::PriceOtherwise(who) => {
                let mut other = retail();
                other["paymentMethod"] = json!("DirectDebit");
                self.price(who.as_ref(), &other).await
            }
            Action::PricePartly(who) => {
                self.price(Some(who), &json!({ "priceList": "PL-RETAIL" }))
                    .await
            }
            Action::CorruptAtSwitch(Some(corruption)) => {
                let planned = self
                    .control("PUT", "corrupt-at-switch", &corrupted(corruption))
                    .await;
                planned.map(drop)
            }
            _ => {
                let (path, body) = told(&action);
                self.control("POST", path, &body).await.map(drop)
            }
        }
    }

    async fn pass(&self) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    async fn harm(&self) -> BTreeSet<String> {
        let cycles = json!({ "count": 2 });
        self.control("POST", "run-billing-cycles", &cycles)
            .await
            .unwrap();
        let judged = self.control("GET", "judge", &json!({})).await.unwrap();
        let off = judged["activations"] == 0;
        let figures = judged.as_object().unwrap().iter();
        let wrong = figures.filter(|(name, count)| {
            let normal = matches!(
                name.as_str(),
                "eligible"
                    | "copied"
                    | "marked"
                    | "periods"
                    | "periodsAfterActivation"
                    | "endedByReseller"
            );
            // Before the switch nothing is lost yet.
            let once = name.as_str() == "activations" && **count == 1;
            let early = off && name.as_str() == "lost";
            **count != 0 && ![normal, once, early].contains(&true)
        });
        wrong.map(|(name, _)| name.clone()).collect()
    }
}
