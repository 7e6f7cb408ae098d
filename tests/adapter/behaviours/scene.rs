//! What the behaviours share: a client of the port that asks for exactly what a test wants.

use std::collections::BTreeMap;

use super::{Stage, Turn};
use crate::asked;
use support::simulated_bss::{Action, retail};
use tenant_reseller_operator::bss::port::{
    AccountId, Activation, ActivationTarget, BlockerReason, Bss, CopyItem, CopyListing, CopyRecord,
    Cursor, Customer, Epoch, Fence, Freshness, ItemKind, ItemOutcome, OpenOrder, Page, PageRequest,
    PricingState, Purchase, PurchaseState, Revision, SourceId, TenantCreation, TenantId,
    TenantStatus,
};
use tenant_reseller_operator::bss::{BssError, BssResult};

/// A stage with an epoch and, from some moment on, a tenant.
pub(crate) struct Scene<'a, S: Stage> {
    pub(crate) stage: &'a S,
    pub(crate) account: AccountId,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) tenant: TenantId,
    /// The size of the pages that it asks for.
    pub(crate) limit: u16,
}

pub(crate) fn window(cursor: Option<Cursor>, limit: u16) -> PageRequest {
    PageRequest {
        cursor,
        limit,
        freshness: Freshness::Fresh,
    }
}

impl<'a, S: Stage> Scene<'a, S> {
    /// Held by us.
    pub(crate) async fn held(stage: &'a S) -> Self {
        let account = AccountId::from("10423");
        let issued = stage
            .bss()
            .acquire_epoch(&account, asked("us", None))
            .await
            .unwrap();
        Self {
            stage,
            account,
            epoch: Some(issued.epoch),
            tenant: "none".into(),
            limit: 3,
        }
    }

    /// With an Active tenant.
    pub(crate) async fn with_tenant(stage: &'a S) -> Self {
        let mut scene = Self::held(stage).await;
        let made = scene.creates("r", "k/tenant").await.unwrap();
        assert!(matches!(made, TenantCreation::Started(_)), "{made:?}");
        scene.tenant = scene.active().await;
        scene
    }

    /// With all customers copied and priced.
    pub(crate) async fn with_customers(stage: &'a S) -> Self {
        let scene = Self::with_tenant(stage).await;
        for customer in scene.customers().await {
            let outcome = scene.copy(scene.customer_item(&customer)).await;
            assert_eq!(outcome, ItemOutcome::Created);
        }
        stage.act(Action::Price(None)).await.unwrap();
        scene
    }

    /// With everything copied.
    pub(crate) async fn complete(stage: &'a S) -> Self {
        let scene = Self::with_customers(stage).await;
        for purchase in scene.eligible().await {
            let item = scene.item(&purchase).await;
            assert_eq!(scene.copy(item).await, ItemOutcome::Created);
        }
        scene
    }

    pub(crate) fn bss(&self) -> &'a S::Bss {
        self.stage.bss()
    }

    pub(crate) fn fence(&self) -> Fence<'_> {
        Fence {
            reseller: &self.account,
            epoch: self.epoch,
        }
    }

    pub(crate) async fn creates(&self, request: &str, key: &str) -> BssResult<TenantCreation> {
        let settings = self.stage.settings();
        let (request, key) = (request.into(), key.into());
        self.bss()
            .create_tenant(self.fence(), &request, &key, &settings)
            .await
    }

    /// The tenant, as soon as it is Active.
    pub(crate) async fn active(&self) -> TenantId {
        for _ in 0..1_000 {
            let tenant = self.bss().get_tenant(&self.account).await.unwrap().unwrap();
            if tenant.status == TenantStatus::Active {
                return tenant.id;
            }
            assert_eq!(tenant.status, TenantStatus::InProgress);
            self.stage.pass().await;
        }
        panic!("the tenant never becomes Active")
    }

    pub(crate) async fn act(&self, action: Action) {
        let told = format!("{action:?}");
        self.stage
            .act(action)
            .await
            .unwrap_or_else(|why| panic!("{told}: {why}"));
    }

    pub(crate) async fn turn(&self, turn: Turn) {
        self.stage.turn(&[turn]).await;
    }

    pub(crate) async fn harm(&self) -> Vec<String> {
        self.stage.harm().await.into_iter().collect()
    }

    pub(crate) async fn customers(&self) -> Vec<Customer> {
        all(self.limit, async |page| {
            self.bss().list_customers(&self.account, &page).await
        })
        .await
    }

    pub(crate) async fn customer(&self, id: &SourceId) -> Customer {
        let mut all = self.customers().await.into_iter();
        all.find(|each| each.id == *id).unwrap()
    }

    pub(crate) async fn purchases(&self) -> Vec<Purchase> {
        all(self.limit, async |page| {
            self.bss().list_subscriptions(&self.account, &page).await
        })
        .await
    }

    pub(crate) async fn purchase(&self, id: &SourceId) -> Purchase {
        let mut all = self.purchases().await.into_iter();
        all.find(|each| each.id == *id).unwrap()
    }

    pub(crate) async fn eligible(&self) -> Vec<Purchase> {
        let mut all = self.purchases().await;
        all.retain(|each| {
            each.state == PurchaseState::Active && each.customer.as_str() != self.account.as_str()
        });
        all
    }

    /// An active subscription.
    pub(crate) async fn first(&self) -> Purchase {
        let mut all = self.eligible().await.into_iter();
        all.find(|each| each.kind == ItemKind::Subscription)
            .unwrap()
    }

    /// An order that is complete: the new purchase.
    pub(crate) async fn bought(&self, customer: &SourceId) -> Purchase {
        let before = self.purchases().await;
        self.act(Action::Buy(customer.clone())).await;
        let known = |each: &Purchase| before.iter().any(|other| other.id == each.id);
        for _ in 0..1_000 {
            let after = self.purchases().await.into_iter();
            if let Some(new) = after.into_iter().find(|each| !known(each)) {
                return new;
            }
            self.stage.pass().await;
        }
        panic!("the order never becomes a purchase")
    }

    pub(crate) async fn orders(&self) -> Vec<OpenOrder> {
        all(self.limit, async |page| {
            self.bss().list_open_orders(&self.account, &page).await
        })
        .await
    }

    pub(crate) async fn copies(&self, listing: CopyListing) -> Vec<CopyRecord> {
        all(self.limit, async |page| {
            self.bss().list_copies(&self.tenant, listing, &page).await
        })
        .await
    }

    /// The copies of one source.
    pub(crate) async fn copies_of(&self, id: &SourceId) -> Vec<CopyRecord> {
        let mut found = self.copies(CopyListing::Customers).await;
        found.extend(self.copies(CopyListing::Subscriptions).await);
        found.retain(|copy| copy.source == *id);
        found
    }

    #[expect(clippy::unused_self, reason = "it reads like the other items")]
    pub(crate) fn customer_item(&self, customer: &Customer) -> CopyItem {
        CopyItem {
            source: customer.id.clone(),
            kind: ItemKind::Customer,
            key: format!("k/{}", customer.id).into(),
            expected_source: customer.digest.clone(),
            expected_copy: None,
            pricing: None,
        }
    }

    /// An item for a purchase as it is now, under the options of its owner.
    pub(crate) async fn item(&self, purchase: &Purchase) -> CopyItem {
        let owner = [purchase.customer.clone()];
        let pricing = self.bss().get_pricing(&self.tenant, &owner).await.unwrap();
        let pricing = match &pricing[&purchase.customer] {
            PricingState::Set(digest) => digest.clone(),
            PricingState::Missing { .. } | PricingState::Unseen { .. } => "none".into(),
        };
        CopyItem {
            source: purchase.id.clone(),
            kind: purchase.kind,
            key: format!("k/{}", purchase.id).into(),
            expected_source: purchase.digest.clone(),
            expected_copy: None,
            pricing: Some(pricing),
        }
    }

    /// The same, expecting the copy that is there.
    pub(crate) async fn update(&self, id: &SourceId) -> CopyItem {
        let mut item = self.item(&self.purchase(id).await).await;
        let copies = self.copies_of(id).await;
        item.expected_copy = Some(copies[0].digest.clone());
        item
    }

    pub(crate) async fn try_copy(&self, item: CopyItem) -> BssResult<ItemOutcome> {
        let (source, items) = (item.source.clone(), [item]);
        let fence = self.fence();
        let mut outcomes = if items[0].kind == ItemKind::Customer {
            self.bss()
                .copy_customers(fence, &self.tenant, &items)
                .await?
        } else {
            self.bss()
                .copy_subscriptions(fence, &self.tenant, &items)
                .await?
        };
        Ok(outcomes.remove(&source).unwrap())
    }

    pub(crate) async fn copy(&self, item: CopyItem) -> ItemOutcome {
        self.try_copy(item).await.unwrap()
    }

    /// Prices one customer by a request.
    pub(crate) async fn prices(
        &self,
        id: &SourceId,
    ) -> BssResult<tenant_reseller_operator::bss::port::PricingOutcome> {
        let wanted = BTreeMap::from([(id.clone(), retail())]);
        let outcomes = self
            .bss()
            .set_pricing(self.fence(), &self.tenant, &wanted)
            .await;
        outcomes.map(|mut outcomes| outcomes.remove(id).unwrap())
    }

    pub(crate) async fn revision(&self) -> Option<Revision> {
        let page = window(None, 1);
        self.bss()
            .list_customers(&self.account, &page)
            .await
            .unwrap()
            .revision
    }

    pub(crate) async fn activates(
        &self,
        request: &str,
        expected: Option<Revision>,
    ) -> BssResult<Activation> {
        let target = ActivationTarget {
            tenant: &self.tenant,
            expected,
        };
        let (request, key) = (request.into(), "k/activation".into());
        self.bss()
            .activate_back_ordering(self.fence(), &request, &key, target)
            .await
    }

    /// The switch, expecting what is there.
    pub(crate) async fn switches(&self, request: &str) -> BssResult<Activation> {
        self.activates(request, self.revision().await).await
    }
}

/// All pages.
pub(crate) async fn all<T>(
    limit: u16,
    mut page: impl AsyncFnMut(PageRequest) -> BssResult<Page<T>>,
) -> Vec<T> {
    let mut items = Vec::new();
    let mut cursor = None;
    for _ in 0..1_000 {
        let read = page(window(cursor, limit)).await.unwrap();
        items.extend(read.items);
        match read.next {
            Some(next) => cursor = Some(next),
            None => return items,
        }
    }
    panic!("a listing without end")
}

/// The reasons of a blocked item.
pub(crate) fn reasons(outcome: ItemOutcome) -> Vec<BlockerReason> {
    match outcome {
        ItemOutcome::Blocked(reasons) => reasons.into_iter().map(|each| each.reason).collect(),
        other => panic!("not blocked: {other:?}"),
    }
}

/// The class of a failed item.
pub(crate) fn failure(outcome: ItemOutcome) -> &'static str {
    match outcome {
        ItemOutcome::Failed { class, .. } => class,
        other => panic!("not failed: {other:?}"),
    }
}

/// The reasons of a blocked call, with their counts.
pub(crate) fn tallies<T: std::fmt::Debug>(answer: BssResult<T>) -> Vec<(BlockerReason, u32)> {
    match answer {
        Err(BssError::Blocked(tallies)) => tallies
            .into_iter()
            .map(|tally| (tally.reason, tally.count))
            .collect(),
        other => panic!("not blocked: {other:?}"),
    }
}

/// The class of a refused call.
pub(crate) fn class<T: std::fmt::Debug>(answer: BssResult<T>) -> &'static str {
    answer.unwrap_err().class()
}
