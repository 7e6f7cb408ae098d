//! The BSS port of one process, over the simulated BSS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::BssResult;
use tenant_reseller_operator::bss::cancellation;
use tenant_reseller_operator::bss::connect::{ConnectionSettings, Connector};
use tenant_reseller_operator::bss::port::{
    AccountId, Acquisition, Activation, ActivationTarget, Blocker, Bss, BusinessKey, ByItem,
    Capabilities, CheckTarget, CopyItem, CopyListing, CopyRecord, Customer, Fence, Found,
    IssuedEpoch, ItemOutcome, OpenOrder, OperationId, OperationState, Page, PageRequest,
    PricingOptions, PricingOutcome, PricingState, Purchase, RequestKey, Reseller, SourceId, Tenant,
    TenantCreation, TenantId, TenantSettings,
};

use super::clockwork::call;
use super::core::Core;
use super::faults::Fault;
use super::port::{Kind, Port, Silence};
use support::simulated_bss::World;

/// Makes adapters for the one BSS there is.
pub(crate) struct SimulatedConnector(pub(crate) Port);

impl Connector for SimulatedConnector {
    type Bss = SimulatedBss;

    fn connect(
        &self,
        _distributor: ConnectionSettings,
        _tenant: Option<ConnectionSettings>,
    ) -> BssResult<Arc<SimulatedBss>> {
        Ok(Arc::new(SimulatedBss(self.0.clone())))
    }

    fn must_tell_its_identity(&self, _bss: &Arc<SimulatedBss>) -> bool {
        false
    }
}

/// The BSS as one process reaches it.
pub(crate) struct SimulatedBss(Port);

fn silent<T>(kind: Kind) -> impl Fn(Silence) -> BssResult<T> + Send + Sync + 'static {
    move |silence| {
        let detail = || "simulated".to_owned();
        Err(match silence {
            Silence::Refused(Fault::BssThrottled) => BssError::Throttled { after: None },
            Silence::Refused(Fault::BssThrottledUntil) => BssError::Throttled {
                after: Some(Duration::from_secs(7)),
            },
            Silence::Refused(Fault::BssRejectsLogin) => BssError::AuthRejected,
            Silence::Refused(_) => BssError::Unavailable { detail: detail() },
            Silence::Malformed => BssError::Malformed { detail: detail() },
            // A read without an answer has no effect that could be unknown.
            Silence::Unknown if kind == Kind::BssRead => BssError::Unavailable { detail: detail() },
            Silence::Unknown => BssError::OutcomeUnknown { detail: detail() },
        })
    }
}

impl SimulatedBss {
    async fn ask<T: Send + std::fmt::Debug + 'static>(
        &self,
        kind: Kind,
        name: &'static str,
        action: impl Fn(&mut World) -> BssResult<T> + Send + Sync + 'static,
    ) -> BssResult<T> {
        self.queue(name).await;
        if cancellation::is_cancelled() {
            return Err(BssError::Cancelled);
        }
        // The sweep on which a switch rests is the one that was the last when it was asked for.
        let switches = name == "activate";
        let sweep = switches.then(|| self.0.shared.lock().moments.sweep.clone());
        let action = Arc::new(move |core: &mut Core| {
            core.bystanders();
            if name == "activate" {
                core.buys_at_the_switch();
                core.acts_at_the_switch();
            }
            if name == "reseller" {
                core.looks_at_the_reseller();
            }
            if name == "tenant" {
                core.looks_at_the_tenant();
            }
            let now = core.now();
            core.world.now = now;
            let done = action(&mut core.world);
            if let Some(sweep) = &sweep {
                core.switched(sweep);
            }
            done
        });
        self.0.ask(kind, name, action, silent(kind)).await
    }

    async fn read<T: Send + std::fmt::Debug + 'static>(
        &self,
        name: &'static str,
        action: impl Fn(&mut World) -> BssResult<T> + Send + Sync + 'static,
    ) -> BssResult<T> {
        self.ask(Kind::BssRead, name, action).await
    }

    async fn write<T: Send + std::fmt::Debug + 'static>(
        &self,
        name: &'static str,
        action: impl Fn(&mut World) -> BssResult<T> + Send + Sync + 'static,
    ) -> BssResult<T> {
        self.ask(Kind::BssWrite, name, action).await
    }

    /// The limiter's queue, when others come first.
    async fn queue(&self, name: &'static str) {
        let (answer, turn) = call();
        {
            let mut core = self.0.shared.lock();
            if core.faults.draw(&[Fault::BssQueue], 15).is_none() {
                return;
            }
            core.faults.fired(Fault::BssQueue);
            let wait = core
                .rng
                .between(Duration::from_millis(100), Duration::from_secs(40));
            let pid = self.0.pid;
            core.say(|| format!("p{pid} {name} waits for its turn"));
            core.agenda.after(wait, move |core| {
                core.hear(pid, move |_| answer.give(()));
            });
        }
        turn.await;
    }
}

impl Bss for SimulatedBss {
    async fn get_identity(&self) -> BssResult<Option<String>> {
        self.read("identity", World::identity).await
    }

    async fn get_capabilities(&self) -> BssResult<Capabilities> {
        self.read("capabilities", World::capabilities).await
    }

    async fn get_reseller(&self, account: &AccountId) -> BssResult<Reseller> {
        let account = account.clone();
        self.read("reseller", move |world| world.reseller(&account))
            .await
    }

    async fn acquire_epoch(
        &self,
        account: &AccountId,
        asked: Acquisition<'_>,
    ) -> BssResult<IssuedEpoch> {
        let (account, holder) = (account.clone(), asked.holder.to_owned());
        let (id, take_over) = (asked.id.clone(), asked.take_over.map(str::to_owned));
        self.write("acquire", move |world| {
            let asked = Acquisition {
                id: &id,
                holder: &holder,
                take_over: take_over.as_deref(),
            };
            world.acquire(&account, asked)
        })
        .await
    }

    async fn get_tenant(&self, account: &AccountId) -> BssResult<Option<Tenant>> {
        let account = account.clone();
        self.read("tenant", move |world| world.tenant(&account))
            .await
    }

    async fn create_tenant(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        settings: &TenantSettings,
    ) -> BssResult<TenantCreation> {
        let (account, epoch) = (fence.reseller.clone(), fence.epoch);
        let (request, key, settings) = (request.clone(), key.clone(), settings.clone());
        self.write("create tenant", move |world| {
            world.create_tenant(&account, epoch, &request, &key, &settings)
        })
        .await
    }

    async fn get_operation(&self, id: &OperationId) -> BssResult<OperationState> {
        let id = id.clone();
        self.read("operation", move |world| world.operation(&id))
            .await
    }

    async fn list_customers(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Customer>> {
        let (account, page) = (account.clone(), page.clone());
        self.read("customers", move |world| world.customers(&account, &page))
            .await
    }

    async fn list_subscriptions(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Purchase>> {
        let (account, page) = (account.clone(), page.clone());
        self.read("subscriptions", move |world| {
            world.subscriptions(&account, &page)
        })
        .await
    }

    async fn list_open_orders(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<OpenOrder>> {
        let (account, page) = (account.clone(), page.clone());
        self.read("open orders", move |world| {
            world.open_orders(&account, &page)
        })
        .await
    }

    async fn list_copies(
        &self,
        tenant: &TenantId,
        listing: CopyListing,
        page: &PageRequest,
    ) -> BssResult<Page<CopyRecord>> {
        let (tenant, page) = (tenant.clone(), page.clone());
        self.read("copies", move |world| world.copies(&tenant, listing, &page))
            .await
    }

    async fn find_copies(
        &self,
        tenant: &TenantId,
        keys: &[BusinessKey],
    ) -> BssResult<BTreeMap<BusinessKey, Found>> {
        let (tenant, keys) = (tenant.clone(), keys.to_vec());
        self.read("find", move |world| world.find(&tenant, &keys))
            .await
    }

    async fn copy_customers(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        let epoch = fence.epoch;
        let (tenant, items) = (tenant.clone(), items.to_vec());
        self.write("copy customers", move |world| {
            world.copy_customers(epoch, &tenant, &items)
        })
        .await
    }

    async fn get_pricing(
        &self,
        tenant: &TenantId,
        customers: &[SourceId],
    ) -> BssResult<ByItem<PricingState>> {
        let (tenant, customers) = (tenant.clone(), customers.to_vec());
        self.read("pricing", move |world| world.pricing(&tenant, &customers))
            .await
    }

    async fn set_pricing(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        options: &BTreeMap<SourceId, PricingOptions>,
    ) -> BssResult<ByItem<PricingOutcome>> {
        let epoch = fence.epoch;
        let (tenant, options) = (tenant.clone(), options.clone());
        self.write("set pricing", move |world| {
            world.set_pricing(epoch, &tenant, &options)
        })
        .await
    }

    async fn check_purchases(
        &self,
        account: &AccountId,
        target: &CheckTarget,
        items: &[SourceId],
    ) -> BssResult<ByItem<Vec<Blocker>>> {
        let (account, target) = (account.clone(), target.clone());
        let items = items.to_vec();
        self.read("check", move |world| world.check(&account, &target, &items))
            .await
    }

    async fn copy_subscriptions(
        &self,
        fence: Fence<'_>,
        tenant: &TenantId,
        items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        let epoch = fence.epoch;
        let (tenant, items) = (tenant.clone(), items.to_vec());
        self.write("copy subscriptions", move |world| {
            world.copy_subscriptions(epoch, &tenant, &items)
        })
        .await
    }

    async fn activate_back_ordering(
        &self,
        fence: Fence<'_>,
        request: &RequestKey,
        key: &BusinessKey,
        target: ActivationTarget<'_>,
    ) -> BssResult<Activation> {
        let (account, epoch) = (fence.reseller.clone(), fence.epoch);
        let (request, key) = (request.clone(), key.clone());
        let (tenant, expected) = (target.tenant.clone(), target.expected);
        self.write("activate", move |world| {
            let target = ActivationTarget {
                tenant: &tenant,
                expected,
            };
            world.activate_back_ordering(&account, epoch, &request, &key, target)
        })
        .await
    }
}
