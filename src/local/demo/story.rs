//! The story: each step is told only after it was seen in the API server or in the sandbox.

use std::io::Stdout;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::incidents::Incidents;
use super::manifests;
use super::narrator::{Narrator, Row, table};
use super::sandbox_actors::{Census, JudgedLedgers};
use super::sandbox_control::SandboxControl;
use super::upgrade_view::{UpgradeReader, UpgradeView};
use super::watching;
use super::world::World;
use crate::local::error::{LocalError, LocalResult};

/// No step takes longer unless something is wrong; the whole takes about a minute.
const STEP: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Billing cycles that both ledgers run on after the end.
pub(super) const CYCLES: u32 = 2;
/// The kinds of blocker that the sandbox is seeded with.
const BLOCKERS: [&str; 3] = ["AddonMissing", "BillingCycleMissing", "CurrencyMismatch"];

/// One upgrade, from the first manifest to the closing table.
pub(super) struct Story<'a> {
    world: &'a mut World,
    narrator: &'a mut Narrator<Stdout>,
    reader: UpgradeReader,
    namespace: String,
    name: String,
    pricing: Value,
    seed: u64,
    customers: Vec<String>,
    step_began: Instant,
}

impl<'a> Story<'a> {
    /// Applies the examples: the story begins.
    pub(super) async fn begin(
        world: &'a mut World,
        narrator: &'a mut Narrator<Stdout>,
        seed: u64,
    ) -> LocalResult<Self> {
        narrator.chapter("One reseller, from Basic to tenant reseller")?;
        world.apply_example("connection.yaml").await?;
        let pricing = world.example("pricing.yaml").await?;
        let pricing = first(&pricing, "CustomerPricing", "/spec/customers/0")?.clone();
        let objects = world.apply_example("upgrade.yaml").await?;
        let text = |pointer| {
            first(&objects, "TenantResellerUpgrade", pointer)
                .map(|value| value.as_str().unwrap_or_default().to_owned())
        };
        let (namespace, name) = (text("/metadata/namespace")?, text("/metadata/name")?);
        let reader = world.upgrade(&namespace, &name).await?;
        narrator.fact(&format!(
            "kubectl applied the examples: the upgrade {namespace}/{name}"
        ))?;
        Ok(Self {
            world,
            narrator,
            reader,
            namespace,
            name,
            pricing,
            seed,
            customers: Vec::new(),
            step_began: Instant::now(),
        })
    }

    /// Tells it to the end.
    pub(super) async fn tell(mut self) -> LocalResult<()> {
        self.tenant().await?;
        self.customers().await?;
        self.lock().await?;
        self.pricing_gate().await?;
        self.blockers().await?;
        self.copies().await?;
        self.activation().await?;
        self.ledgers().await
    }

    async fn tenant(&mut self) -> LocalResult<()> {
        self.chapter("Phase 1: the tenant is created")?;
        self.census("the tenant to be queued", |census| {
            census.tenant.as_deref() == Some("InProgress")
        })
        .await?;
        self.narrator
            .fact("the operator asked for the tenant, and the BSS has queued it")?;
        self.until("TenantCreated", |view| view.is("TenantCreated"))
            .await?;
        let census = self.control().census().await?;
        if census.tenant.as_deref() != Some("Active") {
            return Err(LocalError::Unexpected(format!(
                "TenantCreated is True, and the tenant in the BSS is {:?}",
                census.tenant
            )));
        }
        expect("requests for a tenant", census.tenants_requested, 1)?;
        self.narrator
            .fact("the tenant is Active, TenantCreated is True; the BSS was asked once")
    }

    async fn customers(&mut self) -> LocalResult<()> {
        self.chapter("Phase 2: the customers are copied and marked")?;
        loop {
            let view = self.reader.read().await?;
            let census = self.control().census().await?;
            self.narrator
                .progress("customers", census.customers_copied, census.customers)?;
            if view.is("CustomersCopied") {
                break;
            }
            self.alive(&view).await?;
        }
        self.narrator.end_progress();
        let census = self.control().census().await?;
        let all = census.customers;
        expect("customers copied", census.customers_copied, all)?;
        expect("customers marked", census.customers_marked, all)?;
        self.customers = self.control().copied_customers().await?;
        expect("customers in the audit list", count(&self.customers), all)?;
        self.narrator.fact(&format!(
            "CustomersCopied is True: {all} customers with {} contacts, all marked",
            census.contacts
        ))
    }

    /// Who may order for a copied account, and who may not.
    async fn lock(&mut self) -> LocalResult<()> {
        let control = self.control();
        let customer = self.some_customer()?;
        let staff = control.staff_orders(&customer).await?;
        if staff.status.is_success() {
            return Err(LocalError::Unexpected(format!(
                "the distributor's staff could order for the copied account {customer}"
            )));
        }
        self.narrator.fact(&format!(
            "the distributor's staff orders for {customer}: refused ({})",
            staff.detail()
        ))?;
        control.storefront_buys(&customer).await?;
        self.narrator.fact(&format!(
            "the reseller orders for {customer} through the Storefront: accepted"
        ))
    }

    async fn pricing_gate(&mut self) -> LocalResult<()> {
        self.chapter("Gate: pricing options for every customer that owns something to copy")?;
        let view = self
            .until("AwaitingPricing", |view| {
                view.reason("Ready") == Some("AwaitingPricing")
            })
            .await?;
        self.narrator
            .fact(&format!("AwaitingPricing: {}", view.message("Ready")))?;
        self.narrator.detail(view.next_action())?;
        let objects =
            manifests::pricing(&self.namespace, &self.name, &self.pricing, &self.customers);
        self.world.apply(&objects).await?;
        self.narrator.fact(&format!(
            "kubectl applied CustomerPricing for {} customers",
            self.customers.len()
        ))?;
        self.until("PricingReady", |view| view.is("PricingReady"))
            .await?;
        self.narrator.fact("PricingReady is True")
    }

    async fn blockers(&mut self) -> LocalResult<()> {
        self.chapter("Phase 3: first everything is checked, then everything is copied")?;
        let view = self
            .until("PrecheckFailed", |view| {
                view.reason("Ready") == Some("PrecheckFailed")
            })
            .await?;
        let census = self.control().census().await?;
        expect("copies while something blocks", census.purchases_copied, 0)?;
        let mut found = view.failures();
        found.sort();
        let kinds: Vec<&str> = found.iter().map(|(reason, _)| reason.as_str()).collect();
        if kinds != BLOCKERS {
            return Err(LocalError::Unexpected(format!(
                "blockers of {BLOCKERS:?} were planted, the status names {kinds:?}"
            )));
        }
        self.narrator
            .fact("PrecheckFailed: nothing was copied, and all blockers are named in one go:")?;
        for (reason, count) in &found {
            self.narrator.detail(&format!("{reason}: {count}"))?;
        }
        let rows = count(&self.reader.report_rows("Blockers").await?);
        let counted = found.iter().map(|(_, count)| count).sum();
        expect("blockers counted by reason", counted, rows)?;
        self.narrator.detail(&format!(
            "the UpgradeReport lists all {rows} with the remedy"
        ))?;
        // Before people help, so that not one copy is made while the BSS behaves well.
        self.control().begin_faults(self.seed).await?;
        let mended = self.control().people_fix_defects().await?;
        let named = found
            .iter()
            .find(|(reason, _)| reason == "CurrencyMismatch");
        let named = named.map_or(0, |(_, count)| *count);
        expect("wrong currencies named", named, mended)?;
        self.narrator
            .fact("the distributor's people mended them; the operator goes on by itself")
    }

    async fn copies(&mut self) -> LocalResult<()> {
        self.step_began = Instant::now();
        let customer = self.some_customer()?;
        let mut incidents = Incidents::default();
        let display = loop {
            let census = self.control().census().await?;
            // The copy of what was cancelled meanwhile is no part of what is to be copied.
            let copied = census.purchases_copied.min(census.purchases_eligible);
            self.narrator.progress(
                "subscriptions and assets",
                copied,
                census.purchases_eligible,
            )?;
            incidents
                .happen(self.world, self.narrator, (&census, &customer))
                .await?;
            let view = self.reader.read().await?;
            incidents.orphan(self.world, self.narrator, &view).await?;
            if view.is("SubscriptionsCopied") {
                break view.display().to_owned();
            }
            self.alive(&view).await?;
        };
        self.narrator.end_progress();
        incidents.all_happened()?;
        for (fault, times) in self.control().end_faults().await? {
            if times == 0 {
                return Err(LocalError::Unexpected(format!("{fault} never struck")));
            }
            self.narrator
                .detail(&format!("{fault} struck {times} times meanwhile"))?;
        }
        self.narrator.fact(&format!(
            "SubscriptionsCopied is True; kubectl shows {display}"
        ))
    }

    async fn activation(&mut self) -> LocalResult<()> {
        self.chapter("Phase 4: back ordering is activated, automatically")?;
        let view = self.until("Succeeded", |view| view.is("Succeeded")).await?;
        if !view.is("BackOrderingActivated") || !view.is("Ready") {
            return Err(LocalError::Unexpected(view.summary()));
        }
        let kind = self.control().census().await?.reseller_kind;
        if kind != "Tenant" {
            return Err(LocalError::Unexpected(format!(
                "the upgrade succeeded, and the reseller is still {kind}"
            )));
        }
        self.narrator.fact(
            "the final sweep was clean, BackOrderingActivated is True, the reseller is no longer Basic",
        )?;
        if !view.is("Verified") {
            return Err(LocalError::Unexpected(view.summary()));
        }
        self.narrator.fact(
            "both sides were compared item by item after the switch and agree, Verified is True",
        )
    }

    async fn ledgers(&mut self) -> LocalResult<()> {
        let census = self.control().census().await?;
        let ledgers = self.control().judge(CYCLES).await?;
        self.chapter(&format!(
            "The BSS's own ledgers, by source id, {CYCLES} billing cycles later"
        ))?;
        let rows = closing_rows(&ledgers, census.purchases_eligible)?;
        for line in table(&rows) {
            self.narrator.line(&line)?;
        }
        match rows.iter().find(|row| !row.holds()) {
            None => Ok(()),
            Some(row) => Err(LocalError::Unexpected(format!(
                "{}: {}, and it has to be {}",
                row.what, row.found, row.wanted
            ))),
        }
    }

    fn chapter(&mut self, title: &str) -> LocalResult<()> {
        self.step_began = Instant::now();
        self.narrator.chapter(title)
    }

    fn control(&self) -> SandboxControl {
        self.world.control.clone()
    }

    fn some_customer(&self) -> LocalResult<String> {
        self.customers
            .first()
            .cloned()
            .ok_or_else(|| LocalError::Unexpected("there is no copied customer".into()))
    }

    /// Comes back a moment later, if the operator still runs and the step is not overdue.
    async fn alive(&mut self, view: &UpgradeView) -> LocalResult<()> {
        self.world.operator.expect_running()?;
        if self.step_began.elapsed() > STEP {
            return Err(LocalError::NotObserved {
                awaited: "the end of this phase".into(),
                within: STEP,
                last: view.summary(),
            });
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        Ok(())
    }

    async fn until(
        &mut self,
        awaited: &str,
        accept: impl Fn(&UpgradeView) -> bool,
    ) -> LocalResult<UpgradeView> {
        watching::until(self.world, &self.reader, (awaited, STEP), accept).await
    }

    async fn census(
        &mut self,
        awaited: &str,
        accept: impl Fn(&Census) -> bool,
    ) -> LocalResult<Census> {
        watching::counted(self.world, (awaited, STEP), accept).await
    }
}

pub(super) fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

pub(super) fn expect(what: &str, found: u64, wanted: u64) -> LocalResult<()> {
    if found == wanted {
        return Ok(());
    }
    Err(LocalError::Unexpected(format!(
        "{what}: {found}, and it has to be {wanted}"
    )))
}

/// A member of the first object of a kind.
pub(super) fn first<'v>(objects: &'v [Value], kind: &str, pointer: &str) -> LocalResult<&'v Value> {
    objects
        .iter()
        .find(|object| object.pointer("/kind").and_then(Value::as_str) == Some(kind))
        .and_then(|object| object.pointer(pointer))
        .ok_or_else(|| LocalError::Unexpected(format!("no {pointer} in a {kind} of examples/")))
}

/// What has to be true in the end, whatever happened on the way.
pub(super) fn closing_rows(ledgers: &JudgedLedgers, eligible: u64) -> LocalResult<Vec<Row>> {
    // The tables and the judge count apart. Nothing to copy would be nothing to show.
    let eligible = i64::try_from(eligible).unwrap_or(i64::MAX).max(1);
    [
        ("eligible", "eligible", eligible),
        ("copied", "copied", eligible),
        ("duplicated", "duplicated", 0),
        ("lost", "lost", 0),
        ("double charges", "doubleCharges", 0),
        ("missing charges", "missingCharges", 0),
        (
            "charges after a cancellation",
            "chargesAfterCancellation",
            0,
        ),
        (
            "charges that differ from what was served",
            "differingCharges",
            0,
        ),
        ("vendor provisionings by copying", "vendorProvisionings", 0),
        ("orders by copying", "orders", 0),
        ("mails to end customers", "mails", 0),
        ("half-marked accounts", "halfMarked", 0),
        ("activations", "activations", 1),
        (
            "billing cycles on from the switch",
            "periodsAfterActivation",
            i64::from(CYCLES),
        ),
    ]
    .into_iter()
    .map(|(what, figure, wanted)| Ok(Row::new(what, ledgers.figure(figure)?, wanted)))
    .collect()
}
