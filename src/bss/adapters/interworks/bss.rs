//! The port over the vendor's API: what is read is translated, and what only people can do is said in words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::adapter::{InterworksBss, of_this_reseller, refused};
use super::client::several;
use super::installation::pricing_of;
use super::look::Half;
use super::options::Switch;
use super::pairing::Match;
use super::reader::Want;
use super::steps;
use super::wire::Account;
use super::words::Told;
use crate::bss::error::BssError;
use crate::bss::port::{
    AccountId, Acquisition, Activation, ActivationTarget, BackOrdering, Blocker, Bss, BssResult,
    BusinessKey, ByItem, Capabilities, CheckTarget, CopyId, CopyItem, CopyListing, CopyRecord,
    Cursors, Customer, DetailCalls, Fence, Found, IssuedEpoch, ItemOutcome, Keys, Mode, OpenOrder,
    Operation, OperationId, OperationState, Page, PageRequest, PricingOptions, PricingOutcome,
    PricingState, Promises, Purchase, RequestKey, Reseller, ResellerKind, SeenSettings, SourceId,
    Strength, Tenant, TenantAccess, TenantCreation, TenantId, TenantSettings, TenantStatus,
    WriteOperation,
};

fn by_hand<T>(instruction: String) -> BssResult<T> {
    Err(BssError::ManualStepNeeded { instruction })
}

impl Bss for InterworksBss {
    async fn get_identity(&self) -> BssResult<Option<String>> {
        // No call tells it.
        Ok(None)
    }

    async fn get_capabilities(&self) -> BssResult<Capabilities> {
        let marks = self.learnt().await?.marks;
        let copies = match self.options().switch {
            Switch::WithTransfer => Mode::WithSwitch,
            Switch::Separate => Mode::ManualStep,
        };
        let orders = if self.options().words.final_orders.is_empty() {
            Strength::Weak
        } else {
            Strength::Strong
        };
        Ok(Capabilities {
            operations: BTreeMap::from([
                (WriteOperation::CreateTenant, Mode::ManualStep),
                (WriteOperation::CopyCustomers, Mode::ManualStep),
                (WriteOperation::SetPricing, Mode::ManualStep),
                (WriteOperation::CopySubscriptions, copies),
                (WriteOperation::ActivateBackOrdering, Mode::ManualStep),
            ]),
            promises: Promises {
                keys: Keys::None,
                epochs: Strength::Weak,
                revision: Strength::Weak,
                compares: Strength::Weak,
                orders,
                off_guard: Strength::Weak,
                items: Strength::Weak,
            },
            tenant_access: TenantAccess::OwnAndOnly,
            unseen: self.unseen(marks).await,
            cursors: Cursors::OfOneReading,
            // Sync options on both sides, once beside the customers and once beside what they own, and the
            // pricing options; of a purchase the record itself and its add-ons, on both sides.
            detail_calls: DetailCalls {
                per_customer: 5,
                per_purchase: 4,
            },
            largest_batch: 50,
            page_size: 500,
        })
    }

    async fn get_reseller(&self, account: &AccountId) -> BssResult<Reseller> {
        let learnt = self.learnt().await?;
        let shown = self.account(account).await?;
        let (kind, back_ordering) = match learnt.discriminator.tell(&shown) {
            Told::Basic => (ResellerKind::Basic, BackOrdering::Off),
            Told::Tenant => (ResellerKind::Tenant, BackOrdering::On),
            Told::Neither => (ResellerKind::Standard, BackOrdering::Unknown),
        };
        Ok(Reseller {
            account: shown.id.as_str().into(),
            name: shown.name.clone().unwrap_or_else(|| shown.id.clone()),
            kind,
            // What is not shown is not known to be frozen.
            ordering_enabled: shown.may_order().unwrap_or(true),
            currency: shown.currency().unwrap_or_default().to_owned(),
            tenant: None,
            back_ordering,
        })
    }

    async fn acquire_epoch(
        &self,
        _account: &AccountId,
        _acquisition: Acquisition<'_>,
    ) -> BssResult<IssuedEpoch> {
        Err(BssError::Unsupported {
            operation: Operation::AcquireEpoch,
        })
    }

    async fn get_tenant(&self, account: &AccountId) -> BssResult<Option<Tenant>> {
        let Some((declared, side)) = &self.tenant else {
            return Ok(None);
        };
        of_this_reseller(declared, account)?;
        // The reseller's own account stands in the distributor's BSS and nowhere else.
        let path = ["api", "accounts", account.as_str()];
        match side.record::<Account>(Operation::GetTenant, &path).await {
            Ok(there) => {
                let here = self.account(account).await?;
                if there.id == here.id && there.name == here.name {
                    return Err(refused(
                        "the tenant's connection leads to the distributor's BSS: the reseller's own \
                         account is found there",
                    ));
                }
            }
            Err(BssError::NotFound { .. }) => {}
            Err(other) => return Err(other),
        }
        Ok(Some(Tenant {
            id: declared.id.clone(),
            url: declared.url.clone(),
            settings: SeenSettings::default(),
            currency: None,
            business_key: None,
            status: TenantStatus::Active,
        }))
    }

    async fn create_tenant(
        &self,
        fence: Fence<'_>,
        _request: &RequestKey,
        _key: &BusinessKey,
        settings: &TenantSettings,
    ) -> BssResult<TenantCreation> {
        by_hand(steps::create_tenant(fence.reseller, settings))
    }

    async fn get_operation(&self, _id: &OperationId) -> BssResult<OperationState> {
        Ok(OperationState::Gone)
    }

    async fn list_customers(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Customer>> {
        let which = (Want::Customers, Half::Sources);
        self.look(account, which, page, |found| &found.customers)
            .await
    }

    async fn list_subscriptions(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<Purchase>> {
        let which = (Want::Purchases, Half::Sources);
        self.look(account, which, page, |found| &found.purchases)
            .await
    }

    async fn list_open_orders(
        &self,
        account: &AccountId,
        page: &PageRequest,
    ) -> BssResult<Page<OpenOrder>> {
        let which = (Want::Orders, Half::Sources);
        self.look(account, which, page, |found| &found.orders).await
    }

    async fn list_copies(
        &self,
        tenant: &TenantId,
        listing: CopyListing,
        page: &PageRequest,
    ) -> BssResult<Page<CopyRecord>> {
        let (declared, _) = self.at_tenant(tenant)?;
        let want = match listing {
            CopyListing::Customers => Want::Customers,
            CopyListing::Subscriptions => Want::Purchases,
        };
        let account = &declared.reseller;
        self.look(account, (want, Half::Copies), page, |found| &found.copies)
            .await
    }

    fn confirm_copies(&self, confirmed: &BTreeMap<SourceId, CopyId>) {
        *self.confirmed() = Arc::new(confirmed.clone());
    }

    async fn find_copies(
        &self,
        _tenant: &TenantId,
        _keys: &[BusinessKey],
    ) -> BssResult<BTreeMap<BusinessKey, Found>> {
        // There are no keys. To answer that there is no copy would be wrong.
        Err(BssError::Unsupported {
            operation: Operation::FindCopies,
        })
    }

    async fn copy_customers(
        &self,
        fence: Fence<'_>,
        _tenant: &TenantId,
        _items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        by_hand(steps::transfer_accounts(fence.reseller))
    }

    async fn get_pricing(
        &self,
        tenant: &TenantId,
        customers: &[SourceId],
    ) -> BssResult<ByItem<PricingState>> {
        let (declared, side) = self.at_tenant(tenant)?;
        let seen = match self.last(&declared.reseller, Want::Customers) {
            Ok(seen) => seen,
            Err(_) => self.last(&declared.reseller, Want::Purchases)?,
        };
        let mut of_copy: BTreeMap<String, SourceId> = BTreeMap::new();
        for customer in customers {
            if let Some(Match::Paired(copy)) = seen.owners.get(customer.as_str()) {
                of_copy.insert(copy.clone(), customer.clone());
            }
        }
        let field = self.tenant_price_list_field();
        let ids: BTreeSet<String> = of_copy.keys().cloned().collect();
        let ask = |id: String| async move {
            let path = ["api", "accounts", &id];
            side.record::<Account>(Operation::GetPricing, &path).await
        };
        let (answers, failed) = several(&ids, ask).await;
        if let Some(error) = failed {
            return Err(error);
        }
        let mut states: ByItem<PricingState> = answers
            .into_iter()
            .filter_map(|(copy, account)| {
                Some((of_copy.get(&copy)?.clone(), pricing_of(&account, field)))
            })
            .collect();
        for customer in customers {
            // What has no copy for certain has no options that could be seen.
            states
                .entry(customer.clone())
                .or_insert(PricingState::Unseen { name: None });
        }
        Ok(states)
    }

    async fn set_pricing(
        &self,
        _fence: Fence<'_>,
        _tenant: &TenantId,
        _options: &BTreeMap<SourceId, PricingOptions>,
    ) -> BssResult<ByItem<PricingOutcome>> {
        by_hand(steps::set_pricing())
    }

    async fn check_purchases(
        &self,
        account: &AccountId,
        target: &CheckTarget,
        items: &[SourceId],
    ) -> BssResult<ByItem<Vec<Blocker>>> {
        let seen = self.last(account, Want::Purchases)?;
        let catalogue = self.catalogue(target, seen.began).await?;
        let checked = items.iter().filter_map(|item| {
            let record = seen.records.get(item.as_str())?;
            Some((item.clone(), catalogue.blockers(record)))
        });
        let checked: ByItem<Vec<Blocker>> = checked.collect();
        if checked.values().any(|blockers| !blockers.is_empty()) {
            self.kept.catalogue_blocks();
        }
        Ok(checked)
    }

    async fn copy_subscriptions(
        &self,
        fence: Fence<'_>,
        _tenant: &TenantId,
        _items: &[CopyItem],
    ) -> BssResult<ByItem<ItemOutcome>> {
        by_hand(steps::transfer_subscriptions(
            fence.reseller,
            self.options().switch,
        ))
    }

    async fn activate_back_ordering(
        &self,
        fence: Fence<'_>,
        _request: &RequestKey,
        _key: &BusinessKey,
        _target: ActivationTarget<'_>,
    ) -> BssResult<Activation> {
        by_hand(steps::activate(fence.reseller, self.options().switch))
    }
}
