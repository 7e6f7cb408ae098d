//! The story: each step is told only after it was seen in the API server or in the sandbox.

use std::io::Stdout;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::incidents::Incidents;
use super::manifests;
use super::narrator::{Narrator, Row, table};
use super::sandbox_actors::{Census, Verdict, story_faults};
use super::sandbox_control::SandboxControl;
use super::upgrade_view::{UpgradeReader, UpgradeView};
use super::world::World;
use crate::local::error::{LocalError, LocalResult};
use crate::local::eventually::{Observation, eventually};
use crate::local::process::Process;

/// No step takes longer unless something is wrong; the whole takes about a minute.
const STEP: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Billing cycles that both ledgers run on after the end.
const CYCLES: u32 = 2;
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
    step_began: Instant,
}

impl<'a> Story<'a> {
    /// Applies the examples: the story begins.
    pub(super) async fn begin(
        world: &'a mut World,
        narrator: &'a mut Narrator<Stdout>,
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

    fn chapter(&mut self, title: &str) -> LocalResult<()> {
        self.step_began = Instant::now();
        self.narrator.chapter(title)
    }

    fn control(&self) -> SandboxControl {
        self.world.control.clone()
    }

    async fn tenant(&mut self) -> LocalResult<()> {
        self.chapter("Phase 1: the tenant is created")?;
        let control = self.control();
        self.census("the tenant to be queued", |census| {
            census.tenant.as_deref() == Some("InProgress")
        })
        .await?;
        self.narrator
            .fact("the operator asked for the tenant, and the BSS has queued it")?;
        self.census("the tenant to be Active", |census| {
            census.tenant.as_deref() == Some("Active")
        })
        .await?;
        self.until("TenantCreated", |view| view.is("TenantCreated"))
            .await?;
        let asked = control.audit_count("createTenant").await?;
        expect("requests for a tenant", asked, 1)?;
        self.narrator
            .fact("TenantCreated is True; the BSS's audit list shows one request")
    }

    async fn customers(&mut self) -> LocalResult<()> {
        self.chapter("Phase 2: the customers are copied and marked")?;
        let census = loop {
            let census = self.control().census().await?;
            self.narrator
                .progress("customers", census.customers_copied, census.customers)?;
            let view = self.reader.read().await?;
            if view.is("CustomersCopied") {
                break census;
            }
            self.alive(&view).await?;
        };
        self.narrator.end_progress();
        let Census {
            customers,
            customers_copied,
            customers_marked,
            ..
        } = census;
        expect("customers copied", customers_copied, customers)?;
        expect("customers marked", customers_marked, customers)?;
        self.narrator.fact(&format!(
            "CustomersCopied is True: {customers} customers with their contacts, all marked"
        ))
    }

    /// Who may order for a copied account, and who may not.
    async fn lock(&mut self) -> LocalResult<()> {
        let control = self.control();
        let customer = control.some_copied_customer().await?;
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
        let missing = self.control().census().await?.without_pricing;
        let objects = manifests::pricing(&self.namespace, &self.name, &self.pricing, &missing);
        self.world.apply(&objects).await?;
        self.narrator.fact(&format!(
            "kubectl applied CustomerPricing for {} customers",
            missing.len()
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
        self.narrator
            .fact("PrecheckFailed: nothing was copied, and every blocker is named in one go:")?;
        let mut found = view.failures();
        found.sort();
        let kinds: Vec<&str> = found.iter().map(|(reason, _)| reason.as_str()).collect();
        if kinds != BLOCKERS {
            return Err(LocalError::Unexpected(format!(
                "blockers of {BLOCKERS:?} were planted, the status names {kinds:?}"
            )));
        }
        for (reason, count) in &found {
            self.narrator.detail(&format!("{reason}: {count}"))?;
        }
        let rows = u64::try_from(self.reader.report_rows("Blockers").await?.len());
        let rows = rows.unwrap_or(u64::MAX);
        let counted = found.iter().map(|(_, count)| count).sum();
        expect("blockers counted by reason", counted, rows)?;
        expect("rows of the report", rows, census.blocked)?;
        self.narrator.detail(&format!(
            "the UpgradeReport lists all {rows} with the remedy"
        ))?;
        // From here on the BSS is as bad as it gets; the copies begin once people have helped.
        self.control().set_faults(&story_faults()).await?;
        self.control().people_fix_blockers().await?;
        self.narrator
            .fact("the distributor's people mended them; the operator goes on by itself")
    }

    async fn copies(&mut self) -> LocalResult<()> {
        self.narrator.fact(
            "from now on the BSS throttles (429), fails (503) and loses replies after the effect",
        )?;
        self.step_began = Instant::now();
        let mut incidents = Incidents::default();
        let display = loop {
            let census = self.control().census().await?;
            self.narrator.progress(
                "subscriptions and assets",
                census.purchases_copied,
                census.purchases_eligible,
            )?;
            incidents.happen(self.world, self.narrator, &census).await?;
            let view = self.reader.read().await?;
            incidents.orphan(self.world, self.narrator, &view).await?;
            if view.is("SubscriptionsCopied") {
                break view.display().to_owned();
            }
            self.alive(&view).await?;
        };
        self.narrator.end_progress();
        incidents.all_happened()?;
        self.control().set_faults(&[]).await?;
        let census = self.control().census().await?;
        let copied = census.purchases_copied;
        expect(
            "subscriptions and assets copied",
            copied,
            census.purchases_eligible,
        )?;
        self.narrator.fact(&format!(
            "SubscriptionsCopied is True: {copied} subscriptions and assets (kubectl shows {display})"
        ))
    }

    async fn activation(&mut self) -> LocalResult<()> {
        self.chapter("Phase 4: back ordering is activated, automatically")?;
        let view = self.until("Succeeded", |view| view.is("Succeeded")).await?;
        if !view.is("BackOrderingActivated") || !view.is("Ready") {
            return Err(LocalError::Unexpected(view.summary()));
        }
        let census = self.control().census().await?;
        if census.reseller_kind != "Tenant" {
            return Err(LocalError::Unexpected(format!(
                "the reseller is still {}",
                census.reseller_kind
            )));
        }
        self.narrator.fact(
            "the final sweep was clean, BackOrderingActivated is True, the reseller is no longer Basic",
        )
    }

    async fn ledgers(&mut self) -> LocalResult<()> {
        let census = self.control().census().await?;
        let verdict = self.control().judge(CYCLES).await?;
        self.chapter(&format!(
            "The BSS's own ledgers, by source id, {CYCLES} billing cycles later"
        ))?;
        let rows = closing_rows(&verdict, census.purchases_eligible);
        for line in table(&rows) {
            self.narrator.line(&line)?;
        }
        match rows.iter().find(|row| !row.holds()) {
            None => Ok(()),
            Some(row) => Err(LocalError::Unexpected(format!(
                "{} is {}, and has to be {}",
                row.what, row.found, row.wanted
            ))),
        }
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
        let reader = self.reader.clone();
        let seen = eventually(awaited, STEP, || async {
            let view = reader.read().await?;
            Ok(if accept(&view) {
                Observation::Done(view)
            } else {
                Observation::NotYet(view.summary())
            })
        });
        tokio::select! {
            seen = seen => seen,
            error = ended(&mut self.world.operator) => Err(error),
        }
    }

    async fn census(
        &mut self,
        awaited: &str,
        accept: impl Fn(&Census) -> bool,
    ) -> LocalResult<Census> {
        let control = self.control();
        let seen = eventually(awaited, STEP, || async {
            let census = control.census().await?;
            let done = accept(&census);
            Ok(Observation::when(done, census))
        });
        tokio::select! {
            seen = seen => seen,
            error = ended(&mut self.world.operator) => Err(error),
        }
    }
}

/// The moment in which the operator ends by itself: it never should.
async fn ended(operator: &mut Process) -> LocalError {
    loop {
        if let Err(error) = operator.expect_running() {
            return error;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn expect(what: &str, found: u64, wanted: u64) -> LocalResult<()> {
    if found == wanted {
        return Ok(());
    }
    Err(LocalError::Unexpected(format!(
        "{what}: {found}, and it has to be {wanted}"
    )))
}

/// A member of the first object of a kind.
fn first<'v>(objects: &'v [Value], kind: &str, pointer: &str) -> LocalResult<&'v Value> {
    objects
        .iter()
        .find(|object| object.pointer("/kind").and_then(Value::as_str) == Some(kind))
        .and_then(|object| object.pointer(pointer))
        .ok_or_else(|| LocalError::Unexpected(format!("no {pointer} in a {kind} of examples/")))
}

/// What has to be true in the end, whatever happened on the way.
fn closing_rows(verdict: &Verdict, eligible: u64) -> Vec<Row> {
    // The tables and the judge count apart. Nothing to copy would be nothing to show.
    let eligible = i64::try_from(eligible).unwrap_or(i64::MAX).max(1);
    vec![
        Row::new("eligible", verdict.eligible, eligible),
        Row::new("copied", verdict.copied, eligible),
        Row::new("duplicated", verdict.duplicated, 0),
        Row::new("lost", verdict.lost, 0),
        Row::new("double charges", verdict.double_charges, 0),
        Row::new("missing charges", verdict.missing_charges, 0),
        Row::new(
            "vendor provisionings by the upgrade",
            verdict.provisionings,
            0,
        ),
        Row::new("orders by the upgrade", verdict.orders, 0),
        Row::new("mails to end customers", verdict.mails, 0),
        Row::new("activations", verdict.activations, 1),
    ]
}
