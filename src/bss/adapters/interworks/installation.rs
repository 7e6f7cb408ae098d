//! What is learnt of an installation and of its catalogues: what tells resellers apart, which facts are shown,
//! what may be sold.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use tokio::time::Instant;

use super::adapter::{InterworksBss, refused};
use super::checks::Catalogue;
use super::client::{Listed, Side};
use super::collecting::{Listing, Whose};
use super::filter;
use super::kept::{LEARNT_LIFE, Learnt};
use super::listing::Which;
use super::look::Marks;
use super::options::Role;
use super::records;
use super::wire::{Account, PriceList, PriceListItem, Product};
use super::words::Discriminator;
use crate::bss::error::BssError;
use crate::bss::port::{AccountId, BssResult, CheckTarget, Operation, PricingState, Unseen};

impl InterworksBss {
    /// What tells resellers apart at this installation.
    pub(super) async fn learnt(&self) -> BssResult<Arc<Learnt>> {
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

    pub(super) async fn account(&self, account: &AccountId) -> BssResult<Account> {
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
            which: Which::First,
        };
        let rows: Vec<Account> = self.distributor.first_page(&list).await?;
        // A reseller may be a customer of itself, which no button marks.
        let own = |row: &&Account| row.bill_to() == Some(reseller.as_str()) && row.id != reseller.0;
        Ok(rows
            .iter()
            .filter(own)
            .map(|row| row.is_back_ordering)
            .collect())
    }

    /// What may be sold, at the target of a check, for a look that began at this time.
    pub(super) async fn catalogue(
        &self,
        target: &CheckTarget,
        look: Option<Instant>,
    ) -> BssResult<Arc<Catalogue>> {
        match target {
            CheckTarget::Tenant(tenant) => {
                let (_, side) = self.at_tenant(tenant)?;
                let mut held = self.kept.of_the_tenant.lock().await;
                if let Some((at, catalogue)) = held.as_ref()
                    && self.kept.catalogue_serves(*at, look)
                {
                    return Ok(Arc::clone(catalogue));
                }
                let catalogue = Arc::new(catalogue_of_tenant(side).await?);
                self.kept.catalogue_is_new();
                *held = Some((Instant::now(), Arc::clone(&catalogue)));
                Ok(catalogue)
            }
            CheckTarget::PriceList(list) => {
                let mut held = self.kept.of_price_lists.lock().await;
                if let Some((at, catalogue)) = held.get(list.as_str())
                    && self.kept.catalogue_serves(*at, look)
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
                self.kept.catalogue_is_new();
                held.insert(list.0.clone(), (Instant::now(), Arc::clone(&catalogue)));
                Ok(catalogue)
            }
        }
    }

    /// Which part of what is checked or compared this installation does not show.
    pub(super) async fn unseen(&self, marks: Marks) -> BTreeSet<Unseen> {
        let mut unseen = BTreeSet::from([
            Unseen::PriceList,
            Unseen::Edition,
            Unseen::Language,
            Unseen::TimeZone,
            Unseen::DateFormat,
            Unseen::Invoicing,
            Unseen::TenantCurrency,
            Unseen::PurchaseMark,
            // An account without a sync option, or with a word that is not known, shows nothing of it.
            Unseen::Sync,
        ]);
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
    pub(super) fn tenant_price_list_field(&self) -> Option<&str> {
        let own = self
            .tenant
            .as_ref()
            .and_then(|(_, side)| side.options.price_list_field.as_deref());
        own.or(self.options().price_list_field.as_deref())
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

/// The pricing options of one customer, as far as its account shows them.
pub(super) fn pricing_of(account: &Account, price_list: Option<&str>) -> PricingState {
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
