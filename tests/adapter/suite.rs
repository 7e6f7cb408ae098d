//! What every well-behaved server of the contract is asked, through the adapter: one reseller from
//! Basic to tenant reseller, with a refusal of every kind on the way.
//!
//! Generic over the server: a [`World`] says where it is, which words it knows, and lets its people
//! do the few things that no operation of the contract can do.

use super::{adapter, asked, limiter};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tenant_reseller_operator::bss::adapters::reference::ReferenceBss;
use tenant_reseller_operator::bss::port::{
    AccountId, Activation, ActivationTarget, BackOrdering, BlockerReason, Bss, BusinessKey,
    CheckTarget, CopyItem, CopyListing, CopyRecord, CopyState, Cursor, Customer, Digest,
    EarlierEpoch, Epoch, Fence, Found, Freshness, ItemKind, ItemOutcome, Mark, Mode,
    OperationState, Page, PageRequest, PricingOptions, PricingOutcome, PricingState, Purchase,
    PurchaseState, RequestKey, ResellerKind, Revision, SourceId, Tenant, TenantCreation, TenantId,
    TenantSettings, TenantStatus,
};
use tenant_reseller_operator::bss::transport::{Credentials, Settings};
use tenant_reseller_operator::bss::{BssError, BssResult};

/// What people do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The reseller orders something in the Storefront; the order stays pending.
    OrderPending,
    /// The distributor's staff cancels all pending orders.
    CancelOrders,
}

/// A server of the contract with a Basic reseller whose customers and purchases could all be
/// copied at once, and without any other writer.
pub trait World {
    /// How it is reached.
    fn settings(&self) -> Settings;
    /// The adapter for it.
    fn bss(&self) -> ReferenceBss {
        adapter(self.settings())
    }
    /// The reseller.
    fn reseller(&self) -> AccountId;
    /// Settings that a tenant may have.
    fn tenant_settings(&self) -> TenantSettings;
    /// Options that a customer may have.
    fn pricing(&self) -> PricingOptions;
    /// Lets its people do something.
    async fn action(&self, action: Action);
}

/// Runs all of it.
pub async fn run(world: &impl World) {
    let bss = world.bss();
    refuses_wrong_credentials(world).await;
    let reseller = the_beginning(&bss, world).await;
    let epoch = epochs(&bss, &reseller).await;
    let fence = Fence {
        reseller: &reseller,
        epoch: Some(epoch),
    };
    let tenant = tenant(&bss, fence, world).await;
    let story = Story {
        bss,
        fence,
        tenant: tenant.id,
        reseller: reseller.clone(),
    };
    story.stale_writes_are_refused().await;
    story.customers().await;
    story.pricing(world.pricing()).await;
    story.subscriptions().await;
    story.switch(world).await;
    story.nothing_is_copied_any_more().await;
}

async fn refuses_wrong_credentials(world: &impl World) {
    let mut settings = world.settings();
    settings.credentials = Credentials::Bearer("of-somebody-else".to_owned().into());
    assert_eq!(
        adapter(settings).get_identity().await,
        Err(BssError::AuthRejected)
    );
}

async fn the_beginning(bss: &ReferenceBss, world: &impl World) -> AccountId {
    bss.get_identity().await.unwrap();
    let capabilities = bss.get_capabilities().await.unwrap();
    assert!(
        capabilities
            .operations
            .values()
            .all(|mode| *mode == Mode::Automatic)
    );
    let unknown = bss
        .get_reseller(&"nobody/..%2F?#".into())
        .await
        .unwrap_err();
    assert_eq!(unknown.class(), "NotFound");
    let reseller = bss.get_reseller(&world.reseller()).await.unwrap();
    assert_eq!(reseller.kind, ResellerKind::Basic);
    assert_eq!(reseller.back_ordering, BackOrdering::Off);
    assert_eq!((reseller.tenant, reseller.ordering_enabled), (None, true));
    assert_eq!(bss.get_tenant(&reseller.account).await.unwrap(), None);
    reseller.account
}

async fn epochs(bss: &ReferenceBss, reseller: &AccountId) -> Epoch {
    let first = bss
        .acquire_epoch(reseller, asked("one", None))
        .await
        .unwrap();
    let again = bss
        .acquire_epoch(reseller, asked("one", None))
        .await
        .unwrap();
    assert!(again.epoch > first.epoch);
    assert_eq!(again.previous, first.epoch);
    // Both attempts have one name here; a server keeps it with each epoch.
    let of = |epochs: &[Epoch]| -> Vec<EarlierEpoch> {
        let earlier = epochs.iter().map(|epoch| EarlierEpoch {
            epoch: *epoch,
            acquisition: Some("attempt".into()),
        });
        earlier.collect()
    };
    assert_eq!(
        (first.earlier, again.earlier),
        (of(&[]), of(&[first.epoch]))
    );
    let held = BssError::HeldByAnother {
        holder: "one".to_owned(),
    };
    assert_eq!(
        bss.acquire_epoch(reseller, asked("two", None)).await,
        Err(held.clone())
    );
    assert_eq!(
        bss.acquire_epoch(reseller, asked("two", Some("three")))
            .await,
        Err(held)
    );
    let taken = bss
        .acquire_epoch(reseller, asked("two", Some("one")))
        .await
        .unwrap();
    assert_eq!(taken.previous, again.epoch);
    assert_eq!(taken.earlier, of(&[again.epoch, first.epoch]));
    taken.epoch
}

async fn tenant(bss: &ReferenceBss, fence: Fence<'_>, world: &impl World) -> Tenant {
    let key = BusinessKey::from("tru/test/tenant");
    let settings = world.tenant_settings();
    let wrong = TenantSettings {
        edition: "Imaginary".to_owned(),
        time_zone: "Mars/Olympus".to_owned(),
        ..settings.clone()
    };
    let BssError::Invalid(fields) = bss
        .create_tenant(fence, &"r0".into(), &key, &wrong)
        .await
        .unwrap_err()
    else {
        panic!("a wrong edition was taken")
    };
    let mut named: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
    named.sort_unstable();
    assert_eq!(named, ["settings.edition", "settings.timeZone"]);

    let stale = Fence {
        epoch: Some(Epoch(1)),
        ..fence
    };
    let refused = bss
        .create_tenant(stale, &"r1".into(), &key, &settings)
        .await;
    assert_eq!(
        refused,
        Err(BssError::StaleEpoch {
            highest: fence.epoch.unwrap().0
        })
    );
    assert_eq!(
        bss.get_tenant(fence.reseller).await.unwrap(),
        None,
        "nothing was created"
    );

    // The same request key as the refused one: refusals are not replayed.
    let request = RequestKey::from("r1");
    let create = || bss.create_tenant(fence, &request, &key, &settings);
    let TenantCreation::Started(operation) = create().await.unwrap() else {
        panic!("a new tenant is not done at once")
    };
    let twice = create().await.unwrap();
    match &twice {
        TenantCreation::Started(same) => assert_eq!(*same, operation),
        TenantCreation::Done(tenant) => assert_eq!(tenant.business_key, Some(key.clone())),
    }
    let tenant = active(bss, fence.reseller).await;
    assert_eq!(
        bss.get_operation(&operation).await.unwrap(),
        OperationState::Succeeded
    );
    assert_eq!(
        bss.get_operation(&"unknown".into()).await.unwrap(),
        OperationState::Gone
    );
    assert_eq!(
        (&tenant.settings, &tenant.business_key),
        (&settings.clone().into(), &Some(key.clone()))
    );
    assert_eq!(
        create().await.unwrap(),
        TenantCreation::Done(Box::new(tenant.clone()))
    );
    let other_key = bss
        .create_tenant(fence, &"r2".into(), &"other".into(), &settings)
        .await;
    assert_eq!(other_key.unwrap_err().class(), "Conflict");
    let reseller = bss.get_reseller(fence.reseller).await.unwrap();
    assert_eq!(
        (reseller.kind, reseller.tenant),
        (ResellerKind::Basic, Some(tenant.id.clone()))
    );
    tenant
}

async fn active(bss: &ReferenceBss, reseller: &AccountId) -> Tenant {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let tenant = bss
            .get_tenant(reseller)
            .await
            .unwrap()
            .expect("listed from the beginning");
        if tenant.status == TenantStatus::Active {
            return tenant;
        }
        assert_eq!(tenant.status, TenantStatus::InProgress);
        assert!(Instant::now() < end, "the tenant does not become Active");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

struct Story<'a> {
    bss: ReferenceBss,
    fence: Fence<'a>,
    tenant: TenantId,
    reseller: AccountId,
}

fn digest(text: &str) -> Digest {
    Digest(text.to_owned())
}

/// All pages of a listing, small ones, with its one revision.
async fn all<T>(
    mut page: impl AsyncFnMut(PageRequest) -> BssResult<Page<T>>,
) -> (Vec<T>, Option<Revision>) {
    let mut items = Vec::new();
    let mut cursor: Option<Cursor> = None;
    let mut revisions = Vec::new();
    loop {
        let read = page(PageRequest {
            cursor,
            limit: 3,
            freshness: Freshness::Fresh,
        })
        .await
        .unwrap();
        items.extend(read.items);
        revisions.push(read.revision);
        let Some(next) = read.next else { break };
        cursor = Some(next);
    }
    revisions.dedup();
    assert_eq!(revisions.len(), 1, "nothing moved between the pages");
    (items, revisions[0])
}

fn only<K: Ord, V>(mut results: BTreeMap<K, V>) -> V {
    assert_eq!(results.len(), 1);
    results.pop_first().unwrap().1
}

impl Story<'_> {
    fn key(&self, kind: ItemKind, source: &SourceId) -> BusinessKey {
        format!("tru/test/{}/{}/{source}", self.tenant, kind.as_str()).into()
    }

    fn copy(&self, kind: ItemKind, source: &SourceId, expected: &Digest) -> CopyItem {
        CopyItem {
            source: source.clone(),
            kind,
            key: self.key(kind, source),
            expected_source: expected.clone(),
            expected_copy: None,
            pricing: None,
        }
    }

    async fn all_customers(&self) -> (Vec<Customer>, Option<Revision>) {
        all(async |page| self.bss.list_customers(&self.reseller, &page).await).await
    }

    async fn all_purchases(&self) -> Vec<Purchase> {
        all(async |page| self.bss.list_subscriptions(&self.reseller, &page).await)
            .await
            .0
    }

    async fn all_copies(&self, listing: CopyListing) -> Vec<CopyRecord> {
        all(async |page| self.bss.list_copies(&self.tenant, listing, &page).await)
            .await
            .0
    }

    async fn copy_customer(&self, item: CopyItem) -> ItemOutcome {
        only(
            self.bss
                .copy_customers(self.fence, &self.tenant, &[item])
                .await
                .unwrap(),
        )
    }

    async fn copy_subscription(&self, item: CopyItem) -> ItemOutcome {
        only(
            self.bss
                .copy_subscriptions(self.fence, &self.tenant, &[item])
                .await
                .unwrap(),
        )
    }

    async fn stale_writes_are_refused(&self) {
        let fence = Fence {
            epoch: Some(Epoch(1)),
            ..self.fence
        };
        let stale = BssError::StaleEpoch {
            highest: self.fence.epoch.unwrap().0,
        };
        let item = self.copy(ItemKind::Customer, &"any".into(), &digest("d"));
        let mut purchase = self.copy(ItemKind::Asset, &"any".into(), &digest("d"));
        purchase.pricing = Some(digest("p"));
        let bss = &self.bss;
        let copied = bss.copy_customers(fence, &self.tenant, &[item]).await;
        assert_eq!(copied.unwrap_err(), stale);
        let copied = bss
            .copy_subscriptions(fence, &self.tenant, &[purchase])
            .await;
        assert_eq!(copied.unwrap_err(), stale);
        let target = ActivationTarget {
            tenant: &self.tenant,
            expected: Some(Revision(1)),
        };
        let switched = bss
            .activate_back_ordering(fence, &"r".into(), &"k".into(), target)
            .await;
        assert_eq!(switched.unwrap_err(), stale);
        let never = Fence {
            epoch: Some(Epoch(self.fence.epoch.unwrap().0 + 7)),
            ..self.fence
        };
        let switched = bss
            .activate_back_ordering(never, &"r".into(), &"k".into(), target)
            .await;
        assert_eq!(switched.unwrap_err().class(), "Invalid");
    }

    async fn customers(&self) {
        let (customers, before) = self.all_customers().await;
        assert!(customers.len() > 3, "the world is too small to see pages");
        for customer in &customers {
            assert_eq!(customer.bill_to, self.reseller);
            assert_eq!((customer.mark, &customer.link), (Mark::Unmarked, &None));
        }
        let first = &customers[0];
        let item = self.copy(ItemKind::Customer, &first.id, &first.digest);
        let outdated = CopyItem {
            expected_source: digest("other"),
            ..item.clone()
        };
        assert!(matches!(
            self.copy_customer(outdated).await,
            ItemOutcome::Conflict(_)
        ));
        let seen = CopyItem {
            expected_copy: Some(digest("other")),
            ..item.clone()
        };
        assert!(matches!(
            self.copy_customer(seen).await,
            ItemOutcome::Conflict(_)
        ));
        let unknown = self.copy(ItemKind::Customer, &"unknown".into(), &first.digest);
        let ItemOutcome::Failed { class, .. } = self.copy_customer(unknown).await else {
            panic!("a customer that is not there was copied")
        };
        assert_eq!(class, "NotFound");
        assert_eq!(
            self.all_customers().await,
            (customers.clone(), before),
            "nothing was done"
        );

        let items: Vec<CopyItem> = customers
            .iter()
            .map(|customer| self.copy(ItemKind::Customer, &customer.id, &customer.digest))
            .collect();
        for expected in [ItemOutcome::Created, ItemOutcome::Unchanged] {
            let outcomes = self
                .bss
                .copy_customers(self.fence, &self.tenant, &items)
                .await
                .unwrap();
            assert_eq!(outcomes.len(), items.len());
            assert!(
                outcomes.values().all(|outcome| *outcome == expected),
                "{outcomes:?}"
            );
        }
        let other_key = CopyItem {
            key: "another".into(),
            ..item.clone()
        };
        assert!(matches!(
            self.copy_customer(other_key).await,
            ItemOutcome::Conflict(_)
        ));

        let (after, revision) = self.all_customers().await;
        assert!(revision > before, "copying moves the revision");
        let copies = self.all_copies(CopyListing::Customers).await;
        assert_eq!(copies.len(), customers.len());
        for (customer, copy) in after.iter().zip(&copies) {
            assert_eq!(customer.mark, Mark::Marked);
            assert_eq!(customer.link, Some((self.tenant.clone(), copy.id.clone())));
            self.assert_equal_copy(copy, ItemKind::Customer, &customer.id, &customer.digest);
        }
        let keys = [item.key.clone(), "unknown".into()];
        let found = self.bss.find_copies(&self.tenant, &keys).await.unwrap();
        assert_eq!(found[&keys[0]], Found::One(copies[0].clone()));
        assert_eq!(found[&keys[1]], Found::None);
    }

    fn assert_equal_copy(
        &self,
        copy: &CopyRecord,
        kind: ItemKind,
        source: &SourceId,
        digest: &Digest,
    ) {
        assert_eq!(copy.source, *source);
        assert_eq!(copy.business_key, Some(self.key(kind, source)));
        assert_eq!(
            (&copy.digest, &copy.source_digest),
            (digest, &Some(digest.clone()))
        );
        assert_eq!(copy.state, CopyState::Live);
    }

    async fn pricing(&self, options: PricingOptions) {
        let customers: Vec<SourceId> = self
            .all_customers()
            .await
            .0
            .into_iter()
            .map(|customer| customer.id)
            .collect();
        let mut asked = customers.clone();
        asked.push("unknown".into());
        let (bss, tenant) = (&self.bss, &self.tenant);
        let states = bss.get_pricing(tenant, &asked).await.unwrap();
        let missing = |id: &SourceId| match &states[id] {
            PricingState::Missing { options, .. } => options.clone(),
            PricingState::Set(_) | PricingState::Unseen { .. } => {
                panic!("{id} has options already, or none that are shown")
            }
        };
        assert_eq!(
            missing(&customers[0]),
            ["priceList", "billing", "paymentMethod", "invoicing"]
        );
        assert_eq!(missing(&"unknown".into())[0], "copy");

        let set = async |options: &PricingOptions| {
            let wanted = customers
                .iter()
                .map(|id| (id.clone(), options.clone()))
                .collect();
            let outcomes = bss.set_pricing(self.fence, tenant, &wanted).await.unwrap();
            assert_eq!(outcomes.len(), customers.len());
            let mut outcomes: Vec<PricingOutcome> = outcomes.into_values().collect();
            outcomes.dedup();
            assert_eq!(outcomes.len(), 1, "{outcomes:?}");
            outcomes.pop().unwrap()
        };
        let wrong = PricingOptions {
            price_list: "PL-NONE".to_owned().into(),
            ..options.clone()
        };
        let PricingOutcome::Failed(why) = set(&wrong).await else {
            panic!("wrong list taken")
        };
        assert!(why.contains("priceList"), "{why}");
        assert_eq!(set(&options).await, PricingOutcome::Written);
        assert_eq!(set(&options).await, PricingOutcome::Unchanged);
        let others = PricingOptions {
            credit_limit: Some("12.50".to_owned()),
            ..options
        };
        assert_eq!(
            set(&others).await,
            PricingOutcome::Differs(vec!["creditLimit".to_owned()])
        );
    }

    async fn subscriptions(&self) {
        let purchases = self.all_purchases().await;
        let customers: Vec<SourceId> = self
            .all_customers()
            .await
            .0
            .into_iter()
            .map(|customer| customer.id)
            .collect();
        let pricing = self
            .bss
            .get_pricing(&self.tenant, &customers)
            .await
            .unwrap();
        let mut items = Vec::new();
        for purchase in &purchases {
            let Some(PricingState::Set(options)) = pricing.get(&purchase.customer) else {
                continue;
            };
            if purchase.state == PurchaseState::Active {
                let mut item = self.copy(purchase.kind, &purchase.id, &purchase.digest);
                item.pricing = Some(options.clone());
                items.push(item);
            }
        }
        assert!(items.len() > 3, "the world is too small to see pages");
        self.check(&items).await;

        let first = &items[0];
        let repriced = CopyItem {
            pricing: Some(digest("other")),
            ..first.clone()
        };
        assert!(matches!(
            self.copy_subscription(repriced).await,
            ItemOutcome::Conflict(_)
        ));
        let outdated = CopyItem {
            expected_source: digest("other"),
            ..first.clone()
        };
        assert!(matches!(
            self.copy_subscription(outdated).await,
            ItemOutcome::Conflict(_)
        ));
        let asleep = purchases.iter().find(|purchase| {
            purchase.state != PurchaseState::Active && pricing.contains_key(&purchase.customer)
        });
        if let Some(asleep) = asleep {
            let mut item = self.copy(asleep.kind, &asleep.id, &asleep.digest);
            item.pricing = Some(digest("p"));
            assert!(matches!(
                self.copy_subscription(item).await,
                ItemOutcome::Conflict(_)
            ));
        }
        assert_eq!(self.all_copies(CopyListing::Subscriptions).await, []);

        for expected in [ItemOutcome::Created, ItemOutcome::Unchanged] {
            for batch in items.chunks(50) {
                let bss = &self.bss;
                let outcomes = bss
                    .copy_subscriptions(self.fence, &self.tenant, batch)
                    .await
                    .unwrap();
                assert_eq!(outcomes.len(), batch.len());
                assert!(
                    outcomes.values().all(|outcome| *outcome == expected),
                    "{outcomes:?}"
                );
            }
        }
        items.sort_by(|a, b| a.source.cmp(&b.source));
        let copies = self.all_copies(CopyListing::Subscriptions).await;
        assert_eq!(copies.len(), items.len());
        for (item, copy) in items.iter().zip(&copies) {
            self.assert_equal_copy(copy, item.kind, &item.source, &item.expected_source);
        }
    }

    async fn check(&self, items: &[CopyItem]) {
        let ids: Vec<SourceId> = items.iter().map(|item| item.source.clone()).collect();
        let target = CheckTarget::Tenant(self.tenant.clone());
        for batch in ids.chunks(50) {
            let found = self
                .bss
                .check_purchases(&self.reseller, &target, batch)
                .await
                .unwrap();
            assert_eq!(found.len(), batch.len());
            assert!(found.values().all(Vec::is_empty), "{found:?}");
        }
        let gone = self
            .bss
            .check_purchases(&self.reseller, &target, &["unknown".into()])
            .await;
        assert_eq!(gone.unwrap().len(), 0, "what is not known is left out");
        for own in self.all_purchases().await {
            if own.customer.as_str() == self.reseller.as_str() {
                let own = self
                    .bss
                    .check_purchases(&self.reseller, &target, &[own.id])
                    .await;
                assert_eq!(own.unwrap().len(), 0, "it is never copied");
            }
        }
        let nowhere = CheckTarget::PriceList("PL-NONE".to_owned().into());
        let refused = self
            .bss
            .check_purchases(&self.reseller, &nowhere, &ids[..1])
            .await;
        assert_eq!(refused.unwrap_err().class(), "Invalid");
    }

    async fn activate(&self, request: &str, expected: Revision) -> BssResult<Activation> {
        let target = ActivationTarget {
            tenant: &self.tenant,
            expected: Some(expected),
        };
        let key = format!("tru/test/{}/activation", self.tenant).into();
        self.bss
            .activate_back_ordering(self.fence, &request.into(), &key, target)
            .await
    }

    async fn activate_under_a_copys_key(&self, expected: Revision) -> &'static str {
        let copies = self.all_copies(CopyListing::Customers).await;
        let key = copies[0].business_key.clone().unwrap();
        let target = ActivationTarget {
            tenant: &self.tenant,
            expected: Some(expected),
        };
        let refused = self
            .bss
            .activate_back_ordering(self.fence, &"copys-key".into(), &key, target)
            .await;
        refused.unwrap_err().class()
    }

    async fn revision(&self) -> Revision {
        self.all_customers()
            .await
            .1
            .expect("this server carries revisions")
    }

    async fn switch(&self, world: &impl World) {
        let before = self.revision().await;
        world.action(Action::OrderPending).await;
        let orders = all(async |page| self.bss.list_open_orders(&self.reseller, &page).await).await;
        assert_eq!(orders.0.len(), 1);
        assert_eq!(
            self.activate("a", before).await.unwrap_err().class(),
            "Conflict"
        );
        let BssError::Blocked(tallies) =
            self.activate("b", self.revision().await).await.unwrap_err()
        else {
            panic!("switched with an open order")
        };
        assert_eq!(tallies.len(), 1, "{tallies:?}");
        assert_eq!(
            (tallies[0].reason, tallies[0].count),
            (BlockerReason::OrderNotFinal, 1)
        );
        assert_eq!(tallies[0].examples, [orders.0[0].id.clone()]);
        world.action(Action::CancelOrders).await;
        let still = self.bss.get_reseller(&self.reseller).await.unwrap();
        assert_eq!(still.back_ordering, BackOrdering::Off);

        let revision = self.revision().await;
        assert_eq!(
            self.activate_under_a_copys_key(revision).await,
            "Conflict",
            "a key names one record, of whatever kind"
        );
        assert_eq!(
            self.activate("c", revision).await,
            Ok(Activation::Activated)
        );
        assert_eq!(
            self.activate("c", revision).await,
            Ok(Activation::Activated),
            "replayed"
        );
        assert_eq!(
            self.activate("d", revision).await,
            Ok(Activation::AlreadyActive)
        );
        let after = self.bss.get_reseller(&self.reseller).await.unwrap();
        assert_eq!(
            (after.kind, after.back_ordering),
            (ResellerKind::Tenant, BackOrdering::On)
        );
        let (customers, _) = self.all_customers().await;
        assert!(
            customers
                .iter()
                .all(|customer| customer.mark == Mark::Marked)
        );
        for purchase in self.all_purchases().await {
            if purchase.customer.as_str() != self.reseller.as_str() {
                assert_eq!(purchase.mark, Mark::Marked, "{}", purchase.id);
            }
        }
    }

    async fn nothing_is_copied_any_more(&self) {
        let (customers, _) = self.all_customers().await;
        let item = self.copy(ItemKind::Customer, &customers[0].id, &customers[0].digest);
        let ItemOutcome::Blocked(reasons) = self.copy_customer(item).await else {
            panic!("copied after the switch")
        };
        assert_eq!(reasons[0].reason, BlockerReason::BackOrderingActive);
        let figures = self.bss.limiter().figures().snapshot();
        assert!(
            figures
                .calls
                .contains_key(&("activateBackOrdering", "Blocked"))
        );
        assert_eq!(limiter().load(), (0, 0));
    }
}
