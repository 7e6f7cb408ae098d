//! The story of a BSS that only people can write to: the operator says which button to press for which
//! records, sees that it was pressed, and holds the last one back until everything is right.
//!
//! As in the other story, each step is told only after it was seen.

mod people;

use std::io::Stdout;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::narrator::{Narrator, table};
use super::sandbox_control::SandboxControl;
use super::story::{CYCLES, closing_rows, count, expect, first};
use super::upgrade_view::{UpgradeReader, UpgradeView};
use super::watching;
use super::world::World;
use crate::local::error::{LocalError, LocalResult};
use crate::local::eventually::{Observation, eventually};

/// No step takes longer unless something is wrong. While a person is told to press the last button, the
/// operator looks every half minute.
const STEP: Duration = Duration::from_mins(3);

/// How the operator asks for ordering to be disabled, whatever the BSS.
const DISABLE_ORDERING: &str = "Disable ordering";

/// What people find on the screens of a BSS.
pub(super) struct Screens {
    title: &'static str,
    /// Whether the upgrade is suspended at first: where the operator only reads, it looks and reports then.
    in_peace: bool,
    manifests: &'static str,
    /// The manifests of the tenant's own connection, where it needs one.
    tenant_manifests: Option<&'static str>,
    create_tenant: &'static str,
    copy_accounts: &'static str,
    /// The button that copies the subscriptions and activates back ordering.
    copy_and_switch: &'static str,
}

/// interworks.cloud.
pub(super) const INTERWORKS: Screens = Screens {
    title: "One reseller of a distributor on interworks.cloud",
    in_peace: true,
    manifests: "src/local/demo/screens/manifests/interworks.yaml",
    tenant_manifests: Some("src/local/demo/screens/manifests/interworks-tenant.yaml"),
    create_tenant: "Create Tenant",
    copy_accounts: "Transfer Accounts",
    copy_and_switch: "Transfer Subscriptions",
};

/// The sandbox's own screens, behind the reference contract.
pub(super) const BY_HAND: Screens = Screens {
    title: "One reseller, in a BSS to which only people can write",
    in_peace: false,
    manifests: "examples/connection.yaml",
    tenant_manifests: None,
    create_tenant: "Create Tenant",
    copy_accounts: "Copy Customers",
    copy_and_switch: "Copy and Activate",
};

/// The upgrades among these objects are suspended.
fn suspend(objects: &mut [Value]) {
    let upgrades = objects.iter_mut().filter(|object| {
        object
            .get("kind")
            .is_some_and(|kind| kind == "TenantResellerUpgrade")
    });
    for upgrade in upgrades {
        if let Some(spec) = upgrade.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("suspend".to_owned(), Value::Bool(true));
        }
    }
}

/// One upgrade by people at the screens.
pub(super) struct ScreensStory<'a> {
    world: &'a mut World,
    narrator: &'a mut Narrator<Stdout>,
    reader: UpgradeReader,
    settings: Value,
    /// The upgrade as it is applied, not suspended.
    upgrade: Value,
    screens: &'static Screens,
}

impl<'a> ScreensStory<'a> {
    /// Applies the manifests.
    pub(super) async fn begin(
        world: &'a mut World,
        narrator: &'a mut Narrator<Stdout>,
        screens: &'static Screens,
    ) -> LocalResult<Self> {
        narrator.chapter(screens.title)?;
        let mut objects = world.manifests(Path::new(screens.manifests)).await?;
        if first(&objects, "TenantResellerUpgrade", "/kind").is_err() {
            objects.extend(world.example("upgrade.yaml").await?);
        }
        let running = first(&objects, "TenantResellerUpgrade", "")?.clone();
        if screens.in_peace {
            suspend(&mut objects);
        }
        world.apply(&objects).await?;
        let upgrade = |pointer| first(&objects, "TenantResellerUpgrade", pointer);
        let text = |pointer| {
            upgrade(pointer).map(|value: &Value| value.as_str().unwrap_or_default().to_owned())
        };
        let (namespace, name) = (text("/metadata/namespace")?, text("/metadata/name")?);
        let settings = upgrade("/spec/tenant")?.clone();
        let reader = world.upgrade(&namespace, &name).await?;
        narrator.fact(&format!(
            "kubectl applied the manifests: the upgrade {namespace}/{name}"
        ))?;
        Ok(Self {
            world,
            narrator,
            reader,
            settings,
            upgrade: running,
            screens,
        })
    }

    /// Tells it to the end.
    pub(super) async fn tell(mut self) -> LocalResult<()> {
        if self.screens.in_peace {
            self.looks_in_peace().await?;
        }
        self.tenant().await?;
        self.accounts().await?;
        self.pricing().await?;
        self.blockers().await?;
        self.gates().await?;
        self.withdrawn().await?;
        self.pressed().await?;
        self.compared().await?;
        self.ledgers().await
    }

    async fn looks_in_peace(&mut self) -> LocalResult<()> {
        self.narrator
            .chapter("Before anything begins: suspended, the operator only looks and reports")?;
        let view = self
            .until("a look while it is suspended", |view| {
                view.reason("Ready") == Some("Suspended") && !view.failures().is_empty()
            })
            .await?;
        let listed = count(&self.reader.report_rows("Blockers").await?);
        self.narrator.fact(&format!(
            "{}: {listed} records are in the report Blockers",
            view.message("Ready")
        ))?;
        let told = count(&self.reader.report_rows("ManualSteps").await?);
        expect("steps that people are told to do", told, 0)?;
        let upgrade = self.upgrade.clone();
        self.world.apply(&[upgrade]).await?;
        self.narrator.fact("kubectl set spec.suspend to false")
    }

    async fn tenant(&mut self) -> LocalResult<()> {
        self.narrator
            .chapter("Phase 1: the operator says what to press, and with which values")?;
        self.told(self.screens.create_tenant).await?;
        let view = self
            .until("the preparation list", |view| !view.failures().is_empty())
            .await?;
        let listed = count(&self.reader.report_rows("Blockers").await?);
        self.narrator.fact(&format!(
            "before it is pressed, the list to prepare from is there: {listed} records would be in the \
             way later"
        ))?;
        for (reason, count) in view.failures() {
            self.narrator.detail(&format!("{reason}: {count}"))?;
        }
        let settings = self.settings.clone();
        self.control().creates_tenant(&settings).await?;
        watching::counted(self.world, ("the tenant", STEP), |census| {
            census.tenant.as_deref() == Some("Active")
        })
        .await?;
        self.narrator
            .fact("the distributor's staff pressed it, and the tenant is there")?;
        if let Some(manifests) = self.screens.tenant_manifests {
            self.world.apply_file(manifests).await?;
            self.narrator
                .fact("kubectl applied the tenant's own connection")?;
        }
        self.until("TenantCreated", |view| view.is("TenantCreated"))
            .await?;
        self.narrator
            .fact("the operator saw the tenant by itself: TenantCreated is True")
    }

    async fn accounts(&mut self) -> LocalResult<()> {
        self.narrator
            .chapter("Phase 2: the accounts, in as many goes as people like")?;
        self.told(self.screens.copy_accounts).await?;
        let listed = self.to_do().await?;
        let total = self.control().census().await?.customers;
        expect("accounts in the report ManualSteps", count(&listed), total)?;
        let half = listed.len().div_ceil(2);
        let (now, later) = listed.split_at_checked(half).unwrap_or((&listed, &[]));
        let went = self.control().transfers_accounts(now).await?;
        expect("accounts transferred", went, count(now))?;
        self.narrator.fact(&format!(
            "a person transferred {went} of {total} accounts and stopped there"
        ))?;
        let left = later.len();
        self.listed(left).await?;
        self.narrator
            .fact(&format!("the operator lists the {left} that are left"))?;
        self.control().transfers_accounts(later).await?;
        self.until("CustomersCopied", |view| view.is("CustomersCopied"))
            .await?;
        self.narrator
            .fact("the rest is transferred: CustomersCopied is True")
    }

    async fn pricing(&mut self) -> LocalResult<()> {
        self.narrator
            .chapter("Gate: the reseller sets the pricing options in its own BSS")?;
        let view = self
            .until("AwaitingPricing", |view| {
                view.reason("Ready") == Some("AwaitingPricing")
            })
            .await?;
        self.narrator
            .fact(&format!("AwaitingPricing: {}", view.message("Ready")))?;
        let priced = self.control().reseller_prices_customers().await?;
        self.narrator
            .fact(&format!("the reseller set them for {priced} customers"))?;
        self.until("PricingReady", |view| view.is("PricingReady"))
            .await?;
        self.narrator.fact("PricingReady is True")
    }

    async fn blockers(&mut self) -> LocalResult<()> {
        self.narrator
            .chapter("Phase 3: everything is checked before a person is told to press anything")?;
        let view = self
            .until("PrecheckFailed", |view| {
                view.reason("Ready") == Some("PrecheckFailed")
            })
            .await?;
        if view.next_action().contains(self.screens.copy_and_switch) {
            return Err(LocalError::Unexpected(view.summary()));
        }
        self.narrator
            .fact("PrecheckFailed: all blockers of all kinds are named in one go:")?;
        for (reason, count) in view.failures() {
            self.narrator.detail(&format!("{reason}: {count}"))?;
        }
        // It waits from here on, so that the operator meets it at the gate.
        self.control().storefront_order_waits().await?;
        self.control().people_fix_defects().await?;
        self.narrator
            .fact("the distributor's people mended them; meanwhile an order of the reseller waits")
    }

    /// Whatever has to rest before the last button, in the order in which the operator asks for it.
    async fn gates(&mut self) -> LocalResult<()> {
        self.narrator
            .chapter("Before the last button: orders are final, and ordering rests")?;
        let button = self.screens.copy_and_switch;
        let (mut executed, mut frozen) = (false, false);
        loop {
            let view = self
                .until("a gate or the last button", |view| {
                    view.reason("Ready") == Some("AwaitingOrders") && !executed
                        || view.next_action().contains(DISABLE_ORDERING) && !frozen
                        || view.next_action().contains(button)
                })
                .await?;
            if view.next_action().contains(button) {
                break;
            }
            self.narrator.fact(&format!(
                "the last button is held back: {}",
                view.message("Ready")
            ))?;
            self.narrator.detail(view.next_action())?;
            if view.reason("Ready") == Some("AwaitingOrders") {
                executed = true;
                self.control().staff_executes_orders().await?;
                self.narrator
                    .fact("the distributor's staff executed the order")?;
            } else {
                frozen = true;
                self.control().staff_sets_ordering(false).await?;
                self.narrator
                    .fact("the distributor's staff disabled ordering for the reseller")?;
            }
        }
        if executed && frozen {
            return Ok(());
        }
        Err(LocalError::Unexpected(format!(
            "a person is told to press the last button: order executed {executed}, ordering \
             disabled {frozen}"
        )))
    }

    async fn withdrawn(&mut self) -> LocalResult<()> {
        let button = self.screens.copy_and_switch;
        let before = self.told_to_transfer().await?;
        let control = self.control();
        control.staff_sets_ordering(true).await?;
        let customer = control.copied_customers().await?;
        let customer = customer
            .first()
            .ok_or_else(|| LocalError::Unexpected("there is no transferred account".into()))?;
        control.storefront_buys(customer).await?;
        self.narrator.fact(&format!(
            "before it is pressed, ordering is opened again and the reseller buys one for {customer}"
        ))?;
        self.until("the button to be taken back", |view| {
            !view.next_action().contains(button)
        })
        .await?;
        self.narrator
            .fact("the operator took its word back: the button is not named any more")?;
        control.staff_sets_ordering(false).await?;
        self.narrator
            .fact("the distributor's staff disabled ordering again")?;
        let after = self.told_to_transfer().await?;
        expect("records to copy", after, before.saturating_add(1))
    }

    async fn pressed(&mut self) -> LocalResult<()> {
        self.narrator
            .chapter("Phases 3 and 4: one button copies and activates back ordering")?;
        let listed = count(&self.to_do().await?);
        let pressed = self.control().transfers_subscriptions().await?;
        if !pressed.switched {
            return Err(LocalError::Unexpected(format!(
                "the run stopped: {pressed:?}"
            )));
        }
        expect("records copied by the button", pressed.copied, listed)?;
        self.narrator.fact(&format!(
            "pressed once: {listed} subscriptions and assets copied, back ordering is active"
        ))
    }

    async fn compared(&mut self) -> LocalResult<()> {
        let view = self.until("Succeeded", |view| view.is("Succeeded")).await?;
        if !view.is("BackOrderingActivated") || !view.is("Verified") {
            return Err(LocalError::Unexpected(view.summary()));
        }
        self.narrator.fact(
            "the operator saw it by itself and compared both sides item by item: Verified is True",
        )
    }

    async fn ledgers(&mut self) -> LocalResult<()> {
        let written = self.control().operators_effects().await?;
        if !written.is_empty() {
            let told = format!("the operator wrote: {written:?}");
            return Err(LocalError::Unexpected(told));
        }
        let calls = self.control().vendor_calls().await?;
        if let Some(written) = calls.iter().find(|calls| !calls.only_reads()) {
            return Err(LocalError::Unexpected(format!("{written:?} was sent")));
        }
        let census = self.control().census().await?;
        let ledgers = self.control().judge(CYCLES).await?;
        self.narrator.chapter(&format!(
            "The BSS's own ledgers, by source id, {CYCLES} billing cycles later"
        ))?;
        let rows = closing_rows(&ledgers, census.purchases_eligible)?;
        for line in table(&rows) {
            self.narrator.line(&line)?;
        }
        if let Some(row) = rows.iter().find(|row| !row.holds()) {
            return Err(LocalError::Unexpected(format!(
                "{}: {}, and it has to be {}",
                row.what, row.found, row.wanted
            )));
        }
        self.narrator
            .fact("the operator wrote nothing: every record was made by people")?;
        if calls.is_empty() {
            return Ok(());
        }
        let sum = |method: &str| {
            let of_method = calls.iter().filter(|calls| calls.method == method);
            of_method.fold(0_u64, |sum, calls| sum.saturating_add(calls.count))
        };
        self.narrator.detail(&format!(
            "it sent {} GETs and {} requests for a token",
            sum("GET"),
            sum("POST")
        ))
    }

    /// A person is told to press a button.
    async fn told(&mut self, button: &str) -> LocalResult<UpgradeView> {
        let view = self
            .until(&format!("being told of {button}"), |view| {
                view.reason("Ready") == Some("AwaitingManualStep")
                    && view.next_action().contains(button)
            })
            .await?;
        self.narrator.fact(view.message("Ready"))?;
        self.narrator.detail(view.next_action())?;
        Ok(view)
    }

    /// A person is told to press the last button; answers for how many records.
    async fn told_to_transfer(&mut self) -> LocalResult<u64> {
        self.told(self.screens.copy_and_switch).await?;
        let listed = count(&self.to_do().await?);
        let census = self.control().census().await?;
        expect("records in the report", listed, census.purchases_eligible)?;
        expect("copies before the press", census.purchases_copied, 0)?;
        Ok(listed)
    }

    /// Waits until the report of what people have to do has so many rows.
    async fn listed(&mut self, rows: usize) -> LocalResult<()> {
        let reader = self.reader.clone();
        let listed = eventually("the rest to be listed", STEP, || async {
            let now = reader.report_rows("ManualSteps").await?.len();
            Ok(Observation::when(now == rows, now))
        });
        tokio::select! {
            listed = listed => listed.map(drop),
            error = self.world.operator.ended() => Err(error),
        }
    }

    /// The ids in the report of what people have to do.
    async fn to_do(&self) -> LocalResult<Vec<String>> {
        let rows = self.reader.report_rows("ManualSteps").await?;
        let ids = rows.iter().filter_map(|row| row.get("id")?.as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    fn control(&self) -> SandboxControl {
        self.world.control.clone()
    }

    async fn until(
        &mut self,
        awaited: &str,
        accept: impl Fn(&UpgradeView) -> bool,
    ) -> LocalResult<UpgradeView> {
        watching::until(self.world, &self.reader, (awaited, STEP), accept).await
    }
}
