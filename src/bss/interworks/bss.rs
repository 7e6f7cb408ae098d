//! The port over the vendor's API: what is read is translated, and what only people can do is said in words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;
use tokio::time::Instant;

use super::checks::Catalogue;
use super::client::{Listed, Paged, Side, several};
use super::collecting::{Listing, Whose};
use super::filter;
use super::kept::{CATALOGUE_LIFE, Kept, LEARNT_LIFE, Learnt};
use super::listing::Ask;
use super::look::{Found as Seen, Half, Look, Marks, Sides};
use super::options::{Options, Role, Switch, TenantDeclaration};
use super::pairing::Match;
use super::reader::Want;
use super::records;
use super::steps;
use super::wire::{Account, PriceList, PriceListItem, Product};
use super::words::{Discriminator, Told};
use crate::bss::error::BssError;
use crate::bss::limits::{Access, Limiter};
use crate::bss::port::{
    AccountId, Acquisition, Activation, ActivationTarget, BackOrdering, Blocker, Bss, BssResult,
    BusinessKey, ByItem, Capabilities, CheckTarget, CopyItem, CopyListing, CopyRecord, Customer,
    DetailCalls, Fence, Found, IssuedEpoch, ItemOutcome, Keys, Mode, OpenOrder, Operation,
    OperationId, OperationState, Page, PageRequest, PricingOptions, PricingOutcome, PricingState,
    Promises, Purchase, RequestKey, Reseller, ResellerKind, SeenSettings, SourceId, Strength,
    Tenant, TenantAccess, TenantCreation, TenantId, TenantSettings, TenantStatus, Unseen,
    WriteOperation,
};
use crate::bss::transport::Settings;

/// interworks.cloud.
#[derive(Debug)]
pub struct InterworksBss {
    distributor: Side,
    tenant: Option<(TenantDeclaration, Side)>,
    kept: Arc<Kept>,
}

impl InterworksBss {
    /// Checks the connection and builds its client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BssError::Refused`] if the connection may not be used.
    pub fn new(
        options: Options,
        settings: Settings,
        access: Access,
        kept: Arc<Kept>,
    ) -> Result<Self, BssError> {
        if let Role::Tenant(_) = options.role {
            return Err(refused(
                "interworks.calibration is missing: spec.connectionRef has to lead to the distributor's \
                 BSS, and this connection leads to a tenant's",
            ));
        }
        let memory = kept.of_distributor(&options);
        Ok(Self {
            distributor: Side::new(options, settings, access, memory)?,
            tenant: None,
            kept,
        })
    }

    /// The same, with the access to the tenant.
    ///
    /// # Errors
    ///
    /// As for [`InterworksBss::new`].
    pub fn with_tenant(
        self,
        options: Options,
        settings: Settings,
        access: Access,
    ) -> Result<Self, BssError> {
        let Role::Tenant(declared) = options.role.clone() else {
            return Err(refused(
                "interworks.tenant is missing: spec.tenantConnectionRef has to lead to a tenant's BSS, \
                 and this connection leads to the distributor's",
            ));
        };
        let memory = self.kept.of_tenant(&options);
        let side = Side::new(options, settings, access, memory)?;
        Ok(Self {
            tenant: Some((declared, side)),
            ..self
        })
    }

    /// The limiter of the calls to the distributor.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter> {
        self.distributor.limiter()
    }

    fn options(&self) -> &Options {
        &self.distributor.options
    }

    /// What tells resellers apart at this installation.
    async fn learnt(&self) -> BssResult<Arc<Learnt>> {
        let mut held = self.kept.learnt.lock().await;
        if let Some((at, learnt)) = held.as_ref()
            && at.elapsed() < LEARNT_LIFE
        {
            return Ok(Arc::clone(learnt));
        }
        let Role::Distributor(named) = &self.options().role else {
            return Err(refused("interworks.calibration is missing"));
        };
        let basic = self
            .account(&named.basic)
            .await
            .map_err(|error| uncalibrated(error, &named.basic))?;
        let tenant = self
            .account(&named.tenant)
            .await
            .map_err(|error| uncalibrated(error, &named.tenant))?;
        let discriminator =
            Discriminator::learn(named, &basic, &tenant).map_err(|text| refused(&text))?;
        let (of_basic, of_tenant) = (
            self.marks_of(&named.basic).await?,
            self.marks_of(&named.tenant).await?,
        );
        let all = |marks: &[Option<bool>], wanted| {
            !marks.is_empty() && marks.iter().all(|mark| *mark == Some(wanted))
        };
        let marks = if all(&of_basic, false) && all(&of_tenant, true) {
            Marks::Shown
        } else {
            Marks::NotShown
        };
        let learnt = Arc::new(Learnt {
            discriminator,
            marks,
        });
        *held = Some((Instant::now(), Arc::clone(&learnt)));
        Ok(learnt)
    }

    async fn account(&self, account: &AccountId) -> BssResult<Account> {
        let path = ["api", "accounts", account.as_str()];
        self.distributor.record(Operation::GetReseller, &path).await
    }

    /// The marks of the first customers of a reseller.
    async fn marks_of(&self, reseller: &AccountId) -> BssResult<Vec<Option<bool>>> {
        let expression = filter::equals("billToAccountId", reseller.as_str());
        let list = Listed {
            operation: Operation::GetCapabilities,
            path: &["api", "accounts"],
            filter: Some(&expression),
        };
        let rows = match self.distributor.page::<Account>(&list, &Ask::First).await? {
            Paged::Rows(rows) => rows.all,
            Paged::TooSlow(error) => return Err(error),
        };
        // A reseller may be a customer of itself, which no button marks.
        let own = |row: &&Account| row.bill_to() == Some(reseller.as_str()) && row.id != reseller.0;
        Ok(rows
            .iter()
            .filter(own)
            .map(|row| row.is_back_ordering)
            .collect())
    }

    /// Both sides of one reseller, as far as they are at hand.
    async fn sides<'a>(&'a self, account: &'a AccountId) -> BssResult<Sides<'a>> {
        let tenant = match &self.tenant {
            None => None,
            Some((declared, side)) => {
                of_this_reseller(declared, account)?;
                Some((&declared.id, side))
            }
        };
        Ok(Sides {
            account,
            distributor: &self.distributor,
            tenant,
            marks: self.learnt().await?.marks,
        })
    }

    /// A page of a look, which goes on as long as a call may work.
    async fn look<T: Clone>(
        &self,
        account: &AccountId,
        (want, half): (Want, Half),
        page: &PageRequest,
        rows: impl Fn(&Seen) -> &[T] + Send,
    ) -> BssResult<Page<T>> {
        let sides = self.sides(account).await?;
        let place = self.kept.look(account, want);
        let mut held = place.lock().await;
        let usable = match (&page.cursor, held.as_ref()) {
            (None, Some(look)) => look.can_begin(half, page.freshness),
            (Some(cursor), Some(look)) if look.gave(cursor) => true,
            (Some(_), _) => {
                return Err(BssError::Conflict {
                    detail: "the listing was begun again meanwhile".to_owned(),
                });
            }
            (None, None) => false,
        };
        if !usable {
            let known = held.as_ref().map(Look::remembered).unwrap_or_default();
            *held = Some(Look::new(&sides, want, page.freshness, known));
        }
        let Some(look) = held.as_mut() else {
            return Err(BssError::Conflict {
                detail: "the listing was not begun".to_owned(),
            });
        };
        if page.cursor.is_none() {
            look.begin(half);
        }
        match look.go_on(&sides).await {
            Ok(None) => Ok(look.not_yet()),
            Ok(Some(found)) => {
                self.kept.keep(account, want, &found);
                Ok(look.page(rows(&found), page))
            }
            Err(error) => {
                if !passes(&error) {
                    *held = None;
                }
                Err(error)
            }
        }
    }

    /// What the last look found.
    fn last(&self, account: &AccountId, want: Want) -> BssResult<Arc<Seen>> {
        self.kept
            .found(account, want)
            .ok_or_else(|| BssError::Conflict {
                detail: "nothing was listed yet: the listing is read first".to_owned(),
            })
    }

    fn at_tenant(&self, tenant: &TenantId) -> BssResult<(&TenantDeclaration, &Side)> {
        let at_hand = self
            .tenant
            .as_ref()
            .filter(|(declared, _)| declared.id == *tenant);
        let (declared, side) = at_hand.ok_or_else(|| BssError::NotFound {
            what: format!("a connection to the tenant {tenant}"),
        })?;
        Ok((declared, side))
    }

    /// What may be sold, at the target of a check.
    async fn catalogue(&self, target: &CheckTarget) -> BssResult<Arc<Catalogue>> {
        match target {
            CheckTarget::Tenant(tenant) => {
                let (_, side) = self.at_tenant(tenant)?;
                let mut held = self.kept.of_the_tenant.lock().await;
                if let Some((at, catalogue)) = held.as_ref()
                    && at.elapsed() < CATALOGUE_LIFE
                {
                    return Ok(Arc::clone(catalogue));
                }
                let catalogue = Arc::new(catalogue_of_tenant(side).await?);
                *held = Some((Instant::now(), Arc::clone(&catalogue)));
                Ok(catalogue)
            }
            CheckTarget::PriceList(list) => {
                let mut held = self.kept.of_price_lists.lock().await;
                if let Some((at, catalogue)) = held.get(list.as_str())
                    && at.elapsed() < CATALOGUE_LIFE
                {
                    return Ok(Arc::clone(catalogue));
                }
                let all = price_lists(&self.distributor).await?;
                let mut named = all
                    .into_iter()
                    .filter(|one| one.id == list.0 || one.name.as_deref() == Some(list.as_str()));
                let Some(one) = named.next() else {
                    return Err(BssError::NotFound {
                        what: format!("the price list {list}"),
                    });
                };
                let items = items(&self.distributor, &one).await?;
                let catalogue = Arc::new(Catalogue::read(None, &[(one, items)]));
                held.insert(list.0.clone(), (Instant::now(), Arc::clone(&catalogue)));
                Ok(catalogue)
            }
        }
    }

    /// Which part of what is checked or compared this installation does not show.
    async fn unseen(&self, marks: Marks) -> BTreeSet<Unseen> {
        let mut unseen = BTreeSet::from([
            Unseen::PriceList,
            Unseen::Edition,
            Unseen::Language,
            Unseen::TimeZone,
            Unseen::DateFormat,
            Unseen::Invoicing,
            Unseen::TenantCurrency,
            Unseen::PurchaseMark,
        ]);
        if self.options().words.synced.is_empty() {
            unseen.insert(Unseen::Sync);
        }
        if marks == Marks::NotShown {
            unseen.insert(Unseen::CustomerMark);
        }
        if self.tenant_price_list_field().is_none() {
            unseen.insert(Unseen::PricingOptions);
        }
        let catalogue = self.kept.of_the_tenant.lock().await;
        if catalogue
            .as_ref()
            .is_none_or(|(_, known)| known.lacks_something())
        {
            unseen.insert(Unseen::PurchaseChecks);
        }
        unseen
    }

    /// The field of the price list, which the tenant's connection names, or that of the distributor.
    fn tenant_price_list_field(&self) -> Option<&str> {
        let own = self
            .tenant
            .as_ref()
            .and_then(|(_, side)| side.options.price_list_field.as_deref());
        own.or(self.options().price_list_field.as_deref())
    }
}

/// Whether a look is worth going on with after this error.
fn passes(error: &BssError) -> bool {
    match error {
        BssError::Throttled { .. }
        | BssError::Unavailable { .. }
        | BssError::OutcomeUnknown { .. }
        | BssError::AuthRejected
        | BssError::ClientRejected { .. }
        | BssError::TokenEndpointAway { .. }
        | BssError::NoToken { .. }
        | BssError::Cancelled => true,
        BssError::Forbidden { .. }
        | BssError::NotFound { .. }
        | BssError::Conflict { .. }
        | BssError::StaleEpoch { .. }
        | BssError::HeldByAnother { .. }
        | BssError::Blocked(_)
        | BssError::Invalid(_)
        | BssError::ManualStepNeeded { .. }
        | BssError::Unsupported { .. }
        | BssError::Malformed { .. }
        | BssError::Refused { .. } => false,
    }
}

fn refused(detail: &str) -> BssError {
    BssError::Refused {
        detail: detail.to_owned(),
    }
}

fn uncalibrated(error: BssError, account: &AccountId) -> BssError {
    if let BssError::NotFound { .. } = error {
        return refused(&format!(
            "the calibration fails: there is no account {account}; name another one in \
             interworks.calibration"
        ));
    }
    error
}

/// Refuses a tenant that is said to be another reseller's.
fn of_this_reseller(declared: &TenantDeclaration, account: &AccountId) -> BssResult<()> {
    if declared.reseller == *account {
        return Ok(());
    }
    Err(refused(&format!(
        "the tenant's connection belongs to the reseller {} (interworks.tenant.resellerAccountId), and \
         the upgrade is that of {account}",
        declared.reseller
    )))
}

async fn price_lists(side: &Side) -> BssResult<Vec<PriceList>> {
    let path = ["api", "pricelists"];
    let lists = Listing::new(
        side,
        Operation::CheckPurchases,
        &path,
        Whose::All,
        |_: &PriceList| None,
    );
    lists.whole(side).await
}

async fn items(side: &Side, list: &PriceList) -> BssResult<Vec<PriceListItem>> {
    let path = ["api", "pricelists", &list.id, "items"];
    let items = Listing::new(
        side,
        Operation::CheckPurchases,
        &path,
        Whose::All,
        |_: &PriceListItem| None,
    );
    items.whole(side).await
}

async fn catalogue_of_tenant(side: &Side) -> BssResult<Catalogue> {
    let path = ["api", "products"];
    let products = Listing::new(
        side,
        Operation::CheckPurchases,
        &path,
        Whose::All,
        |_: &Product| None,
    );
    let products = products.whole(side).await?;
    let mut lists = Vec::new();
    for list in price_lists(side).await? {
        let items = items(side, &list).await?;
        lists.push((list, items));
    }
    Ok(Catalogue::read(Some(&products), &lists))
}

fn by_hand<T>(instruction: String) -> BssResult<T> {
    Err(BssError::ManualStepNeeded { instruction })
}

/// The pricing options of one customer, as far as its account shows them.
fn pricing_of(account: &Account, price_list: Option<&str>) -> PricingState {
    let name = account.name.clone();
    let Some(price_list) =
        price_list.filter(|field| account.shows(field) && account.shows("paymentMethod"))
    else {
        return PricingState::Unseen { name };
    };
    let mut missing = Vec::new();
    for field in [price_list, "paymentMethod"] {
        if account.other(field).is_none() {
            missing.push(field.to_owned());
        }
    }
    if !missing.is_empty() {
        return PricingState::Missing {
            name,
            options: missing,
        };
    }
    let fields = [
        price_list,
        "paymentMethod",
        "creditLimit",
        "prorateBillingEnabled",
        "prorateBillingDate",
        "separateInvoicesEnabled",
        "partialChargesInvoicing",
    ];
    let values: Vec<_> = fields.iter().map(|field| account.other(field)).collect();
    PricingState::Set(records::digest(&json!(values).to_string()))
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
            // Sync options on both sides; the record itself and its add-ons on both sides.
            detail_calls: DetailCalls {
                per_customer: 2,
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
        let catalogue = self.catalogue(target).await?;
        let checked = items.iter().filter_map(|item| {
            let record = seen.records.get(item.as_str())?;
            Some((item.clone(), catalogue.blockers(record)))
        });
        Ok(checked.collect())
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
