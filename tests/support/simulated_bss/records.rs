//! What the simulated BSS stores: plain rows on both sides, and the digests over the source-owned
//! fields.

use std::collections::BTreeSet;
use std::time::Duration;

use tenant_reseller_operator::bss::port::{
    AccountId, BillingDay, BusinessKey, CopyState, Digest, Invoicing, ItemKind, Mark, OperationId,
    PriceListId, PricingOptions, PurchaseState, SourceId, Sync, Tenant, TenantSettings,
};

/// Who made something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Maker {
    /// The operator, by a request of the port.
    Operator,
    /// A person.
    Person,
    /// The BSS itself, wrongly and on purpose.
    Corruption,
}

/// The source-owned fields of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CustomerFields {
    pub(crate) bill_to: AccountId,
    pub(crate) currency: &'static str,
}

/// The source-owned fields of a subscription or asset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fields {
    pub(crate) product: &'static str,
    pub(crate) addon: Option<&'static str>,
    pub(crate) cycle: &'static str,
    pub(crate) quantity: u32,
    pub(crate) cost: u32,
    pub(crate) currency: &'static str,
    pub(crate) start: u32,
    pub(crate) anchor: u8,
}

/// The source-owned fields of either.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owned {
    Customer(CustomerFields),
    Purchase(Fields),
}

impl Owned {
    /// The digest that both sides make of them.
    pub(crate) fn digest(&self) -> Digest {
        Digest(match self {
            Self::Customer(fields) => format!("{}.{}", fields.bill_to, fields.currency),
            Self::Purchase(fields) => format!(
                "{}.{}.{}.{}.{}.{}.{}.{}",
                fields.product,
                fields.addon.unwrap_or("-"),
                fields.cycle,
                fields.quantity,
                fields.cost,
                fields.currency,
                fields.start,
                fields.anchor
            ),
        })
    }
}

/// A customer's account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CustomerRow {
    pub(crate) fields: CustomerFields,
    pub(crate) sync: Sync,
    pub(crate) mark: Mark,
    /// For the judge: marks only ever grow.
    pub(crate) was_marked: bool,
    /// With marks in a second step: when it comes by itself.
    pub(crate) mark_due: Option<Duration>,
}

/// A subscription or asset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PurchaseRow {
    pub(crate) kind: ItemKind,
    /// The reseller itself for what it bought for its own use.
    pub(crate) customer: SourceId,
    pub(crate) fields: Fields,
    pub(crate) state: PurchaseState,
    pub(crate) mark: Mark,
    /// For the judge: marks only ever grow.
    pub(crate) was_marked: bool,
    /// How often the vendor provisioned it: once, unless something went wrong.
    pub(crate) provisioned: u8,
    /// Orders for something new that name it although it did not come from them.
    pub(crate) sales: u8,
}

/// An order that is not final.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OrderRow {
    pub(crate) customer: SourceId,
    /// When it becomes a purchase by itself; never if somebody has to finish it.
    pub(crate) ready: Option<Duration>,
    pub(crate) mark: Mark,
}

/// A price list of the distributor, or a tenant's copy of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Catalogue {
    pub(crate) products: BTreeSet<(&'static str, &'static str)>,
    pub(crate) addons: BTreeSet<&'static str>,
}

/// A price list of the distributor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PriceList {
    pub(crate) currency: &'static str,
    pub(crate) active: bool,
    pub(crate) catalogue: Catalogue,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TenantRow {
    pub(crate) tenant: Tenant,
    pub(crate) operation: Option<OperationId>,
    /// When it becomes Active.
    pub(crate) ready: Option<Duration>,
    /// When it was made, if it can lag.
    pub(crate) made: Duration,
    pub(crate) by: Maker,
    pub(crate) catalogue: Catalogue,
}

impl TenantRow {
    /// The currency of its price list. A world knows it, whatever its BSS shows.
    pub(crate) fn currency(&self) -> &str {
        self.tenant.currency.as_deref().unwrap()
    }

    /// Its settings, all of them.
    pub(crate) fn settings(&self) -> TenantSettings {
        let shown = self.tenant.settings.clone();
        TenantSettings {
            price_list: shown.price_list.unwrap(),
            edition: shown.edition.unwrap(),
            language: shown.language.unwrap(),
            time_zone: shown.time_zone.unwrap(),
            date_format: shown.date_format.unwrap(),
            invoicing: shown.invoicing.unwrap(),
        }
    }
}

/// A record in a reseller BSS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CopyRow {
    pub(crate) kind: ItemKind,
    pub(crate) key: Option<BusinessKey>,
    /// The source's digest when it was copied.
    pub(crate) source_digest: Option<Digest>,
    pub(crate) fields: Owned,
    pub(crate) state: CopyState,
    /// Made while keys were not unique, or a planted defect.
    pub(crate) unguarded: bool,
    /// The reseller's own.
    pub(crate) sell_price: u32,
    /// For the judge: what the reseller made of it.
    pub(crate) amended_price: Option<u32>,
    /// When it was made, if it can lag.
    pub(crate) made: Duration,
    pub(crate) by: Maker,
}

/// The pricing options of one customer as stored; what is not set is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Stored {
    pub(crate) price_list: Option<PriceListId>,
    pub(crate) billing: Option<BillingDay>,
    pub(crate) payment_method: Option<String>,
    pub(crate) invoicing: Option<Invoicing>,
    pub(crate) credit_limit: Option<String>,
}

impl Stored {
    pub(crate) fn of(options: &PricingOptions) -> Self {
        Self {
            price_list: Some(options.price_list.clone()),
            billing: Some(options.billing),
            payment_method: Some(options.payment_method.clone()),
            invoicing: Some(options.invoicing),
            credit_limit: options.credit_limit.clone(),
        }
    }

    /// Names of the options that are needed and not set.
    pub(crate) fn missing(&self) -> Vec<String> {
        let needed = [
            ("priceList", self.price_list.is_none()),
            ("billing", self.billing.is_none()),
            ("paymentMethod", self.payment_method.is_none()),
            ("invoicing", self.invoicing.is_none()),
        ];
        let missing = needed.into_iter().filter(|(_, missing)| *missing);
        missing.map(|(name, _)| name.to_owned()).collect()
    }

    pub(crate) fn differences(&self, other: &Self) -> Vec<String> {
        let all = [
            ("priceList", self.price_list != other.price_list),
            ("billing", self.billing != other.billing),
            ("paymentMethod", self.payment_method != other.payment_method),
            ("invoicing", self.invoicing != other.invoicing),
            ("creditLimit", self.credit_limit != other.credit_limit),
        ];
        let differing = all.into_iter().filter(|(_, differs)| *differs);
        differing.map(|(name, _)| name.to_owned()).collect()
    }

    /// Complete ones have a digest.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.missing().is_empty().then(|| {
            Digest(format!(
                "{}.{:?}.{}.{:?}.{}",
                self.price_list.as_ref().map_or("-", |list| list.as_str()),
                self.billing,
                self.payment_method.as_deref().unwrap_or("-"),
                self.invoicing,
                self.credit_limit.as_deref().unwrap_or("-")
            ))
        })
    }
}

/// Stored options, and what a person made of them last.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PricingRow {
    pub(crate) stored: Stored,
    /// For the judge: what a person set is never overwritten.
    pub(crate) person: Option<Stored>,
}
